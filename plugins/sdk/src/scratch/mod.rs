//! What a process keeps below `.kitchen/tmp` while it works: directories for tools, and notes of the
//! processes that it has started. Nobody else can read it. A process that is killed leaves it
//! behind; the lock beside it says so, and [`sweep`] removes it.

mod held;
#[cfg(unix)]
mod note;
mod sweep;

use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use held::Held;
#[cfg(unix)]
pub(crate) use note::{MARK, Note};
pub use sweep::{Swept, sweep};

use crate::{Context, Error, Result};

/// Longest path of a Unix socket, in bytes: what every system allows, its end not counted.
const LONGEST_SOCKET: usize = 103;

/// The `.kitchen` of the project that this process works for.
static PROJECT: RwLock<Option<PathBuf>> = RwLock::new(None);

/// From now on what this process starts is noted below `kitchen_dir`, so that a later command finds
/// it where this one is killed.
pub fn note_below(kitchen_dir: &Path) {
    let mut project = PROJECT.write().unwrap_or_else(PoisonError::into_inner);
    if project.as_deref() != Some(kitchen_dir) {
        *project = Some(kitchen_dir.into());
    }
}

#[cfg(unix)]
fn project() -> Option<PathBuf> {
    let project = PROJECT.read().unwrap_or_else(PoisonError::into_inner);
    project.clone()
}

/// A directory that only this user can enter; it goes when this does, or with the next command where
/// the process is killed.
#[derive(Debug)]
pub struct Scratch {
    directory: tempfile::TempDir,
    /// Goes last: its lock says that the directory is in use.
    _held: Arc<Held>,
}

impl Scratch {
    /// An empty one below `kitchen_dir` (`.kitchen`). Where the path has characters that tools take
    /// for separators, it is [outside](Self::outside).
    pub fn below(kitchen_dir: &Path) -> Result<Self> {
        Self::made(kitchen_dir, |held| match is_plain(held.directory()) {
            true => held::builder().tempdir_in(held.directory()),
            false => held.elsewhere(&[std::env::temp_dir()]),
        })
    }

    /// An empty one outside of the project, for a tool that copies the whole project to it.
    pub fn outside(kitchen_dir: &Path) -> Result<Self> {
        Self::made(kitchen_dir, |held| held.elsewhere(&[std::env::temp_dir()]))
    }

    /// An empty one in which sockets can be made whose names have at most `longest` bytes. Where
    /// `.kitchen` is too deep for that, it is where paths are short.
    pub fn for_sockets(kitchen_dir: &Path, longest: usize) -> Result<Self> {
        // `/`, six letters with a word of four before them, `/`.
        const OWN: usize = 12;
        Self::made(kitchen_dir, |held| {
            let below = held.directory().as_os_str().len();
            match below + OWN + longest <= LONGEST_SOCKET && is_plain(held.directory()) {
                true => held::builder().tempdir_in(held.directory()),
                false => held.elsewhere(&short_places()),
            }
        })
    }

    fn made(
        kitchen_dir: &Path,
        make: impl Fn(&Held) -> std::io::Result<tempfile::TempDir>,
    ) -> Result<Self> {
        let held = Held::get(kitchen_dir);
        let made = held.and_then(|held| Ok((make(&held)?, held)));
        let (directory, held) = made.map_err(|error| {
            let place = kitchen_dir.join(held::BELOW);
            Error::machine(format!(
                "make a temporary directory in {}: {error}",
                place.display()
            ))
        })?;
        Ok(Self {
            directory,
            _held: held,
        })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        self.directory.path()
    }
}

/// Whether no tool takes a part of the path for a separator, a quote or a blank.
fn is_plain(path: &Path) -> bool {
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"/\\_-.+@".contains(byte);
    let whole = path.as_os_str().as_encoded_bytes();
    let drive = if cfg!(windows) { 2 } else { 0 };
    whole.iter().skip(drive).all(plain)
}

/// Where paths are short, the user's own directory first.
fn short_places() -> Vec<PathBuf> {
    let running = std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from);
    let running = running.filter(|it| it.is_absolute() && it.as_os_str().len() <= 32);
    let usual = match cfg!(unix) {
        true => PathBuf::from("/tmp"),
        false => std::env::temp_dir(),
    };
    running.into_iter().chain([usual]).collect()
}

impl Context {
    /// A directory for files that are needed during the call alone, and that nobody else may read.
    pub fn scratch(&self) -> Result<Scratch> {
        Scratch::below(&self.kitchen_dir)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_left_once_all_are_gone() {
        let kitchen = tempfile::tempdir().unwrap();
        let one = Scratch::below(kitchen.path()).unwrap();
        let two = Scratch::below(kitchen.path()).unwrap();
        assert_eq!(one.path().parent(), two.path().parent());
        assert!(one.path().starts_with(kitchen.path().join("tmp")));
        std::fs::write(two.path().join("file"), "x").unwrap();
        drop(one);
        assert!(two.path().join("file").is_file());
        drop(two);
        assert!(!kitchen.path().join("tmp").exists());
    }

    #[cfg(unix)]
    #[test]
    fn nobody_else_can_enter() {
        use std::os::unix::fs::PermissionsExt;
        let root = tempfile::tempdir().unwrap();
        let kitchen = root.path().join(".kitchen");
        let scratch = Scratch::below(&kitchen).unwrap();
        let private = scratch.path().ancestors().take(4);
        for directory in private {
            let mode = std::fs::metadata(directory).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o700, "{}", directory.display());
        }
    }

    #[test]
    fn tools_get_a_path_that_they_understand() {
        let root = tempfile::tempdir().unwrap();
        let scratch = Scratch::below(&root.path().join("a b:c/.kitchen")).unwrap();
        assert!(is_plain(scratch.path()), "{}", scratch.path().display());
        let path = scratch.path().to_owned();
        assert!(path.is_dir());
        drop(scratch);
        assert!(!path.exists());
    }

    #[cfg(unix)]
    #[test]
    fn sockets_fit_however_deep_the_project_is() {
        let root = tempfile::tempdir().unwrap();
        for depth in [1, 8] {
            let kitchen = root
                .path()
                .join("sixteen-letters/".repeat(depth))
                .join(".kitchen");
            let scratch = Scratch::for_sockets(&kitchen, 40).unwrap();
            let socket = scratch.path().join("s".repeat(40));
            std::os::unix::net::UnixListener::bind(&socket).unwrap();
            let path = scratch.path().to_owned();
            drop(scratch);
            assert!(!path.exists());
        }
    }
}
