//! A transport in another process.

use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use super::Plugin;
use super::call::{self, Uses};
use super::params::{plain, with_state};
use crate::wire::connection;
use crate::wire::endpoint::locked;
use crate::wire::message::{ConnectionId, FaultsResult, LoginResult, Request, TargetResult};
use crate::{
    Connection, Context, Fault, LoginCommand, PluginInfo, Result, State, Target, Transport,
    async_trait,
};

pub(super) struct Remote(pub Arc<Plugin>);

#[async_trait]
impl Transport for Remote {
    fn info(&self) -> PluginInfo {
        self.0.info()
    }

    fn check(&self, cx: &Context) -> Result<()> {
        self.0.check("transport/check", cx, Request::CheckTransport)
    }

    async fn connect(&self, cx: &Context, state: &State) -> Result<Box<dyn Connection>> {
        let request = Request::Connect(with_state(cx, state));
        // The connection lives in the process that made it.
        let process = self.0.lease().await?.process.clone();
        let ConnectionId { connection } = self.0.call(cx, request, Uses::default()).await?;
        let lost = Arc::new(AtomicBool::new(false));
        locked(&process.connections).insert(connection.clone(), lost.clone());
        Ok(Box::new(connection::Remote {
            endpoint: process.endpoint.clone(),
            id: connection,
            call: None,
            heir: Some(call::heir(&process, &self.0)),
            own: true,
            lost,
        }))
    }

    async fn login(&self, cx: &Context, state: &State) -> Result<LoginCommand> {
        let request = Request::Login(with_state(cx, state));
        let login: LoginResult = self.0.call(cx, request, Uses::default()).await?;
        let mut command = Command::new(login.program);
        command.args(login.arguments).envs(login.environment);
        if let Some(directory) = login.directory {
            command.current_dir(directory);
        }
        Ok(LoginCommand(command))
    }

    fn target(&self, cx: &Context, state: &State) -> Result<Target> {
        if !self.0.has("transport/target") {
            return Ok(Target::Other);
        }
        let request = Request::Target(with_state(cx, state));
        let TargetResult { target } = self.0.question(cx, request)?;
        Ok(target.into())
    }

    async fn doctor(&self, cx: &Context) -> Result<Vec<Fault>> {
        if !self.0.has("transport/doctor") {
            return Ok(Vec::new());
        }
        let request = Request::TransportDoctor(plain(cx));
        let faults: FaultsResult = self.0.call(cx, request, Uses::default()).await?;
        Ok(faults.into())
    }
}
