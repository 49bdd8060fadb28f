//! Every message of the protocol, as docs/plugin-protocol.md has it.

mod context;
mod failure;
mod handshake;
mod params;
mod results;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use context::*;
pub use failure::*;
pub use handshake::*;
pub use params::*;
pub use results::*;

/// Version of the protocol that this crate speaks. Plugin and kitchen must have the same major.
pub const PROTOCOL: &str = "1.0";

/// What the kitchen asks a plugin.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "method", content = "params")]
pub enum Request {
    /// The first message: who is there.
    #[serde(rename = "initialize")]
    Initialize(Initialize),
    /// The last one: remove what only this process needs, answer, and exit when standard input
    /// ends.
    #[serde(rename = "shutdown")]
    Shutdown(Nothing),
    /// Optional; a question.
    #[serde(rename = "driver/check")]
    CheckDriver(Plain),
    /// Optional.
    #[serde(rename = "driver/gossip")]
    Gossip(WithPeers),
    /// Required of drivers.
    #[serde(rename = "driver/create")]
    Create(WithState),
    /// Optional.
    #[serde(rename = "driver/late_gossip")]
    LateGossip(WithPeers),
    /// Required of drivers.
    #[serde(rename = "driver/destroy")]
    Destroy(WithState),
    /// Optional.
    #[serde(rename = "driver/dissolve")]
    Dissolve(Plain),
    /// Required of drivers.
    #[serde(rename = "driver/status")]
    Status(WithState),
    /// Optional.
    #[serde(rename = "driver/power")]
    Power(PowerParams),
    /// Optional; by default a script on the machine does it.
    #[serde(rename = "driver/links")]
    Links(LinksParams),
    /// Optional; a question: what speaks against a fault of the links.
    #[serde(rename = "driver/lacks")]
    Lacks(LacksParams),
    /// Optional: words before a command of the workstation to be in the machine's own network.
    #[serde(rename = "driver/network")]
    Network(WithState),
    /// Optional: words before a command of the workstation to reach the members' addresses.
    #[serde(rename = "driver/local_prefix")]
    LocalPrefix(WithState),
    /// Optional: saves the machine as an image.
    #[serde(rename = "driver/package")]
    Package(WithState),
    /// Optional.
    #[serde(rename = "driver/doctor")]
    DriverDoctor(Plain),
    /// Optional: all that bears the kitchen's labels.
    #[serde(rename = "driver/orphans")]
    Orphans(Plain),
    /// Optional: removes one of them alone.
    #[serde(rename = "driver/reclaim")]
    Reclaim(ReclaimParams),
    /// Optional; a question.
    #[serde(rename = "transport/check")]
    CheckTransport(Plain),
    /// Required of transports.
    #[serde(rename = "transport/connect")]
    Connect(WithState),
    /// Required of transports.
    #[serde(rename = "transport/login")]
    Login(WithState),
    /// Optional; a question.
    #[serde(rename = "transport/target")]
    Target(WithState),
    /// Optional.
    #[serde(rename = "transport/doctor")]
    TransportDoctor(Plain),
    /// Required of transports.
    #[serde(rename = "connection/exec")]
    Exec(ExecParams),
    /// Required of transports.
    #[serde(rename = "connection/upload")]
    Upload(UploadParams),
    /// Required of transports.
    #[serde(rename = "connection/download")]
    Download(DownloadParams),
    /// Required of transports.
    #[serde(rename = "connection/dial")]
    Dial(DialParams),
    /// Required of transports.
    #[serde(rename = "connection/close")]
    Close(ConnectionId),
    /// Optional; a question. Without it the provisioner tells no changes.
    #[serde(rename = "provisioner/tells_changes")]
    TellsChanges(Plain),
    /// Optional; a question.
    #[serde(rename = "provisioner/check")]
    CheckSettings(Plain),
    /// Optional.
    #[serde(rename = "provisioner/introduce")]
    Introduce(WithState),
    /// Required of provisioners.
    #[serde(rename = "provisioner/converge")]
    Converge(WithConnection),
    /// Optional.
    #[serde(rename = "provisioner/doctor")]
    ProvisionerDoctor(Plain),
    /// Optional; a question.
    #[serde(rename = "verifier/tests")]
    Tests(Plain),
    /// Optional; a question.
    #[serde(rename = "verifier/check")]
    Check(Plain),
    /// Optional.
    #[serde(rename = "verifier/setup")]
    Setup(WithConnection),
    /// Required of verifiers.
    #[serde(rename = "verifier/verify")]
    Verify(WithConnection),
    /// Optional.
    #[serde(rename = "verifier/examine")]
    Examine(WithConnection),
    /// Optional.
    #[serde(rename = "verifier/doctor")]
    VerifierDoctor(Plain),
}

/// What a plugin asks the kitchen, in the course of one of the kitchen's requests.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "method", content = "params")]
pub enum PluginRequest {
    /// Answered when the state is on disk.
    #[serde(rename = "state/checkpoint")]
    Checkpoint(Ours<StateParams>),
    /// A connection to the instance over its own transport, for drivers.
    #[serde(rename = "connection/open")]
    Open(Ours<StateParams>),
    /// Runs a command on the instance.
    #[serde(rename = "connection/exec")]
    Exec(Ours<ExecParams>),
    /// Copies from the workstation to the instance.
    #[serde(rename = "connection/upload")]
    Upload(Ours<UploadParams>),
    /// Copies from the instance to the workstation.
    #[serde(rename = "connection/download")]
    Download(Ours<DownloadParams>),
    /// Opens a stream to a port of the instance.
    #[serde(rename = "connection/dial")]
    Dial(Ours<DialParams>),
    /// Closes what `connection/open` opened.
    #[serde(rename = "connection/close")]
    Close(Ours<ConnectionId>),
}

impl PluginRequest {
    /// Id of the kitchen's request in whose course it is.
    pub(in crate::wire) fn call(&self) -> u64 {
        match self {
            Self::Checkpoint(it) | Self::Open(it) => it.call,
            Self::Exec(it) => it.call,
            Self::Upload(it) => it.call,
            Self::Download(it) => it.call,
            Self::Dial(it) => it.call,
            Self::Close(it) => it.call,
        }
    }
}

/// What wants no answer. Both sides ignore those that they do not know.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "method", content = "params")]
pub enum Notification {
    /// Either way: a line of output of a request.
    #[serde(rename = "output")]
    Output(OutputParams),
    /// Either way: the sender of a request no longer wants it.
    #[serde(rename = "$/cancelRequest")]
    Cancel(CancelParams),
    /// To the kitchen: a connection is broken.
    #[serde(rename = "connection/lost")]
    Lost(ConnectionId),
}

/// No parameters, or an answer without more.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize, JsonSchema)]
pub struct Nothing {}
