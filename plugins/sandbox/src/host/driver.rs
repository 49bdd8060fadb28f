//! The driver: a group's keeper, and an init for every instance.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use banquet_sdk::outside::file::{INSTANT, within};
use banquet_sdk::weaker::{self, Weaker};
use banquet_sdk::{
    Capabilities, Context, Driver, Error, Fault, LinkFault, Orphan, Peers, PluginInfo, Power,
    Residue, Result, State, Status, async_trait, links,
};
use rustix::process::Signal;

use super::client::Helper;
use super::group::{Group, Keeper, PREFIX, new_id};
use super::{faults, hosts, image, keys, names, processes};
use crate::labels::{self, Labels, stat_of};
use crate::wire::{Boot, Request, Target};
use crate::{Config, HELPER};

/// Makes instances from Linux namespaces.
#[derive(Clone, Debug)]
pub struct SandboxDriver {
    helper: Helper,
}

impl SandboxDriver {
    /// A driver whose helpers are `helper`: a program that calls
    /// [`helper_main`](crate::helper_main), as the kitchen itself does.
    pub fn new(helper: PathBuf) -> Self {
        let helper = Helper(helper);
        Self { helper }
    }

    /// Starts the instance's init; its layer and its address are those that it had, if any.
    async fn boot(&self, cx: &Context, state: &mut State) -> Result<()> {
        let cx = &placed(cx, state);
        let config: Config = cx.config()?;
        let rootfs = image::lower(cx, &config.rootfs).await?;
        let id = match state.str(keys::ID) {
            Some(id) => {
                let id = id.to_owned();
                // What an interrupted creation may have left half-made.
                processes::kill_all(cx, |labels| labels.verb == "boot" && labels.id == id).await?;
                id
            }
            None => new_id(),
        };
        state.set(keys::ID, id.clone());
        if let Some(cluster) = &cx.identity.cluster {
            state.set(keys::CLUSTER, cluster.clone());
        }
        state.checkpoint()?;
        let mut group = Group::lock(cx).await?;
        let keeper = group.keeper(cx, &self.helper).await?;
        let address = group.member(&cx.identity.instance)?;
        let gateway = group.gateway()?;
        group.permit(cx, address, &config.internet)?;
        let online = config.internet.is_on();
        if online {
            group.open_gate(cx, &self.helper, &keeper).await?;
        }
        drop(group);
        state.set(keys::KEEPER, json(&keeper.target)?);
        state.set(keys::KEEPER_ID, keeper.id.clone());
        state.set("address", address.to_string());
        state.set("hostname", address.to_string());
        let hostname = host_name(config.hostname.as_ref().unwrap_or(&cx.identity.instance));
        state.set("host_name", hostname.as_str());
        state.checkpoint()?;
        let request = Request::Boot(Boot {
            keeper: keeper.target,
            layer: id.clone(),
            hostname,
            address,
            prefix: PREFIX,
            gateway: online.then_some(gateway),
            rootfs,
            resolv_conf: names::resolv_conf(online.then_some(gateway)),
        });
        let labels = Labels::of_instance("boot", &cx.identity, &id);
        let init = self
            .helper
            .ask(&labels, &request, false)
            .await?
            .ready()
            .await?;
        state.set(keys::INIT, json(&init)?);
        state.checkpoint()
    }

    /// Ends the init at once.
    async fn cut(&self, cx: &Context, state: &State) -> Result<()> {
        match (live_init(state), state.str(keys::ID)) {
            (Some(init), Some(id)) => match init.process.open_labelled(id) {
                Some(handle) => processes::kill(cx, init.process, handle).await,
                None => Ok(()),
            },
            _ => Ok(()),
        }
    }

    /// Asks all processes to end, and kills them once their time is over.
    async fn stop(&self, cx: &Context, state: &State) -> Result<()> {
        let config: Config = cx.config()?;
        let Some(init) = live_init(state) else {
            return Ok(());
        };
        self.freeze(cx, init, false).await?;
        let Some(handle) = init.process.open() else {
            return Ok(());
        };
        processes::signal(&handle, Signal::TERM)?;
        let limit = cx.within(Duration::from_secs(config.stop_timeout));
        if processes::gone_within(limit, handle).await? {
            return Ok(());
        }
        self.cut(cx, state).await
    }

    /// Freezes or thaws all processes and waits until they are.
    async fn freeze(&self, cx: &Context, init: Target, frozen: bool) -> Result<()> {
        let kind = if frozen { Signal::STOP } else { Signal::CONT };
        let every = Duration::from_millis(1);
        cx.poll(
            "freezing the sandbox",
            every,
            Duration::from_secs(30),
            || async {
                let all = processes::signal_all(init.process, kind)?;
                let done = |pid: &u32| match stat_of(*pid).map(|stat| stat.state) {
                    Some('T') => frozen,
                    Some('Z' | 'X') | None => true,
                    Some(_) => !frozen,
                };
                Ok(all.iter().all(done).then_some(()))
            },
        )
        .await
    }

