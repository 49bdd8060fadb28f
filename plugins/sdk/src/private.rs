//! Files and directories that no other user of the workstation may read: all of `.kitchen`. Where a
//! system has no modes, they are as any other file.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;

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
