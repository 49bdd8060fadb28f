//! What is found in a cluster by the name of a suite, without a search through all members or steps.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use indexmap::IndexSet;

use super::step::{Step, StepNode, each};
use super::{Action, Instance};

/// Made when it is first asked for: members and steps are complete then.
#[derive(Clone, Debug, Default)]
pub struct BySuite(OnceLock<Found>);

/// Members by their index, and the steps that verify them.
#[derive(Clone, Debug, Default)]
pub(super) struct Found {
    pub members: HashMap<String, usize>,
    pub verifies: HashMap<String, Vec<Arc<Step>>>,
    /// The suites of the members, and the roles that any of them has, each once.
    pub suites: Arc<Vec<String>>,
    pub roles: Arc<Vec<String>>,
}

impl BySuite {
    pub(super) fn of(&self, members: &[Arc<Instance>], steps: &[StepNode]) -> &Found {
        self.0.get_or_init(|| {
            let roles: IndexSet<&String> = members.iter().flat_map(|it| &it.roles).collect();
            let suites: Vec<String> = members.iter().map(|it| it.suite.clone()).collect();
            let mut found = Found {
                suites: Arc::new(suites),
                roles: Arc::new(roles.into_iter().cloned().collect()),
                ..Found::default()
            };
            for (index, member) in members.iter().enumerate() {
                found.members.entry(member.suite.clone()).or_insert(index);
            }
            for node in steps {
                each(node, &mut |step| {
                    if let (Action::Verify, Some(suite)) = (&step.action, &step.suite) {
                        let verifies = found.verifies.entry(suite.clone()).or_default();
                        verifies.push(step.clone());
                    }
                });
            }
            found
        })
    }
}
