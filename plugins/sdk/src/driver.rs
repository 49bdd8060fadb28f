//! Makes machines.

use std::borrow::Cow;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{
    Context, Error, Identity, LinkFault, Links, Peers, PluginInfo, Result, State, async_trait,
    links,
};

/// What a driver can do; the plan refuses what it cannot before anything runs.
#[derive(Clone, Debug, Default)]
pub struct Capabilities {
    /// Power actions, as far as the settings allow ([`Driver::lacks_power`]).
    pub power: Vec<Power>,
    /// Members resolve each other's names without hosts entries.
    pub names_resolve: bool,
    /// The machine is the workstation: none of its files are the kitchen's to write.
    pub workstation: bool,
    /// Transport that reaches this driver's machines where the configuration names none.
    pub transport: Option<Cow<'static, str>>,
    /// Whole machines can be saved and put back.
    pub snapshots: bool,
}

/// What a machine can be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Power {
    /// Orderly off.
    Stop,
    /// On.
    Start,
    /// The power cut.
    Kill,
    /// Off and on.
    Reboot,
    /// Frozen.
    Pause,
    /// Thawed.
    Resume,
}

impl Power {
    /// All there is.
    pub const ALL: [Self; 6] = [
        Self::Stop,
        Self::Start,
        Self::Kill,
        Self::Reboot,
        Self::Pause,
        Self::Resume,
    ];
}

/// Whether a machine exists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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

/// A problem that `kitchen doctor` found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub advice: String,
}

/// A resource that bears this program's labels.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Orphan {
    /// Whose it was. The instance is empty for what the members of a cluster share.
    pub identity: Identity,
    /// The driver's name for it, for people (`container 3f2a…`).
    pub resource: String,
    /// Seconds since it was made, where known.
    #[serde(default)]
    pub age: Option<u64>,
    /// Its ids and names of which the state of its instance holds one as a value (`container_id`)
    /// as long as it is in use; none where states do not tell.
    #[serde(default)]
    pub names: Vec<String>,
    /// Whether it is kept on purpose after its instance was destroyed, to be used again (an image
    /// that was built).
    #[serde(default)]
    pub cache: bool,
}

impl Orphan {
    /// A resource of unknown age, without names.
    pub fn new(identity: Identity, resource: impl Into<String>) -> Self {
        Self {
            identity,
            resource: resource.into(),
            age: None,
            names: Vec::new(),
            cache: false,
        }
    }

    /// Whether the state of an instance, `values`, has one of its names as a value.
    pub fn is_noted_in(&self, values: &Map<String, Value>) -> bool {
        values.values().any(|value| self.is_named_by(value))
    }

    fn is_named_by(&self, value: &Value) -> bool {
        match value {
            Value::String(text) => self.names.contains(text),
            Value::Array(list) => list.iter().any(|value| self.is_named_by(value)),
            Value::Object(values) => self.is_noted_in(values),
            _ => false,
        }
    }
}

/// Makes and removes machines. Every call may be cancelled at any await and leaves nothing that
/// [`Driver::destroy`] does not find.
#[async_trait]
pub trait Driver: Send + Sync {
    /// Name and keys.
    fn info(&self) -> PluginInfo;

    /// What it can do.
    fn capabilities(&self) -> Capabilities;

    /// What keeps machines from being made, told before anything runs: settings that are wrong. What
    /// the plugin's type and [`PluginInfo::paths`] say has been looked at. Asks no machine.
    fn check(&self, _cx: &Context) -> Result<()> {
        Ok(())
    }

    /// Before any member exists: hears of all members and may note in `state` what `create` needs
    /// (network, address, host name). Makes nothing.
    async fn gossip(&self, _cx: &Context, _peers: &Peers, _state: &mut State) -> Result<()> {
        Ok(())
    }

    /// Makes the machine. Notes every resource in `state` and checkpoints before making it. A
    /// second call adopts or finishes what a first one began. Sets `hostname` (where the transport
    /// connects) and `address` (where peers connect), where they are known.
    async fn create(&self, cx: &Context, state: &mut State) -> Result<()>;

