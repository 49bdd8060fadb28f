//! Who is there, and what it can do.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{LocalPath, Power};

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
    /// Settings that name something of the workstation, which must be there before a machine is
    /// made.
    #[serde(default)]
    pub paths: Vec<LocalPath>,
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
