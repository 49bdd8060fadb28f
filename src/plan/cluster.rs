//! What each command does to a cluster (the table "Commands on a cluster").

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::{Command, Error, Item, Obstacle, Options, Planner, Subject, Task, fault, title};
use crate::matrix::{Action, Block, Cluster, Instance, Part, Step, StepNode, each};

impl Planner<'_> {
    pub(super) fn cluster(
        &self,
        cluster: &Arc<Cluster>,
        command: Command,
        options: &Options,
    ) -> Result<Task, Error> {
        let mut task = Task {
            subject: Subject::Cluster(cluster.clone()),
            cluster: Some(cluster.clone()),
            left: Vec::new(),
            items: Vec::new(),
            cleanup: None,
            tests: HashMap::new(),
            warnings: Vec::new(),
            obstacles: Vec::new(),
            doubts: Vec::new(),
        };
        let members = &cluster.members;
        match command {
            Command::Create => self.creation(cluster, initial(cluster), &mut task),
            Command::Converge => self.converge(cluster, &mut task),
            Command::Setup => {
                self.must_exist(members.iter(), &mut task);
                task.items.push(all(Action::Setup, members.clone()));
            }
            Command::Verify => self.verify(cluster, &mut task),
            Command::Destroy => task
                .items
                .push(all(Action::Destroy, self.all_there_is(cluster))),
            Command::Heal => task.items.push(Item::Heal),
            Command::Test => {
                task.cleanup = Some(options.destroy);
                if options.keeps_machines() {
                    self.creation_where_missing(cluster, &mut task);
                } else {
                    task.items
                        .push(all(Action::Destroy, self.all_there_is(cluster)));
                    self.creation(cluster, initial(cluster), &mut task);
                }
                let (from, until) = self.range(cluster, options)?;
                task.warnings.extend(fault::missed(cluster, from));
                let steps = cluster.steps.iter().enumerate();
                task.items.extend(
                    steps
                        .map(|(index, node)| (index + 1, node.clone()))
                        .filter(|(number, _)| (from..=until).contains(number))
                        .map(|(number, node)| Item::Step { number, node }),
                );
            }
        }
        Ok(task)
    }

    /// The members, and what was made as a member and the configuration has not any more.
    fn all_there_is(&self, cluster: &Cluster) -> Vec<Arc<Instance>> {
        let strays = self.facts.strays.members_of(&cluster.name);
        cluster.members.iter().chain(strays).cloned().collect()
    }

    /// The phases of creation.
    fn creation(&self, _cluster: &Cluster, members: Vec<Arc<Instance>>, task: &mut Task) {
        if !members.is_empty() {
            task.items.push(Item::Gossip(members.clone()));
            task.items.push(all(Action::Create, members));
        }
        task.items.push(Item::LateGossip);
    }

    /// The phases of creation for those that do not exist; what is still valid is not done again.
    fn creation_where_missing(&self, cluster: &Cluster, task: &mut Task) {
        let mut missing = initial(cluster);
        missing.retain(|member| !self.facts.exists(&member.name));
        let gossiped = self.facts.records.get(&cluster.name);
        if !missing.is_empty() || !gossiped.is_some_and(|record| record.gossiped) {
            self.creation(cluster, missing, task);
        }
    }

    /// All `converge` steps, the `wait` steps before them, and the `create` steps of members that
    /// do not exist.
    fn converge(&self, cluster: &Cluster, task: &mut Task) {
        self.creation_where_missing(cluster, task);
        let mut there: HashSet<String> =
            initial(cluster).iter().map(|it| it.suite.clone()).collect();
        there.extend(
            cluster
                .members
                .iter()
                .filter(|member| self.facts.exists(&member.name))
                .map(|member| member.suite.clone()),
        );
        let mut steps = numbered(cluster, &mut |step| match (&step.action, &step.suite) {
            (Action::Converge | Action::Wait { .. }, _) => true,
            (Action::Create, Some(suite)) => there.insert(suite.clone()),
            _ => false,
        });
        let converges = |step: &Step| step.action == Action::Converge;
        while steps.last().is_some_and(|item| !contains(item, &converges)) {
            steps.pop();
        }
        task.items.extend(steps);
    }

    /// All `verify` steps, and nothing else.
    fn verify(&self, cluster: &Cluster, task: &mut Task) {
        let mut suites = HashSet::new();
        task.items = numbered(cluster, &mut |step| {
            let verify = step.action == Action::Verify;
            suites.extend(step.suite.clone().filter(|_| verify));
            verify
        });
        if suites.is_empty() {
            let name = &cluster.multisuite;
            task.warnings.push(format!(
                "nothing is tested: `{name}` has no `verify` step on {}; `kitchen test` runs all its steps",
                cluster.platform
            ));
        }
        let named = |member: &&Arc<Instance>| suites.contains(&member.suite);
        self.must_exist(cluster.members.iter().filter(named), task);
        let (mut skipped, mut seen) = (Vec::new(), HashSet::new());
        for node in &cluster.steps {
            each(node, &mut |step| {
                if tells(step) {
                    let title = title(&StepNode::Step(step.clone()));
                    if seen.insert(title.clone()) {
                        skipped.push(title);
                    }
                }
            });
        }
        if !skipped.is_empty() {
            task.warnings.push(format!(
                "`verify` does not run these steps: {}",
                skipped.join(", ")
            ));
        }
    }

    fn must_exist<'m>(&self, members: impl Iterator<Item = &'m Arc<Instance>>, task: &mut Task) {
        for member in members.filter(|member| !self.facts.exists(&member.name)) {
            let cluster = task.subject.name();
            task.obstacles.push(Obstacle {
                message: format!("{} was never created", member.name),
                hints: vec![format!("Run `kitchen converge {cluster}` before.")],
                ..Obstacle::default()
            });
        }
    }

    /// Numbers of the first and the last step to run.
    fn range(&self, cluster: &Cluster, options: &Options) -> Result<(usize, usize), Error> {
        let last = cluster.steps.len();
        let from = match (&options.from, options.resume) {
            (Some(step), _) => number(cluster, step)?,
            (None, true) => self.first_not_passed(cluster)?,
            (None, false) => 1,
        };
        let until = match &options.until {
            Some(step) => number(cluster, step)?,
            None => last,
        };
        if until < from && from <= last {
            return Err(Error::NoSteps {
                cluster: cluster.name.clone(),
                from,
                until,
            });
        }
        Ok((from, until))
    }

    fn first_not_passed(&self, cluster: &Cluster) -> Result<usize, Error> {
        let Some(record) = self.facts.records.get(&cluster.name) else {
            return Ok(1);
        };
        let ended: HashMap<usize, _> = record.steps.iter().map(|it| (it.number, it)).collect();
        for (index, node) in cluster.steps.iter().enumerate() {
            let (number, is) = (index + 1, title(node));
            let ended = ended.get(&number);
            match ended.filter(|ended| ended.passed) {
                None => return Ok(number),
                Some(ended) if ended.title != is => {
                    return Err(Error::Changed {
                        cluster: cluster.name.clone(),
                        number,
                        was: ended.title.clone(),
                        is,
                    });
                }
                Some(_) => {}
            }
        }
        Ok(cluster.steps.len() + 1)
    }
}

