//! What has happened so far, at flat memory: the base of the live view, the summary and the exit
//! code.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use jiff::Timestamp;

use crate::run::{Cause, Event, EventKind, Failure, Outcome, Place};

/// Last lines of output that are kept of each instance.
const TAIL: usize = 12;
/// Longest kept part of such a line, in characters.
const TAIL_WIDTH: usize = 300;

/// All subjects of a run.
#[derive(Debug, Default)]
pub struct Tally {
    /// In the order in which they began.
    pub subjects: Vec<Subject>,
    /// Last lines of output by instance, or by subject where there is none.
    tails: HashMap<String, VecDeque<String>>,
}

/// A cluster, or an instance by itself.
#[derive(Debug)]
pub struct Subject {
    /// Its name.
    pub name: String,
    /// Whether it is a cluster.
    pub cluster: bool,
    /// Names of its members.
    pub members: Vec<String>,
    /// The command's word.
    pub command: String,
    /// Text of each numbered step.
    pub titles: Vec<String>,
    /// When it began.
    pub started: Timestamp,
    /// What runs now.
    pub running: Vec<Running>,
    /// The last action that succeeded, by member.
    pub reached: HashMap<String, String>,
    /// What has ended, in order: actions outside of steps and steps.
    pub done: Vec<Done>,
    /// What has failed.
    pub failures: Vec<Failed>,
    /// How it ended, and how long it took.
    pub ended: Option<(Outcome, Duration)>,
}

/// An action or a step that runs now.
#[derive(Clone, Debug)]
pub struct Running {
    /// Where.
    pub place: Place,
    /// The action's word, or the step's title.
    pub what: String,
    /// Whether it is a step.
    pub step: bool,
    /// Since when.
    pub since: Timestamp,
}

/// An action or a step that has ended.
#[derive(Clone, Debug)]
pub struct Done {
    /// Where.
    pub place: Place,
    /// The action's word, or the step's title.
    pub what: String,
    /// How.
    pub outcome: Outcome,
    /// How long.
    pub duration: Duration,
    /// Attempts.
    pub attempts: u32,
}

/// A failure that counts.
#[derive(Clone, Debug)]
pub struct Failed {
    /// Where.
    pub place: Place,
    /// The action's word, or the step's title.
    pub what: String,
    /// Why.
    pub failure: Failure,
}

impl Tally {
    /// Takes an event into account.
    pub fn event(&mut self, event: &Event) {
        match &event.kind {
            EventKind::SubjectStarted {
                subject,
                command,
                members,
                cluster,
                steps,
            } => self.subjects.push(Subject {
                cluster: *cluster,
                members: members.clone(),
                command: command.clone(),
                titles: steps.clone(),
                ..Subject::unstarted(subject, event.at)
            }),
            EventKind::Printed { place, text, .. } => self.keep(place, text),
            EventKind::SubjectFinished {
                subject,
                outcome,
                duration,
            } => {
                if self.subject(subject).is_none() {
                    self.subjects.push(Subject::unstarted(subject, event.at));
                }
                if let Some(subject) = self.subject_mut(subject) {
                    subject.finish(outcome, *duration);
                }
            }
            kind => {
                if let Some(subject) =
                    place_of(kind).and_then(|place| self.subject_mut(&place.subject))
                {
                    subject.event(event.at, kind);
                }
            }
        }
    }

    /// The subject of this name.
    pub fn subject(&self, name: &str) -> Option<&Subject> {
        self.subjects.iter().find(|subject| subject.name == name)
    }

    fn subject_mut(&mut self, name: &str) -> Option<&mut Subject> {
        self.subjects
            .iter_mut()
            .find(|subject| subject.name == name)
    }

    /// The last lines that were printed at `place`.
    pub fn tail(&self, place: &Place) -> impl Iterator<Item = &str> {
        let name = place.instance.as_ref().unwrap_or(&place.subject);
        self.tails
            .get(name)
            .into_iter()
            .flatten()
            .map(String::as_str)
    }

    /// The most important cause of all failures.
    pub fn cause(&self) -> Option<Cause> {
        let failures = self.subjects.iter().flat_map(|subject| &subject.failures);
        failures.map(|failed| failed.failure.cause).max()
    }

    fn keep(&mut self, place: &Place, text: &str) {
        let name = place.instance.as_ref().unwrap_or(&place.subject);
        let tail = match self.tails.get_mut(name) {
            Some(tail) => tail,
            None => self.tails.entry(name.clone()).or_default(),
        };
        if tail.len() == TAIL {
            tail.pop_front();
        }
        tail.push_back(text.chars().take(TAIL_WIDTH).collect());
    }
}

