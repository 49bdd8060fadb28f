//! Files and directories that no other user of the workstation may read: all of `.kitchen`. Where a
//! system has no modes, they are as any other file.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Makes the directory and those above it that are missing, for the user alone. One that is there
/// and is the user's loses what others may do with it; one of another user stays as it is.
pub fn directory(path: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)?;
    #[cfg(unix)]
    tighten(path, &std::fs::metadata(path)?);
    Ok(())
}

/// Options for a file that is private if it is made; for one that was there see [`close`].
pub fn options() -> OpenOptions {
    #[allow(unused_mut, reason = "only Unix has modes")]
    let mut options = OpenOptions::new();
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

/// Makes an empty private file, in place of what is in one that was there.
pub fn create(path: &Path) -> io::Result<File> {
    let file = options()
        .write(true)
        .create(true)
        .truncate(true)
        .open(path)?;
    close(path, &file);
    Ok(file)
}

/// Writes a private file, in place of what is in one that was there.
pub fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    create(path)?.write_all(bytes)
}

/// Puts a private file in the place of the one at `path`, whole: whenever the process is killed, the
/// old or the new one is there. Makes its directory. There must be one writer at a time. The file is
/// not synced to the disk.
pub fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    /// How often the file beside it is written anew that a sweep took for one left behind.
    const ATTEMPTS: usize = 3;
    let beside = beside(path);
    let mut done = Ok(());
    for _ in 0..ATTEMPTS {
        let written = match write(&beside, bytes) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                path.parent().map_or(Ok(()), directory)?;
                write(&beside, bytes)
            }
            written => written,
        };
        if written.is_err() {
            // A part of it helps nobody, least of all on a disk that is full.
            let _ = std::fs::remove_file(&beside);
        }
        done = written.and_then(|()| std::fs::rename(&beside, path));
        let is_swept = |error: &io::Error| error.kind() == io::ErrorKind::NotFound;
        if !done.as_ref().is_err_and(is_swept) {
            break;
        }
    }
    done
}

/// Where [`replace`] writes first.
fn beside(path: &Path) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!(".{name}{NEW}"))
}

/// What names of files end with that [`replace`] has not yet put in their place.
const NEW: &str = ".new";

/// Removes the files of `directory` that a killed process was about to put in their place.
pub fn sweep(directory: &Path) {
    for entry in std::fs::read_dir(directory).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let is_new = name
            .to_str()
            .is_some_and(|it| it.starts_with('.') && it.ends_with(NEW));
        if is_new && entry.file_type().is_ok_and(|kind| kind.is_file()) {
            // One that a living process writes is written anew.
            let _ = std::fs::remove_file(entry.path());
        }
    }
}

/// Takes from others what they may do with a file of the user's that was there before.
#[cfg(unix)]
pub fn close(path: &Path, file: &File) {
    if let Ok(about) = file.metadata() {
        tighten(path, &about);
    }
}

/// Takes from others what they may do with a file of the user's that was there before.
#[cfg(not(unix))]
pub fn close(_path: &Path, _file: &File) {}

/// A file system without modes, or a file of another user, is no reason to stop.
#[cfg(unix)]
fn tighten(path: &Path, about: &std::fs::Metadata) {
    use std::os::unix::fs::{MetadataExt, PermissionsExt};
    let own = about.uid() == rustix::process::geteuid().as_raw();
    let mode = about.mode() & 0o7777;
    if own && mode & 0o077 != 0 {
        let closed = std::fs::Permissions::from_mode(mode & 0o700);
        let _ = std::fs::set_permissions(path, closed);
    }
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn mode(path: &Path) -> u32 {
        std::fs::metadata(path).unwrap().permissions().mode() & 0o7777
    }

    fn set(path: &Path, mode: u32) {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn a_file_is_replaced_whole_and_what_a_kill_left_beside_it_goes() {
        let root = tempfile::tempdir().unwrap();
        let file = root.path().join("a/file.yml");
        replace(&file, b"one").unwrap();
        std::fs::write(beside(&file), "ha").unwrap();
        replace(&file, b"two").unwrap();
        assert_eq!(std::fs::read(&file).unwrap(), b"two");
        assert_eq!(mode(&file), 0o600);
        std::fs::write(beside(&file), "ha").unwrap();
        sweep(&root.path().join("a"));
        let left = std::fs::read_dir(root.path().join("a")).unwrap();
        assert_eq!(left.count(), 1);
        let error = replace(&root.path().join("a"), b"x").unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::IsADirectory);
    }

    #[test]
    fn what_is_made_is_private_and_what_was_there_becomes_so() {
        let root = tempfile::tempdir().unwrap();
        let (outer, inner) = (root.path().join("a"), root.path().join("a/b"));
        directory(&inner).unwrap();
        assert_eq!((mode(&outer), mode(&inner)), (0o700, 0o700));
        set(&inner, 0o2775);
        directory(&inner).unwrap();
        assert_eq!(mode(&inner), 0o700);
        let file = inner.join("file");
        write(&file, b"one").unwrap();
        assert_eq!(mode(&file), 0o600);
        set(&file, 0o664);
        write(&file, b"two").unwrap();
        assert_eq!(mode(&file), 0o600);
        assert_eq!(std::fs::read(&file).unwrap(), b"two");
    }
}
