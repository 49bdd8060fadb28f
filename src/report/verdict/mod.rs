//! What came of a run, as plain data: made of the tally, put beside the record, printed by
//! `kitchen report --format json`, and what JUnit, TAP and HTML are made of.

mod blocks;
mod cases;
mod fire;
mod lasting;
mod of;

use std::time::Duration;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use cases::{Case, Counts, Kind, OTHERS};
pub use fire::{Fault, Heartbeat, Outage, moment};

use super::text::path;
use crate::run::{Cause, Failure, Outcome};

/// A run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Verdict {
    /// Version of the record's form.
    pub record: u32,
    /// Id of the run.
    pub run: String,
    /// Version of the program that ran.
    pub version: String,
    /// When the run began.
    pub started: Option<Timestamp>,
    /// How long it took, up to the last event if it has no end.
    pub seconds: f64,
    /// How it ended.
    pub result: Ended,
    /// The most important cause of what failed; decides the exit code.
    pub cause: Option<Cause>,
    /// Names of the platforms of its subjects.
    pub platforms: Vec<String>,
    /// How the tests of all subjects ended.
    pub tests: Counts,
    /// Clusters, and instances by themselves, in the order in which they began.
    pub subjects: Vec<Subject>,
}

/// How something ended.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Ended {
    /// It did what it should.
    Passed,
    /// A block of steps of which the command runs a part: what ran passed, the rest was left out.
    Partly,
    /// It failed, and was allowed to.
    Allowed,
    /// It was not done, for a reason.
    Skipped,
    /// It was not reached.
    NotRun,
    /// The record ends while it goes on.
    Unfinished,
    /// The run was told to stop.
    Stopped,
    /// It failed.
    Failed,
}

/// A cluster, or an instance by itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Subject {
    /// Its name.
    pub name: String,
    /// Whether it is a cluster.
    pub cluster: bool,
    /// Name of its multisuite; of an instance by itself that of its suite.
    pub suite: String,
    /// Name of its platform.
    pub platform: String,
    /// The command's word (`test`).
    pub command: String,
    /// What the plan had, in order: actions of all members by their word, steps by their number.
    pub items: Vec<String>,
    /// Names of its members.
    pub members: Vec<String>,
    /// The suite of each member, in the same order.
    pub suites: Vec<String>,
    /// When work on it began.
    pub started: Timestamp,
    /// How long that took.
    pub seconds: f64,
    /// How it ended.
    pub result: Ended,
    /// Why it failed, where no part of it says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
    /// Why it was skipped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Whether a part of it passed only when it was tried again.
    pub flaky: bool,
    /// Steps, and actions outside of steps, in the order in which they began.
    pub parts: Vec<Part>,
    /// What verifiers counted.
    pub tests: Vec<Test>,
    /// Parts and tests as build servers follow them from run to run.
    pub cases: Vec<Case>,
    /// What it was put through, in the order in which it was set.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub faults: Vec<Fault>,
    /// What was asked of it meanwhile, in the order in which that began.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub heartbeats: Vec<Heartbeat>,
}

/// A step, or an action outside of steps.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Part {
    /// Counts what the subject has begun, from 0; tests name it.
    pub number: usize,
    /// Path of the step: `[2, 1]` is the first in the block that is second. Empty for actions.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub step: Vec<usize>,
    /// Whether other steps are in it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub block: bool,
    /// Text or name of the step, or the action's word.
    pub title: String,
    /// What it does (`verify`, `kill`); of a block `concurrent`, `steps`, `during` or `rolling`.
    pub action: String,
    /// The member, where it is of one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance: Option<String>,
    /// When it began; none where it was not reached.
    pub started: Option<Timestamp>,
    /// How long all attempts took.
    pub seconds: f64,
    /// How it ended.
    pub result: Ended,
    /// Attempts.
    pub attempts: u32,
    /// Whether it passed only when it was tried again.
    pub flaky: bool,
    /// Why it failed, or was allowed to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
    /// Why it was skipped; what was left out of it, where it was partly run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Why earlier attempts failed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub retried: Vec<Failure>,
}

/// A test as the verifier's tool counts them. Of several attempts the last counts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Test {
    /// The tool's name for it.
    pub name: String,
    /// The member.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance: Option<String>,
    /// [`Part::number`] of what it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub part: Option<usize>,
    /// How it ended.
    pub result: Ended,
    /// How long it took, where the tool tells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seconds: Option<f64>,
    /// What the tool said about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// Whether it failed in an earlier attempt.
    pub flaky: bool,
    /// What the tool said in earlier attempts, in which it failed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub retried: Vec<String>,
}

impl Ended {
    /// The word for people.
    pub fn word(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Partly => "partly run",
            Self::Allowed => "allowed",
            Self::Skipped => "skipped",
            Self::NotRun => "not run",
            Self::Unfinished => "unfinished",
            Self::Stopped => "stopped",
            Self::Failed => "failed",
        }
    }

    fn of(outcome: &Outcome) -> Self {
        match outcome {
            Outcome::Passed => Self::Passed,
            Outcome::Partly(_) => Self::Partly,
            Outcome::Allowed(_) => Self::Allowed,
            Outcome::Failed(failure) if failure.cause == Cause::Interrupted => Self::Stopped,
            Outcome::Failed(_) => Self::Failed,
            Outcome::Skipped(_) => Self::Skipped,
        }
    }
}

impl Verdict {
    /// The steps and actions that failed, without the blocks that failed by them.
    pub fn failed(&self) -> Vec<(&Subject, &Part)> {
        let bad = |part: &Part| part.result == Ended::Failed;
        let subjects = self.subjects.iter();
        let failed = subjects.flat_map(|subject| subject.parts.iter().map(move |it| (subject, it)));
        let innermost = failed.filter(|(subject, part)| {
            let within =
                |it: &Part| it.step.len() > part.step.len() && it.step.starts_with(&part.step);
            let told = part.block && subject.parts.iter().any(|it| bad(it) && within(it));
            bad(part) && !told
        });
        innermost.collect()
    }

    /// Whether anything passed only when it was tried again.
    pub fn flaky(&self) -> bool {
        self.subjects.iter().any(|subject| subject.flaky)
    }
}

impl Part {
    /// `2.1 wait web`: number and title of a step, else the action's word.
    pub fn headline(&self) -> String {
        match self.step.is_empty() {
            true => self.title.clone(),
            false => format!("{} {}", path(&self.step), self.title),
        }
    }
}

impl Subject {
    /// The part of this number: they are in the order of their numbers.
    pub fn part(&self, number: usize) -> Option<&Part> {
        let index = self.parts.binary_search_by_key(&number, |part| part.number);
        index.ok().map(|index| &self.parts[index])
    }
}

/// To the millisecond: what is shorter says nothing about machines.
fn seconds(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1000.0).round() / 1000.0
}

/// Seconds as a duration; none below zero.
pub fn duration(seconds: f64) -> Duration {
    Duration::try_from_secs_f64(seconds).unwrap_or_default()
}
