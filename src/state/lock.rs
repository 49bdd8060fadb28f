//! One process at a time works on a cluster or an instance.

use std::collections::BTreeSet;
use std::fs::{File, TryLockError};
use std::io::{ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use banquet_sdk::outside::file::{open, regular};
use banquet_sdk::private;

use super::{Error, Holder};

/// Longest note of a holder, in bytes.
const LONGEST: u64 = 64 * 1024;

/// How often a waiting process asks again: the lock of a file cannot be awaited.
const ASK_AGAIN: Duration = Duration::from_millis(100);

/// Held until it is dropped or the process ends, however it ends.
#[derive(Debug)]
pub struct Lock {
    file: File,
    /// The last holder, if it ended without letting go: it was killed, and what it had asked an
    /// engine for may still come.
    pub killed: Option<Holder>,
    /// What the file holds once it is let go.
    remains: Option<Holder>,
}

/// How a lock is found by one who does not want it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// Nobody has it, and the last holder let go of it.
    Free,
    /// Nobody has it; the last holder was killed.
    Killed(Holder),
    /// It is held.
    Held(Holder),
}

impl Lock {
    /// Takes the lock `name` in directory `kitchen` (`.kitchen`) for `command` of run `run`, or tells
    /// who has it.
    pub fn take(
        kitchen: &Path,
        name: &str,
        command: &str,
        run: Option<&str>,
    ) -> Result<Self, Error> {
        let path = path(kitchen, name);
        if let Some(directory) = path.parent() {
            private::directory(kitchen)
                .and_then(|()| private::directory(directory))
                .map_err(|error| Error::unwritable(kitchen, error))?;
        }
        let mut options = private::options();
        options.read(true).write(true).create(true).truncate(false);
        #[cfg(unix)]
        {
            use std::os::unix::fs::OpenOptionsExt;
            // A link there is none of this program's, and what it leads to must not be written.
            let flags = rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK;
            options.custom_flags(flags.bits().cast_signed());
        }
        let mut file = options
            .open(&path)
            .and_then(regular)
            .map_err(|error| Error::unwritable(&path, error))?;
        private::close(&path, &file);
        match file.try_lock() {
            Ok(()) => {
                let killed = holder(&mut file);
                let now = Holder {
                    pid: std::process::id(),
                    command: command.into(),
                    since: jiff::Zoned::now().strftime("%Y-%m-%d %H:%M:%S").to_string(),
                    run: run.map(str::to_owned),
                };
                match note(&mut file, &now) {
                    // The lock holds without the note, and `destroy` must work on a full disk.
                    Err(error) if error.kind() == ErrorKind::StorageFull => {}
                    noted => noted.map_err(|error| Error::unwritable(&path, error))?,
                }
                Ok(Self {
                    file,
                    killed,
                    remains: None,
                })
            }
            Err(TryLockError::WouldBlock) => Err(Error::Held {
                name: name.into(),
                holder: holder(&mut file),
            }),
            Err(TryLockError::Error(error)) => Err(Error::unwritable(&path, error)),
        }
    }

    /// Takes the lock; waits as long as another process has it. `waiting` hears once of whom.
    pub async fn wait(
        kitchen: &Path,
        name: &str,
        command: &str,
        run: Option<&str>,
        waiting: impl AsyncFnOnce(&Error),
    ) -> Result<Self, Error> {
        let mut waiting = Some(waiting);
        loop {
            match Self::take(kitchen, name, command, run) {
                Err(held @ Error::Held { .. }) => {
                    if let Some(waiting) = waiting.take() {
                        waiting(&held).await;
                    }
                    tokio::time::sleep(ASK_AGAIN).await;
                }
                taken => return taken,
            }
        }
    }

    /// How the lock is, without taking it.
    pub fn look(kitchen: &Path, name: &str) -> Result<Found, Error> {
        let path = path(kitchen, name);
        let unreadable = |source| Error::Unreadable {
            path: path.clone(),
            source,
        };
        let mut file = match open(&path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Found::Free),
            file => file.map_err(unreadable)?,
        };
        // Where nobody is noted, nobody needs to be kept from it for a moment by this look.
        let Some(holder) = holder(&mut file) else {
            return Ok(Found::Free);
        };
        match file.try_lock_shared() {
            Ok(()) => Ok(Found::Killed(holder)),
            Err(TryLockError::WouldBlock) => Ok(Found::Held(holder)),
            Err(TryLockError::Error(error)) => Err(unreadable(error)),
        }
    }

    /// The names of the locks that were ever taken here.
    pub fn known(kitchen: &Path) -> Result<BTreeSet<String>, Error> {
        let entries = super::listed(&kitchen.join("locks"))?.into_iter();
        let names = entries.filter_map(|entry| {
            let name = entry.file_name().into_string().ok()?;
            Some(name.strip_suffix(".lock")?.to_owned())
        });
        Ok(names.collect())
    }

    /// Lets go so that the next one finds it as this one did: where the last holder was killed,
    /// and not all that it began has been dealt with.
    pub fn give_back(mut self) {
        self.remains = self.killed.take();
    }
}

