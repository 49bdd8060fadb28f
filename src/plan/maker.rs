//! What may make a path of the workstation before a step needs it: local hooks, and `run` steps.
//! Such a command whose own directory or program is missing makes nothing, and is told of.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use banquet_sdk::Section;
use banquet_sdk::lenient::List;
use banquet_sdk::local_path::{Named, missing, missing_program};
use serde_json::Value;

use super::{Obstacle, Subject, Task, word};
use crate::matrix::{Action, Filter, Instance, Kind};

/// Follows the work of a task in order.
#[derive(Debug, Default)]
pub(super) struct Maker {
    /// The project's directory.
    root: PathBuf,
    /// Whether the task is that of an instance of no cluster.
    alone: bool,
    /// Whether something that ran may have made any path.
    may_have: bool,
    /// Settings that were looked at; kept, so that no others come to lie at their addresses.
    seen: HashMap<(Kind, usize), Arc<Section>>,
    /// Paths that are missing so far and stop nothing.
    pub doubts: Vec<Obstacle>,
}

impl Maker {
    /// At the begin: all members are made, and before that destroyed, whatever the items are.
    pub fn new(task: &Task, root: &Path) -> Self {
        let mut members = task.subject.members().iter();
        let made = |member: &Instance| {
            let actions = ["create", "destroy"];
            let keys = actions.iter().flat_map(|action| keys(&TIMINGS, action));
            let mut hooks = keys.into_iter().flat_map(|key| locals(member, &key));
            hooks.any(|hook| hook.missing(root).is_none())
        };
        Self {
            root: root.to_path_buf(),
            alone: matches!(task.subject, Subject::Instance(_)),
            may_have: members.any(|member| made(member)),
            ..Self::default()
        }
    }

    /// Whether these settings are looked at for the first time.
    pub fn is_first_look(&mut self, kind: Kind, section: &Arc<Section>) -> bool {
        let key = (kind, Arc::as_ptr(section) as usize);
        self.seen.insert(key, section.clone()).is_none()
    }

    /// Hooks before `action`.
    pub fn before(
        &mut self,
        action: &Action,
        member: Option<&Instance>,
        found: &mut Vec<Obstacle>,
    ) {
        self.hooks(&["pre"], action, member, found);
    }

    /// `action` has ended, and its hooks.
    pub fn after(&mut self, action: &Action, member: Option<&Instance>, found: &mut Vec<Obstacle>) {
        self.beside(action);
        self.hooks(&["post", "finally"], action, member, found);
    }

    /// `action` goes on beside what follows.
    pub fn beside(&mut self, action: &Action) {
        let runs = Local::of(action).is_some_and(|local| local.missing(&self.root).is_none());
        self.may_have |= runs;
    }

    fn hooks(
        &mut self,
        timings: &[&str],
        action: &Action,
        member: Option<&Instance>,
        found: &mut Vec<Obstacle>,
    ) {
        let Some(member) = member else { return };
        let mut all = keys(timings, word(action));
        if *action == Action::Verify {
            // It sets up what is not.
            all.extend(keys(&TIMINGS, "setup"));
        }
        for key in all {
            for hook in locals(member, &key) {
                let Some((pointer, reason)) = hook.missing(&self.root) else {
                    self.may_have = true;
                    continue;
                };
                let at = member.lifecycle.origin(&pointer).cloned();
                let place = at.as_ref().map(|at| format!(" ({at})")).unwrap_or_default();
                let first = found.len();
                found.push(Obstacle {
                    message: format!("hook {key}{place}: {reason}"),
                    hints: vec![FROM.into()],
                    at,
                    of_files: true,
                    missing: true,
                });
                self.judge(found, first);
            }
        }
    }

