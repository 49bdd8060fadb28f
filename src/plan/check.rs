//! What keeps a plan from running, told before anything runs.

use std::sync::Arc;

use banquet_sdk::local_path::missing_of;
use banquet_sdk::lookup::look_up;
use banquet_sdk::{Error, Origin, Power};

use super::cluster::late;
use super::living::absent;
use super::lookup::{Sought, wrong_tests_dir};
use super::maker::Maker;
use super::{Command, Item, Planner, Subject, Task, context};
use crate::matrix::{Action, Instance, Kind, PluginUse, Shape, Step, StepNode, each};

/// Why a task cannot run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Obstacle {
    /// What is wrong.
    pub message: String,
    /// What to do, each a sentence.
    pub hints: Vec<String>,
    /// Where it is written.
    pub at: Option<Origin>,
    /// Whether the project's files alone tell it, on whatever workstation they are.
    pub of_files: bool,
    /// A path of the workstation is missing. It stops nothing where something that runs before may
    /// make it, nor an instance of no cluster.
    pub missing: bool,
}

impl Obstacle {
    /// What a plugin says of its settings `used`, by its key where it names one.
    fn of(kind: Kind, used: &PluginUse, error: Error) -> Self {
        let key = error.key.as_deref().unwrap_or_default();
        let at = used.section.origin(key).cloned();
        let place = at.as_ref().map(|at| format!(" ({at})")).unwrap_or_default();
        let first = key.split('/').nth(1).unwrap_or_default();
        // A path that is missing says what it is by itself.
        let setting = match error.missing || error.message.contains(first) {
            true => String::new(),
            false => format!("`{}`: ", key.trim_start_matches('/').replace('/', ".")),
        };
        let (kind, name) = (kind.key(), &used.name);
        Self {
            message: format!("{kind} {name}{place}: {setting}{}", error.message),
            hints: error.hints,
            at,
            of_files: true,
            missing: error.missing,
        }
    }
}

/// What is looked at.
struct At<'a> {
    task: &'a Task,
    /// None where it is an action on all members.
    step: Option<&'a Step>,
}