/// Where the lock of a cluster or an instance of the configuration is, or one of
/// [`Lock::known`].
fn path(kitchen: &Path, name: &str) -> PathBuf {
    kitchen.join("locks").join(format!("{name}.lock"))
}

impl Drop for Lock {
    fn drop(&mut self) {
        // Whoever reads the file next must not be told of a process that has ended.
        let _ = match &self.remains {
            Some(holder) => note(&mut self.file, holder),
            None => self.file.set_len(0),
        };
    }
}

fn note(file: &mut File, holder: &Holder) -> std::io::Result<()> {
    file.set_len(0)?;
    file.seek(SeekFrom::Start(0))?;
    serde_json::to_writer(&mut *file, holder)?;
    file.flush()
}

fn holder(file: &mut File) -> Option<Holder> {
    let mut text = String::new();
    file.take(LONGEST).read_to_string(&mut text).ok()?;
    serde_json::from_str(&text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_one_is_told_who_holds_it() {
        let kitchen = tempfile::tempdir().unwrap();
        let held = Lock::take(kitchen.path(), "web", "test", None).unwrap();
        let error = Lock::take(kitchen.path(), "web", "converge", None).unwrap_err();
        let told = error.to_string();
        let expected = format!(
            "web is in use by process {} (kitchen test, since ",
            std::process::id()
        );
        assert!(told.starts_with(&expected), "{told}");
        Lock::take(kitchen.path(), "other", "test", None).unwrap();
        drop(held);
        let next = Lock::take(kitchen.path(), "web", "converge", None).unwrap();
        assert_eq!(next.killed, None);
    }

    #[test]
    fn it_is_known_that_the_last_holder_was_killed() {
        let kitchen = tempfile::tempdir().unwrap();
        let take = |run| Lock::take(kitchen.path(), "web", "test", run).unwrap();
        let look = || Lock::look(kitchen.path(), "web").unwrap();
        assert_eq!(look(), Found::Free);
        let held = take(Some("r1"));
        assert!(matches!(look(), Found::Held(by) if by.run.as_deref() == Some("r1")));
        // A killed process lets go of the lock and does not empty the file.
        held.file.unlock().unwrap();
        let Found::Killed(killed) = look() else {
            panic!("not {:?}", look());
        };
        assert_eq!(killed.run.as_deref(), Some("r1"));
        drop(held);
        assert_eq!(look(), Found::Free);
    }

    #[test]
    fn it_is_given_back_as_it_was_found() {
        let kitchen = tempfile::tempdir().unwrap();
        let take = |run| Lock::take(kitchen.path(), "web", "test", run).unwrap();
        let mut killed = take(Some("r1"));
        let by = holder(&mut File::open(path(kitchen.path(), "web")).unwrap());
        killed.remains = by.clone();
        drop(killed);
        take(Some("r2")).give_back();
        let next = take(None);
        assert_eq!(next.killed, by);
        drop(next);
        take(None).give_back();
        assert_eq!(take(None).killed, None);
    }

    #[tokio::test(start_paused = true)]
    async fn waiting_ends_when_it_is_let_go() {
        let kitchen = tempfile::tempdir().unwrap();
        let held = Lock::take(kitchen.path(), "web", "test", None).unwrap();
        let told = std::cell::Cell::new(0);
        let waiting = Lock::wait(kitchen.path(), "web", "list", None, async |_| {
            told.set(told.get() + 1)
        });
        let letting_go = async {
            tokio::time::sleep(Duration::from_secs(5)).await;
            drop(held);
        };
        let (taken, ()) = tokio::join!(waiting, letting_go);
        taken.unwrap();
        assert_eq!(told.get(), 1);
    }

    #[cfg(unix)]
    #[test]
    fn a_place_that_cannot_be_written_is_named() {
        let kitchen = tempfile::tempdir().unwrap();
        let file = kitchen.path().join("file");
        std::fs::write(&file, "").unwrap();
        let error = Lock::take(&file, "web", "test", None).unwrap_err();
        assert!(matches!(error, Error::Unwritable { .. }), "{error}");
        assert!(error.to_string().contains("file"), "{error}");
    }
}
