//! A verifier in another process.

use std::sync::Arc;

use super::Plugin;
use super::call::Uses;
use super::params::{plain, with_connection};
use crate::wire::message::{Done, FaultsResult, Request, VerifyResult};
use crate::{
    Connection, Context, Fault, PluginInfo, Result, State, TestCase, Tests, Verifier, async_trait,
};

pub(super) struct Remote(pub Arc<Plugin>);

#[async_trait]
impl Verifier for Remote {
    fn info(&self) -> PluginInfo {
        self.0.info()
    }

    fn tests(&self, cx: &Context) -> Result<Tests> {
        match self.0.has("verifier/tests") {
            true => self.0.question(cx, Request::Tests(plain(cx))),
            false => Ok(Tests::Settings),
        }
    }

    fn check(&self, cx: &Context) -> Result<()> {
        self.0.check("verifier/check", cx, Request::Check)
    }

    async fn setup(
        &self,
        cx: &Context,
        connection: &dyn Connection,
        state: &mut State,
    ) -> Result<()> {
        if !self.0.has("verifier/setup") {
            return Ok(());
        }
        let request = Request::Setup(with_connection(cx, Some(state)));
        let uses = Uses {
            state: Some(state),
            connection: Some(connection),
        };
        let Done { .. } = self.0.call(cx, request, uses).await?;
        Ok(())
    }

    async fn verify(
        &self,
        cx: &Context,
        connection: &dyn Connection,
        state: &mut State,
    ) -> Result<Vec<TestCase>> {
        let request = Request::Verify(with_connection(cx, Some(state)));
        let uses = Uses {
            state: Some(state),
            connection: Some(connection),
        };
        let VerifyResult { cases, .. } = self.0.call(cx, request, uses).await?;
        Ok(match cases {
            Some(cases) => cases.into_iter().map(Into::into).collect(),
            None => vec![TestCase::whole(&self.0.info().name)],
        })
    }

    async fn doctor(&self, cx: &Context) -> Result<Vec<Fault>> {
        if !self.0.has("verifier/doctor") {
            return Ok(Vec::new());
        }
        let request = Request::VerifierDoctor(plain(cx));
        let faults: FaultsResult = self.0.call(cx, request, Uses::default()).await?;
        Ok(faults.into())
    }

    async fn examine(&self, cx: &Context, connection: &dyn Connection) -> Result<Vec<Fault>> {
        if !self.0.has("verifier/examine") {
            return Ok(Vec::new());
        }
        let request = Request::Examine(with_connection(cx, None));
        let uses = Uses {
            state: None,
            connection: Some(connection),
        };
        let faults: FaultsResult = self.0.call(cx, request, uses).await?;
        Ok(faults.into())
    }
}
