//! A run that is told again from its record, and the forms in which it can be told.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use clap::ValueEnum;
use tempfile::NamedTempFile;

use super::html::html;
use super::junit::junit;
use super::outputs::Outputs;
use super::record::{self, Ending};
use super::tally::Tally;
use super::tap::tap;
use super::verdict::Verdict;

/// A form of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Steps, failures and the last output, for people
    Terminal,
    /// JUnit's XML, for build servers
    Junit,
    /// One JSON object, for programs
    Json,
    /// The Test Anything Protocol
    Tap,
    /// One page that needs nothing else, for people
    Html,
}

/// A run.
#[derive(Debug)]
pub struct Told {
    /// Its record, where there is one.
    pub path: Option<PathBuf>,
    /// What happened.
    pub tally: Tally,
    /// What came of it.
    pub verdict: Verdict,
    /// What was printed.
    pub outputs: Outputs,
    /// What else was in the record.
    pub ending: Ending,
    /// How the kitchen was called, for commands that are recommended.
    pub program: String,
}

impl Told {
    /// Reads the record at `path`.
    pub fn read(path: &Path) -> io::Result<Self> {
        let mut tally = Tally::default();
        let mut outputs = Outputs::default();
        let ending = record::read(path, |event| {
            tally.event(&event);
            outputs.event(&tally, &event);
        })?;
        if let Some(header) = &ending.header
            && tally.run.id.is_empty()
        {
            tally.run.id.clone_from(&header.run);
            tally.run.version.clone_from(&header.version);
            tally.run.started = Some(header.at);
        }
        Ok(Self {
            path: Some(path.into()),
            verdict: Verdict::of(&tally),
            tally,
            outputs,
            ending,
            program: "kitchen".into(),
        })
    }

    /// The report in a form for files.
    pub fn text(&self, format: Format) -> io::Result<String> {
        match format {
            Format::Terminal => {
                let program = &self.program;
                Ok(super::ending::whole(&self.tally, &self.verdict, program))
            }
            Format::Junit => junit(&self.verdict, &self.outputs),
            Format::Json => Ok(format!(
                "{}\n",
                serde_json::to_string_pretty(&self.verdict)?
            )),
            Format::Tap => Ok(tap(&self.verdict)),
            Format::Html => html(self, self.path.as_deref()),
        }
    }
}

/// Whether a file can be put at `path`; its directories are made, and a report of an earlier run
/// is taken away, so that it is not taken for this one's.
pub fn prepare(path: &Path) -> io::Result<()> {
    beside(path)?;
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Puts a file at `path`, whole or not at all.
pub fn put(path: &Path, text: &[u8]) -> io::Result<()> {
    let mut file = beside(path)?;
    file.write_all(text)?;
    file.flush()?;
    file.persist(path).map(drop).map_err(|error| error.error)
}

fn beside(path: &Path) -> io::Result<NamedTempFile> {
    let directory = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    std::fs::create_dir_all(directory)?;
    if path.is_dir() {
        return Err(io::Error::from(io::ErrorKind::IsADirectory));
    }
    #[allow(unused_mut, reason = "only Unix has modes")]
    let mut builder = tempfile::Builder::new();
    // Temporary files are private; a report that somebody asks for is as the umask says.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    builder.tempfile_in(directory)
}