    /// Once all members are reachable: hears of all members with their real addresses.
    async fn late_gossip(&self, _cx: &Context, _peers: &Peers, _state: &mut State) -> Result<()> {
        Ok(())
    }

    /// Removes what the state or the labels say is ours. Gone already is success. With an empty
    /// state the labels of `cx.identity` (project and instance; any run) decide.
    async fn destroy(&self, cx: &Context, state: &mut State) -> Result<()>;

    /// Removes what the members of `cx.identity.cluster` shared (a network), after the last one
    /// was destroyed. Gone already is success.
    async fn dissolve(&self, _cx: &Context) -> Result<()> {
        Ok(())
    }

    /// Whether the machine exists.
    async fn status(&self, cx: &Context, state: &State) -> Result<Status>;

    /// Switches the machine.
    async fn power(&self, _cx: &Context, _state: &mut State, power: Power) -> Result<()> {
        let word = format!("{power:?}").to_lowercase();
        Err(Error::unsupported(format!(
            "driver {} cannot {word}",
            self.info().name
        )))
    }

    /// Why its machines cannot be switched so with these settings, though
    /// [`Capabilities::power`] has it; none where nothing speaks against it.
    fn lacks_power(&self, _cx: &Context, _power: Power) -> Option<Error> {
        None
    }

    /// Puts the machine's links to its peers into the state `wanted`, in place of what an earlier
    /// call put there. The way of the kitchen to the machine stays open.
    async fn links(&self, cx: &Context, state: &mut State, wanted: &Links) -> Result<()> {
        links::apply(self, cx, state, wanted).await
    }

    /// Why the links of its machines cannot have this fault, as far as that can be told before
    /// they exist; none where nothing speaks against it.
    fn lacks(&self, _cx: &Context, _fault: LinkFault) -> Option<Error> {
        None
    }

    /// Words to put before a command of the workstation so that it runs in the network of the
    /// machine itself and may change it; none where only the machine can.
    async fn network(&self, _cx: &Context, _state: &State) -> Result<Option<Vec<String>>> {
        Ok(None)
    }

    /// Words to put before a command of the workstation so that it reaches the members' addresses;
    /// empty where it does anyway.
    async fn local_prefix(&self, _cx: &Context, _state: &State) -> Result<Vec<String>> {
        Ok(Vec::new())
    }

    /// Saves the machine as an image; the answer names it.
    async fn package(&self, _cx: &Context, _state: &mut State) -> Result<PathBuf> {
        Err(Error::unsupported(format!(
            "driver {} cannot package",
            self.info().name
        )))
    }

    /// Checks what it needs on the workstation (engine, kernel, tools).
    async fn doctor(&self, _cx: &Context) -> Result<Vec<Fault>> {
        Ok(Vec::new())
    }

    /// Everything on this workstation or account that bears this program's labels.
    async fn orphans(&self, _cx: &Context) -> Result<Vec<Orphan>> {
        Ok(Vec::new())
    }

    /// Removes one thing that [`Driver::orphans`] listed, where its labels still say that it is
    /// what was listed, and nothing else of its instance; gone already is success. False where the
    /// driver can only destroy an instance as a whole.
    async fn reclaim(&self, _cx: &Context, _orphan: &Orphan) -> Result<bool> {
        Ok(false)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_state_knows_what_it_names_anywhere() {
        let identity = crate::conformance::identity();
        let mut orphan = Orphan::new(identity, "container c1");
        let state = json!({"port": 22, "disks": [{"id": "d1"}], "container_id": "c1"});
        let state = state.as_object().unwrap();
        assert!(!orphan.is_noted_in(state));
        for (names, known) in [
            (vec!["c2"], false),
            (vec!["c2", "c1"], true),
            (vec!["d1"], true),
        ] {
            orphan.names = names.into_iter().map(String::from).collect();
            assert_eq!(orphan.is_noted_in(state), known, "{:?}", orphan.names);
        }
    }
}
