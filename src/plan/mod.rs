//! What a command will do: pure data, made before anything runs, printed by `kitchen plan`, and
//! the only order of work that the run knows. Called by the command line; calls the matrix, and
//! asks the state how far everything is and the plugins what they can.

mod chaos;
mod check;
mod cluster;
mod context;
mod expressions;
mod facts;
mod fault;
mod instance;
mod living;
mod lookup;
mod maker;
mod render;
mod strays;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::Arc;

use banquet_sdk::wording::first_command;

pub use chaos::{Strike, schedule};
pub use check::Obstacle;
pub use context::{context, context_of};
pub use expressions::{Misnamed, misnamed};
pub use facts::Facts;
use lookup::Verified;
pub use lookup::{FoundTests, Sought};
pub use render::render;
pub use strays::{Strays, as_made, made_otherwise};

use crate::matrix::{Action, Cluster, Condition, Instance, Matrix, Shape, StepNode};
use crate::registry::Registry;
use crate::state::{Broken, Project};

/// What a person asks for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Command {
    /// Make the machines.
    Create,
    /// Configure them.
    Converge,
    /// Prepare them for their tests.
    Setup,
    /// Run their tests.
    Verify,
    /// Remove them.
    Destroy,
    /// All of it, from the beginning.
    #[default]
    Test,
    /// Undo what an earlier run broke.
    Heal,
}

impl Command {
    /// The word on the command line.
    pub fn word(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Converge => "converge",
            Self::Setup => "setup",
            Self::Verify => "verify",
            Self::Destroy => "destroy",
            Self::Test => "test",
            Self::Heal => "heal",
        }
    }
}

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

/// How `test` is meant.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Begin at this step, a number or a name; keeps the machines that are there.
    pub from: Option<String>,
    /// End after this step, a number or a name.
    pub until: Option<String>,
    /// Begin at the first step that has not passed; keeps the machines that are there.
    pub resume: bool,
    /// Keep the machines that are there.
    pub no_recreate: bool,
    /// What to do at the end.
    pub destroy: DestroyPolicy,
}

impl Options {
    fn keeps_machines(&self) -> bool {
        self.no_recreate || self.resume || self.from.is_some()
    }
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

    /// Under this name one process at a time works on it: an instance is held with its cluster.
    pub fn lock(&self) -> &str {
        match self {
            Subject::Instance(instance) => instance.cluster.as_deref().unwrap_or(&instance.name),
            Subject::Cluster(cluster) => &cluster.name,
        }
    }
}

/// All that a command will do.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    /// The command.
    pub command: Command,
    /// One task a subject, in order. Tasks are independent of each other.
    pub tasks: Vec<Task>,
}

/// The work on one subject: its items run one after another.
#[derive(Clone, Debug)]
pub struct Task {
    /// What is worked on.
    pub subject: Subject,
    /// The cluster that the subject is or belongs to.
    pub cluster: Option<Arc<Cluster>>,
    /// What an earlier run left in force: undone before the items.
    pub left: Vec<Broken>,
    /// The work, in order; the first failure ends it.
    pub items: Vec<Item>,
    /// What happens after the items, however they ended; none for all commands but `test`.
    pub cleanup: Option<DestroyPolicy>,
    /// What there is to run for each verify.
    pub(crate) tests: HashMap<Verified, FoundTests>,
    /// What a person should know beforehand (`destroy` steps are not run by `verify`).
    pub warnings: Vec<String>,
    /// Why it cannot run.
    pub obstacles: Vec<Obstacle>,
    /// Paths that are missing and may be there in time; each is among the warnings as well.
    pub doubts: Vec<Obstacle>,
}

impl Task {
    /// Whether anything in it can judge.
    pub fn judges(&self) -> bool {
        self.items.iter().any(|item| match item {
            Item::All { action, .. } => *action == Action::Verify,
            Item::Step { node, .. } => node.judges(),
            Item::Gossip(_) | Item::LateGossip | Item::Heal => false,
        })
    }

    /// Whether the work begins with the end of all that could be broken.
    pub fn begins_anew(&self) -> bool {
        let all = match &self.cluster {
            Some(cluster) => cluster.members.len(),
            None => self.subject.members().len(),
        };
        matches!(self.items.first(), Some(Item::All { action: Action::Destroy, members })
            if members.len() >= all)
    }
}

/// A piece of work.
#[derive(Clone, Debug)]
pub enum Item {
    /// Every member hears of every other, before these exist.
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
    /// What earlier runs broke is undone, and told.
    Heal,
    /// A step or block of the multisuite. `number` counts the top-level steps from 1.
    Step {
        /// Its number, as `--from` and `--until` take it.
        number: usize,
        /// The step.
        node: StepNode,
    },
}

