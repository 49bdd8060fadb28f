//! Expressions that name nothing, told before any machine is made.

use std::sync::Arc;

use banquet_sdk::{Origin, Section};
use serde_json::Value;

use super::{Command, Obstacle, Planner, Subject, Task};
use crate::config::escaped;
use crate::expression::{Names, Wrong, exact, read};
use crate::matrix::{Action, Cluster, Condition, Instance, Kind, Matrix, Probe, Step, each};

/// An expression that cannot be used, and where it is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Misnamed {
    /// What is wrong.
    pub wrong: Wrong,
    /// File, line and column.
    pub at: Option<Origin>,
}

/// The kinds of plugins whose values may hold expressions.
const USERS: [Kind; 2] = [Kind::Provisioner, Kind::Verifier];

/// All expressions of a configuration that cannot be used. What only the lack of a cluster makes
/// wrong is left to the work on the instance.
pub fn misnamed(matrix: &Matrix) -> Vec<Misnamed> {
    if matrix.clusters.is_empty() {
        return Vec::new();
    }
    let mut search = Search::default();
    for cluster in &matrix.clusters {
        search.cluster(cluster);
    }
    // Values that suites of clusters share with an instance of none stop only the work on that.
    let mut alone = Search::default();
    for instance in matrix.instances.iter().filter(|it| it.cluster.is_none()) {
        alone.instance(None, instance);
    }
    alone.found.retain(|it| !it.wrong.outside);
    search.found.extend(alone.found);
    search.found
}

impl Planner<'_> {
    /// Notes what the work of `task` would stumble over.
    pub(super) fn expressions(&self, task: &Task, command: Command, found: &mut Vec<Obstacle>) {
        let reads_none = matches!(command, Command::Destroy | Command::Heal);
        if self.matrix.clusters.is_empty() || reads_none {
            return;
        }
        let mut search = Search::default();
        match &task.subject {
            Subject::Cluster(cluster) => search.cluster(cluster),
            Subject::Instance(instance) => search.instance(task.cluster.as_deref(), instance),
        }
        found.extend(search.found.into_iter().map(|it| Obstacle {
            message: match it.at {
                Some(at) => format!("{at}: {}", it.wrong),
                None => it.wrong.to_string(),
            },
            hints: vec![it.wrong.help],
            ..Obstacle::default()
        }));
    }
}

#[derive(Default)]
struct Search {
    found: Vec<Misnamed>,
}

impl Search {
    fn cluster(&mut self, cluster: &Cluster) {
        for member in &cluster.members {
            self.instance(Some(cluster), member);
        }
        for node in &cluster.steps {
            each(node, &mut |step| self.step(cluster, step));
        }
    }

    fn instance(&mut self, cluster: Option<&Cluster>, instance: &Instance) {
        for kind in USERS {
            let section = &instance.plugin(kind).section;
            let rolling = cluster.is_some_and(|it| is_used_in_rolling_alone(it, instance, kind));
            let names = Names::of(cluster, Some(instance), rolling);
            self.section(section, &names);
        }
    }

    fn step(&mut self, cluster: &Cluster, step: &Arc<Step>) {
        let member = step
            .suite
            .as_deref()
            .and_then(|suite| cluster.member(suite));
        let names = Names::of(Some(cluster), member.map(Arc::as_ref), step.rolling);
        for text in texts(&step.action) {
            self.text(text, &names, step.origin.as_ref());
        }
        if matches!(
            step.action,
            Action::Converge | Action::Setup | Action::Verify
        ) {
            self.section(&step.overrides, &names);
        }
    }

    fn section(&mut self, section: &Section, names: &Names) {
        for (key, value) in &section.values {
            self.value(value, &format!("/{}", escaped(key)), section, names);
        }
    }

    fn value(&mut self, value: &Value, pointer: &str, section: &Section, names: &Names) {
        match value {
            Value::String(text) if text.contains("{{") => {
                self.text(text, names, section.origin(pointer));
            }
            Value::Array(list) => {
                for (index, item) in list.iter().enumerate() {
                    self.value(item, &format!("{pointer}/{index}"), section, names);
                }
            }
            Value::Object(map) => {
                for (key, item) in map {
                    self.value(item, &format!("{pointer}/{}", escaped(key)), section, names);
                }
            }
            _ => {}
        }
    }

    fn text(&mut self, text: &str, names: &Names, at: Option<&Origin>) {
        let Err(wrong) = read(text, names) else {
            return;
        };
        let at = at.map(|at| exact(at, &wrong.expression));
        let misnamed = Misnamed { wrong, at };
        if !self.found.contains(&misnamed) {
            self.found.push(misnamed);
        }
    }
}

/// Whether every step that reads the settings of this plugin of `instance` is a turn of `rolling`,
/// where `member` has a meaning.
fn is_used_in_rolling_alone(cluster: &Cluster, instance: &Instance, kind: Kind) -> bool {
    let mut uses = Vec::new();
    for node in &cluster.steps {
        each(node, &mut |step| {
            let reads = match step.action {
                Action::Converge => kind == Kind::Provisioner,
                Action::Setup | Action::Verify => kind == Kind::Verifier,
                _ => false,
            };
            if reads && step.suite.as_deref() == Some(&instance.suite) {
                uses.push(step.rolling);
            }
        });
    }
    !uses.is_empty() && uses.into_iter().all(|rolling| rolling)
}

/// The texts of an action that may hold expressions.
pub(super) fn texts(action: &Action) -> Vec<&str> {
    match action {
        Action::Exec {
            command,
            environment,
            expect,
        } => {
            let expected = [&expect.contains, &expect.matches];
            let others = environment.values().chain(expected.into_iter().flatten());
            let others = others.map(String::as_str);
            std::iter::once(command.as_str()).chain(others).collect()
        }
        Action::Run {
            command,
            environment,
            ..
        } => {
            let values = environment.values().map(String::as_str);
            std::iter::once(command.as_str()).chain(values).collect()
        }
        Action::Wait { condition, .. } => match condition {
            Condition::Port(_) => Vec::new(),
            Condition::Http { url, body, .. } => std::iter::once(url.as_str())
                .chain(body.as_deref())
                .collect(),
            Condition::Command(text) | Condition::File(text) => vec![text],
            Condition::Log { file, matches } => vec![file, matches],
        },
        Action::Heartbeat(beat) => match &beat.probe {
            Probe::Exec(text) | Probe::Tcp(text) => vec![text],
            Probe::Http { url, body, .. } => std::iter::once(url.as_str())
                .chain(body.as_deref())
                .collect(),
        },
        Action::Create
        | Action::Converge
        | Action::Setup
        | Action::Verify
        | Action::Destroy
        | Action::Sleep(_)
        | Action::Fault { .. }
        | Action::Heal
        | Action::Chaos(_) => Vec::new(),
    }
}
