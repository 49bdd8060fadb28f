//! Writes the record of a run that goes on.

use std::fs::{File, TryLockError};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use banquet_sdk::private;
use jiff::{SignedDuration, Timestamp};

use super::super::parts;
use super::joined::Joined;
use super::printed::Printed;
use super::{EVENTS, Header, VERDICT, VERSION};
use crate::run::{Event, EventKind};

/// Bytes that wait to be written.
const WAITING: usize = 64 << 10;

/// What has been written waits no longer than this for a reader, while anything happens.
const OFTEN: SignedDuration = SignedDuration::from_secs(1);

/// The record of one run, in parts: the first file is locked as long as it is written, and those
/// behind it are compressed when they are full.
#[derive(Debug)]
pub struct Writer {
    dir: PathBuf,
    /// Holds the lock.
    _first: File,
    file: BufWriter<File>,
    /// Number of the part that is written, from 0, and its bytes.
    part: u32,
    length: u64,
    /// Bytes of the parts before it, and those that all may have; output that is more is left out.
    before: u64,
    room: u64,
    joined: Joined,
    line: Vec<u8>,
    /// Whether something waits that must be there after a crash.
    urgent: bool,
    flushed: Timestamp,
}

impl Writer {
    /// Begins the record of `run` in `dir`, which is made. Output is recorded up to `room` bytes.
    pub fn begin(
        dir: &Path,
        run: &str,
        version: &str,
        at: Timestamp,
        room: u64,
    ) -> io::Result<Self> {
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
            _first: file.try_clone()?,
            file: BufWriter::with_capacity(WAITING, file),
            part: 0,
            length: 0,
            before: 0,
            room,
            joined: Joined::default(),
            line: Vec::new(),
            urgent: false,
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

    /// Writes an event, which may wait for [`Writer::flush`].
    pub fn event(&mut self, event: &Event) -> io::Result<()> {
        if let EventKind::Printed {
            place,
            stream,
            text,
        } = &event.kind
        {
            if let Some(joined) = self.joined.add(event.at, place, *stream, text) {
                self.output(joined)?;
            }
        } else {
            self.put_output()?;
            self.write(event)?;
            self.urgent |= matches!(
                event.kind,
                EventKind::StepFinished { .. }
                    | EventKind::ActionFinished { .. }
                    | EventKind::SubjectFinished { .. }
                    | EventKind::Interrupted
                    | EventKind::RunFinished { .. }
            );
        }
        let over = matches!(event.kind, EventKind::RunFinished { .. });
        if over || event.at.duration_since(self.flushed) > OFTEN {
            self.flushed = event.at;
            self.flush()?;
        }
        Ok(())
    }

    /// Hands what must be there after a crash to the operating system, if there is any.
    pub fn secure(&mut self) -> io::Result<()> {
        match self.urgent {
            true => self.flush(),
            false => Ok(()),
        }
    }

    /// Hands all that was written to the operating system.
    pub fn flush(&mut self) -> io::Result<()> {
        self.put_output()?;
        self.urgent = false;
        self.file.flush()
    }

    /// Whether output was left out, since it had no room.
    pub fn is_full(&self) -> bool {
        self.before + self.length > self.room
    }

    fn put_output(&mut self) -> io::Result<()> {
        let waiting = self.joined.take();
        waiting.into_iter().try_for_each(|event| self.output(event))
    }

    fn output(&mut self, event: Event) -> io::Result<()> {
        if !self.is_full() {
            self.write(&event)?;
        }
        self.joined.give_back(event);
        Ok(())
    }

    fn write(&mut self, event: &Event) -> io::Result<()> {
        self.line.clear();
        line(event, &mut self.line)?;
        self.file.write_all(&self.line)?;
        self.length += self.line.len() as u64;
        match self.length < parts::FULL {
            true => Ok(()),
            false => self.next_part(),
        }
    }

    /// Begins another part, and compresses the one that is full, unless it is the first.
    fn next_part(&mut self) -> io::Result<()> {
        self.file.flush()?;
        let events = self.path();
        let full = parts::path_of(&events, self.part);
        let next = private::create(&parts::path_of(&events, self.part + 1))?;
        self.file = BufWriter::with_capacity(WAITING, next);
        self.before += match self.part {
            0 => self.length,
            _ => parts::compress(&full)?.1,
        };
        self.part += 1;
        self.length = 0;
        Ok(())
    }

    /// Where the record is; its parts lie beside it.
    pub fn path(&self) -> PathBuf {
        self.dir.join(EVENTS)
    }

    /// Puts the verdict beside the record. The file appears whole or not at all.
    pub fn verdict(&mut self, json: &[u8]) -> io::Result<()> {
        self.flush()?;
        private::replace(&self.dir.join(VERDICT), json)
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        // There is nobody to tell; the record is read as far as it goes.
        let _ = self.flush();
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
