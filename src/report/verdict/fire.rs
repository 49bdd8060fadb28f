//! What a cluster was put through, as plain data. Times are seconds.

use jiff::{SignedDuration, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::super::tally;
use super::seconds;
use crate::run::HeartbeatSummary;

/// A fault.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Fault {
    /// The step, as written (`kill web1`).
    pub what: String,
    /// Path of the step.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub step: Vec<usize>,
    /// Names of the instances.
    pub members: Vec<String>,
    /// Since when it was in force.
    pub set: Timestamp,
    /// How long it took from the start of its step until then.
    pub took: f64,
    /// When it was undone; none: it was in force to the end.
    pub healed: Option<Timestamp>,
}

/// A heartbeat.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Heartbeat {
    /// Text or name of its step.
    pub title: String,
    /// Path of the step.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub step: Vec<usize>,
    /// The member from which it asked; none: from the workstation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance: Option<String>,
    /// Whether it came to its end; if not, only the counts are known, up to where the record ends.
    pub finished: bool,
    /// Questions asked.
    pub sent: u64,
    /// Answered as demanded.
    pub answered: u64,
    /// Not.
    pub lost: u64,
    /// Longest time without answers.
    pub longest_outage: f64,
    /// Of answers, from the moment at which a question was to be asked; none where nothing was
    /// answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latency: Option<Latency>,
    /// Times without answers, in order; at most the first 1000.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub outages: Vec<Outage>,
}

/// How long answers took, and how late questions were.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Latency {
    /// Half of the answers took no longer.
    pub p50: f64,
    /// Nine of ten.
    pub p90: f64,
    /// 99 of 100.
    pub p99: f64,
    /// The slowest.
    pub max: f64,
    /// 99 of 100 questions were asked no later than this after they were to be.
    pub late_p99: f64,
}

/// A time without answers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Outage {
    /// When its first question was to be asked.
    pub since: Timestamp,
    /// How long it lasted.
    pub seconds: f64,
    /// Questions that were lost.
    pub lost: u64,
    /// Why the first one was.
    pub error: String,
    /// The fault that came last before it (`kill web1`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub follows: Option<String>,
}

impl Fault {
    pub(super) fn of(fault: &tally::Fault) -> Self {
        Self {
            what: fault.what.clone(),
            step: fault.place.step.clone(),
            members: fault.members.clone(),
            set: fault.set,
            took: seconds(fault.took),
            healed: fault.healed,
        }
    }
}

impl Heartbeat {
    pub(super) fn of(heartbeat: &tally::Heartbeat) -> Self {
        let summary = heartbeat.summary.as_ref();
        let (sent, lost) = match summary {
            Some(summary) => (summary.sent, summary.lost),
            None => (heartbeat.sent, heartbeat.lost),
        };
        let outages = summary.map_or(&[][..], |summary| &summary.outages);
        Self {
            title: heartbeat.title.clone(),
            step: heartbeat.place.step.clone(),
            instance: heartbeat.place.instance.clone(),
            finished: summary.is_some(),
            sent,
            answered: sent - lost.min(sent),
            lost,
            longest_outage: micros(longest(summary)),
            latency: summary.filter(|it| it.answered > 0).map(Latency::of),
            outages: outages.iter().map(Outage::of).collect(),
        }
    }
}

/// Records of older versions tell it only by the outages.
fn longest(summary: Option<&HeartbeatSummary>) -> u64 {
    let lasted = |summary: &HeartbeatSummary| {
        let all = summary.outages.iter().map(|outage| outage.lasted);
        all.chain([summary.longest]).max()
    };
    summary.and_then(lasted).unwrap_or(0)
}

impl Latency {
    fn of(summary: &HeartbeatSummary) -> Self {
        Self {
            p50: micros(summary.p50),
            p90: micros(summary.p90),
            p99: micros(summary.p99),
            max: micros(summary.max),
            late_p99: micros(summary.late_p99),
        }
    }
}

impl Outage {
    fn of(outage: &crate::run::Outage) -> Self {
        Self {
            since: moment(outage.since),
            seconds: micros(outage.lasted),
            lost: outage.lost,
            error: outage.error.clone(),
            follows: outage.follows.clone(),
        }
    }
}

fn micros(micros: u64) -> f64 {
    micros as f64 / 1e6
}

/// A moment in microseconds since 1970.
pub fn moment(micros: u64) -> Timestamp {
    let since = SignedDuration::from_micros(i64::try_from(micros).unwrap_or(i64::MAX));
    Timestamp::from_duration(since).unwrap_or_default()
}
