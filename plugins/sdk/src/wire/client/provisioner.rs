//! A provisioner in another process.

use std::sync::Arc;

use super::Plugin;
use super::call::Uses;
use super::params::{plain, with_connection, with_state};
use crate::wire::message::{ConvergeResult, Done, FaultsResult, Nothing, Request};
use crate::{
    Connection, Context, Converged, Error, Fault, PluginInfo, Provisioner, Result, State,
    async_trait,
};

pub(super) struct Remote(pub Arc<Plugin>);

#[async_trait]
impl Provisioner for Remote {
    fn info(&self) -> PluginInfo {
        self.0.info()
    }

    fn tells_changes(&self, cx: &Context) -> Result<()> {
        let method = "provisioner/tells_changes";
        if !self.0.has(method) {
            let name = &self.0.name;
            return Err(Error::unsupported(format!(
                "provisioner {name} does not tell what a converge changes"
            ))
            .hint(format!("Its plugin announces no method {method}.")));
        }
        let Nothing {} = self.0.question(cx, Request::TellsChanges(plain(cx)))?;
        Ok(())
    }

    fn check(&self, cx: &Context) -> Result<()> {
        self.0
            .check("provisioner/check", cx, Request::CheckSettings)
    }

    async fn introduce(&self, cx: &Context, state: &mut State) -> Result<()> {
        if !self.0.has("provisioner/introduce") {
            return Ok(());
        }
        let request = Request::Introduce(with_state(cx, state));
        let uses = Uses {
            state: Some(state),
            ..Uses::default()
        };
        let Done { .. } = self.0.call(cx, request, uses).await?;
        Ok(())
    }

    async fn converge(
        &self,
        cx: &Context,
        connection: &dyn Connection,
        state: &mut State,
    ) -> Result<Converged> {
        let request = Request::Converge(with_connection(cx, Some(state)));
        let uses = Uses {
            state: Some(state),
            connection: Some(connection),
        };
        let converged: ConvergeResult = self.0.call(cx, request, uses).await?;
        Ok(converged.into())
    }

    async fn doctor(&self, cx: &Context) -> Result<Vec<Fault>> {
        if !self.0.has("provisioner/doctor") {
            return Ok(Vec::new());
        }
        let request = Request::ProvisionerDoctor(plain(cx));
        let faults: FaultsResult = self.0.call(cx, request, Uses::default()).await?;
        Ok(faults.into())
    }
}
