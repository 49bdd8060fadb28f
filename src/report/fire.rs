//! What happened to a cluster under fire: faults from when they were set to when they healed, and
//! heartbeats with their beats and outages.

use jiff::{SignedDuration, Timestamp};

use super::tally::Tally;
use crate::run::{Event, EventKind, HeartbeatSummary, Outage, Place, Sample};

/// All faults and heartbeats of a run.
#[derive(Debug, Default)]
pub struct Fire {
    faults: Vec<Fault>,
    heartbeats: Vec<Heartbeat>,
}

/// A fault.
#[derive(Debug)]
pub struct Fault {
    /// The cluster.
    subject: String,
    number: u64,
    /// The step, as written (`kill web1`).
    pub what: String,
    members: Vec<String>,
    since: Timestamp,
    until: Option<Timestamp>,
}

/// A heartbeat.
#[derive(Debug)]
pub struct Heartbeat {
    place: Place,
    /// Its step.
    pub title: String,
    /// Its questions.
    pub samples: Vec<Sample>,
    /// What came of it, once it has ended.
    summary: Option<HeartbeatSummary>,
}

impl Fire {
    /// Takes an event into account, after `tally` has.
    pub fn event(&mut self, tally: &Tally, event: &Event) {
        match &event.kind {
            EventKind::FaultSet {
                place,
                fault,
                what,
                members,
                ..
            } => self.faults.push(Fault {
                subject: place.subject.clone(),
                number: *fault,
                what: what.clone(),
                members: members.clone(),
                since: event.at,
                until: None,
            }),
            EventKind::FaultHealed { place, fault, .. } => {
                let healed = |it: &&mut Fault| {
                    it.until.is_none() && it.subject == place.subject && it.number == *fault
                };
                if let Some(fault) = self.faults.iter_mut().rfind(healed) {
                    fault.until = Some(event.at);
                }
            }
            EventKind::HeartbeatSampled { place, samples } => {
                let heartbeat = self.heartbeat(tally, place);
                heartbeat.samples.extend(samples.iter().cloned());
            }
            EventKind::HeartbeatFinished { place, summary } => {
                self.heartbeat(tally, place).summary = Some(summary.clone());
            }
            _ => {}
        }
    }

    fn heartbeat(&mut self, tally: &Tally, place: &Place) -> &mut Heartbeat {
        let known = self.heartbeats.iter().position(|it| it.place == *place);
        let index = known.unwrap_or_else(|| {
            self.heartbeats.push(Heartbeat {
                place: place.clone(),
                title: tally.title(place).unwrap_or("heartbeat").into(),
                samples: Vec::new(),
                summary: None,
            });
            self.heartbeats.len() - 1
        });
        &mut self.heartbeats[index]
    }

    /// Faults of a cluster.
    pub fn faults(&self, subject: &str) -> impl Iterator<Item = &Fault> {
        self.faults.iter().filter(move |it| it.subject == subject)
    }

    /// Heartbeats of a cluster.
    pub fn heartbeats(&self, subject: &str) -> impl Iterator<Item = &Heartbeat> {
        let all = self.heartbeats.iter();
        all.filter(move |it| it.place.subject == subject)
    }
}

impl Fault {
    /// Whether a member is hit.
    pub fn hits(&self, member: &str) -> bool {
        self.members.iter().any(|it| it == member)
    }

    /// Seconds from `start` to when it was in force, and to when it was undone.
    pub fn span(&self, start: Timestamp) -> (f64, Option<f64>) {
        let seconds = |at: Timestamp| at.duration_since(start).as_secs_f64().max(0.0);
        (seconds(self.since), self.until.map(seconds))
    }
}

impl Heartbeat {
    /// Times without answers, in order.
    pub fn outages(&self) -> &[Outage] {
        self.summary
            .as_ref()
            .map_or(&[], |summary| &summary.outages)
    }

    /// `1200 sent, 3 lost, half within 1.2 ms, 99% within 41.0 ms`
    pub fn figures(&self) -> String {
        match &self.summary {
            Some(HeartbeatSummary {
                sent,
                lost,
                p50,
                p99,
                ..
            }) => format!(
                "{sent} sent, {lost} lost, half within {:.1} ms, 99% within {:.1} ms",
                millis(*p50),
                millis(*p99)
            ),
            None => {
                let lost = self.samples.iter().filter(|it| it.error.is_some()).count();
                format!("{} sent, {lost} lost, unfinished", self.samples.len())
            }
        }
    }
}

/// Microseconds as milliseconds.
pub fn millis(micros: u64) -> f64 {
    micros as f64 / 1000.0
}

/// Seconds from `start` to a moment in microseconds since 1970.
pub fn seconds(micros: u64, start: Timestamp) -> f64 {
    let since = SignedDuration::from_micros(i64::try_from(micros).unwrap_or(i64::MAX));
    let start = SignedDuration::from_micros(start.as_microsecond());
    (since - start).as_secs_f64().max(0.0)
}
