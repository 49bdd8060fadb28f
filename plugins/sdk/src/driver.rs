//! Makes machines.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::{
    Context, Error, Identity, LinkFault, Links, Peers, PluginInfo, Result, State, async_trait,
    links,
};

/// What a driver can do; the plan refuses what it cannot before anything runs.
#[derive(Clone, Debug, Default)]
pub struct Capabilities {
    /// Power actions.
    pub power: Vec<Power>,
    /// Members resolve each other's names without hosts entries.
    pub names_resolve: bool,
    /// The machine is the workstation: none of its files are the kitchen's to write.
    pub workstation: bool,
    /// Transport that reaches this driver's machines where the configuration names none.
    pub transport: Option<&'static str>,
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

/// A resource that bears this program's labels and belongs to no living state.
#[derive(Clone, Debug)]
pub struct Orphan {
    /// Whose it was.
    pub identity: Identity,
    /// The driver's name for it, for people (`container 3f2a…`).
    pub resource: String,
    /// Seconds since it was made, where known.
    pub age: Option<u64>,
}

/// Makes and removes machines. Every call may be cancelled at any await and leaves nothing that
/// [`Driver::destroy`] does not find.
#[async_trait]
pub trait Driver: Send + Sync {
    /// Name and keys.
    fn info(&self) -> PluginInfo;

    /// What it can do.
    fn capabilities(&self) -> Capabilities;

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
}
