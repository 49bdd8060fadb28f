//! Files of the workstation: what an upload consists of, as a list and as a compressed archive.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
#[cfg(unix)]
use std::time::Duration;
use std::time::UNIX_EPOCH;

use banquet_sdk::{Error, ErrorKind, Result};
use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use tar::{Builder, EntryType, Header};
use tokio::sync::mpsc;

/// File systems count time in steps; two changes within one may look like one.
#[cfg(unix)]
const CLOCK: Duration = Duration::from_millis(50);

/// One thing to upload.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    /// Path below the remote directory, with `/`.
    pub name: String,
    pub path: PathBuf,
    pub kind: Kind,
    /// The permission bits.
    pub mode: u32,
    /// The system's record of the file: while it is the same, so is the content. Empty where the
    /// system has none, and for a file that was changed just now.
    pub seen: String,
    /// Seconds since 1970.
    modified: u64,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Kind {
    Directory,
    File,
    /// A symbolic link that leads nowhere; others are followed.
    Link(PathBuf),
}

/// Everything below `locals`, each under its own name.
pub(crate) fn walk(locals: &[PathBuf]) -> Result<Vec<Entry>> {
    let mut entries = Vec::new();
    for local in locals {
        let named = fs::canonicalize(local).map_err(|error| during(local, &error))?;
        // `.` and `..` have the name of where they lead.
        let name = local.file_name().or_else(|| named.file_name());
        let name = name.map(|name| utf8(Path::new(name))).transpose()?;
        let name = name.unwrap_or_else(|| ".".into());
        let mut above = Vec::new();
        add(local, name, &mut above, &mut entries)?;
    }
    Ok(entries)
}

/// `above` are the real directories that lead here: a link back to one of them is a circle.
fn add(
    path: &Path,
    name: String,
    above: &mut Vec<PathBuf>,
    entries: &mut Vec<Entry>,
) -> Result<()> {
    let metadata = match fs::metadata(path) {
        Ok(metadata) => metadata,
        Err(error) => {
            let to = fs::read_link(path).map_err(|_| during(path, &error))?;
            entries.push(Entry {
                name,
                path: path.into(),
                kind: Kind::Link(to),
                mode: 0o777,
                seen: String::new(),
                modified: 0,
            });
            return Ok(());
        }
    };
    let kind = match (metadata.is_dir(), metadata.is_file()) {
        (true, _) => Kind::Directory,
        (_, true) => Kind::File,
        // Sockets, pipes and devices are no content.
        _ => return Ok(()),
    };
    let modified = metadata.modified().ok();
    let modified = modified.and_then(|at| at.duration_since(UNIX_EPOCH).ok());
    entries.push(Entry {
        name: name.clone(),
        path: path.into(),
        kind: kind.clone(),
        mode: mode_of(&metadata),
        seen: record_of(&metadata),
        modified: modified.map_or(0, |since| since.as_secs()),
    });
    if kind != Kind::Directory {
        return Ok(());
    }
    let real = fs::canonicalize(path).map_err(|error| during(path, &error))?;
    if above.contains(&real) {
        return Ok(());
    }
    above.push(real);
    let children = children(path, &name)?;
    if above.len() == 1 {
        entries.append(&mut at_once(&children, above)?);
    } else {
        for (name, path) in children {
            add(&path, name, above, entries)?;
        }
    }
    above.pop();
    Ok(())
}

/// What is in directory `path`, in order: the name below the remote directory, and where it is.
fn children(path: &Path, name: &str) -> Result<Vec<(String, PathBuf)>> {
    let failed = |error| during(path, &error);
    let mut children = Vec::new();
    for child in fs::read_dir(path).map_err(failed)? {
        let path = child.map_err(failed)?.path();
        let own = utf8(Path::new(path.file_name().unwrap_or_default()))?;
        children.push((format!("{name}/{own}"), path));
    }
    children.sort_unstable();
    Ok(children)
}

