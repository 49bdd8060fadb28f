//! Output of each subject, held back until it has ended. What does not fit in a little memory
//! waits in a temporary file.

use std::collections::BTreeMap;
use std::io::{self, Seek, Write};

use tempfile::SpooledTempFile;

/// Bytes of a subject that are kept in memory.
const MEMORY: usize = 1 << 20;

/// The blocks that have not been written yet.
#[derive(Debug, Default)]
pub struct Blocks {
    open: BTreeMap<String, SpooledTempFile>,
    /// Subjects that failed, in the order in which they ended.
    failed: Vec<String>,
}

impl Blocks {
    /// Where the lines of `subject` go.
    pub fn of(&mut self, subject: &str) -> &mut SpooledTempFile {
        self.open
            .entry(subject.into())
            .or_insert_with(|| SpooledTempFile::new(MEMORY))
    }

    /// Writes the block of a subject that has ended; one that failed waits for the end.
    pub fn end(&mut self, subject: &str, passed: bool, out: &mut impl Write) -> io::Result<()> {
        if passed {
            return self.write(subject, out);
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
            .try_for_each(|subject| self.write(subject, out))
    }

    fn write(&mut self, subject: &str, out: &mut impl Write) -> io::Result<()> {
        let Some(mut block) = self.open.remove(subject) else {
            return Ok(());
        };
        block.rewind()?;
        io::copy(&mut block, out)?;
        out.flush()
    }
}
