//! Gives out hosts and takes them back.

use std::time::Duration;

use banquet_sdk::{
    Capabilities, Context, Driver, Error, Exec, Fault, Orphan, PluginInfo, Power, Result, State,
    Status, async_trait,
};

use crate::lease::{Lease, Leases};
use crate::power::{self, POWER};
use crate::settings::{Host, Settings};

/// How often a pool without a free host is asked again.
const INTERVAL: Duration = Duration::from_millis(500);

/// Key of the state that is there until the host was reset after create.
const RESET: &str = "reset";

/// The driver.
#[derive(Clone, Copy, Debug, Default)]
pub struct Proxy;

#[async_trait]
impl Driver for Proxy {
    fn info(&self) -> PluginInfo {
        PluginInfo::of::<Settings>("proxy", "uses hosts that exist already")
    }

    fn check(&self, cx: &Context) -> Result<()> {
        Settings::of(cx).map(drop)
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            power: Power::ALL.into(),
            ..Capabilities::default()
        }
    }

    fn lacks_power(&self, cx: &Context, power: Power) -> Option<Error> {
        match Settings::of(cx) {
            Ok(settings) => {
                let commands = settings.commands();
                commands.iter().find_map(|it| power::lacks(it, power))
            }
            // Told by whoever uses them.
            Err(_) => None,
        }
    }

    async fn create(&self, cx: &Context, state: &mut State) -> Result<()> {
        let settings = Settings::of(cx)?;
        if self.status(cx, state).await? == Status::Absent {
            let host = match &settings.host {
                Some(host) => Host::Name(host.clone()),
                None => lease(cx, &settings, state).await?,
            };
            settings.note(&host, state);
            state.set(RESET, "due");
            state.checkpoint()?;
        }
        if state.get(RESET).is_some() {
            reset(cx, &settings, state).await?;
            state.remove(RESET);
            state.checkpoint()?;
        }
        Ok(())
    }

    async fn destroy(&self, cx: &Context, state: &mut State) -> Result<()> {
        let settings = Settings::of(cx)?;
        let leases = Leases(settings.leases(cx)?);
        if settings.host.is_none()
            && let Some(lease) = leases.of(&cx.identity)?
        {
            // After a crash the lease alone knows the host.
            if state.str("hostname").is_none() {
                let known = settings.hosts.iter().find(|host| host.id() == lease.host);
                let host = known.cloned().unwrap_or(Host::Name(lease.host));
                settings.note(&host, state);
            }
        }
        if state.str("hostname").is_some() {
            power::restore(cx, &settings, state).await?;
            reset(cx, &settings, state).await?;
        }
        leases.release(&cx.identity)?;
        for key in [
            "hostname", "port", "username", "password", "lease", RESET, POWER,
        ] {
            state.remove(key);
        }
        state.checkpoint()
    }

    async fn status(&self, cx: &Context, state: &State) -> Result<Status> {
        let settings = Settings::of(cx)?;
        let is_ours = match (&settings.host, state.str("hostname")) {
            (_, None) => false,
            (Some(_), Some(_)) => true,
            (None, Some(_)) => Leases(settings.leases(cx)?).of(&cx.identity)?.is_some(),
        };
        Ok(match (is_ours, state.str(POWER)) {
            (false, _) => Status::Absent,
            (true, Some("paused")) => Status::Paused,
            (true, Some(_)) => Status::Stopped,
            (true, None) => Status::Running,
        })
    }

    async fn power(&self, cx: &Context, state: &mut State, power: Power) -> Result<()> {
        power::switch(cx, &Settings::of(cx)?, state, power).await
    }

    async fn doctor(&self, cx: &Context) -> Result<Vec<Fault>> {
        let settings = Settings::of(cx)?;
        let mut faults = Vec::new();
        if settings.host.is_none()
            && let Err(error) = Leases(settings.leases(cx)?).all()
        {
            faults.push(Fault {
                message: error.message,
                advice: "Set `lease_directory` of the driver to a directory that you own.".into(),
            });
        }
        Ok(faults)
    }

    async fn orphans(&self, cx: &Context) -> Result<Vec<Orphan>> {
        let settings: Settings = cx.config()?;
        let leases = Leases(settings.leases(cx)?);
        let all = leases.all()?.into_iter();
        Ok(all
            .map(|lease| Orphan {
                age: Some(lease.age()),
                names: vec![leases.file(&lease.host).display().to_string()],
                ..Orphan::new(
                    lease.identity.clone(),
                    format!("lease of host {}", lease.host),
                )
            })
            .collect())
    }

    async fn reclaim(&self, cx: &Context, orphan: &Orphan) -> Result<bool> {
        let settings: Settings = cx.config()?;
        let leases = Leases(settings.leases(cx)?);
        let held = leases.of(&orphan.identity)?;
        let listed = |lease: &Lease| {
            let file = leases.file(&lease.host).display().to_string();
            orphan.names.contains(&file)
        };
        if held.as_ref().is_some_and(listed) {
            leases.release(&orphan.identity)?;
        }
        Ok(true)
    }
}

/// A host of the pool that nobody else has; waits for one as long as the settings say.
async fn lease(cx: &Context, settings: &Settings, state: &mut State) -> Result<Host> {
    let leases = Leases(settings.leases(cx)?);
    let limit = cx.within(Duration::from_secs(settings.lease_timeout));
    let started = tokio::time::Instant::now();
    loop {
        let mut holders = Vec::new();
        for host in &settings.hosts {
            let wanted = Lease::new(&host.id(), &cx.identity, &cx.root);
            state.set("lease", leases.file(&wanted.host).display().to_string());
            state.checkpoint()?;
            match leases.take(&wanted)? {
                None => return Ok(host.clone()),
                Some(held) => holders.push(held),
            }
        }
        state.remove("lease");
        state.checkpoint()?;
        if started.elapsed() + INTERVAL > limit {
            return Err(none_free(&holders, &leases, settings.lease_timeout));
        }
        if started.elapsed() < INTERVAL {
            cx.note("every host of the pool is in use; waiting for one")
                .await;
        }
        cx.bounded("waiting for a host of the pool", async {
            tokio::time::sleep(INTERVAL).await;
            Ok(())
        })
        .await?;
    }
}

fn none_free(holders: &[Lease], leases: &Leases, waited: u64) -> Error {
    let who: Vec<String> = holders
        .iter()
        .map(|lease| {
            format!(
                "{} by {} of {} for {} s",
                lease.host,
                lease.identity.instance,
                lease.directory.display(),
                lease.age()
            )
        })
        .collect();
    Error::machine(format!(
        "every host of the pool is in use after {waited} s: {}",
        who.join(", ")
    ))
    .hint("Destroy an instance that has one (`kitchen destroy` in its project), add hosts, or raise `lease_timeout`.")
    .hint(format!(
        "The leases are in {}; one whose project is gone may be removed by hand.",
        leases.0.display()
    ))
}

/// Brings the host back to its first state.
async fn reset(cx: &Context, settings: &Settings, state: &State) -> Result<()> {
    let Some(command) = &settings.reset_command else {
        return Ok(());
    };
    cx.note(format!("Resetting instance state with command: {command}"))
        .await;
    let resetting = async {
        let connection = cx.connect(state).await?;
        let status = connection
            .exec(&Exec::new(command), cx.output.as_ref())
            .await?;
        status.into_result("reset_command")
    };
    resetting
        .await
        .map_err(|error| error.while_doing("reset the host"))
}
