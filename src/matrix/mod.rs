//! Configuration to instances and clusters: who there is, under which names, with which settings.
//! Pure data; called by the plan and the command line, calls the configuration only.

mod step;

use std::sync::Arc;

use banquet_sdk::{Origin, Section};

pub use step::{Action, Block, Condition, Expect, Step, StepNode, StepOptions};

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

/// A plugin's name and its merged settings for one instance.
#[derive(Clone, Debug)]
pub struct PluginUse {
    /// Name in the configuration; the plugin need not exist.
    pub name: String,
    /// The merged settings, without `name`.
    pub section: Arc<Section>,
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
    /// Roles of the suite.
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
}

impl Instance {
    /// The plugin of the given kind.
    pub fn plugin(&self, kind: Kind) -> &PluginUse {
        match kind {
            Kind::Driver => &self.driver,
            Kind::Transport => &self.transport,
            Kind::Provisioner => &self.provisioner,
            Kind::Verifier => &self.verifier,
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
}

impl Cluster {
    /// The member of suite `suite`.
    pub fn member(&self, suite: &str) -> Option<&Arc<Instance>> {
        self.members.iter().find(|member| member.suite == suite)
    }
}

/// Everything that a configuration describes, in its order.
#[derive(Clone, Debug, Default)]
pub struct Matrix {
    /// Suites × platforms, suite-major.
    pub instances: Vec<Arc<Instance>>,
    /// Multisuites × platforms, multisuite-major.
    pub clusters: Vec<Arc<Cluster>>,
}