/// The children of one directory, shared out among the processors: asking the system about ten
/// thousand files takes longer than all the rest.
fn at_once(children: &[(String, PathBuf)], above: &[PathBuf]) -> Result<Vec<Entry>> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let some = |children: &[(String, PathBuf)]| {
        let (mut entries, mut above) = (Vec::new(), above.to_vec());
        for (name, path) in children {
            add(path, name.clone(), &mut above, &mut entries)?;
        }
        Ok(entries)
    };
    let share = children.len().div_ceil(threads).max(1);
    std::thread::scope(|scope| {
        let running: Vec<_> = children
            .chunks(share)
            .map(|children| scope.spawn(move || some(children)))
            .collect();
        let mut entries = Vec::new();
        for thread in running {
            let ended = thread.join();
            let lost = |_| Err(Error::new(ErrorKind::Internal, "listing files panicked"));
            entries.append(&mut ended.unwrap_or_else(lost)?);
        }
        Ok(entries)
    })
}

#[cfg(unix)]
fn mode_of(metadata: &fs::Metadata) -> u32 {
    use std::os::unix::fs::PermissionsExt;
    metadata.permissions().mode() & 0o7777
}

#[cfg(unix)]
fn record_of(metadata: &fs::Metadata) -> String {
    use std::os::unix::fs::MetadataExt;
    let changed = Duration::from_secs(metadata.ctime().try_into().unwrap_or(0))
        + Duration::from_nanos(metadata.ctime_nsec().try_into().unwrap_or(0));
    let age = UNIX_EPOCH
        .elapsed()
        .unwrap_or_default()
        .checked_sub(changed);
    if age.is_none_or(|age| age < CLOCK) {
        return String::new();
    }
    format!(
        "{} {} {}.{:09}",
        metadata.ino(),
        metadata.size(),
        metadata.ctime(),
        metadata.ctime_nsec()
    )
}

#[cfg(not(unix))]
fn record_of(_metadata: &fs::Metadata) -> String {
    String::new()
}

#[cfg(not(unix))]
fn mode_of(metadata: &fs::Metadata) -> u32 {
    if metadata.is_dir() { 0o755 } else { 0o644 }
}

fn utf8(path: &Path) -> Result<String> {
    path.to_str()
        .map(Into::into)
        .ok_or_else(|| Error::machine(format!("upload {}: its name is not UTF-8", path.display())))
}

fn during(path: &Path, error: &io::Error) -> Error {
    Error::machine(format!("read {}: {error}", path.display()))
}

/// The content's hash, in hexadecimal.
pub(crate) fn hash(path: &Path) -> io::Result<String> {
    let mut hasher = blake3::Hasher::new();
    hasher.update_reader(File::open(path)?)?;
    Ok(hasher.finalize().to_hex().to_string())
}

/// Writes a compressed archive of `entries` to `chunks`. Gives each file's hash as it was sent;
/// a directory's is empty.
pub(crate) fn archive(
    entries: &[Entry],
    chunks: mpsc::Sender<Result<Bytes>>,
) -> Result<Vec<(String, String)>> {
    let writer = Chunks {
        held: Vec::with_capacity(Chunks::SIZE),
        chunks: chunks.clone(),
    };
    let written = write_archive(entries, writer);
    if let Err(error) = &written {
        // Where nobody listens the error is the listener's.
        let _ = chunks.blocking_send(Err(error.clone()));
    }
    written
}

fn write_archive(entries: &[Entry], writer: Chunks) -> Result<Vec<(String, String)>> {
    // Fast: most of it is small text, and the network is rarely slower than level 6.
    let mut archive = Builder::new(GzEncoder::new(writer, Compression::fast()));
    let mut hashes = Vec::new();
    for entry in entries {
        let mut header = Header::new_gnu();
        header.set_mode(entry.mode);
        header.set_mtime(entry.modified);
        header.set_size(0);
        let added = match &entry.kind {
            Kind::Directory => {
                header.set_entry_type(EntryType::Directory);
                hashes.push((entry.name.clone(), String::new()));
                archive.append_data(&mut header, format!("{}/", entry.name), io::empty())
            }
            Kind::Link(to) => {
                header.set_entry_type(EntryType::Symlink);
                archive.append_link(&mut header, &entry.name, to)
            }
            Kind::File => append_file(&mut archive, header, entry).map(|hash| {
                hashes.push((entry.name.clone(), hash));
            }),
        };
        added.map_err(|error| during(&entry.path, &error))?;
    }
    let finished = archive.into_inner().and_then(GzEncoder::finish);
    let flushed = finished.and_then(|mut writer| writer.flush());
    flushed.map_err(|error| Error::machine(format!("send the archive: {error}")))?;
    Ok(hashes)
}

