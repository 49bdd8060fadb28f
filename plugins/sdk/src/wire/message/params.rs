//! Params of requests and notifications.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::context::{Context, Peer};
use crate::{Power, Stream};

/// A call that concerns no machine.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Plain {
    /// All that is known.
    pub context: Box<Context>,
}

/// A call about a machine.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct WithState {
    /// All that is known.
    pub context: Box<Context>,
    /// What the kitchen remembers of the instance.
    pub state: Map<String, Value>,
}

/// A call about a machine that there is a way to.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct WithConnection {
    /// All that is known.
    pub context: Box<Context>,
    /// What the kitchen remembers of the instance.
    #[serde(default)]
    pub state: Map<String, Value>,
    /// The way, for `connection/exec` and its like.
    pub connection: String,
}

/// A call about a machine and its peers.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct WithPeers {
    /// All that is known.
    pub context: Box<Context>,
    /// All members.
    pub peers: Vec<Peer>,
    /// What the kitchen remembers of the instance.
    pub state: Map<String, Value>,
}

/// `driver/power`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct PowerParams {
    /// All that is known.
    pub context: Box<Context>,
    /// What the kitchen remembers of the instance.
    pub state: Map<String, Value>,
    /// What the machine is told.
    pub power: Power,
}

/// `driver/links`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct LinksParams {
    /// All that is known.
    pub context: Box<Context>,
    /// What the kitchen remembers of the instance.
    pub state: Map<String, Value>,
    /// The state that the links are put into, in place of any earlier one.
    pub links: Links,
}

/// All that is wrong with a machine's links.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Links {
    /// Addresses with which no packet is exchanged.
    pub cut: Vec<IpAddr>,
    /// Addresses which `delay` and `drop` concern.
    pub peers: Vec<IpAddr>,
    /// What is sent to the peers leaves so much later.
    pub delay: Option<Delay>,
    /// So many of a hundred packets from and to the peers are lost.
    pub drop: Option<f64>,
}

/// How late packets are.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Delay {
    /// Seconds.
    pub by: f64,
    /// Seconds more or less.
    pub jitter: f64,
}

/// `driver/lacks`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct LacksParams {
    /// All that is known.
    pub context: Box<Context>,
    /// The fault that a plan asks for.
    pub fault: LinkFault,
}

/// A kind of fault of a link.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum LinkFault {
    /// No packet passes.
    Cut,
    /// Packets come late.
    Delay,
    /// Packets are lost.
    Drop,
}

/// A request of a plugin belongs to one of the kitchen's.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "In{T}")]
pub struct Ours<T> {
    /// Id of the kitchen's request in whose course this is asked.
    pub call: u64,
    /// The rest.
    #[serde(flatten)]
    pub params: T,
}

/// A state.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct StateParams {
    /// The whole of it.
    pub state: Map<String, Value>,
}

/// A connection.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct ConnectionId {
    /// Its name.
    pub connection: String,
}

/// `connection/exec`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct ExecParams {
    /// Where.
    pub connection: String,
    /// The command line, for the instance's shell.
    pub command: String,
    /// Variables to set.
    #[serde(default)]
    pub environment: BTreeMap<String, String>,
    /// What it reads, as text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stdin: Option<String>,
    /// What it reads, as bytes in Base64; not together with `stdin`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stdin_base64: Option<String>,
    /// Run as this user; null: as the connection's own.
    #[serde(default)]
    pub user: Option<String>,
    /// What becomes of the output. To a transport always `stream`.
    #[serde(default)]
    pub output: ExecOutput,
}

/// What becomes of a command's output.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ExecOutput {
    /// The answer has it, each stream's last MiB.
    #[default]
    Keep,
    /// It is shown as the output of the plugin's own call.
    Show,
    /// It is shown, and the answer has it too.
    Both,
    /// It comes as notifications `output` whose `call` is the id of this request.
    Stream,
}

/// `connection/upload`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct UploadParams {
    /// Where to.
    pub connection: String,
    /// Absolute paths of files and directories of the workstation.
    pub locals: Vec<PathBuf>,
    /// Directory of the instance, which is made.
    pub remote: String,
}

/// `connection/download`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct DownloadParams {
    /// Where from.
    pub connection: String,
    /// Paths of files and directories of the instance.
    pub remotes: Vec<String>,
    /// Absolute path of a directory of the workstation, which is made.
    pub local: PathBuf,
}

/// `connection/dial`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct DialParams {
    /// Where.
    pub connection: String,
    /// Port of the instance.
    pub port: u16,
}

/// A line of output.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct OutputParams {
    /// Id of the request that it belongs to, one of the receiver's.
    pub call: u64,
    /// Which output; `note` is a word of the plugin itself.
    pub stream: Stream,
    /// The line without its end.
    pub text: String,
}

/// `$/cancelRequest`.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, JsonSchema)]
pub struct CancelParams {
    /// Id of the request, one of the sender's.
    pub id: u64,
}
