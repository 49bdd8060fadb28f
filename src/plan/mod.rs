//! What a command will do: pure data, made before anything runs, printed by `kitchen plan`, and
//! the only order of work that the run knows. Called by the command line; calls the matrix.

use std::sync::Arc;

use crate::matrix::{Action, Cluster, Instance, StepNode};

/// What to do at the end of a `test`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DestroyPolicy {
    /// Destroy where all steps passed.
    #[default]
    Passing,
    /// Destroy in any case.
    Always,
    /// Leave everything.
    Never,
}

/// What is worked on.
#[derive(Clone, Debug)]
pub enum Subject {
    /// An instance by itself, with no gossip.
    Instance(Arc<Instance>),
    /// A cluster.
    Cluster(Arc<Cluster>),
}

impl Subject {
    /// Its name.
    pub fn name(&self) -> &str {
        match self {
            Subject::Instance(instance) => &instance.name,
            Subject::Cluster(cluster) => &cluster.name,
        }
    }

    /// Its machines.
    pub fn members(&self) -> &[Arc<Instance>] {
        match self {
            Subject::Instance(instance) => std::slice::from_ref(instance),
            Subject::Cluster(cluster) => &cluster.members,
        }
    }
}

/// All that a command will do.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    /// One task a subject, in order. Tasks are independent of each other.
    pub tasks: Vec<Task>,
}

/// The work on one subject: its items run one after another.
#[derive(Clone, Debug)]
pub struct Task {
    /// What is worked on.
    pub subject: Subject,
    /// The work, in order; the first failure ends it.
    pub items: Vec<Item>,
    /// What happens after the items, however they ended; none for all commands but `test`.
    pub cleanup: Option<DestroyPolicy>,
    /// What a person should know beforehand (`destroy` steps are not run by `verify`).
    pub warnings: Vec<String>,
}

/// A piece of work.
#[derive(Clone, Debug)]
pub enum Item {
    /// Every member hears of every other, before any exists.
    Gossip(Vec<Arc<Instance>>),
    /// One action on several members at once.
    All {
        /// What.
        action: Action,
        /// On whom.
        members: Vec<Arc<Instance>>,
    },
    /// Every living member hears the real addresses of all.
    LateGossip,
    /// A step or block of the multisuite. `number` counts the top-level steps from 1.
    Step {
        /// Its number, as `--from` and `--until` take it.
        number: usize,
        /// The step.
        node: StepNode,
    },
}
