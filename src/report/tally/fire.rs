//! What a cluster is put through: faults from when they are in force to when they are healed, and
//! heartbeats with what has come of them so far.

use std::time::Duration;

use jiff::Timestamp;

use crate::run::{EventKind, HeartbeatSummary, Place};

/// Faults and heartbeats of a subject, each in the order in which they began.
#[derive(Clone, Debug, Default)]
pub struct Fire {
    /// Faults.
    pub faults: Vec<Fault>,
    /// Heartbeats; one that is tried again is another.
    pub heartbeats: Vec<Heartbeat>,
}

/// A fault.
#[derive(Clone, Debug)]
pub struct Fault {
    /// Where it was set.
    pub place: Place,
    /// Its number in its cluster.
    pub number: u64,
    /// The step, as written (`kill web1`).
    pub what: String,
    /// Names of the instances.
    pub members: Vec<String>,
    /// Since when it is in force.
    pub set: Timestamp,
    /// How long that took.
    pub took: Duration,
    /// Since when no more.
    pub healed: Option<Timestamp>,
}

/// A heartbeat.
#[derive(Clone, Debug)]
pub struct Heartbeat {
    /// Its step.
    pub place: Place,
    /// The step's text or name.
    pub title: String,
    /// When it was first heard of.
    pub since: Timestamp,
    /// Questions that have ended.
    pub sent: u64,
    /// Those that were lost.
    pub lost: u64,
    /// How long the last answer took, in microseconds; none while questions are lost.
    pub last: Option<u64>,
    /// What came of it, once it has ended.
    pub summary: Option<HeartbeatSummary>,
}

impl Fire {
    /// Takes an event into account; `title` is that of its step.
    pub fn event(&mut self, at: Timestamp, kind: &EventKind, title: Option<&str>) {
        match kind {
            EventKind::FaultSet {
                place,
                fault,
                what,
                members,
                took,
            } => self.faults.push(Fault {
                place: place.clone(),
                number: *fault,
                what: what.clone(),
                members: members.clone(),
                set: at,
                took: *took,
                healed: None,
            }),
            EventKind::FaultHealed { fault, .. } => {
                let open = |it: &&mut Fault| it.healed.is_none() && it.number == *fault;
                if let Some(fault) = self.faults.iter_mut().rfind(open) {
                    fault.healed = Some(at);
                }
            }
            EventKind::HeartbeatSampled { place, samples } => {
                let heartbeat = self.heartbeat(place, title, at);
                let lost = samples.iter().filter(|it| it.error.is_some()).count();
                heartbeat.sent += samples.len() as u64;
                heartbeat.lost += lost as u64;
                if let Some(last) = samples.last() {
                    heartbeat.last = last.error.is_none().then_some(last.took);
                }
            }
            EventKind::HeartbeatFinished { place, summary } => {
                let heartbeat = self.heartbeat(place, title, at);
                heartbeat.summary = Some(summary.clone());
            }
            _ => {}
        }
    }

    /// Index of the heartbeat that goes on at `place`.
    pub fn current(&self, place: &Place) -> Option<usize> {
        let open = |it: &Heartbeat| it.summary.is_none() && it.place == *place;
        self.heartbeats.iter().rposition(open)
    }

    /// The heartbeat that goes on at `place`; a new one where none does.
    fn heartbeat(&mut self, place: &Place, title: Option<&str>, at: Timestamp) -> &mut Heartbeat {
        let index = self.current(place).unwrap_or_else(|| {
            self.heartbeats.push(Heartbeat {
                place: place.clone(),
                title: title.unwrap_or("heartbeat").into(),
                since: at,
                sent: 0,
                lost: 0,
                last: None,
                summary: None,
            });
            self.heartbeats.len() - 1
        });
        &mut self.heartbeats[index]
    }
}
