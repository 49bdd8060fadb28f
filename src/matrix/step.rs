//! The steps of a multisuite, as written.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use banquet_sdk::{Origin, Section};

use super::fault::{Chaos, Fault};
use super::heartbeat::Heartbeat;

/// A step or a block of steps.
#[derive(Clone, Debug)]
pub enum StepNode {
    /// A single step.
    Step(Arc<Step>),
    /// Steps that belong together.
    Block(Arc<Block>),
}

impl StepNode {
    /// Whether the end of it, or of a step in it, says whether something holds.
    pub fn judges(&self) -> bool {
        match self {
            Self::Step(step) => step.judges(),
            Self::Block(block) => block.shape.children().any(Self::judges),
        }
    }
}

/// Steps that belong together.
#[derive(Clone, Debug)]
pub struct Block {
    /// `name`, `timeout`, `retries`, … of the block itself.
    pub options: StepOptions,
    /// What runs, and in which order.
    pub shape: Shape,
    /// What a command leaves out of it; none where all of it is run.
    pub part: Option<Part>,
    /// Where it is written.
    pub origin: Option<Origin>,
}

/// The part of a block that a command runs: `verify` runs its `verify` steps alone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Part {
    /// What a person calls the whole block.
    pub title: String,
    /// The place of each child in the block as it is written, counted from 1; in the order of
    /// [`Shape::children`].
    pub numbers: Vec<usize>,
    /// The steps that are left out, as a person calls them, those of inner blocks included.
    pub left_out: Vec<String>,
}

impl Block {
    /// The place of the child at `index`, which counts from 0, in the block as it is written.
    pub fn number(&self, index: usize) -> usize {
        let numbers = self.part.as_ref().map(|part| &part.numbers[..]);
        let number = numbers.and_then(|numbers| numbers.get(index).copied());
        number.unwrap_or(index + 1)
    }

    /// The steps that are left out of it; none where all of it is run.
    pub fn left_out(&self) -> &[String] {
        self.part.as_ref().map_or(&[], |part| &part.left_out)
    }
}

/// How the steps of a block run.
#[derive(Clone, Debug)]
pub enum Shape {
    /// All at once; ends when all have ended.
    Concurrent(Vec<StepNode>),
    /// One after another; ends at the first failure.
    Sequence(Vec<StepNode>),
    /// `beside` runs while `steps` run one after another, and is ended with them.
    During {
        /// A heartbeat, or any steps.
        beside: Vec<StepNode>,
        /// What happens meanwhile.
        steps: Vec<StepNode>,
    },
    /// Member after member; starts no further one after a failure.
    Rolling {
        /// What is done to each member, in order.
        turns: Vec<StepNode>,
        /// So many of them at once.
        max_unavailable: usize,
    },
}

impl Shape {
    /// Everything within, in order: its place counts from 1 in paths of steps.
    pub fn children(&self) -> impl Iterator<Item = &StepNode> {
        let (first, then): (&[StepNode], &[StepNode]) = match self {
            Self::Concurrent(steps) | Self::Sequence(steps) => (steps, &[]),
            Self::During { beside, steps } => (beside, steps),
            Self::Rolling { turns, .. } => (turns, &[]),
        };
        first.iter().chain(then)
    }

    /// The same with what `change` makes of each child. What was beside steps that are all gone is
    /// no longer ended with them: it runs to its own end. None where nothing is left.
    pub fn filtered(&self, change: &mut impl FnMut(&StepNode) -> Option<StepNode>) -> Option<Self> {
        let mut keep =
            |list: &[StepNode]| -> Vec<_> { list.iter().filter_map(&mut *change).collect() };
        let kept = match self {
            Self::Concurrent(steps) => Self::Concurrent(keep(steps)),
            Self::Sequence(steps) => Self::Sequence(keep(steps)),
            Self::During { beside, steps } => match (keep(beside), keep(steps)) {
                (beside, steps) if beside.is_empty() => Self::Sequence(steps),
                (beside, steps) if steps.is_empty() => Self::Concurrent(beside),
                (beside, steps) => Self::During { beside, steps },
            },
            Self::Rolling {
                turns,
                max_unavailable,
            } => Self::Rolling {
                turns: keep(turns),
                max_unavailable: *max_unavailable,
            },
        };
        let any = kept.children().next().is_some();
        any.then_some(kept)
    }
}

/// One entry of `steps`.
#[derive(Clone, Debug)]
pub struct Step {
    /// As a person would write it: `converge web1`.
    pub text: String,
    /// What it does.
    pub action: Action,
    /// The suite that it acts on; none for `run`, `sleep` and faults.
    pub suite: Option<String>,
    /// The suites that a fault concerns; `partition` has several groups, all others have one.
    pub groups: Vec<Vec<String>>,
    /// What every step can have.
    pub options: StepOptions,
    /// All other keys, among them `verifier` and its like, a name or a map: merged into the member's
    /// configuration for this action alone. Values may
    /// hold expressions (`{{peers.db.address}}`).
    pub overrides: Arc<Section>,
    /// Whether it is part of a turn of `rolling`.
    pub rolling: bool,
    /// Where it is written.
    pub origin: Option<Origin>,
}

