//! What was printed in each part of a run: the end of it, at bounded memory.

use std::collections::{HashMap, VecDeque};

use super::tally::Tally;
use super::text::safe;
use crate::run::{Event, EventKind, Place};

/// Bytes that are kept of each part.
const KEPT: usize = 32 << 10;

/// The last lines of each part of each subject, by the subject's index and the part's number.
#[derive(Debug, Default)]
pub struct Outputs {
    kept: HashMap<(usize, usize), Output>,
    /// What goes on at the places that printed since anything began or ended.
    known: HashMap<Place, Option<(usize, usize)>>,
}

/// The last lines of one part.
#[derive(Debug, Default)]
pub struct Output {
    lines: VecDeque<String>,
    bytes: usize,
    /// Lines that were not kept.
    pub dropped: usize,
}

impl Outputs {
    /// Takes an event into account, after `tally` has.
    pub fn event(&mut self, tally: &Tally, event: &Event) {
        let EventKind::Printed { place, text, .. } = &event.kind else {
            self.known.clear();
            return;
        };
        let part = match self.known.get(place) {
            Some(part) => *part,
            None => {
                let part = tally.part(place);
                self.known.insert(place.clone(), part);
                part
            }
        };
        if let Some(part) = part {
            self.kept.entry(part).or_default().add(&safe(text, false));
        }
    }

    /// What was printed in a part.
    pub fn of(&self, subject: usize, part: usize) -> Option<&Output> {
        self.kept.get(&(subject, part))
    }
}

impl Output {
    fn add(&mut self, line: &str) {
        let end = (0..=KEPT.min(line.len()))
            .rev()
            .find(|end| line.is_char_boundary(*end));
        let line = &line[..end.unwrap_or(0)];
        self.bytes += line.len() + 1;
        self.lines.push_back(line.to_owned());
        while self.bytes > KEPT
            && let Some(first) = self.lines.pop_front()
        {
            self.bytes -= first.len() + 1;
            self.dropped += 1;
        }
    }

    /// The last lines that fit into so many bytes, and how many there were before them.
    pub fn last(&self, bytes: usize) -> (usize, impl Iterator<Item = &str>) {
        let mut room = bytes;
        let fits = |line: &&String| {
            let fits = line.len() < room;
            room = room.saturating_sub(line.len() + 1);
            fits
        };
        let count = self.lines.iter().rev().take_while(fits).count();
        let before = self.lines.len() - count;
        let lines = self.lines.iter().skip(before).map(String::as_str);
        (self.dropped + before, lines)
    }

    /// As [`Output::last`], as one text that says what is left out.
    pub fn text(&self, bytes: usize) -> String {
        let (before, lines) = self.last(bytes);
        let mut text = match before {
            0 => String::new(),
            1 => "(1 line before this is in the log)\n".into(),
            many => format!("({many} lines before this are in the log)\n"),
        };
        for line in lines {
            text.push_str(line);
            text.push('\n');
        }
        text
    }
}
