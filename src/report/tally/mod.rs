//! What has happened so far, at flat memory: the base of the live view, the summary and the exit
//! code.

mod fire;
mod running;
mod tails;

use std::collections::HashMap;
use std::hash::Hash;
use std::time::Duration;

use banquet_sdk::TestCase;
use jiff::Timestamp;

pub use fire::{Fault, Fire, Heartbeat};
pub use running::{AllRunning, Running};
use tails::Tails;

use super::text::doing;
use crate::run::{Cause, Event, EventKind, Failure, Outcome, Place, Planned};

/// All subjects of a run.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    /// The run as a whole.
    pub run: Run,
    /// In the order in which they began.
    pub subjects: Vec<Subject>,
    /// Their indices by name.
    by_name: HashMap<String, usize>,
    tails: Tails,
}

/// A run as a whole.
#[derive(Clone, Debug, Default)]
pub struct Run {
    /// Its id.
    pub id: String,
    /// Version of the program.
    pub version: String,
    /// When it began.
    pub started: Option<Timestamp>,
    /// When the last event happened.
    pub last: Option<Timestamp>,
    /// How long it took, once it has ended.
    pub took: Option<Duration>,
    /// Whether it was told to stop.
    pub interrupted: bool,
    /// The platforms of its subjects.
    pub platforms: Vec<String>,
}

/// A cluster, or an instance by itself.
#[derive(Clone, Debug)]
pub struct Subject {
    /// Its name.
    pub name: String,
    /// Whether it is a cluster.
    pub cluster: bool,
    /// Name of its multisuite, or of its suite.
    pub suite: String,
    /// Its platform.
    pub platform: String,
    /// Names of its members.
    pub members: Vec<String>,
    /// The suite of each member, in the same order.
    pub suites: Vec<String>,
    /// The command's word.
    pub command: String,
    /// All steps, each block before the steps in it.
    pub planned: Vec<Planned>,
    /// What the plan has, in order.
    pub items: Vec<String>,
    /// When it began.
    pub started: Timestamp,
    /// What runs now.
    pub running: AllRunning,
    /// The last action that succeeded, by member.
    pub reached: HashMap<String, String>,
    /// What has ended, in order: actions outside of steps and steps.
    pub done: Vec<Done>,
    /// What has failed.
    pub failures: Vec<Failed>,
    /// Tests that have ended, in order.
    pub tests: Vec<Test>,
    /// Faults and heartbeats.
    pub fire: Fire,
    /// Paths of the steps of which a round has failed: what failed in it is told, whatever later
    /// rounds do.
    failed_rounds: Vec<Vec<usize>>,
    /// Actions outside of steps and steps that have begun.
    begun: usize,
    /// Indices in `planned` and in `members`, and how many steps are in no block.
    by_path: HashMap<Vec<usize>, usize>,
    by_member: HashMap<String, usize>,
    steps: usize,
    /// How it ended, and how long it took.
    pub ended: Option<(Outcome, Duration)>,
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
    /// Whether it is a step.
    pub step: bool,
    /// When it began.
    pub since: Timestamp,
    /// Counts what the subject has begun, from 0.
    pub number: usize,
    /// Why earlier attempts failed.
    pub retried: Vec<Failure>,
}