/// Whether a cluster whose step is left out is tested less: the step judges, or breaks or removes
/// what the tests then meet.
fn tells(step: &Step) -> bool {
    let judges = step.judges() && step.action != Action::Verify;
    judges || step.action == Action::Destroy || step.is_fault()
}

fn all(action: Action, members: Vec<Arc<Instance>>) -> Item {
    Item::All { action, members }
}

/// The members that a cluster begins with: all but those whose first step is `create`.
fn initial(cluster: &Cluster) -> Vec<Arc<Instance>> {
    let late = late(cluster);
    let members = cluster.members.iter();
    members
        .filter(|member| !late.contains(&member.suite))
        .cloned()
        .collect()
}

/// The suites whose first step is `create`.
pub(super) fn late(cluster: &Cluster) -> HashSet<String> {
    let mut late = HashSet::new();
    let mut seen = HashSet::new();
    for node in &cluster.steps {
        each(node, &mut |step| {
            for suite in step.suites() {
                if seen.insert(suite.clone()) && step.action == Action::Create {
                    late.insert(suite.clone());
                }
            }
        });
    }
    late
}

fn contains(item: &Item, wanted: &impl Fn(&Step) -> bool) -> bool {
    let Item::Step { node, .. } = item else {
        return false;
    };
    let mut found = false;
    each(node, &mut |step| found |= wanted(step));
    found
}

/// The steps that `keep` keeps, each under its own number; blocks that become empty vanish.
fn numbered(cluster: &Cluster, keep: &mut impl FnMut(&Step) -> bool) -> Vec<Item> {
    let steps = cluster.steps.iter().enumerate();
    steps
        .filter_map(|(index, node)| {
            Some(Item::Step {
                number: index + 1,
                node: kept(node, keep)?,
            })
        })
        .collect()
}

fn kept(node: &StepNode, keep: &mut impl FnMut(&Step) -> bool) -> Option<StepNode> {
    let block = match node {
        StepNode::Step(step) => return keep(step).then(|| node.clone()),
        StepNode::Block(block) => block,
    };
    let mut part = Part {
        title: title(node),
        ..Part::default()
    };
    let mut number = 0;
    let shape = block.shape.filtered(&mut |child| {
        number += 1;
        let kept = kept(child, keep);
        match &kept {
            None => part.left_out.push(title(child)),
            Some(StepNode::Block(inner)) => part.left_out.extend_from_slice(inner.left_out()),
            Some(StepNode::Step(_)) => {}
        }
        part.numbers.extend(kept.is_some().then_some(number));
        kept
    })?;
    Some(StepNode::Block(Arc::new(Block {
        shape,
        part: (!part.left_out.is_empty()).then_some(part),
        ..Block::clone(block)
    })))
}

/// The number of the step that `step` means: a number, a name, or a step's text.
fn number(cluster: &Cluster, step: &str) -> Result<usize, Error> {
    let steps = &cluster.steps;
    let by_number = step.parse().ok().filter(|n| (1..=steps.len()).contains(n));
    let named = |node: &StepNode| match node {
        StepNode::Step(it) => it.text == step || it.options.name.as_deref() == Some(step),
        StepNode::Block(it) => it.options.name.as_deref() == Some(step),
    };
    let by_name = || {
        steps
            .iter()
            .position(|node| named(node) || title(node) == step)
    };
    by_number
        .or_else(|| by_name().map(|index| index + 1))
        .ok_or_else(|| Error::UnknownStep {
            cluster: cluster.name.clone(),
            step: step.into(),
            steps: steps
                .iter()
                .enumerate()
                .map(|(index, node)| format!("  {} {}", index + 1, title(node)))
                .collect(),
        })
}
