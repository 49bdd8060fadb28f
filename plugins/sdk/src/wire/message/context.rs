//! All that a call needs to know.

use std::collections::BTreeMap;
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// Whose resource something is.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Identity {
    /// Stable name of the project: a hash of its directory and workstation.
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
    /// Name of the directory below `test_dir` whose tests are run.
    pub tests_name: String,
    /// Names of all directories below `test_dir` that may hold tests, the one that is preferred
    /// first; `tests_name` is the first of them that holds a test by `verifier/tests`, else the
    /// first that exists.
    #[serde(default)]
    pub tests_names: Vec<String>,
    /// The settings of the instance's provisioner, for drivers.
    pub provisioner_settings: Map<String, Value>,
    /// The settings of the instance's transport, for drivers; empty in calls of the transport.
    #[serde(default)]
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
