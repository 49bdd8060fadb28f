//! The driver: makes, switches and removes the machine of an instance.

use std::path::PathBuf;

use banquet_sdk::weaker::{self, Weaker};
use banquet_sdk::{
    Capabilities, Context, Driver, Error, Fault, LinkFault, LocalPath, Orphan, Peers, PluginInfo,
    Power, Result, State, Status, async_trait, links,
};

use crate::command;
use crate::environment::Hold;
use crate::machine::{self, Place};
use crate::settings::{Settings, Unneeded};
use crate::{docker, doctor, down, orphans, up};

/// Makes machines by the `vagrant` command line.
#[derive(Clone, Copy, Debug, Default)]
pub struct Vagrant;

/// What `kitchen doctor` tells of.
const WEAKER: [Weaker; 1] = [Weaker {
    at: "/box_download_insecure",
    when: weaker::is_on,
    means: "whoever answers for the box's server says what runs",
    instead: "Give Vagrant the server's certificate with `box_download_ca_cert`.",
}];

#[async_trait]
impl Driver for Vagrant {
    fn info(&self) -> PluginInfo {
        let summary = "machines of Vagrant, one environment a cluster";
        PluginInfo::of::<Settings>("vagrant", summary)
            .with::<Unneeded>()
            .weaker(&WEAKER)
            .paths([
                LocalPath::file("/vagrantfiles/*"),
                LocalPath::file("/vagrantfile_erb"),
                LocalPath::file("/vagrantfile_template"),
                LocalPath::command("/pre_create_command"),
            ])
    }

    fn check(&self, cx: &Context) -> Result<()> {
        Settings::of(cx).map(drop)
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            power: vec![
                Power::Stop,
                Power::Start,
                Power::Kill,
                Power::Reboot,
                Power::Pause,
                Power::Resume,
            ],
            transport: Some("ssh".into()),
            ..Capabilities::default()
        }
    }

    async fn gossip(&self, cx: &Context, peers: &Peers, state: &mut State) -> Result<()> {
        let settings = Settings::of(cx)?;
        if cx.identity.cluster.is_none() {
            return Ok(());
        }
        let planned = up::plan(cx, &settings, peers, state);
        cx.bounded("planning the cluster", planned).await
    }

    async fn create(&self, cx: &Context, state: &mut State) -> Result<()> {
        let settings = Settings::of(cx)?;
        let made = up::create(cx, &settings, state);
        cx.bounded("creating the machine", made).await
    }

    async fn destroy(&self, cx: &Context, state: &mut State) -> Result<()> {
        let settings = lenient(cx)?;
        let gone = down::destroy(cx, &settings, state);
        cx.bounded("removing the machine", gone).await
    }

    async fn dissolve(&self, cx: &Context) -> Result<()> {
        let Some(cluster) = &cx.identity.cluster else {
            return Ok(());
        };
        down::dissolve(cx, &lenient(cx)?, cluster).await
    }

    async fn status(&self, cx: &Context, state: &State) -> Result<Status> {
        let place = Place::of(cx, state);
        let Some(id) = place.environment.id(&place.machine) else {
            return Ok(Status::Absent);
        };
        let settings = lenient(cx)?;
        if provider(cx, state)? == "docker" {
            return docker::status(&id).await;
        }
        let found = vagrant(cx, &settings, &place)
            .ask(&["status", &place.machine])
            .await?;
        let state = found.states.get(&place.machine);
        Ok(state.map_or(Status::Absent, |state| status(state)))
    }

    async fn power(&self, cx: &Context, state: &mut State, power: Power) -> Result<()> {
        let word = format!("{power:?}").to_lowercase();
        let what = format!("the {word} of the machine");
        cx.bounded(&what, switch(cx, state, power)).await
    }

    fn lacks(&self, cx: &Context, fault: LinkFault) -> Option<Error> {
        let settings = lenient(cx).ok()?;
        let from_here = settings.is_docker() && cfg!(target_os = "linux") && docker::is_root();
        from_here.then(|| links::lacks(fault)).flatten()
    }

    async fn network(&self, cx: &Context, state: &State) -> Result<Option<Vec<String>>> {
        let place = Place::of(cx, state);
        match place.environment.id(&place.machine) {
            Some(id) if provider(cx, state)? == "docker" => docker::network(&id).await,
            _ => Ok(None),
        }
    }

    async fn package(&self, cx: &Context, state: &mut State) -> Result<PathBuf> {
        let settings = Settings::of(cx)?;
        let place = created(cx, state)?;
        let file = cx.root.join(format!("{}.box", cx.identity.instance));
        let path = file.display().to_string();
        let words = ["package", &place.machine, "--output", &path];
        let _held = place.environment.hold(cx, Hold::Shared).await?;
        vagrant(cx, &settings, &place).run(&words).await?;
        Ok(file)
    }

    async fn doctor(&self, cx: &Context) -> Result<Vec<Fault>> {
        doctor::examine(cx).await
    }

    async fn orphans(&self, cx: &Context) -> Result<Vec<Orphan>> {
        orphans::list(cx, &lenient(cx)?).await
    }

    async fn reclaim(&self, cx: &Context, orphan: &Orphan) -> Result<bool> {
        orphans::reclaim(cx, orphan).await
    }
}

