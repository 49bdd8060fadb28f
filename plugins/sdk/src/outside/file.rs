//! Files that another may have put in their place: a fifo that nobody writes to, a device that
//! never ends, a link, a directory of another user.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::time::Duration;

/// Longest time for something that takes no time on a machine that does what it should.
pub const INSTANT: Duration = Duration::from_secs(10);

/// Opens a regular file for reading. Never waits for a writer of a fifo; fails on everything that
/// is no regular file. Links are followed.
pub fn open(path: &Path) -> io::Result<File> {
    let mut options = File::options();
    options.read(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        let flags = rustix::fs::OFlags::NONBLOCK | rustix::fs::OFlags::NOCTTY;
        options.custom_flags(flags.bits().cast_signed());
    }
    regular(options.open(path)?)
}

/// `file`, if it is a regular one.
pub fn regular(file: File) -> io::Result<File> {
    match file.metadata()?.is_file() {
        true => Ok(file),
        false => Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "it is no regular file",
        )),
    }
}

/// All of a regular file; fails where it has more than `limit` bytes, also where it grows while it
/// is read.
pub fn read(path: &Path, limit: u64) -> io::Result<Vec<u8>> {
    read_from(&open(path)?, limit)
}

/// As [`read`], of a file that is open.
pub fn read_from(file: &File, limit: u64) -> io::Result<Vec<u8>> {
    let too_long = || {
        io::Error::new(
            io::ErrorKind::FileTooLarge,
            format!("it is larger than {limit} bytes"),
        )
    };
    let size = file.metadata()?.len();
    if size > limit {
        return Err(too_long());
    }
    let mut bytes = Vec::with_capacity(usize::try_from(size).unwrap_or_default());
    file.take(limit.saturating_add(1)).read_to_end(&mut bytes)?;
    match bytes.len() as u64 > limit {
        true => Err(too_long()),
        false => Ok(bytes),
    }
}

/// Runs `work`, which may block, beside the asynchronous tasks; gives up after `limit`. What it
/// waits for (a file system that another serves) then keeps its thread and nothing else.
pub async fn within<T: Send + 'static>(
    limit: Duration,
    what: &str,
    work: impl FnOnce() -> crate::Result<T> + Send + 'static,
) -> crate::Result<T> {
    match tokio::time::timeout(limit, tokio::task::spawn_blocking(work)).await {
        Ok(Ok(done)) => done,
        Ok(Err(error)) => Err(crate::Error::new(
            crate::ErrorKind::Internal,
            format!("{what}: {error}"),
        )),
        Err(_) => Err(crate::Error::timeout(what, limit)),
    }
}

/// Makes sure that `path` is a directory of this user's own that nobody else can enter; makes it
/// where it is missing. Fails where it is a link, or another user's: that one could exchange what
/// is put there.
#[cfg(unix)]
pub fn own_directory(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
    match std::fs::DirBuilder::new().mode(0o700).create(path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    let refused = |why: &str| Err(io::Error::new(io::ErrorKind::PermissionDenied, why));
    let seen = std::fs::symlink_metadata(path)?;
    if seen.is_symlink() {
        return refused("it is a link, which another user may have made");
    }
    if !seen.is_dir() {
        return refused("it is no directory");
    }
    if seen.uid() != rustix::process::geteuid().as_raw() {
        return refused("it belongs to another user");
    }
    if seen.mode() & 0o7777 != 0o700 {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o700))?;
    }
    Ok(())
}

/// Makes sure that `path` is a directory; the workstation gives it to its user alone.
#[cfg(not(unix))]
pub fn own_directory(path: &Path) -> io::Result<()> {
    std::fs::create_dir_all(path)
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};
    use std::process::Command;

    use super::*;

    #[test]
    fn only_regular_files_of_bounded_size_are_read() {
        let directory = tempfile::tempdir().unwrap();
        let path = |name: &str| directory.path().join(name);
        std::fs::write(path("file"), "text").unwrap();
        assert_eq!(read(&path("file"), 4).unwrap(), b"text");
        assert!(read(&path("file"), 3).is_err());
        let made = Command::new("mkfifo").arg(path("fifo")).status();
        assert!(made.unwrap().success());
        for wicked in [path("fifo"), "/dev/zero".into(), directory.path().into()] {
            let error = read(&wicked, 10).unwrap_err();
            assert!(error.to_string().contains("no regular file"), "{error}");
        }
        // A file of the kernel has no size, and no end that anybody promised.
        assert!(read(Path::new("/proc/self/maps"), 10).is_err());
    }

    #[test]
    fn a_directory_of_ones_own_is_private_and_no_link() {
        let directory = tempfile::tempdir().unwrap();
        let path = |name: &str| directory.path().join(name);
        own_directory(&path("new")).unwrap();
        std::fs::set_permissions(path("new"), std::fs::Permissions::from_mode(0o777)).unwrap();
        own_directory(&path("new")).unwrap();
        let mode = std::fs::metadata(path("new")).unwrap().permissions().mode();
        assert_eq!(mode & 0o7777, 0o700);
        symlink(path("new"), path("link")).unwrap();
        assert!(own_directory(&path("link")).is_err());
        std::fs::write(path("file"), "").unwrap();
        assert!(own_directory(&path("file")).is_err());
    }

    #[tokio::test]
    async fn what_blocks_is_given_up() {
        let (sender, receiver) = std::sync::mpsc::channel::<()>();
        let waiting = within(Duration::from_millis(10), "reading it", move || {
            let _ = receiver.recv();
            Ok(())
        });
        let error = waiting.await.unwrap_err();
        assert_eq!(error.kind, crate::ErrorKind::Timeout);
        drop(sender);
    }
}
