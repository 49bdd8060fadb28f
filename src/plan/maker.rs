//! What may make a path of the workstation before a step needs it: local hooks, and `run` steps.

use super::{Obstacle, Subject, Task, word};
use crate::matrix::{Action, Instance};

/// Follows the work of a task in order.
#[derive(Debug, Default)]
pub(super) struct Maker {
    /// Whether something that ran may have made any path.
    may_have: bool,
    /// Paths that are missing so far and stop nothing.
    pub doubts: Vec<Obstacle>,
}

impl Maker {
    /// At the begin: all members are made, and before that destroyed, whatever the items are.
    pub fn new(task: &Task) -> Self {
        let mut members = task.subject.members().iter();
        let made = |member: &Instance| {
            let actions = ["create", "destroy"];
            let keys = actions.iter().flat_map(|action| keys(&TIMINGS, action));
            keys.into_iter().any(|key| has_local(member, &key))
        };
        Self {
            may_have: members.any(|member| made(member)),
            doubts: Vec::new(),
        }
    }

    /// Hooks before `action`.
    pub fn before(&mut self, action: &Action, member: Option<&Instance>) {
        self.hooks(&["pre"], action, member);
    }

    /// `action` has ended, and its hooks.
    pub fn after(&mut self, action: &Action, member: Option<&Instance>) {
        self.beside(action);
        self.hooks(&["post", "finally"], action, member);
    }

    /// `action` goes on beside what follows.
    pub fn beside(&mut self, action: &Action) {
        self.may_have |= matches!(action, Action::Run { .. });
    }

    fn hooks(&mut self, timings: &[&str], action: &Action, member: Option<&Instance>) {
        let Some(member) = member else { return };
        let mut all = keys(timings, word(action));
        if *action == Action::Verify {
            // It sets up what is not.
            all.extend(keys(&TIMINGS, "setup"));
        }
        self.may_have |= all.iter().any(|key| has_local(member, key));
    }

    /// Takes those of `found` from `first` on that stop nothing.
    pub fn judge(&mut self, found: &mut Vec<Obstacle>, first: usize, task: &Task) {
        let alone = matches!(task.subject, Subject::Instance(_));
        if !alone && !self.may_have {
            return;
        }
        let doubts = found.extract_if(first.min(found.len()).., |it| it.missing);
        for doubt in doubts.collect::<Vec<_>>() {
            if !self.doubts.contains(&doubt) {
                self.doubts.push(doubt);
            }
        }
    }
}

const TIMINGS: [&str; 3] = ["pre", "post", "finally"];

fn keys(timings: &[&str], action: &str) -> Vec<String> {
    let timings = timings.iter();
    timings.map(|timing| format!("{timing}_{action}")).collect()
}

/// Whether a hook of this key runs a command on the workstation.
fn has_local(member: &Instance, key: &str) -> bool {
    let Some(written) = member.lifecycle.values.get(key) else {
        return false;
    };
    let all = match written.as_array() {
        Some(list) => list.as_slice(),
        None => std::slice::from_ref(written),
    };
    all.iter()
        .any(|hook| hook.is_string() || hook.get("local").is_some_and(|it| !it.is_null()))
}
