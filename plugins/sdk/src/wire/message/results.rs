//! What requests are answered with.

use std::collections::BTreeMap;
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::context::{Context, Identity, Target};
use crate::CaseStatus;

/// Answer of calls that may change the state.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Done {
    /// The whole state from now on; left out: as it was last checkpointed, else as it was sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<Map<String, Value>>,
}

/// Answer of `driver/status`.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, JsonSchema)]
pub struct StatusResult {
    /// Whether the machine exists.
    pub status: Status,
}

/// Whether a machine exists.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// There is none.
    Absent,
    /// It runs.
    Running,
    /// It is there and off.
    Stopped,
    /// It is there and frozen.
    Paused,
}

/// Answer of `driver/lacks`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
pub struct LacksResult {
    /// What speaks against it; null: nothing.
    pub lacks: Option<Lack>,
}

/// What speaks against a fault.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Lack {
    /// What it is.
    pub message: String,
    /// What to do, each a sentence.
    #[serde(default)]
    pub advice: Vec<String>,
}

/// Answer of `driver/network` and `driver/local_prefix`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
pub struct PrefixResult {
    /// The words. Null, from `driver/network` alone: only the machine itself can.
    pub prefix: Option<Vec<String>>,
}

/// Answer of `driver/package`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct PackageResult {
    /// Names the image.
    pub path: PathBuf,
    /// As everywhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<Map<String, Value>>,
}

/// Answer of `doctor` and `examine`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
pub struct FaultsResult {
    /// What is wrong.
    pub faults: Vec<Fault>,
}

/// A problem that `kitchen doctor` tells.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Fault {
    /// What is wrong.
    pub message: String,
    /// What to do.
    #[serde(default)]
    pub advice: String,
}

/// Answer of `driver/orphans`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
pub struct OrphansResult {
    /// All that bears the kitchen's labels, whoever's it is.
    pub orphans: Vec<Orphan>,
}

/// A resource that bears the kitchen's labels.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Orphan {
    /// Whose it is. The instance is empty for what the members of a cluster share.
    pub identity: Identity,
    /// The driver's name for it, for people.
    pub resource: String,
    /// Seconds since it was made, where known.
    #[serde(default)]
    pub age: Option<u64>,
    /// Its ids and names of which the state of its instance holds one as long as it is in use.
    #[serde(default)]
    pub names: Vec<String>,
    /// It is kept on purpose, to be used again (an image that was built).
    #[serde(default)]
    pub cache: bool,
}

/// `driver/reclaim`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct ReclaimParams {
    /// All that is known.
    pub context: Box<Context>,
    /// One of those that `driver/orphans` told.
    pub orphan: Orphan,
}

/// Answer of `driver/reclaim`.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize, JsonSchema)]
pub struct ReclaimResult {
    /// Whether it is gone now; false: the driver can only destroy an instance as a whole.
    pub reclaimed: bool,
}

/// Answer of `transport/login`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct LoginResult {
    /// The program that gives a person a shell.
    pub program: String,
    /// Its arguments.
    #[serde(default)]
    pub arguments: Vec<String>,
    /// Variables to set.
    #[serde(default)]
    pub environment: BTreeMap<String, String>,
    /// Where it runs; null: where the kitchen was started.
    #[serde(default)]
    pub directory: Option<PathBuf>,
}

/// Answer of `transport/target`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct TargetResult {
    /// Where the instance is.
    pub target: Target,
}

/// Answer of `connection/exec`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
pub struct ExecResult {
    /// How the command ended; a signal is 128 plus its number.
    pub exit_code: i32,
    /// Standard output where it was to be kept: its last MiB.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub out: Option<String>,
    /// Standard error where it was to be kept: its last MiB.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub err: Option<String>,
}

/// Answer of `connection/dial`: where on the workstation the stream is; it takes one connection.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum DialResult {
    /// Path of a Unix socket.
    Unix(PathBuf),
    /// `HOST:PORT`.
    Tcp(String),
}

/// Answer of `provisioner/converge`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct ConvergeResult {
    /// What was changed, each a line for people; an empty list: nothing; null: not known.
    pub changes: Option<Vec<String>>,
    /// As everywhere.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<Map<String, Value>>,
}

/// Answer of `verifier/verify`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
pub struct VerifyResult {
    /// Every test; an empty list: no test ran. Null: the tool tells no cases of its own, and all
    /// that it ran is one test, which passed.
    #[serde(deserialize_with = "present")]
    #[schemars(required)]
    pub cases: Option<Vec<Case>>,
    /// As everywhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<Map<String, Value>>,
}

/// A value that may be null and must be written: what was forgotten is no test that passed.
fn present<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: serde::Deserializer<'de>,
    T: Deserialize<'de>,
{
    Option::deserialize(deserializer)
}

/// One test.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Case {
    /// The tool's name for it; no two the same.
    pub name: String,
    /// How it ended.
    pub status: CaseStatus,
    /// Seconds, where the tool tells.
    #[serde(default)]
    pub duration: Option<f64>,
    /// What the tool said about it; a failed test must say something.
    #[serde(default)]
    pub message: Option<String>,
}
