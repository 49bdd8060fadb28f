//! Configuration to instances and clusters: who there is, under which names, with which settings.
//! Pure data; called by the plan and the command line, calls the configuration only.

mod build;
mod by_suite;
mod clusters;
mod diagnose;
pub(crate) mod duration;
mod fault;
mod fields;
mod heartbeat;
mod levels;
pub mod limits;
mod names;
mod overrides;
pub(crate) mod pattern;
mod plugins;
mod select;
mod settings;
mod step;
mod steps;
#[cfg(test)]
pub(crate) mod tests;

use std::sync::Arc;

use banquet_sdk::{Origin, Peer, Platform, Section, State};

use crate::config::{Node, Problem};

pub use by_suite::BySuite;
pub use fault::{Chaos, Fault};
pub use heartbeat::{Heartbeat, Probe};
pub(crate) use names::Filter;
pub use plugins::{NoPlugins, Plugins};
pub use select::{SelectError, Selection};
pub use settings::Settings;
pub use step::{
    Action, Block, Condition, Expect, Part, Repeat, Shape, Step, StepNode, StepOptions, TimeLimit,
    each,
};
pub use steps::{OPTIONS, reference};

/// One of the four places where a technology plugs in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// Makes machines.
    Driver,
    /// Reaches machines.
    Transport,
    /// Converges machines.
    Provisioner,
    /// Judges machines.
    Verifier,
}

impl Kind {
    /// All four.
    pub const ALL: [Self; 4] = [
        Self::Driver,
        Self::Transport,
        Self::Provisioner,
        Self::Verifier,
    ];

    /// The key of its section in the configuration.
    pub fn key(self) -> &'static str {
        match self {
            Kind::Driver => "driver",
            Kind::Transport => "transport",
            Kind::Provisioner => "provisioner",
            Kind::Verifier => "verifier",
        }
    }

    /// The plugin that Test Kitchen takes on `platform` where the configuration names none
    /// (config.rb, `kitchen_config`).
    pub fn default_name(self, platform: &str) -> &'static str {
        match self {
            Kind::Driver => "dummy",
            Kind::Provisioner => "shell",
            Kind::Verifier => "busser",
            Kind::Transport if is_windows(platform) => "winrm",
            Kind::Transport => "ssh",
        }
    }

    /// Keys of a section that the kitchen itself sets, whatever the configuration says.
    pub(crate) fn kitchen_keys(self) -> &'static [&'static str] {
        match self {
            Kind::Driver | Kind::Transport => &["kitchen_root", "test_base_path", "log_level"],
            Kind::Provisioner => &["kitchen_root", "test_base_path", "debug"],
            Kind::Verifier => &["kitchen_root", "test_base_path", "log_level", "debug"],
        }
    }
}

fn is_windows(platform: &str) -> bool {
    platform
        .get(..3)
        .is_some_and(|start| start.eq_ignore_ascii_case("win"))
}

/// What kind of system a platform is: as written, else by its name and its transport (platform.rb).
pub(crate) fn platform_type(platform: &Node) -> Platform {
    let text = |key: &str| platform.get(key)?.as_str().map(str::to_owned);
    let transport = platform.get("transport");
    let winrm = |node: &Node| {
        let name = node.get("name").unwrap_or(node);
        name.as_str() == Some("winrm")
    };
    let windows =
        text("name").is_some_and(|name| is_windows(&name)) || transport.is_some_and(winrm);
    let default = |unix: &str, other: &str| if windows { other } else { unix }.to_owned();
    Platform {
        os: text("os_type").unwrap_or_else(|| default("unix", "windows")),
        shell: text("shell_type").unwrap_or_else(|| default("bourne", "powershell")),
    }
}

/// A plugin's name and its merged settings for one instance.
#[derive(Debug)]
pub struct PluginUse {
    /// Name in the configuration; the plugin need not exist.
    pub name: String,
    /// Whether the configuration names it; else the name is a default.
    pub named: bool,
    /// The merged settings, without `name`.
    pub section: Settings,
}

impl Clone for PluginUse {
    fn clone(&self) -> Self {
        Self {
            name: self.name.clone(),
            named: self.named,
            section: self.section.share(),
        }
    }
}

