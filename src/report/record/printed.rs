//! The form of the most frequent event, output, without the detours of the general one: it is
//! written and read in a fraction of the time, and is the same JSON.

use std::borrow::Cow;

use banquet_sdk::Stream;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::run::{Event, EventKind, Place};

/// What a line of output begins with, behind its time.
pub const MARK: &str = r#""event":"printed""#;

/// A line of output.
#[derive(Serialize, Deserialize)]
pub struct Printed<'a> {
    at: Timestamp,
    event: Tag,
    #[serde(borrow)]
    subject: Cow<'a, str>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    instance: Option<Cow<'a, str>>,
    #[serde(default, skip_serializing_if = "<[usize]>::is_empty")]
    step: Cow<'a, [usize]>,
    stream: Stream,
    #[serde(borrow)]
    text: Cow<'a, str>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Tag {
    Printed,
}

impl<'a> Printed<'a> {
    /// The line of an event, if it is output.
    pub fn of(event: &'a Event) -> Option<Self> {
        let EventKind::Printed {
            place,
            stream,
            text,
        } = &event.kind
        else {
            return None;
        };
        Some(Self {
            at: event.at,
            event: Tag::Printed,
            subject: place.subject.as_str().into(),
            instance: place.instance.as_deref().map(Cow::Borrowed),
            step: place.step.as_slice().into(),
            stream: *stream,
            text: text.as_str().into(),
        })
    }

    /// Hands the event of each line of its text to `take`.
    pub fn events(self, mut take: impl FnMut(Event)) {
        let place = Place {
            subject: self.subject.into_owned(),
            instance: self.instance.map(Cow::into_owned),
            step: self.step.into_owned(),
        };
        for text in self.text.split('\n') {
            take(Event {
                at: self.at,
                kind: EventKind::Printed {
                    place: place.clone(),
                    stream: self.stream,
                    text: text.to_owned(),
                },
            });
        }
    }
}
