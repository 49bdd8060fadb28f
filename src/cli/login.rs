//! `kitchen login`: a shell on one instance.

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
    let command = super::runtime()?
        .block_on(transport.login(&context, &machine.state))
        .map_err(|error| machine.failed(&error))?;
    hand_over(command.0, &instance.name)
}

/// The one instance that is meant.
fn only<'a>(selection: &'a Selection, arguments: &[String]) -> Result<&'a Instance, Fault> {
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

/// Puts the command in the place of this process, where that can be done.
fn hand_over(mut command: std::process::Command, whom: &str) -> Result<Exit, Fault> {
    let failed = |error: std::io::Error| {
        let message = format!("log in to {whom}: {error}");
        Fault::new(Exit::Infrastructure, message, None::<String>)
    };
    #[cfg(unix)]
    {
        use std::os::unix::process::CommandExt;
        Err(failed(command.exec()))
    }
    #[cfg(not(unix))]
    match command.status().map_err(failed)?.success() {
        true => Ok(Exit::Success),
        false => Ok(Exit::Verify),
    }
}