impl Step {
    /// Every suite that it names, in order.
    pub fn suites(&self) -> impl Iterator<Item = &String> {
        self.suite.iter().chain(self.groups.iter().flatten())
    }

    /// Whether its end says whether something holds.
    pub fn judges(&self) -> bool {
        use Action::{Exec, Heartbeat, Run, Verify, Wait};
        match self.action {
            Verify | Exec { .. } | Run { .. } | Wait { .. } | Heartbeat(_) => true,
            _ => self.options.idempotent,
        }
    }

    /// Whether it breaks something, or mends it.
    pub fn is_fault(&self) -> bool {
        matches!(
            self.action,
            Action::Fault { .. } | Action::Heal | Action::Chaos(_)
        )
    }
}

/// How often a step is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Repeat {
    /// At most so many rounds; none: without end.
    pub times: Option<u32>,
    /// Whether the first round that fails is the last one.
    pub until_failure: bool,
}

/// A limit of time, and where it is set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TimeLimit {
    /// How long.
    pub length: Duration,
    /// For people: the key and its place (`timeout`, kitchen.yml:9:14).
    pub from: Arc<str>,
    /// Whether it is that of all steps, `kitchen: {step_timeout: …}`.
    pub common: bool,
}

impl TimeLimit {
    /// A limit that `from` sets for one thing.
    pub fn new(length: Duration, from: impl Into<Arc<str>>) -> Self {
        Self {
            length,
            from: from.into(),
            common: false,
        }
    }
}

/// What every step can have.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StepOptions {
    /// A label; for `verify` also the name under which tests are looked up.
    pub name: Option<String>,
    /// Longest time of one attempt, as written.
    pub timeout: Option<Duration>,
    /// The limit of one attempt: `timeout`, else that of the action or of all steps.
    pub limit: Option<TimeLimit>,
    /// Further attempts after a failed one.
    pub retries: u32,
    /// Pause between attempts.
    pub retry_wait: Duration,
    /// Done several times.
    pub repeat: Option<Repeat>,
    /// A failure is a warning.
    pub allow_failure: bool,
    /// The step must fail.
    pub expect_failure: bool,
    /// The converge must change nothing.
    pub idempotent: bool,
    /// The directory of the verify's tests, below `test_base_path`.
    pub tests_dir: Option<String>,
    /// A verify that ran no test is skipped, and has not failed.
    pub allow_empty: bool,
}

/// What a step does.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// Makes the member now.
    Create,
    /// Runs its provisioner.
    Converge,
    /// Prepares it for its verifier.
    Setup,
    /// Runs its verifier.
    Verify,
    /// Removes it.
    Destroy,
    /// Runs a command on the member.
    Exec {
        /// The command line; may hold expressions.
        command: String,
        /// Variables of the command; values may hold expressions.
        environment: BTreeMap<String, String>,
        /// What must come of it.
        expect: Expect,
    },
    /// Runs a command on the workstation.
    Run {
        /// The command line; may hold expressions.
        command: String,
        /// Working directory, relative to the project.
        cwd: Option<String>,
        /// Variables; values may hold expressions.
        environment: BTreeMap<String, String>,
    },
    /// Polls until a condition holds.
    Wait {
        /// The condition.
        condition: Condition,
        /// Pause between two looks.
        interval: Duration,
    },
    /// Lets time pass.
    Sleep(Duration),
    /// Breaks something, or switches a member.
    Fault {
        /// What.
        fault: Fault,
        /// For so long, after which it is undone; none: until it is healed.
        lasts: Option<Duration>,
    },
    /// Heals links: those of the members that it names, else all.
    Heal,
    /// Sets faults by chance.
    Chaos(Chaos),
    /// Asks over and over while other steps run.
    Heartbeat(Heartbeat),
}

/// What must come of a command.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Expect {
    /// The exit code.
    pub exit_code: i32,
    /// Standard output contains this; may hold expressions.
    pub contains: Option<String>,
    /// Standard output matches this regular expression.
    pub matches: Option<String>,
}

/// What `wait` waits for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Condition {
    /// The member accepts connections on this port.
    Port(u16),
    /// A GET answers with a status below 400, or with `status` and `body` where given.
    Http {
        /// URL, or a path of the member (`/health`, `:8080/health`); may hold expressions.
        url: String,
        /// The status asked for.
        status: Option<u16>,
        /// The body matches this regular expression.
        body: Option<String>,
    },
    /// This command exits with 0 on the member; may hold expressions.
    Command(String),
    /// This file exists on the member; may hold expressions.
    File(String),
    /// A line of this file on the member matches.
    Log {
        /// Path on the member; may hold expressions.
        file: String,
        /// Regular expression.
        matches: String,
    },
}

/// Calls `see` with every single step of `node`, in order.
pub fn each(node: &StepNode, see: &mut impl FnMut(&Arc<Step>)) {
    match node {
        StepNode::Step(step) => see(step),
        StepNode::Block(block) => block.shape.children().for_each(|node| each(node, see)),
    }
}
