//! What came of a run, as plain data: made of the tally, put beside the record, printed by
//! `kitchen report --format json`, and what JUnit, TAP and HTML are made of.

use std::time::Duration;

use banquet_sdk::CaseStatus;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::tally::{self, Done, Running, Tally};
use crate::run::{Cause, Failure, Outcome, Place};

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
    /// The command's word (`test`).
    pub command: String,
    /// Names of its members.
    pub members: Vec<String>,
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
    /// Why it was skipped.
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
            Outcome::Allowed(_) => Self::Allowed,
            Outcome::Failed(failure) if failure.cause == Cause::Interrupted => Self::Stopped,
            Outcome::Failed(_) => Self::Failed,
            Outcome::Skipped(_) => Self::Skipped,
        }
    }
}

impl Verdict {
    /// Of what is known so far.
    pub fn of(tally: &Tally) -> Self {
        let run = &tally.run;
        let last = run.last.or(run.started).unwrap_or_default();
        let subjects: Vec<Subject> = tally
            .subjects
            .iter()
            .map(|subject| Subject::of(subject, last))
            .collect();
        let cause = tally.cause();
        let result = match (cause, run.took) {
            (_, None) => Ended::Unfinished,
            (Some(Cause::Interrupted), _) => Ended::Stopped,
            (Some(_), _) => Ended::Failed,
            (None, _) => Ended::Passed,
        };
        let until_now = || between(run.started.unwrap_or(last), last);
        Self {
            record: super::record::VERSION,
            run: run.id.clone(),
            version: run.version.clone(),
            started: run.started,
            seconds: seconds(run.took.unwrap_or_else(until_now)),
            result,
            cause,
            subjects,
        }
    }

    /// Whether anything passed only when it was tried again.
    pub fn flaky(&self) -> bool {
        self.subjects.iter().any(|subject| subject.flaky)
    }
}

impl Subject {
    fn of(subject: &tally::Subject, last: Timestamp) -> Self {
        let mut parts: Vec<Part> = subject.done.iter().map(Part::done).collect();
        let open = subject.running.iter();
        parts.extend(
            open.filter(|it| it.step || it.place.step.is_empty())
                .map(|running| Part::open(running, last)),
        );
        parts.sort_by_key(|part| part.number);
        let blocks: Vec<Vec<usize>> = parts
            .iter()
            .filter(|part| part.step.len() > 1)
            .map(|part| part.step[..part.step.len() - 1].to_vec())
            .collect();
        for part in &mut parts {
            part.block = !part.step.is_empty() && blocks.contains(&part.step);
        }
        parts.extend(not_run(subject, &parts));
        let mut tests = tests(&subject.tests);
        for test in &mut tests {
            let part = parts.iter().find(|part| Some(part.number) == test.part);
            let good = part.is_some_and(|it| matches!(it.result, Ended::Passed | Ended::Allowed));
            // The step was expected or allowed to fail.
            if test.result == Ended::Failed && good {
                test.result = Ended::Allowed;
            }
        }
        let (result, took, failure, reason) = match &subject.ended {
            Some((outcome, took)) => {
                let (failure, reason) = why(outcome);
                (Ended::of(outcome), *took, failure, reason)
            }
            None => (
                Ended::Unfinished,
                between(subject.started, last),
                None,
                None,
            ),
        };
        let told = parts.iter().any(|part| part.result >= Ended::Stopped);
        Self {
            name: subject.name.clone(),
            cluster: subject.cluster,
            command: subject.command.clone(),
            members: subject.members.clone(),
            started: subject.started,
            seconds: seconds(took),
            result,
            failure: failure.filter(|_| !told),
            reason,
            flaky: parts.iter().any(|part| part.flaky) || tests.iter().any(|test| test.flaky),
            parts,
            tests,
        }
    }

    /// The part of this number.
    pub fn part(&self, number: usize) -> Option<&Part> {
        self.parts.iter().find(|part| part.number == number)
    }
}