impl Subject {
    /// A subject that was ended before it began.
    fn unstarted(name: &str, at: Timestamp) -> Self {
        Self {
            name: name.into(),
            cluster: false,
            members: Vec::new(),
            command: "work".into(),
            titles: Vec::new(),
            started: at,
            running: Vec::new(),
            reached: HashMap::new(),
            done: Vec::new(),
            failures: Vec::new(),
            ended: None,
        }
    }

    fn event(&mut self, at: Timestamp, kind: &EventKind) {
        match kind {
            EventKind::ActionStarted { place, action } => self.start(place, action, false, at),
            EventKind::StepStarted { place, title, .. } => self.start(place, title, true, at),
            EventKind::ActionFinished {
                place,
                action,
                outcome,
                duration,
            } => {
                self.running.retain(|running| {
                    running.step || running.place != *place || running.what != *action
                });
                match (outcome, &place.instance) {
                    (Outcome::Failed(failure), _) => self.fail(place, action, failure),
                    (Outcome::Passed, Some(instance)) => {
                        self.reached.insert(instance.clone(), action.clone());
                    }
                    _ => {}
                }
                if place.step.is_empty() {
                    self.end(place, action, outcome, *duration, 1);
                }
            }
            EventKind::StepFinished {
                place,
                title,
                attempts,
                outcome,
                duration,
            } => {
                self.running
                    .retain(|running| !running.step || running.place.step != place.step);
                match outcome {
                    Outcome::Failed(failure) => self.fail_step(place, title, failure),
                    _ => self.forgive(&place.step),
                }
                self.end(place, title, outcome, *duration, *attempts);
            }
            _ => {}
        }
    }

    fn start(&mut self, place: &Place, what: &str, step: bool, since: Timestamp) {
        let again = |running: &Running| {
            running.step == step && running.place == *place && running.what == what
        };
        if !self.running.iter().any(again) {
            self.running.push(Running {
                place: place.clone(),
                what: what.into(),
                step,
                since,
            });
        }
    }

    fn end(
        &mut self,
        place: &Place,
        what: &str,
        outcome: &Outcome,
        duration: Duration,
        attempts: u32,
    ) {
        self.done.push(Done {
            place: place.clone(),
            what: what.into(),
            outcome: outcome.clone(),
            duration,
            attempts,
        });
    }

    /// Notes a failed action; of several attempts the last counts.
    fn fail(&mut self, place: &Place, what: &str, failure: &Failure) {
        self.failures
            .retain(|failed| failed.place != *place || failed.what != what);
        self.failures.push(Failed {
            place: place.clone(),
            what: what.into(),
            failure: failure.clone(),
        });
    }

    /// Notes a failed step, unless a failure within it says so already.
    fn fail_step(&mut self, place: &Place, title: &str, failure: &Failure) {
        let told = |failed: &Failed| failed.place.step.starts_with(&place.step);
        if !self.failures.iter().any(told) {
            self.fail(place, title, failure);
        }
    }

    /// A step that passed in the end, or was allowed to fail, has no failures.
    fn forgive(&mut self, step: &[usize]) {
        self.failures
            .retain(|failed| !failed.place.step.starts_with(step));
    }

    fn finish(&mut self, outcome: &Outcome, duration: Duration) {
        match outcome {
            Outcome::Failed(failure) if self.failures.is_empty() => self.failures.push(Failed {
                place: Place {
                    subject: self.name.clone(),
                    ..Place::default()
                },
                what: self.command.clone(),
                failure: failure.clone(),
            }),
            Outcome::Failed(_) => {}
            // What failed was tried again, or had to fail.
            _ => self.failures.clear(),
        }
        self.running.clear();
        self.ended = Some((outcome.clone(), duration));
    }
}

/// Where an event of one place happened.
fn place_of(kind: &EventKind) -> Option<&Place> {
    match kind {
        EventKind::Warned { place, .. }
        | EventKind::StepStarted { place, .. }
        | EventKind::StepFinished { place, .. }
        | EventKind::ActionStarted { place, .. }
        | EventKind::ActionFinished { place, .. }
        | EventKind::TestFinished { place, .. }
        | EventKind::Printed { place, .. } => Some(place),
        _ => None,
    }
}