/// A test that has ended.
#[derive(Clone, Debug)]
pub struct Test {
    /// Where.
    pub place: Place,
    /// [`Done::number`] of what it belongs to.
    pub part: Option<usize>,
    /// In which attempt, from 1.
    pub attempt: usize,
    /// What the tool says.
    pub case: TestCase,
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
        self.run.last = Some(event.at);
        match &event.kind {
            EventKind::RunStarted {
                run,
                version,
                platforms,
                ..
            } => {
                self.run.platforms.clone_from(platforms);
                self.run.id.clone_from(run);
                self.run.version.clone_from(version);
                self.run.started = Some(event.at);
            }
            EventKind::Interrupted => self.run.interrupted = true,
            EventKind::RunFinished { duration, .. } => self.run.took = Some(*duration),
            EventKind::SubjectStarted {
                subject,
                command,
                members,
                suites,
                cluster,
                suite,
                platform,
                steps,
                items,
            } => self.add(Subject {
                cluster: *cluster,
                suite: suite.clone(),
                platform: platform.clone(),
                members: members.clone(),
                suites: suites.clone(),
                command: command.clone(),
                by_path: indices(steps.iter().map(|it| it.step.clone())),
                by_member: indices(members.iter().cloned()),
                steps: steps.iter().filter(|it| it.step.len() == 1).count(),
                planned: steps.clone(),
                items: items.clone(),
                ..Subject::unstarted(subject, event.at)
            }),
            EventKind::Printed { place, text, .. } => self.tails.keep(place, text),
            EventKind::SubjectFinished {
                subject,
                outcome,
                duration,
            } => {
                if self.subject(subject).is_none() {
                    self.add(Subject::unstarted(subject, event.at));
                }
                if let Some(subject) = self.subject_mut(subject) {
                    subject.finish(outcome, *duration);
                }
            }
            kind => {
                self.forget(kind);
                if let Some(subject) =
                    place_of(kind).and_then(|place| self.subject_mut(&place.subject))
                {
                    subject.event(event.at, kind);
                }
            }
        }
    }

    fn add(&mut self, subject: Subject) {
        let index = self.subjects.len();
        self.by_name.entry(subject.name.clone()).or_insert(index);
        self.subjects.push(subject);
    }

    /// The subject of this name.
    pub fn subject(&self, name: &str) -> Option<&Subject> {
        self.subjects.get(*self.by_name.get(name)?)
    }

    fn subject_mut(&mut self, name: &str) -> Option<&mut Subject> {
        self.subjects.get_mut(*self.by_name.get(name)?)
    }

    /// The last lines that were printed in the step at `place`, in its last attempt; outside of
    /// steps those of the last action there.
    pub fn tail(&self, place: &Place) -> impl Iterator<Item = &str> {
        self.tails.of(place)
    }

    /// What goes on at `place`: the subject's index, and the number of its step or action.
    pub fn part(&self, place: &Place) -> Option<(usize, usize)> {
        let index = self.index(place)?;
        Some((index, self.subjects[index].part(place)?.number))
    }

    /// The heartbeat that goes on at `place`: the subject's index, and its own.
    pub fn heartbeat(&self, place: &Place) -> Option<(usize, usize)> {
        let index = self.index(place)?;
        Some((index, self.subjects[index].fire.current(place)?))
    }

    fn index(&self, place: &Place) -> Option<usize> {
        self.by_name.get(&place.subject).copied()
    }

    /// The most important cause of all failures.
    pub fn cause(&self) -> Option<Cause> {
        let failures = self.subjects.iter().flat_map(|subject| &subject.failures);
        failures.map(|failed| failed.failure.cause).max()
    }

    /// What begins has printed nothing yet. Of rounds, the first that failed is told.
    fn forget(&mut self, kind: &EventKind) {
        match kind {
            EventKind::StepStarted { place, .. } => self.tails.forget(place),
            EventKind::ActionStarted { place, .. } if place.step.is_empty() => {
                self.tails.forget(place);
            }
            EventKind::RoundFailed { place, .. } => self.tails.hold(place),
            EventKind::StepRetried { place, .. } => self.tails.release(place),
            _ => {}
        }
    }
}

impl Running {
    fn done(self, outcome: &Outcome, duration: Duration, attempts: u32) -> Done {
        Done {
            place: self.place,
            what: self.what,
            outcome: outcome.clone(),
            duration,
            // An action that is done again is so in its step's first attempt, too.
            attempts: attempts.max(u32::try_from(self.retried.len() + 1).unwrap_or(u32::MAX)),
            step: self.step,
            since: self.since,
            number: self.number,
            retried: self.retried,
        }
    }
}

