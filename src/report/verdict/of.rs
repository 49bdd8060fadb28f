//! The verdict of what is known so far.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use banquet_sdk::CaseStatus;
use jiff::Timestamp;

use super::super::record;
use super::super::tally::{self, Done, Running, Tally};
use super::super::text::left_out;
use super::{
    Counts, Ended, Fault, Heartbeat, Part, Subject, Test, Verdict, blocks, cases, seconds,
};
use crate::run::{Cause, Failure, Outcome, Place, Planned};

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
            record: record::VERSION,
            run: run.id.clone(),
            version: run.version.clone(),
            started: run.started,
            seconds: seconds(run.took.unwrap_or_else(until_now)),
            result,
            cause,
            platforms: run.platforms.clone(),
            tests: subjects.iter().map(|it| Counts::of(&it.cases)).sum(),
            subjects,
        }
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
        let blocks: HashSet<Vec<usize>> = parts
            .iter()
            .filter(|part| part.step.len() > 1)
            .map(|part| part.step[..part.step.len() - 1].to_vec())
            .collect();
        for part in &mut parts {
            part.block = !part.step.is_empty() && blocks.contains(&part.step);
            part.action = subject.action(&part.step, &part.title).to_owned();
        }
        parts.extend(not_run(subject, &parts));
        let mut tests = tests(&subject.tests);
        let good = parts
            .iter()
            .filter(|it| matches!(it.result, Ended::Passed | Ended::Allowed));
        let good: HashSet<usize> = good.map(|part| part.number).collect();
        for test in &mut tests {
            let good = test.part.is_some_and(|part| good.contains(&part));
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
        let mut subject = Self {
            name: subject.name.clone(),
            cluster: subject.cluster,
            suite: subject.suite.clone(),
            platform: subject.platform.clone(),
            command: subject.command.clone(),
            items: subject.items.clone(),
            members: subject.members.clone(),
            suites: subject.suites.clone(),
            started: subject.started,
            seconds: seconds(took),
            result,
            failure: failure.filter(|_| !told),
            reason,
            flaky: parts.iter().any(|part| part.flaky) || tests.iter().any(|test| test.flaky),
            parts,
            tests,
            cases: Vec::new(),
            faults: subject.fire.faults.iter().map(Fault::of).collect(),
            heartbeats: subject.fire.heartbeats.iter().map(Heartbeat::of).collect(),
        };
        blocks::forgive(&mut subject.parts, &mut subject.tests);
        let again = blocks::done_again(&subject.parts);
        blocks::mark_flaky(&again, &mut subject.parts, &mut subject.tests);
        subject.cases = cases::of(&subject, &again);
        subject
    }
}

/// Steps of the plan that were not reached because something failed before, or the record ends.
fn not_run(subject: &tally::Subject, parts: &[Part]) -> Vec<Part> {
    let done = subject.ended.is_some() && subject.failures.is_empty();
    if done {
        return Vec::new();
    }
    let reached: HashSet<&[usize]> = parts.iter().map(|part| &part.step[..]).collect();
    // Of `test` all steps of a block run, of other commands some.
    let whole = subject.command == "test";
    let items: HashSet<&str> = subject.items.iter().map(String::as_str).collect();
    let rest = subject.planned.iter().filter(|planned| {
        items.contains(planned.step[0].to_string().as_str())
            && (whole || planned.step.len() == 1)
            && !reached.contains(&planned.step[..])
    });
    let number = parts.iter().map(|part| part.number + 1).max().unwrap_or(0);
    let blocks: HashSet<&[usize]> = subject
        .planned
        .iter()
        .filter_map(|it: &Planned| it.step.split_last())
        .map(|(_, around)| around)
        .collect();
    rest.zip(number..)
        .map(|(planned, number)| Part {
            number,
            step: planned.step.clone(),
            block: blocks.contains(&planned.step[..]),
            title: planned.title.clone(),
            action: planned.action.clone(),
            instance: planned.instance.clone(),
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
            action: String::new(),
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
    let mut known = HashMap::new();
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
        Outcome::Partly(left) => (None, Some(left_out(left))),
        Outcome::Passed => (None, None),
    }
}

fn between(from: Timestamp, to: Timestamp) -> Duration {
    to.duration_since(from).try_into().unwrap_or_default()
}
