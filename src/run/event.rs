//! Everything that happens, in the past tense. The one source of what a person reads: terminal,
//! log files and reports are made from it.

use std::time::Duration;

use banquet_sdk::{Stream, TestCase};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Something that happened.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Event {
    /// When.
    pub at: Timestamp,
    /// What.
    #[serde(flatten)]
    pub kind: EventKind,
}

/// Where something happened. Any part may be missing: a `run` step has no instance.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub struct Place {
    /// The cluster, or the instance that is worked on by itself.
    pub subject: String,
    /// The instance.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance: Option<String>,
    /// Path of the step: `[2]` is the second step, `[2, 1]` the first in the block that is second.
    /// Empty outside steps.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub step: Vec<usize>,
}

/// How something ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It did what it should.
    Passed,
    /// A block of steps of which the command runs a part (`verify` runs `verify` steps alone): what
    /// ran passed, and these steps were left out. Neither passed nor failed as a whole.
    Partly(Vec<String>),
    /// It failed, and was allowed to.
    Allowed(Failure),
    /// It failed.
    Failed(Failure),
    /// It was not done, for this reason.
    Skipped(String),
}

/// Why something failed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Failure {
    /// Which of the causes; decides the exit code.
    pub cause: Cause,
    /// One sentence: what was being done, to whom, what the tool said.
    pub message: String,
    /// What to do next.
    #[serde(default)]
    pub hints: Vec<String>,
    /// It is the answer that the step asks for, and the answer is no: a test failed, a command ended
    /// otherwise than expected, a condition did not hold. Only this is what `expect_failure` expects.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub verdict: bool,
}

/// The causes that exit codes tell apart.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// A verifier said no, or an `exec`, `run` or `wait` step did not get what it asked for.
    Verify,
    /// A provisioner failed.
    Converge,
    /// A machine, an engine, a network failed.
    Infrastructure,
    /// A time limit passed.
    Timeout,
    /// The configuration is wrong.
    Config,
    /// The run was interrupted.
    Interrupted,
    /// A fault of the program itself.
    Internal,
}

impl Cause {
    /// The word for it, as it is written in records.
    pub fn word(self) -> &'static str {
        match self {
            Self::Verify => "verify",
            Self::Converge => "converge",
            Self::Infrastructure => "infrastructure",
            Self::Timeout => "timeout",
            Self::Config => "config",
            Self::Interrupted => "interrupted",
            Self::Internal => "internal",
        }
    }
}

/// One question of a heartbeat. Times are microseconds here, and seconds and moments in records.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Sample {
    /// Counts from 0.
    pub number: u64,
    /// When it was to be asked; here microseconds since 1970.
    #[serde(with = "super::seconds::moment")]
    #[schemars(with = "Timestamp")]
    pub planned: u64,
    /// How much later it was asked.
    #[serde(with = "super::seconds::micros")]
    #[schemars(with = "f64")]
    pub late: u64,
    /// From `planned` to the end of the answer, or until it was given up.
    #[serde(with = "super::seconds::micros")]
    #[schemars(with = "f64")]
    pub took: u64,
    /// Why it is lost; none: it was answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// A time without answers: from the first lost question to the next that was answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Outage {
    /// When its first question was to be asked; here microseconds since 1970.
    #[serde(with = "super::seconds::moment")]
    #[schemars(with = "Timestamp")]
    pub since: u64,
    /// How long; here in microseconds.
    #[serde(with = "super::seconds::micros")]
    #[schemars(with = "f64")]
    pub lasted: u64,
    /// How many were lost.
    pub lost: u64,
    /// Why the first one was.
    pub error: String,
    /// The fault that came last before it (`kill web1`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub follows: Option<String>,
}