/// The section for calls that make nothing: what only a new machine needs may be missing.
fn lenient(cx: &Context) -> Result<Settings> {
    Settings::of(cx).or_else(|_| cx.config())
}

fn vagrant<'a>(cx: &'a Context, settings: &'a Settings, place: &'a Place) -> command::Vagrant<'a> {
    command::Vagrant {
        cx,
        settings,
        root: &place.environment.root,
        file: None,
    }
}

/// The provider of the machine, as it was made.
fn provider(cx: &Context, state: &State) -> Result<String> {
    match machine::provider(state) {
        Some(provider) => Ok(provider.to_owned()),
        None => Ok(lenient(cx)?.provider()),
    }
}

fn created(cx: &Context, state: &State) -> Result<Place> {
    let place = Place::of(cx, state);
    match place.environment.id(&place.machine) {
        Some(_) => Ok(place),
        None => Err(Error::machine("find the machine: it was never created")
            .hint("Run kitchen create first.")),
    }
}

/// What Vagrant's words for the state of a machine mean, over all providers.
fn status(state: &str) -> Status {
    match state {
        "running" | "on" | "up" => Status::Running,
        "saved" | "paused" | "suspended" | "frozen" => Status::Paused,
        "not_created" | "preparing" => Status::Absent,
        _ => Status::Stopped,
    }
}

async fn switch(cx: &Context, state: &mut State, power: Power) -> Result<()> {
    let settings = Settings::of(cx)?;
    let place = created(cx, state)?;
    let provider = provider(cx, state)?;
    let machine = place.machine.as_str();
    let _held = place.environment.hold(cx, Hold::Shared).await?;
    // Vagrant cannot freeze containers, and asks them before it kills them.
    let by_docker = match power {
        Power::Kill => Some("kill"),
        Power::Pause => Some("pause"),
        Power::Resume => Some("unpause"),
        _ => None,
    };
    if let (Some(word), "docker") = (by_docker, provider.as_str()) {
        let id = place.environment.id(machine).unwrap_or_default();
        return docker::switch(word, &id).await;
    }
    let vagrant = vagrant(cx, &settings, &place);
    let words: &[&str] = match power {
        Power::Stop => &["halt"],
        Power::Kill => &["halt", "--force"],
        Power::Start => &["up", "--no-provision", "--provider", &provider],
        Power::Reboot => &["reload", "--no-provision"],
        Power::Pause => &["suspend"],
        Power::Resume => &["resume"],
    };
    vagrant.run(&[words, &[machine]].concat()).await?;
    if matches!(power, Power::Start | Power::Reboot) {
        // Ports on the workstation are given anew at every start.
        let transport = &cx.plugins.transport;
        let login = up::logins(&vagrant, transport, &[machine])
            .await?
            .remove(machine);
        up::state_login(state, login.unwrap_or_default());
        state.checkpoint()?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_providers() {
        for (word, wanted) in [
            ("running", Status::Running),
            ("poweroff", Status::Stopped),
            ("shutoff", Status::Stopped),
            ("aborted", Status::Stopped),
            ("saved", Status::Paused),
            ("not_created", Status::Absent),
        ] {
            assert_eq!(status(word), wanted, "{word}");
        }
    }
}
