//! Every message of the protocol, as docs/plugin-protocol.md has it.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{CaseStatus, Power, Stream};

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
    pub(super) fn call(&self) -> u64 {
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

/// The kitchen's side of the handshake.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Initialize {
    /// Version of the protocol, `MAJOR.MINOR`.
    pub protocol: String,
    /// Version of the kitchen, for logs.
    pub kitchen: String,
    /// What the plugin is to be.
    pub kind: PluginKind,
    /// The name in the configuration, which is that of the executable.
    pub name: String,
}

/// The four kinds of plugins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum PluginKind {
    /// Makes machines.
    Driver,
    /// Reaches them.
    Transport,
    /// Converges them.
    Provisioner,
    /// Judges them.
    Verifier,
}

impl PluginKind {
    /// The word in names of executables, methods and keys.
    pub fn word(self) -> &'static str {
        match self {
            Self::Driver => "driver",
            Self::Transport => "transport",
            Self::Provisioner => "provisioner",
            Self::Verifier => "verifier",
        }
    }
}

/// The plugin's side of the handshake.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Initialized {
    /// Version of the protocol that the plugin speaks.
    pub protocol: String,
    /// What the plugin calls itself.
    pub name: String,
    /// Version of the plugin.
    #[serde(default)]
    pub version: String,
    /// One line for people.
    #[serde(default)]
    pub summary: String,
    /// JSON Schema of the plugin's section: `properties` names all its keys. Without a schema no
    /// key is called unknown.
    #[serde(default)]
    pub schema: Option<Value>,
    /// What it can do.
    #[serde(default)]
    pub capabilities: Capabilities,
    /// Settings for `kitchen plugin check`.
    #[serde(default)]
    pub examples: Examples,
}

/// Settings with which the conformance suite checks a plugin.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Examples {
    /// With these all is well: a second converge changes nothing, all tests pass.
    pub good: Map<String, Value>,
    /// With these the user's own code or a test fails.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failing: Option<Map<String, Value>>,
    /// One of these is of a wrong type.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wrong: Option<Wrong>,
    /// The driver that makes the machine, for the other kinds; by default `exec`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub driver: Option<Partner>,
    /// The transport to it; by default the driver's own, else `exec`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub transport: Option<Partner>,
    /// Names of checks that do not apply, each with the reason.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub exempt: BTreeMap<String, String>,
    /// For transports: what listens on the machine.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub listen: Option<Listen>,
}

/// Settings that the plugin refuses.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Wrong {
    /// All settings.
    pub settings: Map<String, Value>,
    /// JSON pointer to the one at fault.
    pub key: String,
}

/// A plugin that a check needs besides.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Partner {
    /// Its name.
    pub name: String,
    /// Its settings.
    #[serde(default)]
    pub settings: Map<String, Value>,
}

/// A command that listens on a port of the machine and sends back what it receives.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Listen {
    /// The port.
    pub port: u16,
    /// The command.
    pub command: String,
}

/// What a plugin can do beyond what is required of it.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Capabilities {
    /// It takes requests while others are under way. Otherwise there is a process for each request
    /// that is under way at the same time. Required of transports.
    pub concurrent: bool,
    /// The optional methods that it answers.
    pub methods: Vec<String>,
    /// A driver's power actions; goes with method `driver/power`.
    pub power: Vec<Power>,
    /// A driver's members resolve each other's names without hosts entries.
    pub names_resolve: bool,
    /// A driver's machine is the workstation itself: none of its files are the kitchen's to write.
    pub workstation: bool,
    /// The transport that reaches a driver's machines where the configuration names none.
    pub transport: Option<String>,
}

/// Whose resource something is.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Identity {
    /// Stable name of the project: a hash of its directory.
    pub project: String,
    /// Name of the cluster; null for a plain instance.
    #[serde(default)]
    pub cluster: Option<String>,
    /// Name of the instance.
    pub instance: String,
    /// Name of the suite.
    pub suite: String,
    /// Name of the platform.
    pub platform: String,
    /// Id of the run that made it, unique in the world.
    pub run: String,
}

