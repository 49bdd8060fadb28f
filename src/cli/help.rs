//! `kitchen help` and `kitchen version`.

use std::io::{self, Write};

use clap::CommandFactory;

use super::args::Arguments;
use super::exit::Exit;
use super::fault::Fault;
use super::plugins;
use crate::registry::Registry;

const EXIT_CODES: &str = include_str!("../../docs/exit-codes.md");

/// The version of Test Kitchen whose files and commands are taken.
const TEST_KITCHEN: &str = "4.1.0";

/// Prints help on a topic: a command, a plugin, `exit-codes`, or none.
pub fn help(topic: Option<&str>) -> Result<Exit, Fault> {
    let mut command = Arguments::command();
    command.build();
    let text = match topic {
        None => command.render_long_help(),
        Some("exit-codes") => {
            io::stdout().write_all(EXIT_CODES.as_bytes())?;
            return Ok(Exit::Success);
        }
        Some(topic) => match command.find_subcommand_mut(topic) {
            Some(command) => command.render_long_help(),
            None => {
                let registry = Registry::of_project(&std::env::current_dir()?);
                if let Some(text) = plugins::page(&registry, topic) {
                    io::stdout().write_all(text.as_bytes())?;
                    return Ok(Exit::Success);
                }
                let plugins = plugins::names(&registry);
                let names = command.get_subcommands().map(clap::Command::get_name);
                let names = names.chain(plugins.iter().map(String::as_str));
                let near = crate::config::nearest(topic, names);
                let hint = near.map(|near| format!("Did you mean `{near}`?"));
                return Err(Fault::usage(
                    format!("there is no command or plugin `{topic}`"),
                    hint,
                ));
            }
        },
    };
    let terminal = io::IsTerminal::is_terminal(&io::stdout()) && !super::fault::no_colour();
    match terminal {
        true => write!(io::stdout(), "{}", text.ansi())?,
        false => write!(io::stdout(), "{text}")?,
    }
    Ok(Exit::Success)
}

/// Prints the version, in Test Kitchen's form.
pub fn version() -> Result<Exit, Fault> {
    let own = env!("CARGO_PKG_VERSION");
    writeln!(
        io::stdout(),
        "Test Kitchen version {TEST_KITCHEN} (Banquet {own})"
    )?;
    Ok(Exit::Success)
}
