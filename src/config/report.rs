//! `report`: what is written of runs, and how long it stays.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Map, Problem, Problems, Sources, named_map, section};

/// What is written of runs, beside their record in `.kitchen/runs`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Report {
    /// Write a JUnit report here after each run, relative to the project; `--junit` says otherwise.
    pub junit: Option<PathBuf>,
    /// Write an HTML report here after each run, relative to the project; `--html` says otherwise.
    pub html: Option<PathBuf>,
    /// Whether runs are recorded. Without a record nothing can be told again, and reports have no
    /// output in them.
    pub record: bool,
    /// Records of so many runs stay in `.kitchen/runs`, the newest ones.
    pub keep_runs: usize,
    /// Records of runs stay so many days.
    pub keep_days: u32,
    /// Records of runs have so many megabytes, all together: the oldest go first, and of a run that
    /// has more by itself no further output is recorded.
    pub keep_mb: u32,
    /// Full log files, which are compressed, have so many megabytes, all that a run writes together:
    /// the oldest go first.
    pub logs_mb: u32,
}

impl Default for Report {
    fn default() -> Self {
        Self {
            junit: None,
            html: None,
            record: true,
            keep_runs: 30,
            keep_days: 30,
            keep_mb: 4000,
            logs_mb: 2000,
        }
    }
}

impl Report {
    /// Bytes that all records of runs may have.
    pub fn record_bytes(&self) -> u64 {
        u64::from(self.keep_mb) * 1_000_000
    }

    /// Bytes that compressed log files may have.
    pub fn log_bytes(&self) -> u64 {
        u64::from(self.logs_mb) * 1_000_000
    }
}

/// The settings of `tree`; what is wrong with them is told.
pub fn read(tree: &Map, sources: &Sources, problems: &mut Problems) -> Report {
    let Some(entry) = tree.get("report") else {
        return Report::default();
    };
    let Some(map) = named_map(&entry.node, "junit") else {
        let message = format!("`report` must be a map, and is {}", entry.node.described());
        let problem = Problem::error(message).at(sources, entry.key, "not a map");
        problems.push(problem.help("Write keys below it, such as `junit: build/junit.xml`."));
        return Report::default();
    };
    let section = section(&map, sources);
    section.parse().unwrap_or_else(|error: banquet_sdk::Error| {
        let mut problem = Problem::error(format!("`report`: {error}"));
        let pointer = error.key.unwrap_or_default();
        problem = match section.origin(&pointer) {
            Some(origin) => problem.at_origin(sources, origin, "this"),
            None => problem.at(sources, entry.key, "in here"),
        };
        problems.push(problem);
        Report::default()
    })
}