/// What came of a heartbeat. Latencies count from the moment at which a question was to be asked,
/// so that one that had to wait for others shows it; of answers only, here in microseconds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct HeartbeatSummary {
    /// Questions asked.
    pub sent: u64,
    /// Answered as demanded.
    pub answered: u64,
    /// Not.
    pub lost: u64,
    /// Half of the answers took no longer.
    #[serde(with = "super::seconds::micros")]
    #[schemars(with = "f64")]
    pub p50: u64,
    /// Nine of ten.
    #[serde(with = "super::seconds::micros")]
    #[schemars(with = "f64")]
    pub p90: u64,
    /// 99 of 100.
    #[serde(with = "super::seconds::micros")]
    #[schemars(with = "f64")]
    pub p99: u64,
    /// The slowest.
    #[serde(with = "super::seconds::micros")]
    #[schemars(with = "f64")]
    pub max: u64,
    /// 99 of 100 questions were asked no later than this after they were to be.
    #[serde(with = "super::seconds::micros")]
    #[schemars(with = "f64")]
    pub late_p99: u64,
    /// The longest outage, of all.
    #[serde(default, with = "super::seconds::micros")]
    #[schemars(with = "f64")]
    pub longest: u64,
    /// In order; at most the first 1000.
    pub outages: Vec<Outage>,
}

