//! Machines that are not there.

use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

use banquet_sdk::lenient::Seconds;
use banquet_sdk::{
    Capabilities, Context, Driver, Error, ErrorKind, LinkFault, Links, Peers, PluginInfo, Power,
    Result, State, Status, async_trait,
};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::act::{Behaviour, act, fails_again};

/// Settings of the driver; the first four are Test Kitchen's (driver/dummy.rb).
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Config {
    /// Seconds that create and destroy take.
    pub sleep: Seconds,
    /// Whether every action fails half of the time.
    pub random_failure: bool,
    /// Whether create fails.
    pub fail_create: bool,
    /// Whether destroy fails.
    pub fail_destroy: bool,
    /// Whether gossip fails.
    pub fail_gossip: bool,
    /// Whether late_gossip fails.
    pub fail_late_gossip: bool,
    /// How many creates fail before one succeeds.
    pub fail_times: u64,
    /// Address that the machine pretends to have.
    pub address: String,
    /// File to which every action appends its lines.
    pub journal: Option<PathBuf>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            sleep: Seconds::default(),
            random_failure: false,
            fail_create: false,
            fail_destroy: false,
            fail_gossip: false,
            fail_late_gossip: false,
            fail_times: 0,
            address: "127.0.0.1".into(),
            journal: None,
        }
    }
}

impl Config {
    async fn act(&self, cx: &Context, action: &str, sleep: Seconds, fail: bool) -> Result<()> {
        let behaviour = Behaviour {
            journal: self.journal.as_deref(),
            sleep,
            fail,
            random_failure: self.random_failure,
        };
        act(cx, ErrorKind::Machine, action, &behaviour).await
    }
}

/// Notes that a machine exists, and makes none.
#[derive(Clone, Copy, Debug, Default)]
pub struct Dummy;

#[async_trait]
impl Driver for Dummy {
    fn info(&self) -> PluginInfo {
        PluginInfo::of::<Config>("dummy", "machines that are not there")
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            power: Power::ALL.into(),
            transport: Some("dummy".into()),
            ..Capabilities::default()
        }
    }

    async fn gossip(&self, cx: &Context, _peers: &Peers, _state: &mut State) -> Result<()> {
        let config: Config = cx.config()?;
        let fail = config.fail_gossip;
        config.act(cx, "gossip", Seconds::default(), fail).await
    }

    async fn create(&self, cx: &Context, state: &mut State) -> Result<()> {
        let config: Config = cx.config()?;
        if state.str("my_id").is_none() {
            let now = SystemTime::now().duration_since(UNIX_EPOCH);
            let seconds = now.unwrap_or_default().as_secs();
            state.set("my_id", format!("{}-{seconds}", cx.identity.instance));
        }
        state.set("address", config.address.as_str());
        if cx.identity.cluster.is_some() {
            state.set("host_name", cx.identity.instance.as_str());
        }
        state.remove("power");
        state.checkpoint()?;
        let fail = config.fail_create || fails_again(state, "create", config.fail_times)?;
        config.act(cx, "create", config.sleep, fail).await
    }

    async fn late_gossip(&self, cx: &Context, _peers: &Peers, _state: &mut State) -> Result<()> {
        let config: Config = cx.config()?;
        let fail = config.fail_late_gossip;
        config
            .act(cx, "late_gossip", Seconds::default(), fail)
            .await
    }

    async fn destroy(&self, cx: &Context, state: &mut State) -> Result<()> {
        let config: Config = cx.config()?;
        let fail = config.fail_destroy;
        config.act(cx, "destroy", config.sleep, fail).await?;
        for key in ["my_id", "address", "host_name", "power", "links"] {
            state.remove(key);
        }
        Ok(())
    }

    async fn status(&self, _cx: &Context, state: &State) -> Result<Status> {
        Ok(match (state.str("my_id"), state.str("power")) {
            (None, _) => Status::Absent,
            (Some(_), Some("stopped")) => Status::Stopped,
            (Some(_), Some("paused")) => Status::Paused,
            (Some(_), _) => Status::Running,
        })
    }

    async fn links(&self, cx: &Context, state: &mut State, wanted: &Links) -> Result<()> {
        let config: Config = cx.config()?;
        let action = match wanted.are_whole() {
            true => "mend".into(),
            false => format!("cut {:?} drop {:?} for", wanted.cut, wanted.drop),
        };
        config.act(cx, &action, Seconds::default(), false).await?;
        match wanted.are_whole() {
            true => drop(state.remove("links")),
            false => state.set("links", "broken"),
        }
        state.checkpoint()
    }

    fn lacks(&self, _cx: &Context, fault: LinkFault) -> Option<Error> {
        (fault == LinkFault::Delay).then(|| Error::unsupported("driver dummy cannot delay packets"))
    }

    async fn power(&self, cx: &Context, state: &mut State, power: Power) -> Result<()> {
        let config: Config = cx.config()?;
        let action = format!("{power:?}").to_lowercase();
        config.act(cx, &action, Seconds::default(), false).await?;
        match power {
            Power::Stop | Power::Kill => state.set("power", "stopped"),
            Power::Pause => state.set("power", "paused"),
            Power::Start | Power::Reboot | Power::Resume => {
                state.remove("power");
            }
        }
        state.checkpoint()
    }
}
