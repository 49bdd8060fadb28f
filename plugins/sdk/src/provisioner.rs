//! Converges machines.

use crate::{Connection, Context, PluginInfo, Result, State, async_trait};

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
