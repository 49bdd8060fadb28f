//! Reads a record as far as it goes, whatever it was cut off by and whoever wrote it.

use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::super::parts::{self, Joined};
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

/// The files of the record at `path`, in order: the first one, which may be compressed since, and the
/// parts behind it.
pub(super) fn files(path: &Path) -> Vec<PathBuf> {
    let mut files = vec![first(path)];
    let dir = path.parent().unwrap_or(Path::new("."));
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let parts = parts::listed(dir).remove(&*name).unwrap_or_default();
    files.extend(parts.into_iter().map(|part| part.path));
    files
}

/// The first file of the record at `path`.
pub(super) fn first(path: &Path) -> PathBuf {
    let packed = path.with_extension("ndjson.gz");
    match !path.exists() && packed.exists() {
        true => packed,
        false => path.to_path_buf(),
    }
}

/// Hands every event of the record at `path` to `take`, in order, and every line of output as an
/// event of its own.
pub fn read(path: &Path, mut take: impl FnMut(Event)) -> io::Result<Ending> {
    let joined = Joined::of(files(path));
    let mut file = BufReader::with_capacity(256 << 10, joined);
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
        if let Some(printed) = printed(text) {
            printed.events(&mut take);
            continue;
        }
        match serde_json::from_str::<Event>(text) {
            Ok(event) => {
                ending.finished |= matches!(event.kind, EventKind::RunFinished { .. });
                take(event);
            }
            Err(_) => match serde_json::from_str(text) {
                Ok(Other::Header(header)) => ending.header = Some(header),
                Ok(Other::Unknown(_)) => ending.unknown += 1,
                Err(_) => ending.broken += 1,
            },
        }
    }
}

/// The line as output, if it is.
fn printed(text: &str) -> Option<Printed<'_>> {
    let beginning = text.as_bytes().get(..80).unwrap_or(text.as_bytes());
    let mut parts = beginning.windows(MARK.len());
    let is = parts.any(|part| part == MARK.as_bytes());
    is.then(|| serde_json::from_str(text).ok()).flatten()
}
