//! The one way out for events: in order, with back-pressure, secrets masked.

use std::collections::HashSet;
use std::sync::Arc;

use banquet_sdk::{Line, Output, Secrets, Section, async_trait};
use jiff::Timestamp;
use serde_json::Value;
use tokio::sync::mpsc;

use super::{Event, EventKind, Failure, Options, Outcome, Place};
use crate::matrix::{Instance, Kind, StepNode};
use crate::plan::Plan;

/// Shorter values of the workstation's environment are words, not secrets.
const SHORTEST_OF_ENVIRONMENT: usize = 8;

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

    /// Masks all text that a configuration, a tool or a machine had a part in; names are none.
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
                let outages = summary.outages.iter_mut();
                outages.for_each(|outage| self.mask_text(&mut outage.error));
            }
            EventKind::TestFinished { case, .. } => {
                self.mask_text(&mut case.name);
                case.message
                    .iter_mut()
                    .for_each(|text| self.mask_text(text));
            }
            EventKind::StepRetried { title, failure, .. } => {
                self.mask_text(title);
                self.mask_failure(failure);
            }
            EventKind::ActionRetried { failure, .. } => self.mask_failure(failure),
            EventKind::StepFinished { title, outcome, .. } => {
                self.mask_text(title);
                self.mask_outcome(outcome);
            }
            EventKind::ActionFinished { outcome, .. }
            | EventKind::SubjectFinished { outcome, .. } => self.mask_outcome(outcome),
            _ => {}
        }
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
}

#[async_trait]
impl Output for Printed {
    async fn line(&self, line: Line) {
        self.sink
            .send(EventKind::Printed {
                place: self.place.clone(),
                stream: line.stream,
                text: line.text,
            })
            .await;
    }
}

/// Everything that must not be shown: what the configuration and the workstation's environment
/// keep under names of secrets, and what the options say.
pub(super) fn secrets(plan: &Plan, options: &Options) -> Secrets {
    let mut found = options.secrets.clone();
    let mut seen = HashSet::new();
    let mut add = |section: &Arc<Section>, found: &mut Vec<String>| {
        if seen.insert(Arc::as_ptr(section)) {
            Secrets::collect(&Value::Object(section.values.clone()), found);
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
    found.extend(
        std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .filter(|(name, value)| {
                Secrets::is_secret(name, value) && value.len() >= SHORTEST_OF_ENVIRONMENT
            })
            .map(|(_, value)| value),
    );
    Secrets::new(found)
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
