//! Reads a record as far as it goes, whatever it was cut off by and whoever wrote it.

use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::Path;

use serde::Deserialize;

use super::printed::{MARK, Printed};
use super::{Header, VERSION};
use crate::run::{Event, EventKind};

/// What was found beside events.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Ending {
    /// The first line.
    pub header: Option<Header>,
    /// Whether the run's end was recorded.
    pub finished: bool,
    /// Lines of kinds that this version does not know; they were passed over.
    pub unknown: usize,
    /// Lines that are no JSON: the last one of a record that was cut off, or damage.
    pub broken: usize,
}

impl Ending {
    /// Whether a newer version wrote it in a form that is read only as far as it is understood.
    pub fn newer(&self) -> bool {
        self.header.as_ref().is_some_and(|it| it.record > VERSION)
    }
}

/// Either of what a line that is no event may be.
#[derive(Deserialize)]
#[serde(untagged)]
enum Other {
    Header(Header),
    Unknown(serde::de::IgnoredAny),
}

/// Hands every event of the record at `path` to `take`, in order.
pub fn read(path: &Path, mut take: impl FnMut(Event)) -> io::Result<Ending> {
    let mut file = BufReader::with_capacity(256 << 10, File::open(path)?);
    let mut ending = Ending::default();
    let mut line = Vec::new();
    loop {
        line.clear();
        if file.read_until(b'\n', &mut line)? == 0 {
            return Ok(ending);
        }
        let text = String::from_utf8_lossy(&line);
        let text = text.trim_end_matches(['\n', '\r', '\0']);
        if text.is_empty() {
            continue;
        }
        match event(text) {
            Some(event) => {
                ending.finished |= matches!(event.kind, EventKind::RunFinished { .. });
                take(event);
            }
            None => match serde_json::from_str(text) {
                Ok(Other::Header(header)) => ending.header = Some(header),
                Ok(Other::Unknown(_)) => ending.unknown += 1,
                Err(_) => ending.broken += 1,
            },
        }
    }
}

fn event(text: &str) -> Option<Event> {
    let beginning = text.as_bytes().get(..80).unwrap_or(text.as_bytes());
    let printed = beginning
        .windows(MARK.len())
        .any(|part| part == MARK.as_bytes());
    if printed && let Ok(printed) = serde_json::from_str::<Printed<'_>>(text) {
        return Some(printed.event());
    }
    serde_json::from_str(text).ok()
}
