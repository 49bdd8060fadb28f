//! Output of each subject, held back until it has ended. What does not fit in a little memory
//! waits in a temporary file.

use std::collections::BTreeMap;
use std::io::{self, Seek, Write};

use jiff::Timestamp;
use tempfile::SpooledTempFile;

use super::ci::{self, Server};

/// Bytes of a subject that are kept in memory.
const MEMORY: usize = 1 << 20;

/// The blocks that have not been written yet.
#[derive(Debug, Default)]
pub struct Blocks {
    server: Server,
    open: BTreeMap<String, Block>,
    /// Subjects that failed, in the order in which they ended.
    failed: Vec<String>,
}

/// The lines of a subject, and since when they come.
#[derive(Debug)]
struct Block {
    lines: SpooledTempFile,
    since: Timestamp,
}

impl Blocks {
    /// Blocks that a build server shows as groups.
    pub fn new(server: Server) -> Self {
        Self {
            server,
            ..Self::default()
        }
    }

    /// Where the lines of `subject` go.
    pub fn of(&mut self, subject: &str) -> &mut SpooledTempFile {
        let block = self.open.entry(subject.into()).or_insert_with(|| Block {
            lines: SpooledTempFile::new(MEMORY),
            since: Timestamp::now(),
        });
        &mut block.lines
    }

    /// Writes the block of a subject that has ended; one that failed waits for the end.
    pub fn end(&mut self, subject: &str, passed: bool, out: &mut impl Write) -> io::Result<()> {
        if passed {
            return self.write(subject, true, out);
        }
        self.failed.push(subject.into());
        Ok(())
    }

    /// Writes all that is left: what has not ended, then what failed.
    pub fn end_all(&mut self, out: &mut impl Write) -> io::Result<()> {
        let failed = std::mem::take(&mut self.failed);
        let others: Vec<String> = self
            .open
            .keys()
            .filter(|subject| !failed.contains(subject))
            .cloned()
            .collect();
        others
            .iter()
            .chain(&failed)
            .try_for_each(|subject| self.write(subject, false, out))
    }

    /// What passed is folded, where the server folds; what failed lies open.
    fn write(&mut self, subject: &str, passed: bool, out: &mut impl Write) -> io::Result<()> {
        let Some(mut block) = self.open.remove(subject) else {
            return Ok(());
        };
        block.lines.rewind()?;
        // GitHub folds every group.
        let grouped = passed || self.server != Server::Github;
        let group = match grouped {
            true => Some(ci::open(self.server, subject, block.since, passed, out)?),
            false => None,
        };
        io::copy(&mut block.lines, out)?;
        if let Some(group) = group {
            group.close(Timestamp::now(), out)?;
        }
        out.flush()
    }
}