impl Subject {
    /// A subject that was ended before it began.
    fn unstarted(name: &str, at: Timestamp) -> Self {
        Self {
            name: name.into(),
            cluster: false,
            suite: name.into(),
            platform: String::new(),
            members: Vec::new(),
            suites: Vec::new(),
            command: "work".into(),
            planned: Vec::new(),
            items: Vec::new(),
            started: at,
            running: AllRunning::default(),
            reached: HashMap::new(),
            done: Vec::new(),
            failures: Vec::new(),
            tests: Vec::new(),
            fire: Fire::default(),
            failed_rounds: Vec::new(),
            begun: 0,
            by_path: HashMap::new(),
            by_member: HashMap::new(),
            steps: 0,
            ended: None,
        }
    }

    fn event(&mut self, at: Timestamp, kind: &EventKind) {
        match kind {
            EventKind::ActionStarted { place, action } => self.start(place, action, false, at),
            EventKind::StepStarted { place, title, .. } => self.start(place, title, true, at),
            EventKind::RoundFailed { place, .. } => {
                self.release(&place.step);
                if !self.failed_round_at(&place.step) {
                    self.failed_rounds.push(place.step.clone());
                }
            }
            EventKind::StepRetried { place, failure, .. }
            | EventKind::ActionRetried { place, failure, .. } => {
                let number = self.part(place).map(|part| part.number);
                if let Some(running) = number.and_then(|number| self.running.numbered(number)) {
                    running.retried.push(failure.clone());
                }
                if matches!(kind, EventKind::StepRetried { .. }) {
                    self.release(&place.step);
                }
            }
            EventKind::TestFinished { place, case } => {
                let part = self.part(place);
                self.tests.push(Test {
                    place: place.clone(),
                    part: part.map(|part| part.number),
                    attempt: part.map_or(1, |part| part.retried.len() + 1),
                    case: case.clone(),
                });
            }
            EventKind::ActionFinished {
                place,
                action,
                outcome,
                duration,
            } => {
                let begun = self.running.take_action(place, action);
                let begun = begun.unwrap_or_else(|| self.unheard_of(at));
                match (outcome, &place.instance) {
                    (Outcome::Failed(failure), _) => self.fail(place, action, failure),
                    // Gossip changes nothing of what a member is.
                    (Outcome::Passed, Some(instance)) if doing(action).is_some() => {
                        self.reached.insert(instance.clone(), action.clone());
                    }
                    _ => {}
                }
                if place.step.is_empty() {
                    self.done.push(Done {
                        what: action.clone(),
                        place: place.clone(),
                        ..begun.done(outcome, *duration, 1)
                    });
                }
            }
            EventKind::StepFinished {
                place,
                title,
                attempts,
                outcome,
                duration,
            } => {
                let begun = self.running.take_step(&place.step);
                let begun = begun.unwrap_or_else(|| self.unheard_of(at));
                self.failed_rounds.retain(|it| *it != place.step);
                match outcome {
                    Outcome::Failed(failure) => self.fail_step(place, title, failure),
                    _ => self.forgive(&place.step),
                }
                self.done.push(Done {
                    what: title.clone(),
                    place: place.clone(),
                    step: true,
                    ..begun.done(outcome, *duration, *attempts)
                });
            }
            _ => {
                let part = place_of(kind).and_then(|place| self.part(place));
                let title = part.map(|part| part.what.clone());
                self.fire.event(at, kind, title.as_deref());
            }
        }
    }

    /// What goes on at `place`: the step, else the action of the instance.
    fn part(&self, place: &Place) -> Option<&Running> {
        match place.step.is_empty() {
            false => self.running.step(&place.step),
            true => self.running.action(place),
        }
    }

    /// Number and title of each step that is in no block.
    pub fn titles(&self) -> impl Iterator<Item = (usize, &str)> {
        self.planned
            .iter()
            .filter_map(|planned| match planned.step[..] {
                [number] => Some((number, planned.title.as_str())),
                _ => None,
            })
    }

