//! What happened to a cluster under fire: faults from when they were set to when they healed, and
//! heartbeats with their beats and outages.

use jiff::{SignedDuration, Timestamp};

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
    pub subject: String,
    /// The step, as written (`kill web1`).
    pub what: String,
    /// Names of the instances.
    pub members: Vec<String>,
    /// When it was in force.
    pub since: Timestamp,
    /// When it was undone.
    pub until: Option<Timestamp>,
}

/// A heartbeat.
#[derive(Debug)]
pub struct Heartbeat {
    /// The cluster.
    pub subject: String,
    /// Its step.
    pub title: String,
    /// Its beats, in order.
    pub beats: Vec<Beat>,
    /// Times without answers.
    pub outages: Vec<Outage>,
}

/// One beat.
#[derive(Clone, Copy, Debug)]
pub struct Beat {
    /// When it was to be sent, in microseconds since 1970.
    pub planned: u64,
    /// How long the answer took, in milliseconds.
    pub millis: f64,
    /// Whether there was none.
    pub lost: bool,
}

/// A time without answers.
#[derive(Clone, Debug)]
pub struct Outage {
    /// When its first beat was to be sent, in microseconds since 1970.
    pub since: u64,
    /// How long.
    pub seconds: f64,
    /// Beats that were lost.
    pub lost: u64,
    /// Why the first one was.
    pub error: String,
    /// The fault that came before it.
    pub follows: Option<String>,
}

impl Fire {
    /// Faults of a cluster.
    pub fn faults(&self, subject: &str) -> impl Iterator<Item = &Fault> {
        self.faults.iter().filter(move |it| it.subject == subject)
    }

    /// Heartbeats of a cluster.
    pub fn heartbeats(&self, subject: &str) -> impl Iterator<Item = &Heartbeat> {
        let all = self.heartbeats.iter();
        all.filter(move |it| it.subject == subject)
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
    /// `1,200 beats, 3 lost, slowest 41 ms`
    pub fn figures(&self) -> String {
        let lost = self.beats.iter().filter(|beat| beat.lost).count();
        let answered = self.beats.iter().filter(|beat| !beat.lost);
        let slowest = answered.map(|beat| beat.millis).fold(0.0, f64::max);
        let all = self.beats.len();
        format!("{all} beats, {lost} lost, slowest {slowest:.0} ms")
    }
}

impl Beat {
    /// Seconds from `start` to when it was to be sent.
    pub fn at(&self, start: Timestamp) -> f64 {
        seconds(self.planned, start)
    }
}

impl Outage {
    /// Seconds from `start` to its beginning.
    pub fn since(&self, start: Timestamp) -> f64 {
        seconds(self.since, start)
    }
}

fn seconds(micros: u64, start: Timestamp) -> f64 {
    let since = SignedDuration::from_micros(i64::try_from(micros).unwrap_or(i64::MAX));
    let start = SignedDuration::from_micros(start.as_microsecond());
    (since - start).as_secs_f64().max(0.0)
}
