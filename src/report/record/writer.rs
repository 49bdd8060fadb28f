//! Writes the record of a run that goes on.

use std::fs::{File, TryLockError};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use banquet_sdk::private;
use jiff::{SignedDuration, Timestamp};

use super::printed::Printed;
use super::{EVENTS, Header, VERDICT, VERSION};
use crate::run::{Event, EventKind};

/// Bytes that wait to be written.
const WAITING: usize = 64 << 10;

/// What has been written waits no longer than this for a reader, while anything happens.
const OFTEN: SignedDuration = SignedDuration::from_secs(1);

/// The record of one run; the file is locked as long as it is written.
#[derive(Debug)]
pub struct Writer {
    dir: PathBuf,
    file: BufWriter<File>,
    flushed: Timestamp,
}

impl Writer {
    /// Begins the record of `run` in `dir`, which is made.
    pub fn begin(dir: &Path, run: &str, version: &str, at: Timestamp) -> io::Result<Self> {
        private::directory(dir)?;
        let file = private::create(&dir.join(EVENTS))?;
        match file.try_lock() {
            // Where files cannot be locked, a record can still be written.
            Ok(()) | Err(TryLockError::Error(_)) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(io::Error::other("another process writes it"));
            }
        }
        let mut writer = Self {
            dir: dir.into(),
            file: BufWriter::with_capacity(WAITING, file),
            flushed: at,
        };
        let header = Header {
            record: VERSION,
            run: run.into(),
            at,
            version: version.into(),
        };
        serde_json::to_writer(&mut writer.file, &header)?;
        writer.file.write_all(b"\n")?;
        writer.file.flush()?;
        Ok(writer)
    }

    /// Writes an event. What must be there after a crash is on its way to the disk afterwards.
    pub fn event(&mut self, event: &Event) -> io::Result<()> {
        line(event, &mut self.file)?;
        let ends = matches!(
            event.kind,
            EventKind::StepFinished { .. }
                | EventKind::ActionFinished { .. }
                | EventKind::SubjectFinished { .. }
                | EventKind::Interrupted
                | EventKind::RunFinished { .. }
        );
        if ends || event.at.duration_since(self.flushed) > OFTEN {
            self.flushed = event.at;
            self.file.flush()?;
        }
        Ok(())
    }

    /// Where the record is.
    pub fn path(&self) -> PathBuf {
        self.dir.join(EVENTS)
    }

    /// Puts the verdict beside the record. The file appears whole or not at all.
    pub fn verdict(&mut self, json: &[u8]) -> io::Result<()> {
        self.file.flush()?;
        private::replace(&self.dir.join(VERDICT), json)
    }
}

/// Writes an event as a line of a record.
pub fn line(event: &Event, out: &mut impl Write) -> io::Result<()> {
    match Printed::of(event) {
        Some(printed) => serde_json::to_writer(&mut *out, &printed)?,
        None => serde_json::to_writer(&mut *out, event)?,
    }
    out.write_all(b"\n")
}