    /// Removes the layer of a member whose cluster lives on.
    async fn forget(&self, cx: &Context, state: &State) -> Result<()> {
        let (Some(keeper), Some(id)) = (keeper_of(state), state.str(keys::ID)) else {
            return Ok(());
        };
        if !keeper.lives() {
            return Ok(());
        }
        let labels = Labels::of_instance("forget", &cx.identity, id);
        let request = Request::Forget {
            keeper: keeper.target,
            layer: id.to_owned(),
        };
        let mut call = self.helper.ask(&labels, &request, false).await?;
        call.answer().await.map(drop)
    }
}

/// What `kitchen doctor` tells of.
const WEAKER: [Weaker; 1] = [Weaker {
    at: "/internet",
    when: weaker::is_on,
    means: "the instance reaches whatever this workstation reaches",
    instead: "Leave it out where the tests need nothing from outside.",
}];

#[async_trait]
impl Driver for SandboxDriver {
    fn info(&self) -> PluginInfo {
        PluginInfo::of::<Config>("sandbox", crate::SUMMARY).weaker(&WEAKER)
    }

    fn check(&self, cx: &Context) -> Result<()> {
        let config: Config = cx.config()?;
        match &*config.rootfs {
            "host" => Ok(()),
            rootfs => banquet_sdk::tool::required(cx, "rootfs", rootfs).map(drop),
        }
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            power: Power::ALL.into(),
            names_resolve: true,
            transport: Some("sandbox".into()),
            ..Capabilities::default()
        }
    }

    async fn gossip(&self, cx: &Context, _peers: &Peers, state: &mut State) -> Result<()> {
        let address = Group::lock(cx).await?.member(&cx.identity.instance)?;
        state.set("address", address.to_string());
        Ok(())
    }

    async fn create(&self, cx: &Context, state: &mut State) -> Result<()> {
        if let Some(init) = live_init(state) {
            return in_network_of(cx, init);
        }
        let left = || Residue::Resources(vec![format!("sandbox {}", cx.identity.instance)]);
        cx.bounded("making the sandbox", self.boot(cx, state))
            .await
            .map_err(|error| error.residue(left()))
    }

    async fn late_gossip(&self, _cx: &Context, peers: &Peers, state: &mut State) -> Result<()> {
        let (init, peers) = (running(state)?.process, peers.clone());
        let what = "writing /etc/hosts of the instance";
        // Its files may lie on a file system that the instance itself serves, or does not.
        within(INSTANT, what, move || hosts::write(init, &peers)).await
    }

    async fn destroy(&self, cx: &Context, state: &mut State) -> Result<()> {
        let cx = &placed(cx, state);
        if live_init(state).is_some() {
            self.cut(cx, state).await?;
        } else {
            processes::kill_all(cx, |labels| labels.is_of_instance(&cx.identity)).await?;
        }
        if cx.identity.cluster.is_none() {
            Group::dissolve(cx).await?;
        } else {
            self.forget(cx, state).await?;
        }
        for key in [
            keys::INIT,
            keys::KEEPER,
            keys::KEEPER_ID,
            keys::CLUSTER,
            keys::ID,
            "address",
            "hostname",
            "host_name",
        ] {
            state.remove(key);
        }
        Ok(())
    }

    async fn dissolve(&self, cx: &Context) -> Result<()> {
        Group::dissolve(cx).await
    }

    async fn status(&self, _cx: &Context, state: &State) -> Result<Status> {
        if let Some(init) = live_init(state) {
            let stopped = stat_of(init.process.pid).is_some_and(|stat| stat.state == 'T');
            return Ok(if stopped {
                Status::Paused
            } else {
                Status::Running
            });
        }
        let kept = state.get(keys::INIT).is_some() && keeper_of(state).is_some_and(|k| k.lives());
        Ok(if kept {
            Status::Stopped
        } else {
            Status::Absent
        })
    }

    async fn power(&self, cx: &Context, state: &mut State, power: Power) -> Result<()> {
        let work = async {
            if self.status(cx, state).await? == Status::Absent {
                return Err(Error::machine("there is no sandbox").hint("Create it first."));
            }
            match power {
                Power::Stop => self.stop(cx, state).await,
                Power::Kill => self.cut(cx, state).await,
                Power::Pause => self.freeze(cx, running(state)?, true).await,
                Power::Resume => self.freeze(cx, running(state)?, false).await,
                Power::Start if live_init(state).is_some() => Ok(()),
                Power::Start => self.boot(cx, state).await,
                Power::Reboot => {
                    self.stop(cx, state).await?;
                    self.boot(cx, state).await
                }
            }
        };
        cx.bounded("switching the sandbox", work).await
    }

    async fn local_prefix(&self, _cx: &Context, state: &State) -> Result<Vec<String>> {
        let keeper = keeper_of(state)
            .filter(Keeper::lives)
            .ok_or_else(|| Error::machine("the sandbox's network does not exist"))?;
        let Target { process, own_users } = keeper.target;
        Ok(vec![
            self.helper.0.display().to_string(),
            HELPER.into(),
            "net".into(),
            process.pid.to_string(),
            process.start.to_string(),
            own_users.to_string(),
        ])
    }

    fn lacks(&self, _cx: &Context, fault: LinkFault) -> Option<Error> {
        links::lacks(fault)
    }

    async fn network(&self, _cx: &Context, state: &State) -> Result<Option<Vec<String>>> {
        let Target { process, own_users } = running(state)?;
        Ok(Some(vec![
            self.helper.0.display().to_string(),
            HELPER.into(),
            "inside".into(),
            process.pid.to_string(),
            process.start.to_string(),
            own_users.to_string(),
        ]))
    }

    async fn doctor(&self, cx: &Context) -> Result<Vec<Fault>> {
        faults::diagnose(self, cx).await
    }

    async fn orphans(&self, _cx: &Context) -> Result<Vec<Orphan>> {
        let ticks = rustix::param::clock_ticks_per_second();
        let uptime = fs::read_to_string("/proc/uptime").unwrap_or_default();
        let uptime = uptime
            .split('.')
            .next()
            .and_then(|text| text.parse::<u64>().ok());
        let stays = |labels: &Labels| ["keep", "boot"].contains(&labels.verb.as_str());
        Ok(labels::scan()
            .into_iter()
            .filter(|(_, labels)| stays(labels))
            .filter_map(|(process, labels)| {
                Some(Orphan {
                    age: uptime.map(|uptime| uptime.saturating_sub(process.start / ticks)),
                    names: vec![labels.id.clone()],
                    ..Orphan::new(
                        labels.identity()?,
                        format!("sandbox process {}", process.pid),
                    )
                })
            })
            .collect())
    }

    async fn reclaim(&self, cx: &Context, orphan: &Orphan) -> Result<bool> {
        // With a keeper all of its group ends, at once.
        let listed = |labels: &Labels| {
            orphan.names.contains(&labels.id)
                && labels.identity().as_ref() == Some(&orphan.identity)
        };
        processes::kill_all(cx, listed).await?;
        Ok(true)
    }
}