/// A request that no plan can be made of.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// `--from` or `--until` names no step.
    #[error("{cluster} has no step {step:?}; it has\n{}", steps.join("\n"))]
    UnknownStep {
        /// The cluster.
        cluster: String,
        /// What was asked for.
        step: String,
        /// Number and text of each step.
        steps: Vec<String>,
    },
    /// `--until` is before `--from`.
    #[error("{cluster}: nothing is left between --from {from} and --until {until}")]
    NoSteps {
        /// The cluster.
        cluster: String,
        /// Number of the first step.
        from: usize,
        /// Number of the last one.
        until: usize,
    },
    /// Steps were asked of an instance.
    #[error("{0} is an instance: only a cluster has steps")]
    NotACluster(String),
    /// The steps that ran are no longer those of the configuration.
    #[error(
        "{cluster} cannot be resumed: its step {number} was {was:?} when it ran, and is {is:?} now"
    )]
    Changed {
        /// The cluster.
        cluster: String,
        /// Number of the step.
        number: usize,
        /// Its text in the record.
        was: String,
        /// Its text now.
        is: String,
    },
}

/// What a plan is made from.
#[derive(Clone, Copy, Debug)]
pub struct Planner<'a> {
    /// Where.
    pub project: &'a Project,
    /// Everything that the configuration describes.
    pub matrix: &'a Matrix,
    /// The plugins.
    pub registry: &'a Registry,
    /// How far everything is.
    pub facts: &'a Facts,
}

impl Planner<'_> {
    /// What `command` will do to `subjects`. What keeps a task from running is in its
    /// [`Task::obstacles`]; the plan can be printed nevertheless.
    pub fn plan(
        &self,
        subjects: &[Subject],
        command: Command,
        options: &Options,
    ) -> Result<Plan, Error> {
        let mut tasks = Vec::with_capacity(subjects.len());
        for subject in subjects {
            let mut task = match subject {
                Subject::Instance(instance) => self.instance(instance, command, options)?,
                Subject::Cluster(cluster) => self.cluster(cluster, command, options)?,
            };
            if let Some(cluster) = &task.cluster
                && let Some(record) = self.facts.records.get(&cluster.name)
                && !task.begins_anew()
            {
                task.left.clone_from(&record.broken);
            }
            self.look_for_tests(&mut task);
            self.check(&mut task, command);
            tasks.push(task);
        }
        Ok(Plan { command, tasks })
    }
}

/// So many steps of a block without a name stand for it.
const SHOWN: usize = 4;

/// So many characters of a command stand for it.
const COMMAND: usize = 40;

/// What a person calls a step: its name, else its text with what it does, as reports and `--resume`
/// know it again.
pub fn title(node: &StepNode) -> String {
    match node {
        StepNode::Step(step) => match (&step.options.name, asks(&step.action)) {
            (Some(name), _) => name.clone(),
            (None, Some(what)) => format!("{} {what}", step.text),
            (None, None) => step.text.clone(),
        },
        StepNode::Block(block) => match (&block.options.name, &block.part) {
            (Some(name), _) => name.clone(),
            (None, Some(part)) => part.title.clone(),
            (None, None) => {
                let (word, steps): (_, Vec<_>) = match &block.shape {
                    Shape::Concurrent(steps) => ("concurrent".into(), steps.iter().collect()),
                    Shape::Sequence(steps) => ("steps".into(), steps.iter().collect()),
                    Shape::During { beside, steps } => {
                        let beside: Vec<_> = beside.iter().map(title).collect();
                        let word = format!("during {}", beside.join(", "));
                        (word, steps.iter().collect())
                    }
                    Shape::Rolling { turns, .. } => ("rolling".into(), turns.iter().collect()),
                };
                let first: Vec<_> = steps.iter().take(SHOWN).map(|node| title(node)).collect();
                match steps.len() - first.len() {
                    0 => format!("{word}: {}", first.join(", ")),
                    more => format!("{word}: {} and {more} more", first.join(", ")),
                }
            }
        },
    }
}

/// What a step asks that its text does not say.
fn asks(action: &Action) -> Option<String> {
    let command = match action {
        Action::Run { command, .. } | Action::Exec { command, .. } => brief(command),
        Action::Wait {
            condition: Condition::Command(command),
            ..
        } => brief(command),
        Action::Wait { condition, .. } => render::condition(condition),
        _ => return None,
    };
    (!command.is_empty()).then_some(command)
}

/// The first line of a command that says something, cut to [`COMMAND`] characters.
fn brief(command: &str) -> String {
    let line = first_command(command).unwrap_or_default();
    match line.char_indices().nth(COMMAND) {
        Some((end, _)) => format!("{}…", line[..end].trim_end()),
        None => line.into(),
    }
}

/// The action's word.
pub fn word(action: &Action) -> &'static str {
    match action {
        Action::Create => "create",
        Action::Converge => "converge",
        Action::Setup => "setup",
        Action::Verify => "verify",
        Action::Destroy => "destroy",
        Action::Exec { .. } => "exec",
        Action::Run { .. } => "run",
        Action::Wait { .. } => "wait",
        Action::Sleep(_) => "sleep",
        Action::Fault { fault, .. } => fault.word(),
        Action::Heal => "heal",
        Action::Chaos(_) => "chaos",
        Action::Heartbeat(_) => "heartbeat",
    }
}
