//! What uploads left on a machine, so that unchanged files are not sent again: a cache in the
//! instance's own directory. It is believed only where the machine's own record of a file (inode,
//! size, mode and time of last change) is still what it was after the upload.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use banquet_sdk::Result;
use sha2::{Digest, Sha256};

use crate::local::{Entry, Kind, hash};

/// Files by their path below one remote directory.
pub(crate) type Files = BTreeMap<String, File>;

/// A file as it was sent, or a directory.
#[derive(Clone, Debug, PartialEq)]
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
    directory.join("ssh-sent").join(name)
}

/// Reads what was sent; a file that is missing or unreadable tells nothing.
pub(crate) fn load(file: &Path) -> Files {
    let text = std::fs::read_to_string(file).unwrap_or_default();
    parse(&text).unwrap_or_default()
}

/// Fields end with NUL, which no name contains.
fn parse(text: &str) -> Option<Files> {
    let mut fields = text.split_terminator('\0');
    let mut files = Files::new();
    while let Some(name) = fields.next() {
        let mut field = || fields.next().map(str::to_owned);
        let file = File {
            hash: field()?,
            mode: u32::from_str_radix(&field()?, 8).ok()?,
            record: field()?,
            seen: field()?,
        };
        files.insert(name.to_owned(), file);
    }
    Some(files)
}

/// Writes what was sent, whole or not at all.
pub(crate) fn save(files: &Files, file: &Path) -> Result<()> {
    let mut text = String::with_capacity(files.len() * 256);
    for (name, file) in files {
        let File {
            hash,
            mode,
            record,
            seen,
        } = file;
        // Writing to a string cannot fail.
        let _ = write!(text, "{name}\0{hash}\0{mode:o}\0{record}\0{seen}\0");
    }
    Ok(banquet_sdk::private::replace(file, text.as_bytes())?)
}

/// What `sha256sum` says of the records of all `files` in their order, where none has changed.
pub(crate) fn digest(files: &Files) -> String {
    let mut digest = Sha256::new();
    for (name, file) in files {
        for part in [&file.record, "|./", name, "\n"] {
            digest.update(part);
        }
    }
    let mut text = String::new();
    for byte in digest.finalize() {
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// The entries that must be sent. Of `known`, whose hashes are compared with the content, those
/// remain that the machine still has as `records` tells them; without records it has all.
pub(crate) fn changed(
    entries: Vec<Entry>,
    known: &Files,
    hashes: &BTreeMap<PathBuf, String>,
    records: Option<&BTreeMap<String, String>>,
) -> Vec<Entry> {
    let is_there = |entry: &Entry| {
        known.get(&entry.name).is_some_and(|file| {
            let is_same = match entry.kind {
                Kind::File => file.is_seen(entry) || hashes.get(&entry.path) == Some(&file.hash),
                Kind::Directory => file.hash.is_empty(),
                Kind::Link(_) => false,
            };
            let is_kept = |records: &BTreeMap<_, _>| records.get(&entry.name) == Some(&file.record);
            is_same && file.mode == entry.mode && records.is_none_or(is_kept)
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
            changed(entries.clone(), &known, &hashes, Some(&records)).len()
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
        for broken in ["{", "a\0h\0", "a\0h\0x\0r\0s\0"] {
            std::fs::write(&file, broken).unwrap();
            assert!(load(&file).is_empty(), "{broken:?}");
        }
    }

    #[test]
    fn a_digest_is_that_of_the_records_and_names() {
        let file = |record: &str| File {
            hash: String::new(),
            mode: 0,
            record: record.into(),
            seen: String::new(),
        };
        let files = Files::from([("b".into(), file("2")), ("a".into(), file("1"))]);
        // printf '1|./a\n2|./b\n' | sha256sum
        let said = "f9b6a1344bf678dc0029a73bdda846fa88cd2ec25c13f2aaeaa9cdcae3d1b2fd";
        assert_eq!(digest(&files), said);
    }
}