/// What happened.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum EventKind {
    /// A run began.
    RunStarted {
        /// Id of the run.
        run: String,
        /// Version of the program.
        version: String,
        /// Names of the subjects, in order.
        subjects: Vec<String>,
        /// Names of the platforms that the subjects are on, each once.
        platforms: Vec<String>,
    },
    /// Work on a subject began.
    SubjectStarted {
        /// Its name.
        subject: String,
        /// The command's word (`test`).
        command: String,
        /// Names of its members.
        members: Vec<String>,
        /// The suite of each member, in the same order.
        suites: Vec<String>,
        /// Whether it is a cluster.
        cluster: bool,
        /// Name of its multisuite; of an instance by itself that of its suite.
        suite: String,
        /// Name of its platform.
        platform: String,
        /// All steps of a cluster, each block before the steps in it.
        steps: Vec<Planned>,
        /// What the plan has, in order: actions of all members by their word, numbered steps by
        /// their number. Two runs that have the same items can be compared.
        items: Vec<String>,
    },
    /// A person should know.
    Warned {
        /// Where.
        #[serde(flatten)]
        place: Place,
        /// What.
        message: String,
    },
    /// A step of a multisuite, or a block of them, began.
    StepStarted {
        /// Where.
        #[serde(flatten)]
        place: Place,
        /// Its text or name.
        title: String,
        /// Counts from 1.
        attempt: u32,
    },
    /// An attempt of a step or block failed, and there will be another.
    StepRetried {
        /// Where.
        #[serde(flatten)]
        place: Place,
        /// Its text or name.
        title: String,
        /// The attempt that failed; counts from 1.
        attempt: u32,
        /// Why.
        failure: Failure,
    },
    /// A round of a step or block that is repeated failed, in all its attempts.
    RoundFailed {
        /// Where.
        #[serde(flatten)]
        place: Place,
        /// Its text or name, with the round.
        title: String,
        /// Counts from 1.
        round: u32,
        /// Why.
        failure: Failure,
    },
    /// A step or block ended.
    StepFinished {
        /// Where.
        #[serde(flatten)]
        place: Place,
        /// Its text or name.
        title: String,
        /// Attempts that it took.
        attempts: u32,
        /// How.
        outcome: Outcome,
        /// How long all attempts took.
        #[serde(with = "super::seconds")]
        #[schemars(with = "f64")]
        duration: Duration,
    },
    /// An action on an instance was given its ids, as Test Kitchen's structured logs and states
    /// have them (lib/kitchen/instance.rb, `ActionRunner`). Comes before `ActionStarted`.
    Attempted {
        /// Where.
        #[serde(flatten)]
        place: Place,
        /// The instance's suite.
        suite: String,
        /// The instance's platform.
        platform: String,
        /// The action's word.
        action: String,
        /// Id of this attempt (`last_action_id`).
        action_id: String,
        /// Id of the instance from its creation to its end (`instance_session_id`).
        session: String,
    },
    /// An action on an instance began (`create`, `converge`, …).
    ActionStarted {
        /// Where.
        #[serde(flatten)]
        place: Place,
        /// The action's word, also `gossip` and `late_gossip`.
        action: String,
    },
    /// An attempt of an action on an instance failed, and there will be another.
    ActionRetried {
        /// Where.
        #[serde(flatten)]
        place: Place,
        /// The action's word.
        action: String,
        /// What is done to the instance before it (`made anew`, `rebooted`).
        remedy: String,
        /// Why.
        failure: Failure,
    },
    /// An action on an instance ended.
    ActionFinished {
        /// Where.
        #[serde(flatten)]
        place: Place,
        /// The action's word.
        action: String,
        /// How.
        outcome: Outcome,
        /// How long.
        #[serde(with = "super::seconds")]
        #[schemars(with = "f64")]
        duration: Duration,
    },
    /// A fault is in force.
    FaultSet {
        /// Where.
        #[serde(flatten)]
        place: Place,
        /// Number of the fault in its cluster; [`EventKind::FaultHealed`] has the same.
        fault: u64,
        /// The step, as written (`kill web1`).
        what: String,
        /// Names of the instances.
        members: Vec<String>,
        /// From the start of its step until it was in force.
        #[serde(with = "super::seconds")]
        #[schemars(with = "f64")]
        took: Duration,
    },
    /// A fault was undone.
    FaultHealed {
        /// Where.
        #[serde(flatten)]
        place: Place,
        /// Number of the fault in its cluster.
        fault: u64,
        /// The step that set it, as written.
        what: String,
        /// Names of the instances.
        members: Vec<String>,
        /// How long it took to undo.
        #[serde(with = "super::seconds")]
        #[schemars(with = "f64")]
        took: Duration,
    },
    /// Some questions of a heartbeat were answered or lost.
    HeartbeatSampled {
        /// Where.
        #[serde(flatten)]
        place: Place,
        /// In the order in which they ended.
        samples: Vec<Sample>,
    },
    /// A heartbeat ended.
    HeartbeatFinished {
        /// Where.
        #[serde(flatten)]
        place: Place,
        /// What came of it.
        summary: HeartbeatSummary,
    },
    /// A test ended.
    TestFinished {
        /// Where.
        #[serde(flatten)]
        place: Place,
        /// The test.
        case: TestCase,
    },
    /// A line of output.
    Printed {
        /// Where.
        #[serde(flatten)]
        place: Place,
        /// Which stream.
        stream: Stream,
        /// The line, secrets masked.
        text: String,
    },
    /// Work on a subject ended.
    SubjectFinished {
        /// Its name.
        subject: String,
        /// How.
        outcome: Outcome,
        /// How long.
        #[serde(with = "super::seconds")]
        #[schemars(with = "f64")]
        duration: Duration,
    },
    /// The run was told to stop (ctrl-C, SIGTERM).
    Interrupted,
    /// The run ended.
    RunFinished {
        /// How long.
        #[serde(with = "super::seconds")]
        #[schemars(with = "f64")]
        duration: Duration,
        /// What it came to.
        verdict: RunVerdict,
    },
}

/// What a run came to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RunVerdict {
    /// Whether no subject failed.
    pub passed: bool,
    /// The most important cause of what failed; decides the exit code.
    pub cause: Option<Cause>,
    /// Names of the subjects that failed, in order.
    pub failed: Vec<String>,
    /// Names of the subjects that were not worked on, in order.
    pub skipped: Vec<String>,
}

/// A step of a multisuite, as the plan has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Planned {
    /// Its path.
    pub step: Vec<usize>,
    /// Its text or name.
    pub title: String,
    /// What it does (`verify`, `kill`); of a block `concurrent`, `steps`, `during` or `rolling`.
    pub action: String,
    /// The instance that it acts on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance: Option<String>,
}

impl Outage {
    /// `, after `kill web1``, where a fault came before.
    pub fn cause(&self) -> String {
        match &self.follows {
            Some(fault) => format!(", after `{fault}`"),
            None => String::new(),
        }
    }
}
