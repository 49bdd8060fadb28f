//! `kitchen doctor`: whether everything is there that the plugins need.

use std::collections::HashSet;
use std::io::{self, Write};
use std::sync::Arc;
use std::time::Duration;

use banquet_sdk::{Fault as Found, weaker};
use clap::Args;

use super::args::{Common, Names};
use super::exit::Exit;
use super::fault::Fault;
use super::gc::parse;
use super::heal;
use super::loaded::{Loaded, members};
use super::machine::Machine;
use super::mask;
use crate::matrix::{Instance, Kind};
use crate::registry::Unknown;

/// `doctor`.
#[derive(Args, Clone, Debug)]
pub struct Doctor {
    /// Which; without `--all` the first one, as in Test Kitchen.
    #[command(flatten)]
    pub names: Names,
    /// All of them instead of the first
    #[arg(short, long)]
    pub all: bool,
    /// Longest time for a plugin to answer
    #[arg(long, value_name = "DURATION", value_parser = parse, default_value = "2m")]
    pub timeout: Duration,
    /// Output.
    #[command(flatten)]
    pub common: Common,
}

/// Asks the plugins of the first cluster or instance, or of all, and looks at their state.
pub fn doctor(doctor: &Doctor) -> Result<Exit, Fault> {
    let loaded = Loaded::read(&doctor.common)?;
    let mut selection = loaded.choose(&doctor.names)?;
    if !doctor.all && doctor.names.names.is_empty() {
        selection.clusters.truncate(1);
        let instances = usize::from(selection.clusters.is_empty());
        selection.instances.truncate(instances);
    }
    let runtime = super::runtime()?;
    let mut out = mask::out();
    writeln!(out, "-----> The doctor is in")?;
    let mut healthy = true;
    let mut asked = HashSet::new();
    let mut tell = |found: Vec<(String, Found)>| {
        for (who, Found { message, advice }) in found {
            healthy = false;
            writeln!(out, ">>>>>> {who}: {message}")?;
            for line in advice.lines() {
                writeln!(out, "       {line}")?;
            }
        }
        io::Result::Ok(())
    };
    tell(heal::found(&loaded, &selection))?;
    for instance in members(&selection) {
        tell(runtime.block_on(examine(&loaded, &instance, doctor.timeout, &mut asked))?)?;
    }
    if healthy {
        writeln!(out, "       Everything is there.")?;
        return Ok(Exit::Success);
    }
    Ok(Exit::Problem)
}

/// What is wrong with one instance; plugins with settings that were asked already are not asked
/// again.
async fn examine(
    loaded: &Loaded,
    instance: &Arc<Instance>,
    limit: Duration,
    asked: &mut HashSet<String>,
) -> Result<Vec<(String, Found)>, Fault> {
    let mut found = Vec::new();
    let machine = match Machine::read(loaded, instance).map(|it| it.within(limit)) {
        Ok(machine) => machine,
        Err(_) => {
            let broken = loaded.project.state_file(&instance.name).read().err();
            found.extend(broken.map(|error| {
                let fault = Found {
                    message: error.to_string(),
                    advice: error.hints().join("\n"),
                };
                (format!("state of {}", instance.name), fault)
            }));
            return Ok(found);
        }
    };
    if machine.lives() && !heal::is_silenced(loaded, instance) {
        let who = format!("verifier {} of {}", instance.verifier.name, instance.name);
        let told = examine_machine(loaded, &machine).await?;
        found.extend(told.into_iter().map(|fault| (who.clone(), fault)));
    }
    for kind in [
        Kind::Driver,
        Kind::Provisioner,
        Kind::Transport,
        Kind::Verifier,
    ] {
        let plugin = instance.plugin(kind);
        let settings = serde_json::to_string(&plugin.section.values).unwrap_or_default();
        if !asked.insert(format!("{} {} {settings}", kind.key(), plugin.name)) {
            continue;
        }
        let who = format!("{} {} of {}", kind.key(), plugin.name, instance.name);
        let weak = weaker_settings(loaded, instance, kind);
        found.extend(weak.into_iter().map(|fault| (who.clone(), fault)));
        let told = ask(loaded, &machine, kind).await?;
        found.extend(told.into_iter().map(|fault| (who.clone(), fault)));
    }
    Ok(found)
}

/// Settings that protect less than what is usual, and keys that others can read.
fn weaker_settings(loaded: &Loaded, instance: &Instance, kind: Kind) -> Vec<Found> {
    let plugin = instance.plugin(kind);
    let Some(info) = loaded.registry.info(kind, &plugin.name) else {
        return Vec::new();
    };
    let (section, root) = (&plugin.section, &loaded.project.root);
    let mut found = weaker::findings(section, info.weaker);
    found.extend(weaker::open_keys(section, root, info.private_keys));
    found
}

/// What the verifier misses on a machine that is there.
async fn examine_machine(loaded: &Loaded, machine: &Machine<'_>) -> Result<Vec<Found>, Fault> {
    let Ok(verifier) = loaded.registry.verifier(&machine.instance.verifier.name) else {
        return Ok(Vec::new());
    };
    let connection = machine.connect().await?;
    let context = machine.context(Kind::Verifier);
    let told = verifier.examine(&context, &*connection);
    let told = machine.bounded(Kind::Verifier, told).await;
    told.map_err(|error| machine.failed(&error))
}

async fn ask(loaded: &Loaded, machine: &Machine<'_>, kind: Kind) -> Result<Vec<Found>, Fault> {
    let context = machine.context(kind);
    let (registry, name) = (&loaded.registry, &machine.instance.plugin(kind).name);
    let missing = |unknown: Unknown| {
        let fault = Found {
            message: unknown.to_string(),
            advice: unknown.hint(),
        };
        Ok(vec![fault])
    };
    let told = async {
        match kind {
            Kind::Driver => match registry.driver(name) {
                Ok(driver) => driver.doctor(&context).await,
                Err(unknown) => missing(unknown),
            },
            Kind::Transport => match registry.transport(name) {
                Ok(transport) => transport.doctor(&context).await,
                Err(unknown) => missing(unknown),
            },
            Kind::Provisioner => match registry.provisioner(name) {
                Ok(provisioner) => provisioner.doctor(&context).await,
                Err(unknown) => missing(unknown),
            },
            Kind::Verifier => match registry.verifier(name) {
                Ok(verifier) => verifier.doctor(&context).await,
                Err(unknown) => missing(unknown),
            },
        }
    };
    let told = machine.bounded(kind, told).await;
    told.map_err(|error| machine.failed(&error))
}
