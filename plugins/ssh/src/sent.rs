//! What uploads left on a machine, so that unchanged files are not sent again: a cache in the
//! instance's own directory. It is believed only where the machine's own record of a file (inode,
//! size, mode and time of last change) is still what it was after the upload.

use std::collections::BTreeMap;
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
}

/// All uploads to one instance, by remote directory.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Sent(BTreeMap<String, Files>);

impl Sent {
    /// Reads the cache; one that is missing or unreadable is empty.
    pub fn load(file: &Path) -> Self {
        std::fs::read(file)
            .ok()
            .and_then(|text| serde_json::from_slice(&text).ok())
            .unwrap_or_default()
    }

    /// Writes the cache whole or not at all.
    pub fn save(&self, file: &Path) -> Result<()> {
        let parent = file.parent().unwrap_or(Path::new("."));
        std::fs::create_dir_all(parent)?;
        let mut written = tempfile::NamedTempFile::new_in(parent)?;
        serde_json::to_writer(std::io::BufWriter::new(&mut written), self)
            .map_err(std::io::Error::from)?;
        written.persist(file).map_err(|error| error.error)?;
        Ok(())
    }

    /// What is known of `remote`; forgotten until it is put back.
    pub fn take(&mut self, remote: &str) -> Files {
        self.0.remove(remote).unwrap_or_default()
    }

    /// Remembers what is in `remote`.
    pub fn put(&mut self, remote: &str, files: Files) {
        self.0.insert(remote.to_owned(), files);
    }
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
                Kind::File => hashes.get(&entry.path) == Some(&file.hash),
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

/// Hashes of the files that are in `known`; one that cannot be read has none.
pub(crate) fn hashes(entries: &[Entry], known: &Files) -> BTreeMap<PathBuf, String> {
    let candidates: Vec<&Entry> = entries
        .iter()
        .filter(|entry| entry.kind == Kind::File && known.contains_key(&entry.name))
        .collect();
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let share = candidates.len().div_ceil(threads).max(64);
    std::thread::scope(|scope| {
        let workers: Vec<_> = candidates
            .chunks(share)
            .map(|chunk| {
                scope.spawn(move || {
                    let of = |entry: &&Entry| Some((entry.path.clone(), hash(&entry.path).ok()?));
                    chunk.iter().filter_map(of).collect::<Vec<_>>()
                })
            })
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
        };
        let count = |file: &File, record: &str| {
            let known = Files::from([("file".to_owned(), file.clone())]);
            let records = [("file".to_owned(), record.to_owned())].into();
            let hashes = hashes(&entries, &known);
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
    }

    #[test]
    fn the_cache_survives_and_a_broken_one_is_empty() {
        let root = tempfile::tempdir().unwrap();
        let file = root.path().join("work/sent.json");
        let mut sent = Sent::default();
        let files = Files::from([(
            "a".to_owned(),
            File {
                hash: "h".into(),
                mode: 0o644,
                record: "r".into(),
            },
        )]);
        sent.put("/tmp/x", files.clone());
        sent.save(&file).unwrap();
        assert_eq!(Sent::load(&file).take("/tmp/x"), files);
        std::fs::write(&file, "{").unwrap();
        assert!(Sent::load(&file).take("/tmp/x").is_empty());
    }
}
