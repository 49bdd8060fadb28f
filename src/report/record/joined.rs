//! Output that is recorded joined: lines of one place that come one soon after another are one event,
//! since what is said of a line (when, where) is longer than most lines.

use std::collections::HashMap;

use banquet_sdk::Stream;
use jiff::{SignedDuration, Timestamp};

use crate::run::{Event, EventKind, Place};

/// Lines are joined that come within this time, up to so many bytes.
const NEAR: SignedDuration = SignedDuration::from_millis(100);
const LONGEST: usize = 32 << 10;

/// Output that waits for more, by its place.
#[derive(Debug, Default)]
pub struct Joined {
    waiting: HashMap<Place, Waiting>,
    /// Counts what has waited, for the order.
    count: u64,
    /// Texts of events that are written, to be filled again.
    spare: Vec<String>,
}

#[derive(Debug)]
struct Waiting {
    number: u64,
    at: Timestamp,
    stream: Stream,
    text: String,
}

impl Joined {
    /// Adds a line; gives what can wait no longer, as an event.
    pub fn add(
        &mut self,
        at: Timestamp,
        place: &Place,
        stream: Stream,
        text: &str,
    ) -> Option<Event> {
        let mut new = || {
            self.count += 1;
            let mut spare = self.spare.pop().unwrap_or_default();
            spare.push_str(text);
            Waiting {
                number: self.count,
                at,
                stream,
                text: spare,
            }
        };
        let Some(waiting) = self.waiting.get_mut(place) else {
            let new = new();
            self.waiting.insert(place.clone(), new);
            return None;
        };
        let near = at.duration_since(waiting.at) < NEAR;
        if near && waiting.stream == stream && waiting.text.len() + text.len() < LONGEST {
            waiting.text.push('\n');
            waiting.text.push_str(text);
            return None;
        }
        let full = std::mem::replace(waiting, new());
        Some(full.event(place.clone()))
    }

    /// All that waits, in the order in which it began to.
    pub fn take(&mut self) -> Vec<Event> {
        let mut all: Vec<(Place, Waiting)> = self.waiting.drain().collect();
        all.sort_by_key(|(_, waiting)| waiting.number);
        let events = all.into_iter();
        events
            .map(|(place, waiting)| waiting.event(place))
            .collect()
    }

    /// Takes the text of an event that is written back.
    pub fn give_back(&mut self, event: Event) {
        if let EventKind::Printed { mut text, .. } = event.kind
            && self.spare.len() < 16
        {
            text.clear();
            self.spare.push(text);
        }
    }
}

impl Waiting {
    fn event(self, place: Place) -> Event {
        Event {
            at: self.at,
            kind: EventKind::Printed {
                place,
                stream: self.stream,
                text: self.text,
            },
        }
    }
}