fn append_file<W: Write>(
    archive: &mut Builder<W>,
    mut header: Header,
    entry: &Entry,
) -> io::Result<String> {
    let file = File::open(&entry.path)?;
    let size = file.metadata()?.len();
    header.set_size(size);
    header.set_entry_type(EntryType::Regular);
    let mut reader = Hashing {
        inner: file.take(size),
        hasher: blake3::Hasher::new(),
    };
    archive.append_data(&mut header, &entry.name, &mut reader)?;
    if reader.inner.limit() > 0 {
        return Err(io::Error::other("it shrank while it was sent"));
    }
    Ok(reader.hasher.finalize().to_hex().to_string())
}

struct Hashing<R> {
    inner: R,
    hasher: blake3::Hasher,
}

impl<R: Read> Read for Hashing<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.hasher.update(&buffer[..read]);
        Ok(read)
    }
}

/// Gathers what is written into chunks for an asynchronous reader.
struct Chunks {
    held: Vec<u8>,
    chunks: mpsc::Sender<Result<Bytes>>,
}

impl Chunks {
    const SIZE: usize = 32 * 1024;
}

impl Write for Chunks {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.held.extend_from_slice(bytes);
        if self.held.len() >= Self::SIZE {
            self.flush()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.held.is_empty() {
            return Ok(());
        }
        let full = std::mem::replace(&mut self.held, Vec::with_capacity(Self::SIZE));
        self.chunks
            .blocking_send(Ok(full.into()))
            .map_err(|_| io::Error::from(io::ErrorKind::BrokenPipe))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(entries: &[Entry]) -> Vec<&str> {
        entries.iter().map(|entry| entry.name.as_str()).collect()
    }

    #[test]
    fn a_directory_comes_under_its_own_name_in_order() {
        let root = tempfile::tempdir().unwrap();
        let tree = root.path().join("tree");
        fs::create_dir_all(tree.join("b")).unwrap();
        fs::write(tree.join("b/c"), "").unwrap();
        fs::write(tree.join("a"), "").unwrap();
        assert_eq!(
            names(&walk(&[tree]).unwrap()),
            ["tree", "tree/a", "tree/b", "tree/b/c"]
        );
    }

    #[cfg(unix)]
    #[test]
    fn links_are_followed_but_not_in_circles_and_not_to_nowhere() {
        use std::os::unix::fs::symlink;
        let root = tempfile::tempdir().unwrap();
        let tree = root.path().join("tree");
        fs::create_dir(&tree).unwrap();
        fs::write(root.path().join("file"), "content").unwrap();
        symlink("../file", tree.join("good")).unwrap();
        symlink("..", tree.join("loop")).unwrap();
        symlink("missing", tree.join("nowhere")).unwrap();
        let entries = walk(std::slice::from_ref(&tree)).unwrap();
        let kind = |name: &str| {
            entries
                .iter()
                .find(|e| e.name == name)
                .unwrap()
                .kind
                .clone()
        };
        assert_eq!(kind("tree/good"), Kind::File);
        assert_eq!(kind("tree/nowhere"), Kind::Link("missing".into()));
        assert!(entries.len() < 12, "{:?}", names(&entries));
    }

    #[test]
    fn what_is_missing_is_named() {
        let error = walk(&["/there/is/no/file".into()]).unwrap_err();
        assert!(error.message.contains("/there/is/no/file"), "{error}");
    }

    #[test]
    fn an_archive_holds_the_files_and_tells_their_hashes() {
        let root = tempfile::tempdir().unwrap();
        let file = root.path().join("file");
        fs::write(&file, "content").unwrap();
        let (sender, mut chunks) = mpsc::channel(64);
        let sent = archive(&walk(std::slice::from_ref(&file)).unwrap(), sender).unwrap();
        assert_eq!(sent, [("file".to_owned(), hash(&file).unwrap())]);
        let mut bytes = Vec::new();
        while let Ok(chunk) = chunks.try_recv() {
            bytes.extend_from_slice(&chunk.unwrap());
        }
        let mut archive = tar::Archive::new(flate2::read::GzDecoder::new(bytes.as_slice()));
        let mut text = String::new();
        let mut entries = archive.entries().unwrap();
        entries
            .next()
            .unwrap()
            .unwrap()
            .read_to_string(&mut text)
            .unwrap();
        assert_eq!(text, "content");
    }
}
