//! A task as events tell of it before anything happens: its members, its steps, what its plan has.

use super::{EventKind, Outcome, Planned, RunVerdict, SubjectSummary};
use crate::matrix::{Cluster, Shape, StepNode};
use crate::plan::{Item, Subject, Task, title, word};

/// Name of the platform that a subject is on.
pub(super) fn platform(subject: &Subject) -> &str {
    match subject {
        Subject::Instance(instance) => &instance.platform,
        Subject::Cluster(cluster) => &cluster.platform,
    }
}

/// Work on the subject of `task` begins, by the command `command`.
pub(super) fn subject(task: &Task, command: &str) -> EventKind {
    let members = || task.subject.members().iter();
    let (cluster, suite, steps) = match &task.subject {
        Subject::Cluster(cluster) => (true, &cluster.multisuite, planned(cluster)),
        Subject::Instance(instance) => (false, &instance.suite, Vec::new()),
    };
    EventKind::SubjectStarted {
        subject: task.subject.name().into(),
        command: command.into(),
        members: members().map(|member| member.name.clone()).collect(),
        suites: members().map(|member| member.suite.clone()).collect(),
        cluster,
        suite: suite.clone(),
        platform: platform(&task.subject).into(),
        steps,
        items: task.items.iter().map(item).collect(),
    }
}

fn item(item: &Item) -> String {
    match item {
        Item::Gossip(_) => "gossip".into(),
        Item::All { action, .. } => word(action).into(),
        Item::LateGossip => "late_gossip".into(),
        Item::Heal => "heal".into(),
        Item::Step { number, .. } => number.to_string(),
    }
}

/// All steps of a cluster, each block before the steps in it.
fn planned(cluster: &Cluster) -> Vec<Planned> {
    let mut all = Vec::new();
    for (index, node) in cluster.steps.iter().enumerate() {
        add(cluster, node, vec![index + 1], &mut all);
    }
    all
}

fn add(cluster: &Cluster, node: &StepNode, step: Vec<usize>, all: &mut Vec<Planned>) {
    let (action, suite) = match node {
        StepNode::Step(step) => (word(&step.action), step.suite.as_ref()),
        StepNode::Block(block) => (shape(&block.shape), None),
    };
    let member = suite.and_then(|suite| cluster.member(suite));
    all.push(Planned {
        step: step.clone(),
        title: title(node),
        action: action.into(),
        instance: member.map(|member| member.name.clone()),
    });
    if let StepNode::Block(block) = node {
        for (index, inner) in block.shape.children().enumerate() {
            let mut path = step.clone();
            path.push(index + 1);
            add(cluster, inner, path, all);
        }
    }
}

fn shape(shape: &Shape) -> &'static str {
    match shape {
        Shape::Concurrent(_) => "concurrent",
        Shape::Sequence(_) => "steps",
        Shape::During { .. } => "during",
        Shape::Rolling { .. } => "rolling",
    }
}

impl RunVerdict {
    /// Of subjects that have all ended.
    pub(super) fn of(subjects: &[SubjectSummary]) -> Self {
        let mut verdict = Self {
            passed: true,
            ..Self::default()
        };
        for subject in subjects {
            match &subject.outcome {
                Outcome::Failed(failure) => {
                    verdict.passed = false;
                    verdict.cause = verdict.cause.max(Some(failure.cause));
                    verdict.failed.push(subject.name.clone());
                }
                Outcome::Skipped(_) => verdict.skipped.push(subject.name.clone()),
                _ => {}
            }
        }
        verdict
    }
}