/// All that a call needs to know besides the state.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Context {
    /// Whose call it is.
    pub identity: Identity,
    /// The plugin's own settings, merged from all levels of the configuration.
    pub settings: Map<String, Value>,
    /// Names of the instance's plugins by kind.
    pub plugins: BTreeMap<String, String>,
    /// What kind of system the instance is.
    pub platform: Platform,
    /// All living members of the cluster; empty outside of one.
    pub peers: Vec<Peer>,
    /// Variables for every process of the user's.
    pub environment: BTreeMap<String, String>,
    /// Words before a command of the workstation so that it reaches the members' addresses.
    pub local_prefix: Vec<String>,
    /// Where each member is, by suite, for tools that reach machines by themselves.
    pub targets: BTreeMap<String, Target>,
    /// Directory of the configuration.
    pub root: PathBuf,
    /// `.kitchen`.
    pub kitchen_dir: PathBuf,
    /// For the plugin's own files of this instance; may not exist yet.
    pub work_dir: PathBuf,
    /// Shared by the plugins of all members of the cluster, removed with the last member; may not
    /// exist yet; null outside of a cluster.
    pub cluster_dir: Option<PathBuf>,
    /// Directory of all tests (`test_base_path`).
    pub test_dir: PathBuf,
    /// Name below `test_dir` under which tests are looked up.
    pub tests_name: String,
    /// The settings of the instance's provisioner, for drivers.
    pub provisioner_settings: Map<String, Value>,
    /// The settings of the instance's transport, for drivers; empty in calls of the transport.
    pub transport_settings: Map<String, Value>,
    /// The last command on the instance was killed: resources may exist that the state does not
    /// know.
    pub after_crash: bool,
    /// Tools should tell all that they can.
    pub debug: bool,
    /// Milliseconds until the kitchen cancels the request; null: no limit.
    pub deadline_ms: Option<u64>,
}

/// What kind of system an instance is.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Platform {
    /// `unix` or `windows`.
    pub os: String,
    /// `bourne` or `powershell`.
    pub shell: String,
}

/// A member of a cluster.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Peer {
    /// Name of the suite.
    pub suite: String,
    /// Name of the instance.
    pub instance: String,
    /// Name of the platform.
    pub platform: String,
    /// Name of the driver.
    pub driver: String,
    /// Address under which the others reach it, where known.
    #[serde(default)]
    pub address: Option<String>,
    /// Host name, where known.
    #[serde(default)]
    pub hostname: Option<String>,
    /// Roles of the suite.
    #[serde(default)]
    pub roles: Vec<String>,
}

/// Where an instance is, for tools that bring a way of their own.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", rename_all = "lowercase")]
pub enum Target {
    /// A secure shell.
    Ssh(SshTarget),
    /// A container, by its engine's command line.
    Container(ContainerTarget),
    /// The workstation itself.
    Local,
    /// Only the transport's own connection leads there.
    Other,
}

/// A machine with a secure shell.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct SshTarget {
    /// Name or address.
    pub hostname: String,
    /// Port.
    pub port: u16,
    /// User.
    pub username: String,
    /// Private key files.
    pub keys: Vec<PathBuf>,
    /// Passphrase of the keys; a secret.
    pub passphrase: Option<String>,
    /// Password of the user; a secret.
    pub password: Option<String>,
    /// Password for sudo; a secret.
    pub sudo_password: Option<String>,
    /// Words for OpenSSH's `ssh`, besides port, user and host.
    pub options: Vec<String>,
}

/// A container.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct ContainerTarget {
    /// Id.
    pub id: String,
    /// Address of the engine, for `DOCKER_HOST`.
    pub engine: String,
    /// Directory with the client's certificates.
    pub certificates: Option<PathBuf>,
    /// User that runs commands; null: the image's.
    pub user: Option<String>,
}

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
    /// Every test.
    pub cases: Vec<Case>,
    /// As everywhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<Map<String, Value>>,
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

/// Why a request failed.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct ErrorObject {
    /// A code of JSON-RPC, -32800 for cancelled, or any other number.
    pub code: i64,
    /// A lower-case fragment without a full stop that fits behind "failed to …".
    pub message: String,
    /// More of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<Box<ErrorData>>,
}

/// More of an error.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct ErrorData {
    /// Who can mend it; by default told by the code, else `machine`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<ErrorKind>,
    /// What the user can do, each a sentence.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub advice: Vec<String>,
    /// The key of the settings that is at fault, as a JSON pointer (`/image`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// What may be left behind: a list of resources; null: it cannot be told.
    #[serde(skip_serializing_if = "Residue::is_nothing")]
    pub residue: Residue,
    /// Exit code of the user's command, where one ran and failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exit_code: Option<i32>,
    /// A connection broke while something was done, which may have been done or not.
    pub lost: bool,
    /// As in answers: the whole state from now on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<Map<String, Value>>,
}

/// What a failed call may have left behind.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Residue(pub Option<Vec<String>>);

impl Default for Residue {
    fn default() -> Self {
        Self(Some(Vec::new()))
    }
}

impl Residue {
    fn is_nothing(&self) -> bool {
        self.0.as_ref().is_some_and(Vec::is_empty)
    }
}

/// Who can mend an error; the exit code of the kitchen follows from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ErrorKind {
    /// A value in the configuration is wrong or missing.
    Config,
    /// A machine, an engine, a network or a tool of the infrastructure failed.
    Machine,
    /// The user's own code ran and failed.
    Action,
    /// A limit passed.
    Timeout,
    /// The request was cancelled.
    Cancelled,
    /// The plugin cannot do it.
    Unsupported,
    /// A fault of the plugin.
    Internal,
}
