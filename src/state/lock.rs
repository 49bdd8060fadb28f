//! One process at a time works on a cluster or an instance.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::time::Duration;

use super::{Error, Holder};

/// How often a waiting process asks again: the lock of a file cannot be awaited.
const ASK_AGAIN: Duration = Duration::from_millis(100);

/// Held until it is dropped or the process ends, however it ends.
#[derive(Debug)]
pub struct Lock {
    file: File,
    /// Whether the last holder ended without letting go: it was killed, and what it had asked an
    /// engine for may still come.
    pub after_crash: bool,
}

impl Lock {
    /// Takes the lock `name` in directory `kitchen` (`.kitchen`) for `command`, or tells who has it.
    pub fn take(kitchen: &Path, name: &str, command: &str) -> Result<Self, Error> {
        let directory = kitchen.join("locks");
        let path = directory.join(format!("{name}.lock"));
        std::fs::create_dir_all(&directory).map_err(|error| Error::unwritable(kitchen, error))?;
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        let mut file = options
            .open(&path)
            .map_err(|error| Error::unwritable(&path, error))?;
        match file.try_lock() {
            Ok(()) => {
                let after_crash = holder(&mut file).is_some();
                note(&mut file, command).map_err(|error| Error::unwritable(&path, error))?;
                Ok(Self { file, after_crash })
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
        waiting: impl AsyncFnOnce(&Error),
    ) -> Result<Self, Error> {
        let mut waiting = Some(waiting);
        loop {
            match Self::take(kitchen, name, command) {
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
}

impl Drop for Lock {
    fn drop(&mut self) {
        // Whoever reads the file next must not be told of a process that has ended.
        let _ = self.file.set_len(0);
    }
}

fn note(file: &mut File, command: &str) -> std::io::Result<()> {
    let holder = Holder {
        pid: std::process::id(),
        command: command.into(),
        since: jiff::Zoned::now().strftime("%Y-%m-%d %H:%M:%S").to_string(),
    };
    file.set_len(0)?;
    file.seek(SeekFrom::Start(0))?;
    serde_json::to_writer(&mut *file, &holder)?;
    file.flush()
}

fn holder(file: &mut File) -> Option<Holder> {
    let mut text = String::new();
    file.read_to_string(&mut text).ok()?;
    serde_json::from_str(&text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_one_is_told_who_holds_it() {
        let kitchen = tempfile::tempdir().unwrap();
        let held = Lock::take(kitchen.path(), "web", "test").unwrap();
        let error = Lock::take(kitchen.path(), "web", "converge").unwrap_err();
        let told = error.to_string();
        let expected = format!(
            "web is in use by process {} (kitchen test, since ",
            std::process::id()
        );
        assert!(told.starts_with(&expected), "{told}");
        Lock::take(kitchen.path(), "other", "test").unwrap();
        drop(held);
        let next = Lock::take(kitchen.path(), "web", "converge").unwrap();
        assert!(!next.after_crash);
    }

    #[test]
    fn it_is_known_that_the_last_holder_was_killed() {
        let kitchen = tempfile::tempdir().unwrap();
        let held = Lock::take(kitchen.path(), "web", "test").unwrap();
        // A killed process lets go of the lock and does not empty the file.
        held.file.unlock().unwrap();
        assert!(
            Lock::take(kitchen.path(), "web", "destroy")
                .unwrap()
                .after_crash
        );
    }

    #[tokio::test(start_paused = true)]
    async fn waiting_ends_when_it_is_let_go() {
        let kitchen = tempfile::tempdir().unwrap();
        let held = Lock::take(kitchen.path(), "web", "test").unwrap();
        let told = std::cell::Cell::new(0);
        let waiting = Lock::wait(kitchen.path(), "web", "list", async |_| {
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
        let error = Lock::take(&file, "web", "test").unwrap_err();
        assert!(matches!(error, Error::Unwritable { .. }), "{error}");
        assert!(error.to_string().contains("file"), "{error}");
    }
}
