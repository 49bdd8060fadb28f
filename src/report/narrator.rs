//! Events to lines: which words are said of what happens. The words of actions are Test Kitchen's
//! (lib/kitchen/instance.rb, lib/kitchen/command).

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use banquet_sdk::{CaseStatus, TestCase, wording};
use clap::ValueEnum;

use super::tally::{Subject, Tally};
use super::text::{capital, doing, left_out, minutes, path};
use crate::run::{Cause, Event, EventKind, Failure, HeartbeatSummary, Outcome, Place};

/// How important a line is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
#[allow(missing_docs, reason = "the usual words")]
pub enum Level {
    Debug,
    #[default]
    Info,
    Warn,
    Error,
    Fatal,
}

/// What a line is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A headline.
    Banner,
    /// A word of the kitchen.
    Word,
    /// Output of a command.
    Output,
}

/// One line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// How important it is.
    pub level: Level,
    /// What it is.
    pub kind: Kind,
    /// The cluster, or the instance by itself; empty: the whole run.
    pub subject: String,
    /// Whose it is.
    pub instance: Option<String>,
    /// The text; not made safe for a terminal.
    pub text: String,
}

/// Makes lines of events.
#[derive(Debug, Default)]
pub struct Narrator {
    /// Subjects under `test` whose first words have been said: cleaning up, testing.
    cleaned: HashSet<String>,
    testing: HashSet<String>,
    /// Steps of which an action has ended, and whether it passed.
    told: HashMap<(String, Vec<usize>), bool>,
    /// Tests that failed in the verify that goes on at a place, and all of it.
    tests: HashMap<Place, (usize, usize)>,
    /// The last failure that was told of each subject.
    failed: HashMap<String, String>,
}

impl Narrator {
    /// The lines of one event, which `tally` knows of already.
    pub fn lines(&mut self, tally: &Tally, event: &Event) -> Vec<Line> {
        match &event.kind {
            EventKind::RunStarted { version, .. } => {
                vec![banner(
                    &Place::default(),
                    format!("Starting Test Kitchen (v{version})"),
                )]
            }
            EventKind::Warned { place, message } => vec![word(Level::Warn, place, message)],
            EventKind::StepStarted {
                place,
                title,
                attempt,
            } => vec![banner(place, step_title(tally, place, title, *attempt))],
            EventKind::StepRetried {
                place,
                title,
                attempt,
                failure,
            } => {
                let what = format!("{title}: attempt {attempt} failed");
                failed(Level::Warn, place, &what, failure)
            }
            EventKind::RoundFailed {
                place,
                title,
                failure,
                ..
            } => failed(Level::Warn, place, &format!("Failed {title}"), failure),
            EventKind::StepFinished {
                place,
                title,
                outcome,
                duration,
                ..
            } => self.step_finished(place, title, outcome, *duration),
            EventKind::ActionStarted { place, action } => {
                self.tests.remove(place);
                self.action_started(tally, place, action)
            }
            EventKind::ActionRetried {
                place,
                remedy,
                failure,
                ..
            } => failed(Level::Warn, place, remedy, failure),
            EventKind::ActionFinished {
                place,
                action,
                outcome,
                duration,
            } => self.action_finished(place, action, outcome, *duration),
            EventKind::TestFinished { place, case } => {
                let (failed, all) = self.tests.entry(place.clone()).or_default();
                *failed += usize::from(case.status == CaseStatus::Failed);
                *all += 1;
                test(place, case)
            }
            EventKind::FaultSet {
                place, what, took, ..
            } => vec![word(
                Level::Info,
                place,
                format!("In force: {what} (after {}).", wording::time(*took)),
            )],
            EventKind::FaultHealed {
                place, what, took, ..
            } => vec![word(
                Level::Info,
                place,
                format!("Healed: {what} (in {}).", wording::time(*took)),
            )],
            EventKind::HeartbeatFinished { place, summary } => heartbeat(place, summary),
            EventKind::Printed { place, text, .. } => vec![Line {
                kind: Kind::Output,
                ..word(Level::Info, place, text)
            }],
            EventKind::SubjectFinished {
                subject,
                outcome: Outcome::Passed,
                duration,
            } if self.testing.contains(subject) => {
                let text = format!("Finished testing <{subject}> ({}).", minutes(*duration));
                vec![word(Level::Info, &whole(subject), text)]
            }
            EventKind::Interrupted => vec![word(
                Level::Warn,
                &Place::default(),
                "Interrupted: ending in order. Interrupt again to stop at once.",
            )],
            EventKind::SubjectStarted { .. }
            | EventKind::HeartbeatSampled { .. }
            | EventKind::Attempted { .. }
            | EventKind::SubjectFinished { .. }
            | EventKind::RunFinished { .. } => Vec::new(),
        }
    }

