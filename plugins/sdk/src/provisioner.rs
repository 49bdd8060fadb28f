//! Converges machines.

use crate::{Connection, Context, PluginInfo, Result, Retry, State, async_trait};

/// What a converge changed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Changes {
    /// The tool does not tell.
    #[default]
    Unknown,
    /// Nothing.
    None,
    /// These things, each a line for people.
    Some(Vec<String>),
}

/// The result of a converge that succeeded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Converged {
    /// What it changed.
    pub changes: Changes,
}

/// Runs a configuration tool on a machine, or from the workstation against it.
#[async_trait]
pub trait Provisioner: Send + Sync {
    /// Name and keys.
    fn info(&self) -> PluginInfo;

    /// Whether [`Converged::changes`] can ever be other than unknown with these settings; a plan
    /// with `idempotent` is refused where not. The error says why and what to set.
    fn tells_changes(&self, cx: &Context) -> Result<()>;

    /// What keeps a converge from being run, told before anything runs: settings that are wrong, files
    /// that are not there. Asks no machine.
    fn check(&self, _cx: &Context) -> Result<()> {
        Ok(())
    }

    /// When a converge is done again; by default as the section says.
    fn retry(&self, cx: &Context) -> Result<Retry> {
        cx.config()
    }

    /// As the member of a cluster, once all members are reachable and again whenever one was made or
    /// removed: may leave what the others' converges must know in [`Context::cluster_dir`].
    async fn introduce(&self, _cx: &Context, _state: &mut State) -> Result<()> {
        Ok(())
    }

    /// Brings the machine to the state that the settings describe.
    async fn converge(
        &self,
        cx: &Context,
        connection: &dyn Connection,
        state: &mut State,
    ) -> Result<Converged>;

    /// Checks what it needs on the workstation.
    async fn doctor(&self, _cx: &Context) -> Result<Vec<crate::Fault>> {
        Ok(Vec::new())
    }
}