impl Planner<'_> {
    /// Notes in `task` all that keeps it from running.
    pub(super) fn check(&self, task: &mut Task, command: Command) {
        let mut found = std::mem::take(&mut task.obstacles);
        let forgets = |items: &[Item]| {
            let first = items.first();
            matches!(first, Some(Item::All { action: Action::Destroy, members })
                if members.len() == task.subject.members().len())
        };
        if command != Command::Destroy && !forgets(&task.items) {
            let names = task.subject.members().iter().map(|it| it.name.as_str());
            let names = names.chain([task.subject.name()]);
            found.extend(names.filter_map(|name| self.facts.broken.get(name).cloned()));
        }
        let mut maker = Maker::new(task, &self.project.root);
        for item in &task.items {
            match item {
                Item::Gossip(members) => {
                    for member in members {
                        self.plugin(member, Kind::Driver, &mut found);
                    }
                }
                Item::All { action, members } => {
                    for member in members {
                        maker.before(action, Some(member.as_ref()), &mut found);
                        let first = found.len();
                        let at = At { task, step: None };
                        self.action(&at, action, member, &mut maker, &mut found);
                        maker.judge(&mut found, first);
                        maker.after(action, Some(member.as_ref()), &mut found);
                    }
                }
                Item::Step { node, .. } => {
                    self.in_order(task, node, &mut maker, &mut found);
                }
                Item::LateGossip | Item::Heal => {}
            }
        }
        self.recovery(task, &mut found);
        self.expressions(task, command, &mut found);
        // Other commands, and a part of the steps, find the machines that there are.
        let whole = task.begins_anew() && command == Command::Test;
        if let Some(cluster) = task.cluster.as_ref().filter(|_| whole) {
            absent(task, &late(cluster), &mut found);
        }
        found.dedup();
        task.doubts = maker.doubts;
        let told = task.doubts.iter().map(|doubt| doubt.message.clone());
        task.warnings.extend(told);
        task.obstacles = found;
    }

    /// The steps of `node` in the order in which they may make what later ones need.
    fn in_order(&self, task: &Task, node: &StepNode, maker: &mut Maker, found: &mut Vec<Obstacle>) {
        let block = match node {
            StepNode::Block(block) => block,
            StepNode::Step(step) => {
                let suite = step.suite.as_deref().unwrap_or_default();
                let member = task.cluster.as_ref().and_then(|it| it.member(suite));
                let member = member.map(AsRef::as_ref);
                maker.before(&step.action, member, found);
                let first = found.len();
                self.step(task, step, maker, found);
                for obstacle in found.iter_mut().skip(first).filter(|it| it.at.is_none()) {
                    obstacle.at.clone_from(&step.origin);
                }
                maker.judge(found, first);
                maker.after(&step.action, member, found);
                return;
            }
        };
        if !matches!(block.shape, Shape::Sequence(_)) {
            // What runs at the same time may come first.
            each(node, &mut |step| maker.beside(&step.action));
        }
        for node in block.shape.children() {
            self.in_order(task, node, maker, found);
        }
    }

    fn step(&self, task: &Task, step: &Arc<Step>, maker: &mut Maker, found: &mut Vec<Obstacle>) {
        let suite = step.suite.as_deref().unwrap_or_default();
        let cluster = task.cluster.as_ref();
        self.fault(task, step, found);
        self.tests_dir(step, found);
        if let Some(member) = cluster.and_then(|cluster| cluster.member(suite)) {
            let member = member.for_step(step);
            let step_at = At {
                task,
                step: Some(step),
            };
            self.action(&step_at, &step.action, &member, maker, found);
        }
        found.extend(maker.run(&step.action, &step.text));
    }

    fn action(
        &self,
        at: &At<'_>,
        action: &Action,
        instance: &Instance,
        maker: &mut Maker,
        found: &mut Vec<Obstacle>,
    ) {
        let in_cluster = matches!(at.task.subject, Subject::Cluster(_));
        let mut uses = |kind, found: &mut Vec<Obstacle>| self.uses(instance, kind, maker, found);
        match action {
            Action::Destroy => self.plugin(instance, Kind::Driver, found),
            Action::Create => {
                uses(Kind::Driver, found);
                if in_cluster {
                    uses(Kind::Transport, found);
                }
            }
            Action::Converge => {
                uses(Kind::Transport, found);
                uses(Kind::Provisioner, found);
                self.provisioning(instance, found);
                if at.step.is_some_and(|step| step.options.idempotent) {
                    self.tells_changes(instance, found);
                }
            }
            Action::Setup | Action::Verify => {
                uses(Kind::Transport, found);
                uses(Kind::Verifier, found);
                self.tests(at, instance, found);
            }
            Action::Exec { .. } | Action::Wait { .. } | Action::Heartbeat(_) => {
                uses(Kind::Transport, found);
            }
            Action::Run { .. }
            | Action::Sleep(_)
            | Action::Fault { .. }
            | Action::Heal
            | Action::Chaos(_) => {}
        }
    }

    pub(super) fn plugin(&self, instance: &Instance, kind: Kind, found: &mut Vec<Obstacle>) {
        let name = &instance.plugin(kind).name;
        let unknown = match kind {
            Kind::Driver => self.registry.driver(name).err(),
            Kind::Transport => self.registry.transport(name).err(),
            Kind::Provisioner => self.registry.provisioner(name).err(),
            Kind::Verifier => self.registry.verifier(name).err(),
        };
        if let Some(unknown) = unknown {
            let obstacle = Obstacle {
                message: unknown.to_string(),
                hints: vec![unknown.hint()],
                of_files: true,
                ..Obstacle::default()
            };
            if !found.contains(&obstacle) {
                found.push(obstacle);
            }
        }
    }

    /// Whether the plugin is there, its settings are of its types, and what they name of the
    /// workstation is there.
    fn uses(&self, instance: &Instance, kind: Kind, maker: &mut Maker, found: &mut Vec<Obstacle>) {
        self.plugin(instance, kind, found);
        let used = instance.plugin(kind);
        let section = &*used.section;
        if !maker.is_first_look(kind, section) {
            return;
        }
        let Some(info) = self.registry.info(kind, &used.name) else {
            return;
        };
        let is_open = |error: &Error| {
            let key = error.key.as_deref().unwrap_or_default();
            let first = key.split('/').nth(1).unwrap_or_default();
            let value = section.values.get(first);
            value.is_some_and(|value| value.to_string().contains("{{"))
        };
        let mut wrong = info.misfits(section);
        wrong.retain(|error| !is_open(error));
        if wrong.is_empty() {
            let cx = context(self.project, instance, section.clone(), "");
            let told = match kind {
                Kind::Driver => self.registry.driver(&used.name).map(|it| it.check(&cx)),
                Kind::Transport => self.registry.transport(&used.name).map(|it| it.check(&cx)),
                Kind::Provisioner | Kind::Verifier => Ok(Ok(())),
            };
            wrong.extend(told.ok().and_then(Result::err));
        }
        wrong.extend(missing_of(&info.paths, section, &self.project.root));
        for error in wrong {
            checked(kind, used, error, found);
        }
    }

    fn tests(&self, at: &At<'_>, instance: &Instance, found: &mut Vec<Obstacle>) {
        let At { task, step } = *at;
        let used = &instance.verifier;
        let Ok(verifier) = self.registry.verifier(&used.name) else {
            return;
        };
        let mut cx = context(self.project, instance, used.section.clone(), "");
        let looked = match task.found_tests(&instance.name, step) {
            Some(found) => {
                cx.tests_name.clone_from(&found.name);
                Ok(())
            }
            None => {
                cx.tests_names = Sought::of(task, instance, step).names;
                look_up(&*verifier, &mut cx).map(|_| ())
            }
        };
        if let Err(error) = looked.and_then(|()| verifier.check(&cx)) {
            checked(Kind::Verifier, used, error, found);
        }
    }

    fn provisioning(&self, instance: &Instance, found: &mut Vec<Obstacle>) {
        let used = &instance.provisioner;
        let Ok(provisioner) = self.registry.provisioner(&used.name) else {
            return;
        };
        let cx = context(self.project, instance, used.section.clone(), "");
        if let Err(error) = provisioner.check(&cx) {
            checked(Kind::Provisioner, used, error, found);
        }
    }

    /// `tests_dir` names a directory that must be there.
    fn tests_dir(&self, step: &Step, found: &mut Vec<Obstacle>) {
        let project = self.project;
        if let Some((message, hint)) = wrong_tests_dir(step, &project.test_dir, &project.root) {
            found.push(Obstacle {
                message,
                hints: vec![hint],
                at: step.origin.clone(),
                of_files: true,
                ..Obstacle::default()
            });
        }
    }

    fn tells_changes(&self, instance: &Instance, found: &mut Vec<Obstacle>) {
        let used = &instance.provisioner;
        let Ok(provisioner) = self.registry.provisioner(&used.name) else {
            return;
        };
        let cx = context(self.project, instance, used.section.clone(), "");
        if let Err(error) = provisioner.tells_changes(&cx) {
            found.push(Obstacle {
                message: format!("`idempotent` on {}: {}", instance.name, error.message),
                hints: error.hints,
                ..Obstacle::default()
            });
        }
    }

    /// `create: {recover: reboot}` needs drivers that can reboot.
    fn recovery(&self, task: &Task, found: &mut Vec<Obstacle>) {
        let Subject::Cluster(cluster) = &task.subject else {
            return;
        };
        let recover = cluster.settings.values.get("create");
        let recover = recover.and_then(|create| create.get("recover"));
        if recover.and_then(|it| it.as_str()) != Some("reboot") {
            return;
        }
        for member in &cluster.members {
            let Ok(driver) = self.registry.driver(&member.driver.name) else {
                continue;
            };
            if let Some(mut obstacle) = self.unswitchable(&*driver, member, Power::Reboot) {
                obstacle.message =
                    format!("`recover: reboot` of {}: {}", member.name, obstacle.message);
                found.push(obstacle);
            }
        }
    }
}

/// Notes what a plugin says of its settings, unless an expression may become something better.
fn checked(kind: Kind, used: &PluginUse, error: Error, found: &mut Vec<Obstacle>) {
    let open = match error.missing {
        true => error.message.contains("{{"),
        false => {
            let mut values = used.section.values.values();
            values.any(|value| value.to_string().contains("{{"))
        }
    };
    let obstacle = Obstacle::of(kind, used, error);
    if !open && !found.contains(&obstacle) {
        found.push(obstacle);
    }
}
