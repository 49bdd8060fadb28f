//! Test Kitchen's state machine (lib/kitchen/instance.rb, `FSM`).

use std::collections::HashMap;
use std::sync::Arc;

use super::{Command, DestroyPolicy, Error, Item, Options, Planner, Subject, Task};
use crate::matrix::{Action, Instance};

const ORDER: [&str; 5] = ["destroy", "create", "converge", "setup", "verify"];

fn action(index: usize) -> Action {
    [
        Action::Destroy,
        Action::Create,
        Action::Converge,
        Action::Setup,
        Action::Verify,
    ][index]
        .clone()
}

fn index(word: &str) -> usize {
    ORDER.iter().position(|known| *known == word).unwrap_or(0)
}

/// All actions between the last one and `wanted`; one at or before the last is run again alone.
pub(super) fn actions(last: Option<&str>, wanted: &str) -> Vec<Action> {
    let (last, wanted) = (last.map_or(0, index), index(wanted));
    let first = if wanted <= last { wanted } else { last + 1 };
    (first..=wanted).map(action).collect()
}

impl Planner<'_> {
    pub(super) fn instance(
        &self,
        instance: &Arc<Instance>,
        command: Command,
        options: &Options,
    ) -> Result<Task, Error> {
        if options.from.is_some() || options.until.is_some() || options.resume {
            return Err(Error::NotACluster(instance.name.clone()));
        }
        let last = self.facts.last_actions.get(&instance.name);
        let last = last.map(String::as_str);
        let (actions, cleanup) = match command {
            Command::Test if options.no_recreate => {
                (actions(last, "verify"), Some(options.destroy))
            }
            Command::Test => (
                (0..ORDER.len()).map(action).collect(),
                Some(options.destroy),
            ),
            Command::Heal => return Ok(self.task(instance, vec![Item::Heal], None)),
            other => (actions(last, other.word()), None),
        };
        let all = |action| Item::All {
            action,
            members: vec![instance.clone()],
        };
        Ok(self.task(instance, actions.into_iter().map(all).collect(), cleanup))
    }

    fn task(
        &self,
        instance: &Arc<Instance>,
        items: Vec<Item>,
        cleanup: Option<DestroyPolicy>,
    ) -> Task {
        Task {
            subject: Subject::Instance(instance.clone()),
            cluster: instance.cluster.as_ref().and_then(|name| {
                let clusters = &self.matrix.clusters;
                clusters.iter().find(|it| it.name == *name).cloned()
            }),
            left: Vec::new(),
            items,
            cleanup,
            tests: HashMap::new(),
            warnings: Vec::new(),
            obstacles: Vec::new(),
            doubts: Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_state_machine_of_test_kitchen() {
        use Action::{Converge, Create, Destroy, Setup, Verify};
        let cases: [(Option<&str>, &str, &[Action]); 9] = [
            (None, "create", &[Create]),
            (None, "verify", &[Create, Converge, Setup, Verify]),
            (Some("create"), "create", &[Create]),
            (Some("create"), "setup", &[Converge, Setup]),
            (Some("verify"), "verify", &[Verify]),
            (Some("verify"), "converge", &[Converge]),
            (Some("converge"), "destroy", &[Destroy]),
            (None, "destroy", &[Destroy]),
            (Some("destroy"), "create", &[Create]),
        ];
        for (last, wanted, expected) in cases {
            assert_eq!(actions(last, wanted), expected, "{last:?} to {wanted}");
        }
    }
}
