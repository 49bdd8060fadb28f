//! `kitchen login`: a shell on one instance.

use std::sync::Arc;

use super::args;
use super::exit::Exit;
use super::fault::Fault;
use super::heal;
use super::loaded::Loaded;
use super::machine::Machine;
use crate::matrix::{Instance, Kind, Selection};

/// Gives the terminal to the transport's login command.
pub fn login(login: &args::Named) -> Result<Exit, Fault> {
    let loaded = Loaded::read(&login.common)?;
    let selection = loaded.choose(&login.names)?;
    let instance = only(&selection, &login.names.names)?;
    Machine::living(&loaded, instance)?;
    // Whoever looks for what is wrong comes in all the same.
    if let Err(fault) = heal::first(&loaded, &login.common, &selection) {
        fault.tell(login.common.color);
    }
    let machine = Machine::living(&loaded, instance)?;
    let transport = loaded.registry.transport(&instance.transport.name)?;
    let context = machine.context(Kind::Transport);
    let mut command = super::runtime()?
        .block_on(transport.login(&context, &machine.state))
        .map_err(|error| machine.failed(&error))?;
    hand_over(&mut command.0, &instance.name)
}

/// The one instance that is meant.
fn only<'a>(selection: &'a Selection, arguments: &[String]) -> Result<&'a Arc<Instance>, Fault> {
    if let Some(cluster) = selection.clusters.first() {
        let members = cluster.members.iter();
        return Err(Fault::usage(
            format!(
                "{} is a cluster: log in to one of its members",
                cluster.name
            ),
            members.map(|member| format!("* {}", member.name)),
        ));
    }
    match selection.instances.as_slice() {
        [instance] => Ok(instance),
        many => {
            let names = many.iter().map(|instance| instance.name.as_str());
            Err(Fault::several(arguments, names))
        }
    }
}

/// Runs the command on a terminal of its own and ends with its exit code.
#[cfg(unix)]
fn hand_over(command: &mut std::process::Command, whom: &str) -> Result<Exit, Fault> {
    let code = super::terminal::run(command).map_err(|error| failed(whom, &error))?;
    banquet_sdk::wire::shutdown();
    std::process::exit(code)
}

/// Waits for the command.
#[cfg(not(unix))]
fn hand_over(command: &mut std::process::Command, whom: &str) -> Result<Exit, Fault> {
    let ended = command.status().map_err(|error| failed(whom, &error))?;
    Ok(match ended.success() {
        true => Exit::Success,
        false => Exit::Verify,
    })
}

fn failed(whom: &str, error: &std::io::Error) -> Fault {
    let message = format!("log in to {whom}: {error}");
    Fault::new(Exit::Infrastructure, message, None::<String>)
}
