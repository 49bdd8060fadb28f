//! Steps that need a member which is not there: destroyed by an earlier step and not created anew,
//! or not created yet. Only what is sure is told: of what runs at the same time any may come first.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use banquet_sdk::{Origin, Section};
use serde_json::Value;

use super::expressions::texts;
use super::{Obstacle, Task};
use crate::config::escaped;
use crate::expression::{Names, exact, peers};
use crate::matrix::{Action, Block, Cluster, Kind, Shape, Step, StepNode, each};

/// Why a suite's machine is not there, as a clause.
type Gone = BTreeMap<String, String>;

/// Notes the steps of `task` that need a machine which is not there by then. `late` are the suites
/// that steps create.
pub(super) fn absent(task: &Task, late: &HashSet<String>, found: &mut Vec<Obstacle>) {
    let Some(cluster) = &task.cluster else { return };
    let not_yet = |suite: &String| (suite.clone(), "is not created before".to_owned());
    let mut walk = Walk {
        cluster,
        gone: late.iter().map(not_yet).collect(),
        found,
    };
    for node in &cluster.steps {
        walk.node(node);
    }
}

struct Walk<'a> {
    cluster: &'a Cluster,
    gone: Gone,
    found: &'a mut Vec<Obstacle>,
}

/// Suites that steps somewhere in these nodes create, or destroy.
fn changed<'n>(nodes: impl Iterator<Item = &'n StepNode>, action: &Action) -> Vec<Arc<Step>> {
    let mut steps = Vec::new();
    for node in nodes {
        each(node, &mut |step| {
            if step.action == *action {
                steps.push(step.clone());
            }
        });
    }
    steps
}

impl Walk<'_> {
    fn node(&mut self, node: &StepNode) {
        match node {
            StepNode::Step(step) => {
                self.step(step);
                self.happened(step);
            }
            StepNode::Block(block) => self.block(block),
        }
    }

    fn block(&mut self, block: &Block) {
        match &block.shape {
            Shape::Sequence(steps) => steps.iter().for_each(|node| self.node(node)),
            shape => {
                // In another turn than the one that is looked at a member may come to life.
                for step in changed(shape.children(), &Action::Create) {
                    self.gone.remove(step.suite.as_deref().unwrap_or_default());
                }
                let before = self.gone.clone();
                let (beside, steps): (Vec<&StepNode>, &[StepNode]) = match shape {
                    Shape::During { beside, steps } => (beside.iter().collect(), steps),
                    other => (other.children().collect(), &[]),
                };
                for node in beside {
                    self.gone.clone_from(&before);
                    self.node(node);
                }
                self.gone.clone_from(&before);
                steps.iter().for_each(|node| self.node(node));
                let created = changed(shape.children(), &Action::Create);
                for step in changed(shape.children(), &Action::Destroy) {
                    let anew = created.iter().any(|other| other.suite == step.suite);
                    if !anew {
                        self.happened(&step);
                    }
                }
            }
        }
    }

    /// What is there after `step`.
    fn happened(&mut self, step: &Step) {
        let Some(suite) = &step.suite else { return };
        match step.action {
            Action::Create => drop(self.gone.remove(suite)),
            Action::Destroy => {
                let at = step.origin.as_ref().map(|at| format!(" ({at})"));
                let why = format!("was destroyed before{}", at.unwrap_or_default());
                self.gone.insert(suite.clone(), why);
            }
            _ => {}
        }
    }

    fn step(&mut self, step: &Step) {
        if self.gone.is_empty() {
            return;
        }
        let acts = matches!(
            step.action,
            Action::Converge
                | Action::Setup
                | Action::Verify
                | Action::Exec { .. }
                | Action::Wait { .. }
                | Action::Heartbeat(_)
        );
        let suite = step.suite.as_ref();
        if let Some((suite, why)) = suite.and_then(|it| self.gone.get_key_value(it))
            && acts
        {
            let message = format!("`{}` acts on {suite}, which {why}", step.text);
            self.tell(message, suite.clone(), step.origin.clone());
            return;
        }
        let member = suite.and_then(|suite| self.cluster.member(suite));
        let names = Names::of(Some(self.cluster), member.map(AsRef::as_ref), step.rolling);
        for text in texts(&step.action) {
            self.text(step, text, &names, step.origin.as_ref());
        }
        let kind = match step.action {
            Action::Converge => Kind::Provisioner,
            Action::Setup | Action::Verify => Kind::Verifier,
            _ => return,
        };
        if let Some(member) = member {
            let member = member.for_step(step);
            self.section(step, &member.plugin(kind).section, &names);
        }
    }

    fn section(&mut self, step: &Step, section: &Section, names: &Names) {
        for (key, value) in &section.values {
            self.value(step, value, &format!("/{}", escaped(key)), (section, names));
        }
    }

    fn value(&mut self, step: &Step, value: &Value, at: &str, of: (&Section, &Names)) {
        match value {
            Value::String(text) => self.text(step, text, of.1, of.0.origin(at)),
            Value::Array(list) => {
                for (index, item) in list.iter().enumerate() {
                    self.value(step, item, &format!("{at}/{index}"), of);
                }
            }
            Value::Object(map) => {
                for (key, item) in map {
                    self.value(step, item, &format!("{at}/{}", escaped(key)), of);
                }
            }
            _ => {}
        }
    }

    fn text(&mut self, step: &Step, text: &str, names: &Names, at: Option<&Origin>) {
        for (suite, expression) in peers(text, names) {
            if let Some(why) = self.gone.get(&suite) {
                let message = format!("`{}` names `{expression}`, and {suite} {why}", step.text);
                let at = at.map(|at| exact(at, &expression));
                self.tell(message, suite, at);
            }
        }
    }

    fn tell(&mut self, message: String, suite: String, at: Option<Origin>) {
        let obstacle = Obstacle {
            message,
            hints: vec![format!(
                "Put `create {suite}` before it, or leave it out. A value for the time when {suite} \
                 lives stands in `{{{{#if peers.{suite}}}}}`."
            )],
            at,
            of_files: true,
            missing: false,
        };
        if !self.found.contains(&obstacle) {
            self.found.push(obstacle);
        }
    }
}