    fn action_started(&mut self, tally: &Tally, place: &Place, action: &str) -> Vec<Line> {
        let who = who(place);
        let Some(doing) = doing(action) else {
            return vec![word(Level::Debug, place, format!("{action} of <{who}>"))];
        };
        let mut lines = Vec::new();
        let subject = &place.subject;
        if tally
            .subject(subject)
            .is_some_and(|known| known.command == "test")
        {
            let testing = self.testing.contains(subject);
            if action == "destroy" && !testing {
                if self.cleaned.insert(subject.clone()) {
                    let text = format!("Cleaning up any prior instances of <{subject}>");
                    lines.push(banner(&whole(subject), text));
                }
            } else if self.testing.insert(subject.clone()) {
                lines.push(banner(&whole(subject), format!("Testing <{subject}>")));
            }
        }
        lines.push(banner(place, format!("{doing} <{who}>...")));
        lines
    }

    fn action_finished(
        &mut self,
        place: &Place,
        action: &str,
        outcome: &Outcome,
        duration: Duration,
    ) -> Vec<Line> {
        let who = who(place);
        let known = doing(action);
        if known.is_some() {
            let step = (place.subject.clone(), place.step.clone());
            self.told.insert(step, *outcome == Outcome::Passed);
        }
        match outcome {
            Outcome::Passed | Outcome::Partly(_) => {
                let (level, doing) = match known {
                    Some(doing) => (Level::Info, doing.to_lowercase()),
                    None => (Level::Debug, action.to_owned()),
                };
                let text = format!("Finished {doing} <{who}> ({}).", minutes(duration));
                vec![word(level, place, text)]
            }
            Outcome::Skipped(reason) => {
                let level = if known.is_some() {
                    Level::Info
                } else {
                    Level::Debug
                };
                vec![word(
                    level,
                    place,
                    format!("Skipped {action} of <{who}>: {reason}"),
                )]
            }
            Outcome::Allowed(failure) => failed(
                Level::Warn,
                place,
                &format!("{} failed on instance <{who}>, as it may", capital(action)),
                failure,
            ),
            Outcome::Failed(failure) => {
                self.failed
                    .insert(place.subject.clone(), failure.message.clone());
                let what = format!("{} failed on instance <{who}>", capital(action));
                match self.tests.remove(place) {
                    // Each of them has been told.
                    Some((tests @ 1.., all)) if failure.cause == Cause::Verify => {
                        let text = format!("{what}: {tests} of {all} tests failed");
                        vec![word(Level::Error, place, text)]
                    }
                    _ => failed(Level::Error, place, &what, failure),
                }
            }
        }
    }

    fn step_finished(
        &mut self,
        place: &Place,
        title: &str,
        outcome: &Outcome,
        duration: Duration,
    ) -> Vec<Line> {
        let told = self
            .told
            .remove(&(place.subject.clone(), place.step.clone()));
        let step = format!("step {}: {title}", path(&place.step));
        match outcome {
            Outcome::Passed if told == Some(true) => Vec::new(),
            Outcome::Passed => {
                let text = format!("Finished {step} ({}).", minutes(duration));
                vec![word(Level::Info, place, text)]
            }
            Outcome::Partly(left) => {
                let (took, left) = (minutes(duration), left_out(left));
                let text = format!("Ran a part of {step} ({took}); {left}.");
                vec![word(Level::Info, place, text)]
            }
            Outcome::Skipped(reason) => {
                vec![word(
                    Level::Info,
                    place,
                    format!("Skipped {step}: {reason}"),
                )]
            }
            Outcome::Allowed(failure) => failed(
                Level::Warn,
                place,
                &format!("Failed, as it may, {step}"),
                failure,
            ),
            Outcome::Failed(_) if told == Some(false) => Vec::new(),
            Outcome::Failed(failure) => {
                let last = self
                    .failed
                    .insert(place.subject.clone(), failure.message.clone());
                let what = format!("Failed {step}");
                match last.is_some_and(|last| last == failure.message) {
                    // A step within has said why.
                    true => vec![word(Level::Error, place, what)],
                    false => failed(Level::Error, place, &what, failure),
                }
            }
        }
    }
}