/// The instance's init, if it lives and is the one that the state means.
pub fn live_init(state: &State) -> Option<Target> {
    let init: Target = serde_json::from_value(state.get(keys::INIT)?.clone()).ok()?;
    init.process.open_labelled(state.str(keys::ID)?)?;
    Some(init)
}

/// The context of an instance that may be a member of a cluster though it is now addressed alone.
fn placed(cx: &Context, state: &State) -> Context {
    let mut placed = cx.clone();
    if placed.identity.cluster.is_none() {
        placed.identity.cluster = state.str(keys::CLUSTER).map(str::to_owned);
    }
    placed
}

/// What the kernel takes of a name: 64 bytes.
fn host_name(name: &str) -> String {
    name.char_indices()
        .take_while(|(at, letter)| at + letter.len_utf8() <= 64)
        .map(|(_, letter)| letter)
        .collect()
}

/// An instance that was made for itself has no way to the members of a cluster.
fn in_network_of(cx: &Context, init: Target) -> Result<()> {
    let made = labels::labels_of(init.process.pid).unwrap_or_default();
    match &cx.identity.cluster {
        Some(cluster) if made.cluster != *cluster => Err(Error::machine(format!(
            "the sandbox runs outside of the network of {cluster}"
        ))
        .hint("Destroy it first: it was made without its cluster.")),
        _ => Ok(()),
    }
}

/// As [`live_init`]; an error where it does not.
pub fn running(state: &State) -> Result<Target> {
    live_init(state).ok_or_else(|| {
        Error::machine("the sandbox is not running").hint("`kitchen create` makes or starts it.")
    })
}

fn keeper_of(state: &State) -> Option<Keeper> {
    Some(Keeper {
        id: state.str(keys::KEEPER_ID)?.to_owned(),
        target: serde_json::from_value(state.get(keys::KEEPER)?.clone()).ok()?,
    })
}

fn json(target: &Target) -> Result<serde_json::Value> {
    Ok(serde_json::to_value(target).map_err(std::io::Error::from)?)
}