/// One suite on one platform.
#[derive(Clone, Debug)]
pub struct Instance {
    /// `<suite>-<platform>` by Test Kitchen's name rules.
    pub name: String,
    /// Name of the suite.
    pub suite: String,
    /// Name of the platform.
    pub platform: String,
    /// What kind of system the platform is.
    pub platform_type: Platform,
    /// Roles of the suite: its own `roles`, and those in its run list.
    pub roles: Vec<String>,
    /// Makes it.
    pub driver: PluginUse,
    /// Reaches it.
    pub transport: PluginUse,
    /// Converges it.
    pub provisioner: PluginUse,
    /// Judges it.
    pub verifier: PluginUse,
    /// Lifecycle hooks (`pre_create: […]`), merged as in Test Kitchen.
    pub lifecycle: Arc<Section>,
    /// Name of the cluster that it is a member of.
    pub cluster: Option<String>,
    /// Where the name of its suite is written.
    pub origin: Option<Origin>,
}

impl Instance {
    /// The transport's name as Test Kitchen lists it: where the configuration names none and the
    /// driver is one of Test Kitchen's world, its default and not the transport that is used here.
    pub fn listed_transport(&self) -> &str {
        let ours = matches!(self.driver.name.as_str(), "exec" | "sandbox");
        match self.transport.named || ours {
            true => &self.transport.name,
            false => Kind::Transport.default_name(&self.platform),
        }
    }

    /// The plugin of the given kind.
    pub fn plugin(&self, kind: Kind) -> &PluginUse {
        match kind {
            Kind::Driver => &self.driver,
            Kind::Transport => &self.transport,
            Kind::Provisioner => &self.provisioner,
            Kind::Verifier => &self.verifier,
        }
    }

    /// What the others of its cluster may know of it while its state is `state`.
    pub fn peer(&self, state: &State) -> Peer {
        Peer {
            suite: self.suite.clone(),
            instance: self.name.clone(),
            platform: self.platform.clone(),
            driver: self.driver.name.clone(),
            address: state.address().map(str::to_owned),
            hostname: state.str("host_name").map(str::to_owned),
            roles: self.roles.clone(),
        }
    }
}

/// One multisuite on one platform.
#[derive(Clone, Debug)]
pub struct Cluster {
    /// `<multisuite>-<platform>` by the same name rules as an instance.
    pub name: String,
    /// Name of the multisuite.
    pub multisuite: String,
    /// Name of the platform.
    pub platform: String,
    /// The members, one a suite, in the order in which the steps first name them.
    pub members: Vec<Arc<Instance>>,
    /// The steps that apply to this platform, in order.
    pub steps: Vec<StepNode>,
    /// Settings of the multisuite itself (`create: {retries, recover}`, …).
    pub settings: Arc<Section>,
    /// Where the multisuite is written.
    pub origin: Option<Origin>,
    /// What is found by the name of a suite.
    pub by_suite: BySuite,
}

impl Cluster {
    /// The member of suite `suite`.
    pub fn member(&self, suite: &str) -> Option<&Arc<Instance>> {
        let index = self
            .by_suite
            .of(&self.members, &self.steps)
            .members
            .get(suite);
        index.and_then(|index| self.members.get(*index))
    }

    /// The suites of the members, in order, and the roles that any of them has.
    pub fn names(&self) -> (Arc<Vec<String>>, Arc<Vec<String>>) {
        let found = self.by_suite.of(&self.members, &self.steps);
        (found.suites.clone(), found.roles.clone())
    }

    /// The steps that verify the member of suite `suite`, in order.
    pub fn verifies(&self, suite: &str) -> &[Arc<Step>] {
        let steps = self
            .by_suite
            .of(&self.members, &self.steps)
            .verifies
            .get(suite);
        steps.map_or(&[], Vec::as_slice)
    }
}

/// Everything that a configuration describes, in its order.
#[derive(Clone, Debug, Default)]
pub struct Matrix {
    /// Suites × platforms, suite-major.
    pub instances: Vec<Arc<Instance>>,
    /// Multisuites × platforms, multisuite-major.
    pub clusters: Vec<Arc<Cluster>>,
    /// Names that two instances share. Commands that only read tell of them; all others must fail
    /// with them, because the two would share one state. Always empty where there are clusters:
    /// there they are errors.
    pub conflicts: Vec<Problem>,
    /// What is known to fail or to test nothing: commands that make machines must fail with it, and
    /// those that only read do not.
    pub refusals: Vec<Problem>,
    /// What is odd but does not stop anything.
    pub warnings: Vec<Problem>,
    /// How long a driver may take to destroy a machine, where the configuration says.
    pub destroy_limit: Option<TimeLimit>,
}
