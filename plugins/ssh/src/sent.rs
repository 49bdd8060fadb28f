//! What uploads left on a machine, so that unchanged files are not sent again: a cache in the
//! instance's own directory. It is believed only where the machine's own record of a file (inode,
//! size, mode and time of last change) is still what it was after the upload.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};

use banquet_sdk::Result;
use serde::{Deserialize, Serialize};

use crate::local::{Entry, Kind, hash};

/// Files by their path below one remote directory.
pub(crate) type Files = BTreeMap<String, File>;

/// A file as it was sent, or a directory.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct File {
    /// Of the content; empty for a directory.
    pub hash: String,
    pub mode: u32,
    /// The machine's own record after the upload.
    pub record: String,
    /// The workstation's record before it.
    pub seen: String,
}

impl File {
    /// Whether the workstation says that nobody wrote to the file since.
    fn is_seen(&self, entry: &Entry) -> bool {
        !entry.seen.is_empty() && self.seen == entry.seen
    }
}

/// Where what was sent to directory `remote` is written down, below `directory`.
pub(crate) fn place(directory: &Path, remote: &str) -> PathBuf {
    let name = &blake3::hash(remote.as_bytes()).to_hex()[..16];
    directory.join("ssh-sent").join(format!("{name}.json"))
}

/// Reads what was sent; a file that is missing or unreadable tells nothing.
pub(crate) fn load(file: &Path) -> Files {
    std::fs::read(file)
        .ok()
        .and_then(|text| serde_json::from_slice(&text).ok())
        .unwrap_or_default()
}

/// Writes what was sent, whole or not at all.
pub(crate) fn save(files: &Files, file: &Path) -> Result<()> {
    let parent = file.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(parent)?;
    let mut written = tempfile::NamedTempFile::new_in(parent)?;
    let mut writer = std::io::BufWriter::new(&mut written);
    serde_json::to_writer(&mut writer, files).map_err(std::io::Error::from)?;
    writer.flush()?;
    drop(writer);
    written.persist(file).map_err(|error| error.error)?;
    Ok(())
}

/// The entries that must be sent. Of `known`, whose hashes are compared with the content, those
/// remain that the machine still has as `records` tells them.
pub(crate) fn changed(
    entries: Vec<Entry>,
    known: &Files,
    hashes: &BTreeMap<PathBuf, String>,
    records: &BTreeMap<String, String>,
) -> Vec<Entry> {
    let is_there = |entry: &Entry| {
        known.get(&entry.name).is_some_and(|file| {
            let is_same = match entry.kind {
                Kind::File => file.is_seen(entry) || hashes.get(&entry.path) == Some(&file.hash),
                Kind::Directory => file.hash.is_empty(),
                Kind::Link(_) => false,
            };
            is_same && file.mode == entry.mode && records.get(&entry.name) == Some(&file.record)
        })
    };
    let mut entries = entries;
    entries.retain(|entry| !is_there(entry));
    entries
}

/// The files in `known` that somebody may have written to here.
pub(crate) fn doubtful(entries: &[Entry], known: &Files) -> Vec<PathBuf> {
    let is_doubtful = |entry: &&Entry| {
        let file = known.get(&entry.name);
        entry.kind == Kind::File && file.is_some_and(|file| !file.is_seen(entry))
    };
    let entries = entries.iter().filter(is_doubtful);
    entries.map(|entry| entry.path.clone()).collect()
}

/// Hashes of `files`; one that cannot be read has none.
pub(crate) fn hashes(files: &[PathBuf]) -> BTreeMap<PathBuf, String> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let share = files.len().div_ceil(threads).max(64);
    let of = |path: &PathBuf| Some((path.clone(), hash(path).ok()?));
    std::thread::scope(|scope| {
        let start = |files: &'_ [PathBuf]| files.iter().filter_map(of).collect::<Vec<_>>();
        let workers: Vec<_> = files
            .chunks(share)
            .map(|files| scope.spawn(move || start(files)))
            .collect();
        workers
            .into_iter()
            .flat_map(|worker| worker.join().unwrap_or_default())
            .collect()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::local::walk;

    #[test]
    fn only_what_is_the_same_on_both_sides_is_left_out() {
        let root = tempfile::tempdir().unwrap();
        let file = root.path().join("file");
        std::fs::write(&file, "content").unwrap();
        let entries = walk(&[file]).unwrap();
        let sent = File {
            hash: hash(&entries[0].path).unwrap(),
            mode: entries[0].mode,
            record: "81a4 7 1".into(),
            seen: String::new(),
        };
        let count = |file: &File, record: &str| {
            let known = Files::from([("file".to_owned(), file.clone())]);
            let records = [("file".to_owned(), record.to_owned())].into();
            let hashes = hashes(&doubtful(&entries, &known));
            changed(entries.clone(), &known, &hashes, &records).len()
        };
        assert_eq!(count(&sent, "81a4 7 1"), 0);
        assert_eq!(count(&sent, "81a4 7 2"), 1, "changed over there");
        let other = |change: fn(&mut File)| {
            let mut file = sent.clone();
            change(&mut file);
            file
        };
        assert_eq!(count(&other(|f| f.hash.push('x')), "81a4 7 1"), 1);
        assert_eq!(count(&other(|f| f.mode ^= 1), "81a4 7 1"), 1);
        let mut untouched = other(|f| f.hash.push('x'));
        untouched.seen.clone_from(&entries[0].seen);
        let expected = usize::from(untouched.seen.is_empty());
        assert_eq!(
            count(&untouched, "81a4 7 1"),
            expected,
            "nobody wrote to it"
        );
    }

    #[test]
    fn the_cache_survives_and_a_broken_one_is_empty() {
        let root = tempfile::tempdir().unwrap();
        let file = place(root.path(), "/tmp/x");
        assert_ne!(file, place(root.path(), "/tmp/y"));
        let sent = File {
            hash: "h".into(),
            mode: 0o644,
            record: "r".into(),
            seen: "s".into(),
        };
        let files = Files::from([("a".to_owned(), sent)]);
        save(&files, &file).unwrap();
        assert_eq!(load(&file), files);
        std::fs::write(&file, "{").unwrap();
        assert!(load(&file).is_empty());
    }
}
