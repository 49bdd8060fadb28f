//! The steps of a multisuite, as written.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use banquet_sdk::{Origin, Section};

/// A step or a block of steps.
#[derive(Clone, Debug)]
pub enum StepNode {
    /// A single step.
    Step(Arc<Step>),
    /// Steps that belong together.
    Block(Arc<Block>),
}

/// Steps that run at the same time; the block ends when all have ended.
#[derive(Clone, Debug)]
pub struct Block {
    /// `name`, `timeout`, `retries`, … of the block itself.
    pub options: StepOptions,
    /// What runs at once.
    pub concurrent: Vec<StepNode>,
    /// Where it is written.
    pub origin: Option<Origin>,
}

/// One entry of `steps`.
#[derive(Clone, Debug)]
pub struct Step {
    /// As a person would write it: `converge web1`.
    pub text: String,
    /// What it does.
    pub action: Action,
    /// The suite that it acts on; none for `run` and `sleep`.
    pub suite: Option<String>,
    /// What every step can have.
    pub options: StepOptions,
    /// All other keys: merged into the member's configuration for this action alone. Values may
    /// hold expressions (`{{peers.db.address}}`).
    pub overrides: Arc<Section>,
    /// Where it is written.
    pub origin: Option<Origin>,
}

/// What every step can have.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StepOptions {
    /// A label; for `verify` also the name under which tests are looked up.
    pub name: Option<String>,
    /// Longest time of one attempt.
    pub timeout: Option<Duration>,
    /// Further attempts after a failed one.
    pub retries: u32,
    /// Pause between attempts.
    pub retry_wait: Duration,
    /// A failure is a warning.
    pub allow_failure: bool,
    /// The step must fail.
    pub expect_failure: bool,
    /// The converge must change nothing.
    pub idempotent: bool,
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
