//! A driver in another process.

use std::path::PathBuf;
use std::sync::Arc;

use super::Plugin;
use super::call::Uses;
use super::params::{plain, with_peers, with_state};
use crate::wire::message::{
    Done, FaultsResult, LacksParams, LacksResult, LinksParams, Nothing, OrphansResult,
    PackageResult, PowerParams, PrefixResult, ReclaimParams, ReclaimResult, Request, StatusResult,
};
use crate::{
    Capabilities, Context, Driver, Error, Fault, LinkFault, Links, Orphan, Peers, PluginInfo,
    Power, Result, State, Status, async_trait, links,
};

pub(super) struct Remote(pub Arc<Plugin>);

impl Remote {
    async fn change(&self, cx: &Context, state: &mut State, request: Request) -> Result<()> {
        let uses = Uses {
            state: Some(state),
            ..Uses::default()
        };
        let Done { .. } = self.0.call(cx, request, uses).await?;
        Ok(())
    }

    fn cannot(&self, what: &str) -> Error {
        Error::unsupported(format!("driver {} cannot {what}", self.0.name))
    }
}

#[async_trait]
impl Driver for Remote {
    fn info(&self) -> PluginInfo {
        self.0.info()
    }

    fn capabilities(&self) -> Capabilities {
        let Ok(hello) = self.0.hello() else {
            return Capabilities::default();
        };
        let can = &hello.capabilities;
        Capabilities {
            power: can.power.clone(),
            names_resolve: can.names_resolve,
            workstation: can.workstation,
            transport: can.transport.clone().map(Into::into),
            snapshots: false,
        }
    }

    fn check(&self, cx: &Context) -> Result<()> {
        self.0.check("driver/check", cx, Request::CheckDriver)
    }

    async fn gossip(&self, cx: &Context, peers: &Peers, state: &mut State) -> Result<()> {
        if !self.0.has("driver/gossip") {
            return Ok(());
        }
        let request = Request::Gossip(with_peers(cx, peers, state));
        self.change(cx, state, request).await
    }

    async fn create(&self, cx: &Context, state: &mut State) -> Result<()> {
        let request = Request::Create(with_state(cx, state));
        self.change(cx, state, request).await
    }

    async fn late_gossip(&self, cx: &Context, peers: &Peers, state: &mut State) -> Result<()> {
        if !self.0.has("driver/late_gossip") {
            return Ok(());
        }
        let request = Request::LateGossip(with_peers(cx, peers, state));
        self.change(cx, state, request).await
    }

    async fn destroy(&self, cx: &Context, state: &mut State) -> Result<()> {
        let request = Request::Destroy(with_state(cx, state));
        self.change(cx, state, request).await
    }

    async fn dissolve(&self, cx: &Context) -> Result<()> {
        if !self.0.has("driver/dissolve") {
            return Ok(());
        }
        let request = Request::Dissolve(plain(cx));
        let Nothing {} = self.0.call(cx, request, Uses::default()).await?;
        Ok(())
    }

    async fn status(&self, cx: &Context, state: &State) -> Result<Status> {
        let request = Request::Status(with_state(cx, state));
        let StatusResult { status } = self.0.call(cx, request, Uses::default()).await?;
        Ok(status.into())
    }

    async fn power(&self, cx: &Context, state: &mut State, power: Power) -> Result<()> {
        if !self.0.has("driver/power") || !self.capabilities().power.contains(&power) {
            return Err(self.cannot(&format!("{power:?}").to_lowercase()));
        }
        let request = Request::Power(PowerParams {
            context: Box::new(cx.into()),
            state: state.values().clone(),
            power,
        });
        self.change(cx, state, request).await
    }

    async fn links(&self, cx: &Context, state: &mut State, wanted: &Links) -> Result<()> {
        if !self.0.has("driver/links") {
            return links::apply(self, cx, state, wanted).await;
        }
        let request = Request::Links(LinksParams {
            context: Box::new(cx.into()),
            state: state.values().clone(),
            links: wanted.into(),
        });
        self.change(cx, state, request).await
    }

    fn lacks(&self, cx: &Context, fault: LinkFault) -> Option<Error> {
        if !self.0.has("driver/lacks") {
            return None;
        }
        let request = Request::Lacks(LacksParams {
            context: Box::new(cx.into()),
            fault: fault.into(),
        });
        match self.0.question::<LacksResult>(cx, request) {
            Ok(answer) => answer.lacks.map(Into::into),
            Err(error) => Some(error),
        }
    }

    async fn network(&self, cx: &Context, state: &State) -> Result<Option<Vec<String>>> {
        if !self.0.has("driver/network") {
            return Ok(None);
        }
        let request = Request::Network(with_state(cx, state));
        let PrefixResult { prefix } = self.0.call(cx, request, Uses::default()).await?;
        Ok(prefix)
    }

    async fn local_prefix(&self, cx: &Context, state: &State) -> Result<Vec<String>> {
        if !self.0.has("driver/local_prefix") {
            return Ok(Vec::new());
        }
        let request = Request::LocalPrefix(with_state(cx, state));
        let PrefixResult { prefix } = self.0.call(cx, request, Uses::default()).await?;
        Ok(prefix.unwrap_or_default())
    }

    async fn package(&self, cx: &Context, state: &mut State) -> Result<PathBuf> {
        if !self.0.has("driver/package") {
            return Err(self.cannot("package"));
        }
        let request = Request::Package(with_state(cx, state));
        let uses = Uses {
            state: Some(state),
            ..Uses::default()
        };
        let PackageResult { path, .. } = self.0.call(cx, request, uses).await?;
        Ok(path)
    }

    async fn doctor(&self, cx: &Context) -> Result<Vec<Fault>> {
        if !self.0.has("driver/doctor") {
            return Ok(Vec::new());
        }
        let request = Request::DriverDoctor(plain(cx));
        let faults: FaultsResult = self.0.call(cx, request, Uses::default()).await?;
        Ok(faults.into())
    }

    async fn orphans(&self, cx: &Context) -> Result<Vec<Orphan>> {
        if !self.0.has("driver/orphans") {
            return Ok(Vec::new());
        }
        let request = Request::Orphans(plain(cx));
        let orphans: OrphansResult = self.0.call(cx, request, Uses::default()).await?;
        let orphans = orphans.orphans.into_iter();
        Ok(orphans.filter_map(|it| it.try_into().ok()).collect())
    }

    async fn reclaim(&self, cx: &Context, orphan: &Orphan) -> Result<bool> {
        if !self.0.has("driver/reclaim") {
            return Ok(false);
        }
        let request = Request::Reclaim(ReclaimParams {
            context: Box::new(cx.into()),
            orphan: orphan.into(),
        });
        let ReclaimResult { reclaimed } = self.0.call(cx, request, Uses::default()).await?;
        Ok(reclaimed)
    }
}