/// Steps that were not reached because something failed before, or the record ends.
fn not_run(subject: &tally::Subject, parts: &[Part]) -> Vec<Part> {
    let done = subject.ended.is_some() && subject.failures.is_empty();
    if subject.command != "test" || done {
        return Vec::new();
    }
    let last = parts.iter().filter_map(|part| part.step.first()).max();
    let rest = (1..).zip(&subject.titles).skip(*last.unwrap_or(&0));
    let number = parts.iter().map(|part| part.number + 1).max().unwrap_or(0);
    rest.zip(number..)
        .map(|((step, title), number): ((usize, _), _)| Part {
            number,
            step: vec![step],
            title: title.clone(),
            result: Ended::NotRun,
            ..Part::empty()
        })
        .collect()
}

impl Part {
    fn empty() -> Self {
        Self {
            number: 0,
            step: Vec::new(),
            block: false,
            title: String::new(),
            instance: None,
            started: None,
            seconds: 0.0,
            result: Ended::NotRun,
            attempts: 0,
            flaky: false,
            failure: None,
            reason: None,
            retried: Vec::new(),
        }
    }

    fn done(done: &Done) -> Self {
        let (failure, reason) = why(&done.outcome);
        Self {
            number: done.number,
            step: done.place.step.clone(),
            title: done.what.clone(),
            instance: done.place.instance.clone(),
            started: Some(done.since),
            seconds: seconds(done.duration),
            result: Ended::of(&done.outcome),
            attempts: done.attempts.max(1),
            flaky: done.outcome == Outcome::Passed && done.attempts > 1,
            failure,
            reason,
            retried: done.retried.clone(),
            ..Self::empty()
        }
    }

    fn open(running: &Running, last: Timestamp) -> Self {
        let Place { step, instance, .. } = running.place.clone();
        Self {
            number: running.number,
            step,
            title: running.what.clone(),
            instance,
            started: Some(running.since),
            seconds: seconds(between(running.since, last)),
            result: Ended::Unfinished,
            attempts: u32::try_from(running.retried.len() + 1).unwrap_or(u32::MAX),
            retried: running.retried.clone(),
            ..Self::empty()
        }
    }
}

/// Each test once, as its last attempt ended.
fn tests(all: &[tally::Test]) -> Vec<Test> {
    let mut tests: Vec<Test> = Vec::new();
    let mut known = std::collections::HashMap::new();
    for test in all {
        let result = match test.case.status {
            CaseStatus::Passed => Ended::Passed,
            CaseStatus::Failed => Ended::Failed,
            CaseStatus::Skipped => Ended::Skipped,
        };
        let mut new = Test {
            name: test.case.name.clone(),
            instance: test.place.instance.clone(),
            part: test.part,
            result,
            seconds: test.case.duration.map(seconds),
            message: test.case.message.clone(),
            flaky: false,
            retried: Vec::new(),
        };
        // Tests of one attempt may share a name: they are several.
        let key = (test.part, &test.place, &test.case.name);
        let earlier = known.get(&key).copied();
        match earlier.filter(|(_, attempt)| *attempt < test.attempt) {
            Some((index, _)) => {
                let old: &Test = &tests[index];
                new.retried.clone_from(&old.retried);
                if old.result == Ended::Failed {
                    let message = old.message.clone();
                    new.retried.push(message.unwrap_or_else(|| "failed".into()));
                }
                new.flaky = new.result == Ended::Passed && !new.retried.is_empty();
                tests[index] = new;
                known.insert(key, (index, test.attempt));
            }
            None => {
                known.insert(key, (tests.len(), test.attempt));
                tests.push(new);
            }
        }
    }
    tests
}

/// Why it failed, or why it was skipped.
fn why(outcome: &Outcome) -> (Option<Failure>, Option<String>) {
    match outcome {
        Outcome::Failed(failure) | Outcome::Allowed(failure) => (Some(failure.clone()), None),
        Outcome::Skipped(reason) => (None, Some(reason.clone())),
        Outcome::Passed => (None, None),
    }
}

fn between(from: Timestamp, to: Timestamp) -> Duration {
    to.duration_since(from).try_into().unwrap_or_default()
}

/// To the millisecond: what is shorter says nothing about machines.
fn seconds(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1000.0).round() / 1000.0
}
