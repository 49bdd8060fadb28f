//! The directory of this process, and the lock that says that it lives.

use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use tempfile::{NamedTempFile, TempDir};

use crate::private;

/// Where all of them are, below `.kitchen`.
pub(super) const BELOW: &str = "tmp";
/// What a lock's name ends with; before it stands the directory's.
pub(super) const LOCK: &str = ".lock";
/// File that names directories outside of `.kitchen`.
pub(super) const ELSEWHERE: &str = "elsewhere";
/// Letters and digits of a directory's name.
pub(super) const LETTERS: usize = 12;
/// How often one is made anew that others remove in between.
const ATTEMPTS: usize = 100;

/// Those of this process that are in use.
static ALL: Mutex<Vec<Weak<Held>>> = Mutex::new(Vec::new());

/// A directory `.kitchen/tmp/ID` that this process holds by its lock `.kitchen/tmp/ID.lock`. Both go
/// when nothing in it is used any more.
#[derive(Debug)]
pub(super) struct Held {
    kitchen_dir: PathBuf,
    directory: PathBuf,
    lock: NamedTempFile,
}

impl Held {
    /// The one of this process below `kitchen_dir`; made where it has none.
    pub fn get(kitchen_dir: &Path) -> io::Result<Arc<Self>> {
        let mut all = ALL.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|held| held.strong_count() > 0);
        let mut living = all.iter().filter_map(Weak::upgrade);
        if let Some(held) = living.find(|held| held.kitchen_dir == kitchen_dir) {
            return Ok(held);
        }
        let held = Arc::new(Self::make(kitchen_dir)?);
        all.push(Arc::downgrade(&held));
        Ok(held)
    }

    fn make(kitchen_dir: &Path) -> io::Result<Self> {
        let place = kitchen_dir.join(BELOW);
        for _ in 0..ATTEMPTS {
            private::directory(&place)?;
            is_no_link(&place)?;
            let made = tempfile::Builder::new()
                .prefix("")
                .rand_bytes(LETTERS)
                .suffix(LOCK)
                .tempfile_in(&place);
            let lock = match made {
                // Another process has removed the place, which it found empty.
                Err(error) if error.kind() == ErrorKind::NotFound => continue,
                made => made?,
            };
            // Whoever sweeps may have taken it for one that nobody holds.
            if lock.as_file().try_lock().is_err() || !lock.path().exists() {
                continue;
            }
            let directory = lock.path().with_extension("");
            private::directory(&directory)?;
            return Ok(Self {
                kitchen_dir: kitchen_dir.into(),
                directory,
                lock,
            });
        }
        Err(io::Error::other("others remove it again and again"))
    }

    /// Its directory.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Its name, which no other has.
    pub fn id(&self) -> std::borrow::Cow<'_, str> {
        let name = self.directory.file_name().unwrap_or_default();
        name.to_string_lossy()
    }

    /// A directory in the first of `places` that takes one, noted here before it is made.
    pub fn elsewhere(&self, places: &[PathBuf]) -> io::Result<TempDir> {
        let mut note = private::options()
            .append(true)
            .create(true)
            .open(self.directory.join(ELSEWHERE))?;
        let prefix = elsewhere_prefix(&self.id());
        let mut failed = io::Error::from(ErrorKind::NotFound);
        for place in places {
            writeln!(note, "{}", place.display())?;
            match builder().prefix(&prefix).tempdir_in(place) {
                Ok(made) => return Ok(made),
                Err(error) => failed = error,
            }
        }
        Err(failed)
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        // What cannot be removed now, the next command removes.
        let _ = std::fs::remove_dir_all(&self.directory);
        let _ = std::fs::remove_file(self.lock.path());
        // It stays where another process uses it.
        let _ = std::fs::remove_dir(self.kitchen_dir.join(BELOW));
    }
}

/// Makes directories that only this user can enter.
pub(super) fn builder<'a, 'b>() -> tempfile::Builder<'a, 'b> {
    #[allow(unused_mut, reason = "only Unix has modes")]
    let mut builder = tempfile::Builder::new();
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o700));
    builder
}

/// What names of directories outside of `.kitchen` begin with that belong to `id`.
pub(super) fn elsewhere_prefix(id: &str) -> String {
    format!("kitchen-{id}-")
}

/// Fails where the directory of all is a link: what it leads to is none of ours.
pub(super) fn is_no_link(place: &Path) -> io::Result<()> {
    match std::fs::symlink_metadata(place)?.is_symlink() {
        true => Err(io::Error::new(
            ErrorKind::PermissionDenied,
            "it is a link; remove it",
        )),
        false => Ok(()),
    }
}
