//! The one way out for events: in order, with back-pressure, secrets masked.

use std::collections::HashSet;
use std::sync::Arc;

use banquet_sdk::{Gather, Line, Output, Seams, Secrets, Section, TestCase, async_trait};
use jiff::Timestamp;
use serde_json::{Map, Value};
use tokio::sync::mpsc;

use super::{Event, EventKind, Failure, Options, Outcome, Place};
use crate::matrix::{Instance, Kind, StepNode};
use crate::plan::Plan;

/// Takes what happened. Cheap to clone.
#[derive(Clone, Debug)]
pub(super) struct Sink {
    events: mpsc::Sender<Event>,
    pub secrets: Secrets,
}

impl Sink {
    pub fn new(events: mpsc::Sender<Event>, secrets: Secrets) -> Self {
        Self { events, secrets }
    }

    /// Tells what happened; waits until there is room.
    pub async fn send(&self, mut kind: EventKind) {
        self.mask(&mut kind);
        let event = Event {
            at: Timestamp::now(),
            kind,
        };
        // Where nobody listens the work goes on.
        let _ = self.events.send(event).await;
    }

    pub async fn warn(&self, subject: &str, message: &str) {
        self.send(EventKind::Warned {
            place: Place {
                subject: subject.into(),
                ..Place::default()
            },
            message: message.into(),
        })
        .await;
    }

    /// Masks all text that a configuration, a tool or a machine had a part in; names of subjects and
    /// instances, by which events belong together, are none.
    fn mask(&self, kind: &mut EventKind) {
        match kind {
            EventKind::Printed { text, .. } | EventKind::Warned { message: text, .. } => {
                self.mask_text(text);
            }
            EventKind::SubjectStarted { steps, .. } => {
                let titles = steps.iter_mut().map(|step| &mut step.title);
                titles.for_each(|text| self.mask_text(text));
            }
            EventKind::StepStarted { title, .. } => self.mask_text(title),
            EventKind::HeartbeatSampled { samples, .. } => {
                let errors = samples.iter_mut().filter_map(|it| it.error.as_mut());
                errors.for_each(|text| self.mask_text(text));
            }
            EventKind::HeartbeatFinished { summary, .. } => {
                for outage in &mut summary.outages {
                    self.mask_text(&mut outage.error);
                    outage
                        .follows
                        .iter_mut()
                        .for_each(|text| self.mask_text(text));
                }
            }
            EventKind::TestFinished { case, .. } => self.mask_case(case),
            EventKind::StepRetried { title, failure, .. }
            | EventKind::RoundFailed { title, failure, .. } => {
                self.mask_text(title);
                self.mask_failure(failure);
            }
            EventKind::ActionRetried {
                remedy, failure, ..
            } => {
                self.mask_text(remedy);
                self.mask_failure(failure);
            }
            EventKind::StepFinished { title, outcome, .. } => {
                self.mask_text(title);
                self.mask_outcome(outcome);
            }
            EventKind::ActionFinished { outcome, .. }
            | EventKind::SubjectFinished { outcome, .. } => self.mask_outcome(outcome),
            EventKind::FaultSet { what, .. } | EventKind::FaultHealed { what, .. } => {
                self.mask_text(what);
            }
            EventKind::RunStarted { .. }
            | EventKind::Attempted { .. }
            | EventKind::ActionStarted { .. }
            | EventKind::Interrupted
            | EventKind::RunFinished { .. } => {}
        }
    }

    fn mask_case(&self, case: &mut TestCase) {
        self.mask_text(&mut case.name);
        let message = case.message.iter_mut();
        message.for_each(|text| self.mask_text(text));
    }

    fn mask_outcome(&self, outcome: &mut Outcome) {
        match outcome {
            Outcome::Failed(failure) | Outcome::Allowed(failure) => self.mask_failure(failure),
            Outcome::Skipped(reason) => self.mask_text(reason),
            Outcome::Partly(left) => left.iter_mut().for_each(|step| self.mask_text(step)),
            Outcome::Passed => {}
        }
    }

    fn mask_failure(&self, failure: &mut Failure) {
        self.mask_text(&mut failure.message);
        failure
            .hints
            .iter_mut()
            .for_each(|text| self.mask_text(text));
    }

    fn mask_text(&self, text: &mut String) {
        if let std::borrow::Cow::Owned(masked) = self.secrets.mask(text) {
            *text = masked;
        }
    }
}

/// The output of one action.
#[derive(Clone, Debug)]
pub(super) struct Printed {
    pub sink: Sink,
    pub place: Place,
    seams: Arc<Seams>,
}

impl Printed {
    pub fn new(sink: &Sink, place: Place) -> Self {
        Self {
            sink: sink.clone(),
            place,
            seams: Arc::default(),
        }
    }
}

impl Drop for Printed {
    fn drop(&mut self) {
        let Some(seams) = Arc::get_mut(&mut self.seams) else {
            return;
        };
        for Line { stream, text } in seams.rest() {
            let text = self.sink.secrets.mask(&text).into_owned();
            let place = self.place.clone();
            let kind = EventKind::Printed {
                place,
                stream,
                text,
            };
            // The end of a line of 64 KiB; it is lost where a thousand events wait to be told.
            let _ = self.sink.events.try_send(Event {
                at: Timestamp::now(),
                kind,
            });
        }
    }
}

#[async_trait]
impl Output for Printed {
    async fn line(&self, line: Line) {
        let line = self.seams.line(&self.sink.secrets, line);
        self.sink
            .send(EventKind::Printed {
                place: self.place.clone(),
                stream: line.stream,
                text: line.text,
            })
            .await;
    }
}

/// What must not be shown: what the caller knows, and what the settings of all that is worked on
/// and the workstation's environment hold under names of secrets.
pub(super) fn secrets(plan: &Plan, options: &Options) -> Secrets {
    let mut found = Gather::default();
    let mut seen = HashSet::new();
    let mut add = |section: &Arc<Section>, found: &mut Gather| {
        if seen.insert(Arc::as_ptr(section)) {
            found.tree(&Value::Object(section.values.clone()));
        }
    };
    for task in &plan.tasks {
        let others = task.cluster.iter().flat_map(|cluster| &cluster.members);
        for member in task.subject.members().iter().chain(others) {
            sections(member).for_each(|section| add(section, &mut found));
        }
        for node in task.cluster.iter().flat_map(|cluster| &cluster.steps) {
            overrides(node, &mut |section| add(section, &mut found));
        }
    }
    found.environment();
    options.secrets.learn(found);
    options.secrets.clone()
}

/// Masks from now on also the secrets in the state of an instance.
pub(super) fn learn_state(secrets: &Secrets, state: &Map<String, Value>) {
    let mut found = Gather::default();
    found.tree(&Value::Object(state.clone()));
    secrets.learn(found);
}

fn sections(member: &Instance) -> impl Iterator<Item = &Arc<Section>> {
    [
        Kind::Driver,
        Kind::Transport,
        Kind::Provisioner,
        Kind::Verifier,
    ]
    .into_iter()
    .map(|kind| &*member.plugin(kind).section)
    .chain([&member.lifecycle])
}

fn overrides(node: &StepNode, add: &mut impl FnMut(&Arc<Section>)) {
    match node {
        StepNode::Step(step) => add(&step.overrides),
        StepNode::Block(block) => block.shape.children().for_each(|it| overrides(it, add)),
    }
}