    /// What the command of a `run` step needs and is not there.
    pub fn run(&self, action: &Action, text: &str) -> Option<Obstacle> {
        let (key, reason) = Local::of(action)?.missing(&self.root)?;
        Some(Obstacle {
            message: format!("`{}` of `{text}`: {reason}", key.trim_start_matches('/')),
            hints: vec![FROM.into()],
            at: None,
            of_files: true,
            missing: true,
        })
    }

    /// Takes those of `found` from `first` on that stop nothing, and those that are known.
    pub fn judge(&mut self, found: &mut Vec<Obstacle>, first: usize) {
        let first = first.min(found.len());
        let new: Vec<Obstacle> = found.drain(first..).collect();
        for obstacle in new {
            let stops = !obstacle.missing || !(self.alone || self.may_have);
            let list = if stops { &mut *found } else { &mut self.doubts };
            if !list.contains(&obstacle) {
                list.push(obstacle);
            }
        }
    }
}

const FROM: &str = "Relative paths count from the directory of the configuration.";

const TIMINGS: [&str; 3] = ["pre", "post", "finally"];

fn keys(timings: &[&str], action: &str) -> Vec<String> {
    let timings = timings.iter();
    timings.map(|timing| format!("{timing}_{action}")).collect()
}

/// A command of the workstation.
struct Local<'a> {
    command: &'a str,
    cwd: Option<&'a str>,
    /// JSON pointers of both.
    at: [String; 2],
}

impl<'a> Local<'a> {
    /// That of a `run` step.
    fn of(action: &'a Action) -> Option<Self> {
        match action {
            Action::Run { command, cwd, .. } => Some(Self {
                command,
                cwd: cwd.as_deref(),
                at: ["/command".into(), "/cwd".into()],
            }),
            _ => None,
        }
    }

    /// What is missing below `root`, with the pointer of the setting that names it.
    fn missing(&self, root: &Path) -> Option<(String, String)> {
        let [command, cwd] = &self.at;
        let directory = match self.cwd {
            None => root.to_path_buf(),
            Some(written) => match missing(written, root, Named::Directory) {
                Some(reason) => return Some((cwd.clone(), reason)),
                None => root.join(written),
            },
        };
        // What the directory is cannot be said.
        if !directory.is_dir() {
            return None;
        }
        let reason = missing_program(self.command, &directory)?;
        Some((command.clone(), reason))
    }
}

/// The commands that hooks of this key run on the workstation.
fn locals<'a>(member: &'a Instance, key: &str) -> Vec<Local<'a>> {
    let Some(written) = member.lifecycle.values.get(key) else {
        return Vec::new();
    };
    let all: Vec<(String, &Value)> = match written {
        Value::Array(list) => {
            let list = list.iter().enumerate();
            list.map(|(index, hook)| (format!("/{key}/{index}"), hook))
                .collect()
        }
        one => vec![(format!("/{key}"), one)],
    };
    let hooks = all.into_iter().filter_map(|(at, hook)| {
        if let Some(command) = hook.as_str() {
            let at = [at, String::new()];
            let cwd = None;
            return Some(Local { command, cwd, at });
        }
        runs_on(hook, &member.platform).then_some(())?;
        // A number is a command as well, which names no path.
        let local = hook.get("local").filter(|it| !it.is_null())?;
        Some(Local {
            command: local.as_str().unwrap_or_default(),
            cwd: hook.get("cwd").and_then(Value::as_str),
            at: [format!("{at}/local"), format!("{at}/cwd")],
        })
    });
    hooks.collect()
}

/// Whether a hook is for this platform. What is wrong with its filter is told elsewhere.
fn runs_on(hook: &Value, platform: &str) -> bool {
    let words = |key: &str| -> Vec<String> {
        let written = hook.get(key).cloned().unwrap_or_default();
        serde_json::from_value::<List<String>>(written).map_or_else(|_| Vec::new(), |it| it.0)
    };
    let filter = Filter::new(&words("includes"), &words("excludes"));
    filter.is_ok_and(|filter| filter.lets(platform))
}
