//! Notes of the processes that were started: what a killed kitchen leaves running is found by them.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::held::Held;
use crate::private;

/// The variable that tells a process, and all that it starts, from others': the directory that has
/// its note. There it may put temporary files, which do not stay where it is killed.
pub(crate) const MARK: &str = "KITCHEN_TMP";
/// What the names of notes begin with; the process's number follows.
const PREFIX: &str = "process-";
/// Longest note, in bytes.
const LONGEST: u64 = 64 * 1024;

/// What is known of a process that leads a group of its own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Noted {
    /// Its number, and its group's.
    pub pid: u32,
    /// When it was started, in the kernel's count; none where the system does not tell.
    pub start: Option<u64>,
    /// Its program.
    pub program: String,
}

/// A note that is kept as long as the process is waited for.
#[derive(Debug)]
pub(crate) struct Note {
    held: Arc<Held>,
    path: Option<PathBuf>,
}

impl Note {
    /// One for a process that is about to start; none where this process works for no project or
    /// cannot write there: `destroy` must work on a full disk.
    pub fn prepare() -> Option<Self> {
        // A command that only looks makes no `.kitchen`.
        let project = super::project().filter(|it| it.is_dir())?;
        let held = Held::get(&project).ok()?;
        Some(Self { held, path: None })
    }

    /// Value of [`MARK`] for the process.
    pub fn mark(&self) -> &Path {
        self.held.directory()
    }

    /// Notes that it has started.
    pub fn started(&mut self, pid: u32, program: &str) {
        let path = self.held.directory().join(format!("{PREFIX}{pid}"));
        let noted = Noted {
            pid,
            start: crate::family::start_of(pid),
            program: program.into(),
        };
        if let Ok(text) = serde_json::to_vec(&noted)
            && private::write(&path, &text).is_ok()
        {
            self.path = Some(path);
        }
    }
}

impl Drop for Note {
    fn drop(&mut self) {
        if let Some(path) = &self.path {
            let _ = std::fs::remove_file(path);
        }
    }
}

/// All notes in the directory of a process.
pub(super) fn read(directory: &Path) -> Vec<Noted> {
    let entries = std::fs::read_dir(directory).into_iter().flatten().flatten();
    let notes = entries.filter(|entry| {
        let name = entry.file_name();
        name.to_str().is_some_and(|it| it.starts_with(PREFIX))
    });
    let read = notes.filter_map(|entry| {
        let bytes = crate::outside::file::read(&entry.path(), LONGEST).ok()?;
        serde_json::from_slice(&bytes).ok()
    });
    read.collect()
}
