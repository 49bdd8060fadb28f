//! The directory below an instance's writable layer: `host`, a directory, or a tar archive that is
//! unpacked once, under the hash of its content.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use banquet_sdk::{Context, Error, Result};

use banquet_sdk::outside::archive::{Rules, unpack_all};
use banquet_sdk::outside::file::own_directory;

use crate::archive;

/// The directory that `rootfs` means; none: the workstation's root.
pub async fn lower(cx: &Context, rootfs: &str) -> Result<Option<PathBuf>> {
    if rootfs == "host" {
        return Ok(None);
    }
    let path = cx.root.join(rootfs);
    let missing = |error| Error::config("/rootfs", format!("{}: {error}", path.display()));
    let path = path.canonicalize().map_err(missing)?;
    if path.is_dir() {
        return Ok(Some(path));
    }
    let cache = cx.kitchen_dir.join("cache/rootfs");
    let shown = path.display().to_string();
    let unpacking = tokio::task::spawn_blocking(move || unpacked(&path, &cache));
    let work = async {
        let done: io::Result<PathBuf> = unpacking.await.map_err(io::Error::other)?;
        done.map(Some).map_err(|error| {
            let reason = archive::explain(&error);
            Error::config("/rootfs", format!("unpack {shown}: {reason}"))
                .hint("A rootfs is `host`, a directory, or a tar archive, plain or gzip.")
        })
    };
    cx.bounded("unpacking the root directory", work).await
}

/// The archive's content as a directory below `cache`, unpacked by the first who asks.
fn unpacked(path: &Path, cache: &Path) -> io::Result<PathBuf> {
    if let Some(above) = cache.parent() {
        fs::create_dir_all(above)?;
    }
    // It holds programs that run as whoever owns them.
    own_directory(cache)
        .map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", cache.display())))?;
    let lock = File::create(cache.join("lock"))?;
    lock.lock()?;
    let meta = path.metadata()?;
    // Reading all of a large archive at every creation would take longer than the creation.
    let seen = format!(
        "{}\0{}\0{}\0{}",
        path.display(),
        meta.len(),
        meta.mtime(),
        meta.mtime_nsec()
    );
    let note = cache.join(format!("{}.seen", hash_of(seen.as_bytes())?));
    if let Ok(name) = fs::read_to_string(&note)
        && cache.join(&name).is_dir()
    {
        return Ok(cache.join(name));
    }
    let name = hash_of(File::open(path)?)?;
    let target = cache.join(&name);
    if !target.is_dir() {
        let fresh = tempfile::Builder::new().prefix("new-").tempdir_in(cache)?;
        let root = fresh.path().join("root");
        unpack(path, &root)?;
        fs::rename(root, &target)?;
    }
    fs::write(note, name)?;
    Ok(target)
}

/// First half of the hash: a name, not a proof.
fn hash_of(mut content: impl io::Read) -> io::Result<String> {
    let mut hasher = blake3::Hasher::new();
    io::copy(&mut content, &mut hasher)?;
    Ok(hasher.finalize().to_hex()[..32].to_owned())
}

fn unpack(path: &Path, into: &Path) -> io::Result<()> {
    // Set-user bits mean something in the instance; here nobody else reaches them.
    let rules = Rules {
        owners: rustix::process::geteuid().is_root(),
        ..Rules::ROOT
    };
    unpack_all(archive::open(path)?, into, rules).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn archive(path: &Path, name: &str) {
        let mut header = tar::Header::new_gnu();
        header.as_gnu_mut().unwrap().name[..name.len()].copy_from_slice(name.as_bytes());
        header.set_size(2);
        header.set_mode(0o644);
        header.set_uid(rustix::process::geteuid().as_raw().into());
        header.set_gid(rustix::process::getegid().as_raw().into());
        header.set_cksum();
        let file =
            flate2::write::GzEncoder::new(File::create(path).unwrap(), flate2::Compression::fast());
        let mut builder = tar::Builder::new(file);
        builder.append(&header, b"hi".as_slice()).unwrap();
        builder.into_inner().unwrap().finish().unwrap();
    }

    #[test]
    fn an_archive_is_unpacked_once() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a.tar.gz");
        archive(&path, "etc/motd");
        let cache = directory.path().join("cache");
        let first = unpacked(&path, &cache).unwrap();
        assert_eq!(fs::read_to_string(first.join("etc/motd")).unwrap(), "hi");
        fs::write(first.join("mark"), "").unwrap();
        assert_eq!(unpacked(&path, &cache).unwrap(), first);
        assert!(first.join("mark").exists());
    }

    #[test]
    fn what_lies_outside_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a.tar.gz");
        archive(&path, "../evil");
        let cache = directory.path().join("cache");
        let error = unpacked(&path, &cache).unwrap_err().to_string();
        assert!(error.contains("outside"), "{error}");
        assert!(!directory.path().join("evil").exists());
        let left: Vec<_> = fs::read_dir(&cache).unwrap().flatten().collect();
        assert_eq!(left.len(), 1, "only the lock is left: {left:?}");
    }
}
