//! Copies files and directories as `cp -R` does, modes included; an existing file is replaced whole.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use banquet_sdk::outside::file;
use banquet_sdk::{Error, Result};

/// Copies each source, under its own name, into directory `target`, which is made. Dropping the
/// future ends the copy before the next file.
pub async fn copy_into(sources: Vec<PathBuf>, target: PathBuf) -> Result<()> {
    let dropped = Dropped::default();
    let stop = dropped.0.clone();
    let copying = tokio::task::spawn_blocking(move || {
        fs::create_dir_all(&target).map_err(|error| at(&target, error))?;
        for source in &sources {
            let name = source.file_name().ok_or_else(|| {
                Error::machine(format!("copy {}: it has no name", source.display()))
            })?;
            copy(source, &target.join(name), &stop)?;
        }
        Ok(())
    });
    copying
        .await
        .unwrap_or_else(|error| Err(Error::machine(format!("copy files: {error}"))))
}

/// Tells the copying thread that nobody waits for it.
#[derive(Default)]
struct Dropped(Arc<AtomicBool>);

impl Drop for Dropped {
    fn drop(&mut self) {
        self.0.store(true, Relaxed);
    }
}

fn copy(source: &Path, target: &Path, stop: &AtomicBool) -> Result<()> {
    if stop.load(Relaxed) {
        return Err(Error::cancelled());
    }
    let kind = fs::symlink_metadata(source)
        .map_err(|error| at(source, error))?
        .file_type();
    if kind.is_dir() {
        return copy_directory(source, target, stop);
    }
    let copied = if kind.is_symlink() {
        copy_link(source, target)
    } else if kind.is_file() {
        copy_file(source, target)
    } else {
        // Sockets, fifos and devices are no content; to read some would never end.
        Ok(())
    };
    copied.map_err(|error| at(source, error))
}

fn copy_directory(source: &Path, target: &Path, stop: &AtomicBool) -> Result<()> {
    // Listed first: a target inside the source would grow while it is read.
    let entries = fs::read_dir(source)
        .and_then(|entries| entries.collect::<io::Result<Vec<_>>>())
        .map_err(|error| at(source, error))?;
    if target.is_symlink() {
        return Err(at(target, io::Error::other("it is a link already")));
    }
    fs::create_dir_all(target).map_err(|error| at(target, error))?;
    for entry in entries {
        copy(&entry.path(), &target.join(entry.file_name()), stop)?;
    }
    // Last: the mode may forbid writing.
    fs::metadata(source)
        .and_then(|metadata| fs::set_permissions(target, permissions(&metadata)))
        .map_err(|error| at(target, error))
}

/// Those of a file, but for what makes others more than they are (set-user, set-group, sticky) and
/// what lets them write: who runs the kitchen may be root.
fn permissions(metadata: &fs::Metadata) -> fs::Permissions {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        fs::Permissions::from_mode(metadata.permissions().mode() & 0o755)
    }
    #[cfg(not(unix))]
    metadata.permissions()
}

/// Beside the target, then renamed: a running program or a file without write permission is
/// replaced, and nobody sees half a file.
fn copy_file(source: &Path, target: &Path) -> io::Result<()> {
    let same = |path: &Path| path.canonicalize().ok();
    if same(target).is_some() && same(source) == same(target) {
        return Ok(());
    }
    let directory = target.parent().unwrap_or(Path::new("."));
    let whole = tempfile::Builder::new().tempfile_in(directory)?;
    io::copy(&mut file::open(source)?, &mut whole.as_file())?;
    whole
        .as_file()
        .set_permissions(permissions(&fs::metadata(source)?))?;
    whole.persist(target).map_err(|error| error.error)?;
    Ok(())
}

#[cfg(unix)]
fn copy_link(source: &Path, target: &Path) -> io::Result<()> {
    match fs::remove_file(target) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    std::os::unix::fs::symlink(fs::read_link(source)?, target)
}

/// Links need a privilege on Windows: what they point to is copied.
#[cfg(not(unix))]
fn copy_link(source: &Path, target: &Path) -> io::Result<()> {
    copy_file(source, target)
}

fn at(path: &Path, error: io::Error) -> Error {
    Error::machine(format!("copy {}: {error}", path.display()))
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    #[tokio::test]
    async fn a_file_copied_onto_itself_stays() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("file");
        fs::write(&file, "content").unwrap();
        copy_into(vec![file.clone()], directory.path().into())
            .await
            .unwrap();
        assert_eq!(fs::read_to_string(file).unwrap(), "content");
    }

    #[tokio::test]
    async fn links_stay_links_and_read_only_files_are_replaced() {
        let directory = tempfile::tempdir().unwrap();
        let source = directory.path().join("source");
        fs::create_dir(&source).unwrap();
        fs::write(source.join("file"), "one").unwrap();
        fs::set_permissions(source.join("file"), fs::Permissions::from_mode(0o444)).unwrap();
        symlink("file", source.join("link")).unwrap();
        let target = directory.path().join("target");
        for _ in 0..2 {
            copy_into(vec![source.clone()], target.clone())
                .await
                .unwrap();
        }
        let link = fs::read_link(target.join("source/link")).unwrap();
        assert_eq!(link, Path::new("file"));
        assert_eq!(
            fs::read_to_string(target.join("source/link")).unwrap(),
            "one"
        );
    }

    #[tokio::test]
    async fn set_user_bits_fifos_and_the_right_of_others_to_write_are_not_copied() {
        let directory = tempfile::tempdir().unwrap();
        let source = directory.path().join("source");
        fs::create_dir(&source).unwrap();
        fs::write(source.join("su"), "x").unwrap();
        for (path, mode) in [(source.join("su"), 0o6777), (source.clone(), 0o3777)] {
            fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
        }
        let fifo = source.join("fifo");
        let made = std::process::Command::new("mkfifo").arg(fifo).status();
        assert!(made.unwrap().success());
        let target = directory.path().join("target");
        copy_into(vec![source], target.clone()).await.unwrap();
        let copied = target.join("source");
        for path in [copied.clone(), copied.join("su")] {
            let mode = fs::metadata(&path).unwrap().permissions().mode();
            assert_eq!(mode & 0o7777, 0o755, "{}", path.display());
        }
        assert!(!copied.join("fifo").exists());
    }

    #[tokio::test]
    async fn a_missing_source_is_named() {
        let directory = tempfile::tempdir().unwrap();
        let missing = directory.path().join("missing");
        let error = copy_into(vec![missing], directory.path().join("target"))
            .await
            .unwrap_err();
        assert!(error.to_string().contains("missing"), "{error}");
    }
}
