//! The files of [`Logs`](super::logs::Logs): what is written waits in memory and goes to the disk in
//! few pieces; as many files stay open as the system allows; one that is full is compressed.

use std::collections::{HashMap, VecDeque};
use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use banquet_sdk::private;

use super::parts::{self, Part};

/// Bytes that wait for one file, and for all of them.
const WAITING: usize = 64 << 10;
const ALL_WAITING: usize = 4 << 20;

/// Files that are open at once where the system allows as many.
const OPEN: usize = 1024;

/// Of so many files that the system lets the process open one may be a log: the others are for
/// connections and tools.
const OURS: u64 = 4;

/// Log files in a directory, by name.
#[derive(Debug)]
pub struct LogFiles {
    dir: PathBuf,
    overwrite: bool,
    files: HashMap<String, LogFile>,
    /// Names of the open ones, the longest open first.
    open: VecDeque<String>,
    most_open: usize,
    /// Names of those that something waits for, and how many bytes.
    unwritten: Vec<String>,
    waiting: usize,
    /// Parts that earlier runs wrote.
    earlier: HashMap<String, Vec<Part>>,
    /// Bytes that the compressed parts of this run may have, and those that they have.
    room: u64,
    used: u64,
    /// Compressed parts of this run, the oldest first.
    compressed: VecDeque<(PathBuf, u64)>,
}

#[derive(Debug, Default)]
struct LogFile {
    file: Option<File>,
    waiting: Vec<u8>,
    /// Bytes in the file.
    length: u64,
    /// Number of its last part.
    parts: u32,
}

impl LogFiles {
    /// Files in `dir`, which is made; the oldest parts go where there are more than `room` bytes of
    /// them. With `overwrite` each file begins anew.
    pub fn new(dir: &Path, overwrite: bool, room: u64) -> io::Result<Self> {
        private::directory(dir)?;
        Ok(Self {
            dir: dir.into(),
            overwrite,
            files: HashMap::new(),
            open: VecDeque::new(),
            most_open: most_open(),
            unwritten: Vec::new(),
            waiting: 0,
            earlier: parts::listed(dir),
            room,
            used: 0,
            compressed: VecDeque::new(),
        })
    }

    /// Begins a file. One that has begun goes on.
    pub fn begin(&mut self, name: &str) -> io::Result<()> {
        if self.files.contains_key(name) {
            return Ok(());
        }
        let earlier = self.earlier.remove(name).unwrap_or_default();
        let mut log = LogFile::default();
        if self.overwrite {
            for part in earlier {
                std::fs::remove_file(part.path)?;
            }
        } else {
            log.parts = earlier.last().map_or(0, |part| part.number);
        }
        let path = self.dir.join(name);
        let file = private::options()
            .create(true)
            .write(true)
            .append(!self.overwrite)
            .truncate(self.overwrite)
            .open(&path)?;
        private::close(&path, &file);
        log.length = file.metadata()?.len();
        log.file = Some(file);
        self.files.insert(name.to_owned(), log);
        self.opened(name);
        Ok(())
    }

    /// Adds what `write` writes to a file, which is begun if it is not.
    pub fn add(&mut self, name: &str, write: impl FnOnce(&mut Vec<u8>)) -> io::Result<()> {
        if !self.files.contains_key(name) {
            self.begin(name)?;
        }
        let Some(log) = self.files.get_mut(name) else {
            return Ok(());
        };
        let before = log.waiting.len();
        write(&mut log.waiting);
        let waiting = log.waiting.len();
        self.waiting += waiting - before;
        if before == 0 && waiting > 0 {
            self.unwritten.push(name.to_owned());
        }
        match () {
            () if self.waiting > ALL_WAITING => self.flush(),
            () if waiting > WAITING => self.write(name),
            () => Ok(()),
        }
    }

    /// Hands all that waits to the operating system.
    pub fn flush(&mut self) -> io::Result<()> {
        let names = std::mem::take(&mut self.unwritten);
        self.waiting = 0;
        names.iter().try_for_each(|name| self.write(name))
    }

    fn write(&mut self, name: &str) -> io::Result<()> {
        let is_open = match self.files.get(name) {
            Some(log) if log.waiting.is_empty() => return Ok(()),
            Some(log) => log.file.is_some(),
            None => return Ok(()),
        };
        let path = self.dir.join(name);
        if !is_open {
            self.opened(name);
        }
        let Some(log) = self.files.get_mut(name) else {
            return Ok(());
        };
        if log.file.is_none() {
            log.file = Some(private::options().append(true).create(true).open(&path)?);
        }
        if let Some(file) = &mut log.file {
            file.write_all(&log.waiting)?;
        }
        log.length += log.waiting.len() as u64;
        self.waiting = self.waiting.saturating_sub(log.waiting.len());
        log.waiting.clear();
        log.waiting.shrink_to(WAITING / 16);
        if log.length < parts::FULL {
            return Ok(());
        }
        log.parts += 1;
        let (part, file) = (parts::path_of(&path, log.parts), &mut log.file);
        std::fs::rename(&path, &part)?;
        *file = Some(private::create(&path)?);
        log.length = 0;
        self.compress(&part)
    }

    /// Compresses a part; the oldest of the run make room for it.
    fn compress(&mut self, part: &Path) -> io::Result<()> {
        let (path, size) = parts::compress(part)?;
        self.used += size;
        self.compressed.push_back((path, size));
        while self.used > self.room && self.compressed.len() > 1 {
            if let Some((oldest, size)) = self.compressed.pop_front() {
                std::fs::remove_file(oldest)?;
                self.used -= size;
            }
        }
        Ok(())
    }

    /// Counts a file as open; the one that is open for the longest is closed where there are too
    /// many.
    fn opened(&mut self, name: &str) {
        self.open.push_back(name.to_owned());
        if self.open.len() > self.most_open
            && let Some(oldest) = self.open.pop_front()
            && let Some(log) = self.files.get_mut(&oldest)
        {
            log.file = None;
        }
    }
}

/// A quarter of the files that the system lets this process open, within reason.
#[cfg(unix)]
fn most_open() -> usize {
    let allowed = rustix::process::getrlimit(rustix::process::Resource::Nofile).current;
    let ours = allowed.map_or(OPEN, |allowed| {
        usize::try_from(allowed / OURS).unwrap_or(OPEN)
    });
    ours.clamp(16, OPEN)
}

/// Where the system does not say.
#[cfg(not(unix))]
fn most_open() -> usize {
    128
}