/// A place that is a subject as a whole.
fn whole(subject: &str) -> Place {
    Place {
        subject: subject.into(),
        ..Place::default()
    }
}

fn who(place: &Place) -> &str {
    place.instance.as_deref().unwrap_or(&place.subject)
}

fn step_title(tally: &Tally, place: &Place, title: &str, attempt: u32) -> String {
    let number = path(&place.step);
    let of = match place.step.len() {
        1 => {
            let subject = tally.subject(&place.subject);
            format!(" of {}", subject.map_or(0, Subject::steps))
        }
        _ => String::new(),
    };
    match attempt {
        0 | 1 => format!("Step {number}{of}: {title}"),
        _ => format!("Step {number}{of}: {title} (attempt {attempt})"),
    }
}

pub(super) fn word(level: Level, place: &Place, text: impl Into<String>) -> Line {
    Line {
        level,
        kind: Kind::Word,
        subject: place.subject.clone(),
        instance: place.instance.clone(),
        text: text.into(),
    }
}

pub(super) fn banner(place: &Place, text: impl Into<String>) -> Line {
    Line {
        kind: Kind::Banner,
        ..word(Level::Info, place, text)
    }
}

fn failed(level: Level, place: &Place, what: &str, failure: &Failure) -> Vec<Line> {
    format!("{what}: {}", failure.message)
        .lines()
        .map(|text| word(level, place, text))
        .collect()
}

/// So many outages of a heartbeat are shown, the longest first.
const OUTAGES: usize = 5;

fn heartbeat(place: &Place, summary: &HeartbeatSummary) -> Vec<Line> {
    let time = |micros: u64| wording::time(Duration::from_micros(micros));
    let latency = match summary.answered {
        0 => "nothing answered".into(),
        _ => format!(
            "latency {} (half), {} (90%), {} (99%), {} (all)",
            time(summary.p50),
            time(summary.p90),
            time(summary.p99),
            time(summary.max),
        ),
    };
    let mut lines = vec![word(
        Level::Info,
        place,
        format!(
            "Heartbeat: {} sent, {} answered, {} lost; {latency}; asked {} late (99%).",
            summary.sent,
            summary.answered,
            summary.lost,
            time(summary.late_p99),
        ),
    )];
    let more = summary.outages.len().saturating_sub(OUTAGES);
    let mut outages: Vec<_> = summary.outages.iter().collect();
    outages.sort_by_key(|outage| std::cmp::Reverse(outage.lasted));
    lines.extend(outages.into_iter().take(OUTAGES).map(|outage| {
        let text = format!(
            "Outage of {}: {} lost{}: {}",
            time(outage.lasted),
            outage.lost,
            outage.cause(),
            outage.error
        );
        word(Level::Warn, place, text)
    }));
    if more > 0 {
        lines.push(word(
            Level::Warn,
            place,
            format!("and {more} shorter outages"),
        ));
    }
    lines
}

fn test(place: &Place, case: &TestCase) -> Vec<Line> {
    let mark = match case.status {
        CaseStatus::Passed => "ok",
        CaseStatus::Failed => "FAILED",
        CaseStatus::Skipped => "skipped",
    };
    let level = match case.status {
        CaseStatus::Failed => Level::Error,
        _ => Level::Info,
    };
    let took = case
        .duration
        .map(|duration| format!(" ({})", minutes(duration)))
        .unwrap_or_default();
    let mut lines = vec![Line {
        kind: Kind::Output,
        ..word(level, place, format!("{mark}: {}{took}", case.name))
    }];
    if let (CaseStatus::Failed, Some(message)) = (case.status, &case.message) {
        lines.extend(
            message
                .lines()
                .map(|text| word(level, place, format!("  {text}"))),
        );
    }
    lines
}
