//! Where records are, and how long they stay: `.kitchen/runs/<run>/`.

use std::fs::{File, TryLockError};
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use banquet_sdk::private;
use jiff::Timestamp;

use super::reader::{files, first};
use super::{EVENTS, Header, VERDICT, Writer};
use crate::report::parts;
use crate::report::verdict::Verdict;

/// Longest first line that is looked at, in bytes.
const HEADER: u64 = 4096;

/// Bytes of a file that is not worth compressing.
const SMALL: u64 = 64 << 10;

/// A record in which there is nothing yet is let be for so long.
const BEGINS: Duration = Duration::from_secs(60);

/// All records of a project.
#[derive(Clone, Debug)]
pub struct Runs {
    dir: PathBuf,
}

/// One record.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Id of the run.
    pub run: String,
    /// When it began; of a record without a readable header, when it was last written.
    pub at: Timestamp,
    /// Its directory.
    pub dir: PathBuf,
}

/// Which records stay. The newest one always does, and those that are being written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Keep {
    /// So many.
    pub runs: usize,
    /// No older ones.
    pub age: Duration,
    /// So many bytes, of all records and of one.
    pub bytes: u64,
}

/// No record is meant.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoRun {
    /// There is none at all.
    #[error("no run has been recorded in {0}")]
    None(PathBuf),
    /// None has this id.
    #[error("no recorded run has an id that begins with `{0}`")]
    Unknown(String),
    /// Several do.
    #[error("several runs have an id that begins with `{0}`: {1}")]
    Several(String, String),
}

impl Runs {
    /// The records of the project whose `.kitchen` this is.
    pub fn new(kitchen: &Path) -> Self {
        Self {
            dir: kitchen.join("runs"),
        }
    }

    /// Begins a record, then removes those that need not stay.
    pub fn begin(
        &self,
        run: &str,
        version: &str,
        at: Timestamp,
        keep: &Keep,
    ) -> io::Result<Writer> {
        private::directory(&self.dir)?;
        let writer = Writer::begin(&self.dir.join(run), run, version, at, keep.bytes)?;
        self.prune(keep, SystemTime::now());
        Ok(writer)
    }

    /// All records, the newest first.
    pub fn list(&self) -> Vec<Entry> {
        let Ok(found) = std::fs::read_dir(&self.dir) else {
            return Vec::new();
        };
        let mut entries: Vec<Entry> = found
            .filter_map(|found| Entry::of(found.ok()?.path()))
            .collect();
        entries.sort_by(|a, b| (b.at, &b.run).cmp(&(a.at, &a.run)));
        entries
    }

    /// The record whose id begins with `id`, else the newest.
    pub fn find(&self, id: Option<&str>) -> Result<Entry, NoRun> {
        let mut entries = self.list().into_iter();
        let Some(id) = id else {
            return entries.next().ok_or_else(|| NoRun::None(self.dir.clone()));
        };
        let mut meant = entries.filter(|entry| entry.run.starts_with(id));
        match (meant.next(), meant.next()) {
            (None, _) => Err(NoRun::Unknown(id.into())),
            (Some(entry), None) => Ok(entry),
            (Some(entry), Some(_)) if entry.run == id => Ok(entry),
            (Some(first), Some(second)) => {
                let names = format!("{}, {}", first.run, second.run);
                Err(NoRun::Several(id.into(), names))
            }
        }
    }

    /// Removes what need not stay, and compresses what stays. What cannot be removed stays: the next
    /// run tries again.
    pub fn prune(&self, keep: &Keep, now: SystemTime) {
        let mut bytes = 0;
        for (index, entry) in self.list().iter().enumerate() {
            bytes += entry.bytes();
            if index == 0 {
                continue;
            }
            let age = entry.modified();
            let age = age.and_then(|then| now.duration_since(then).ok());
            let age = age.unwrap_or_default();
            // Its process has not locked it yet.
            let begins = entry.is_empty() && age < BEGINS;
            if begins || entry.is_open() {
                continue;
            }
            if index >= keep.runs || age > keep.age || bytes > keep.bytes {
                let _ = std::fs::remove_dir_all(&entry.dir);
            } else {
                entry.compress();
            }
        }
    }
}

impl Entry {
    fn of(dir: PathBuf) -> Option<Self> {
        let file = parts::open(&first(&dir.join(EVENTS))).ok()?;
        let mut line = String::new();
        // A first line that is no text is no header.
        let _ = BufReader::new(file.take(HEADER)).read_line(&mut line);
        let header: Option<Header> = serde_json::from_str(&line).ok();
        let entry = Self {
            run: dir.file_name()?.to_str()?.to_owned(),
            at: Timestamp::default(),
            dir,
        };
        let written = || Timestamp::try_from(entry.modified()?).ok();
        let at = header.map(|header| header.at).or_else(written)?;
        Some(Self { at, ..entry })
    }

    /// Compresses what is large. What cannot be stays as it is.
    fn compress(&self) {
        for file in files(&self.events()) {
            let packed = file.extension().is_some_and(|end| end == "gz");
            let large = std::fs::metadata(&file).is_ok_and(|it| it.len() > SMALL);
            if large && !packed {
                let _ = parts::compress(&file);
            }
        }
    }

    fn bytes(&self) -> u64 {
        let files = std::fs::read_dir(&self.dir).into_iter().flatten().flatten();
        let sizes = files.filter_map(|file| Some(file.metadata().ok()?.len()));
        sizes.sum()
    }

    /// Path of the record.
    pub fn events(&self) -> PathBuf {
        self.dir.join(EVENTS)
    }

    /// The verdict that was put beside it when the run ended.
    pub fn verdict(&self) -> Option<Verdict> {
        let bytes = std::fs::read(self.dir.join(VERDICT)).ok()?;
        serde_json::from_slice(&bytes).ok()
    }

    /// Whether a process writes it now.
    pub fn is_open(&self) -> bool {
        let locked = File::open(self.events()).map(|file| file.try_lock_shared());
        matches!(locked, Ok(Err(TryLockError::WouldBlock)))
    }

    fn is_empty(&self) -> bool {
        std::fs::metadata(self.events()).is_ok_and(|it| it.len() == 0)
    }

    fn modified(&self) -> Option<SystemTime> {
        let first = first(&self.events());
        std::fs::metadata(first).ok()?.modified().ok()
    }
}