    /// How many steps are in no block.
    pub fn steps(&self) -> usize {
        self.steps
    }

    /// What a step does, by its path; of an action its word.
    pub fn action<'a>(&'a self, step: &[usize], title: &'a str) -> &'a str {
        if step.is_empty() {
            return title;
        }
        let planned = self.by_path.get(step).map(|index| &self.planned[*index]);
        match planned.filter(|planned| planned.title == title) {
            Some(planned) => &planned.action,
            None => title.split(' ').next().unwrap_or_default(),
        }
    }

    /// The suite of a member; of what is no member its name.
    pub fn suite_of<'a>(&'a self, member: &'a str) -> &'a str {
        let index = self.by_member.get(member);
        let suite = index.and_then(|index| self.suites.get(*index));
        suite.map_or(member, String::as_str)
    }

    fn start(&mut self, place: &Place, what: &str, step: bool, since: Timestamp) {
        // The title of a step says its round, where it has several.
        if !self.running.has(place, what, step) {
            let number = self.number();
            self.running.add(Running {
                place: place.clone(),
                what: what.into(),
                step,
                since,
                number,
                retried: Vec::new(),
            });
        }
    }

    /// What has ended and nobody said that it began: as begun now.
    fn unheard_of(&mut self, now: Timestamp) -> Running {
        Running {
            place: Place::default(),
            what: String::new(),
            step: false,
            since: now,
            number: self.number(),
            retried: Vec::new(),
        }
    }

    fn number(&mut self) -> usize {
        self.begun += 1;
        self.begun - 1
    }

    /// Notes a failed action; of several attempts the last counts.
    fn fail(&mut self, place: &Place, what: &str, failure: &Failure) {
        if self.failed_round_at(&place.step) {
            return;
        }
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

    /// Whether `step` or a block around it has had a round that failed.
    fn failed_round_at(&self, step: &[usize]) -> bool {
        self.failed_rounds.iter().any(|it| step.starts_with(it))
    }

    /// What is in `step` begins anew: rounds in it are those of another attempt.
    fn release(&mut self, step: &[usize]) {
        let inside = |it: &[usize]| it.len() > step.len() && it.starts_with(step);
        self.failed_rounds.retain(|it| !inside(it));
    }

    /// A step that passed in the end, or was allowed to fail, has no failures.
    fn forgive(&mut self, step: &[usize]) {
        if self.failed_round_at(step) {
            return;
        }
        self.failures
            .retain(|failed| !failed.place.step.starts_with(step));
    }

    fn finish(&mut self, outcome: &Outcome, duration: Duration) {
        match outcome {
            Outcome::Failed(failure) if self.failures.is_empty() => self.failures.push(Failed {
                place: Place {
                    subject: self.name.clone(),
                    instance: (!self.cluster).then(|| self.name.clone()),
                    step: Vec::new(),
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

/// The index of each; of equal ones the first.
fn indices<T: Eq + Hash>(all: impl Iterator<Item = T>) -> HashMap<T, usize> {
    let mut found = HashMap::new();
    for (index, one) in all.enumerate() {
        found.entry(one).or_insert(index);
    }
    found
}

/// Where an event of one place happened.
fn place_of(kind: &EventKind) -> Option<&Place> {
    match kind {
        EventKind::Warned { place, .. }
        | EventKind::StepStarted { place, .. }
        | EventKind::StepRetried { place, .. }
        | EventKind::RoundFailed { place, .. }
        | EventKind::StepFinished { place, .. }
        | EventKind::ActionStarted { place, .. }
        | EventKind::ActionRetried { place, .. }
        | EventKind::ActionFinished { place, .. }
        | EventKind::FaultSet { place, .. }
        | EventKind::FaultHealed { place, .. }
        | EventKind::HeartbeatSampled { place, .. }
        | EventKind::HeartbeatFinished { place, .. }
        | EventKind::TestFinished { place, .. }
        | EventKind::Printed { place, .. } => Some(place),
        _ => None,
    }
}
