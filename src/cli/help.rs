//! `kitchen help` and `kitchen version`.

use std::io::{self, Write};
use std::path::PathBuf;

use clap::{Args, CommandFactory};

use super::args::Arguments;
use super::exit::Exit;
use super::fault::Fault;
use super::reference;
use super::streams;
use crate::registry::Registry;

const EXIT_CODES: &str = include_str!("../../docs/exit-codes.md");

/// The version of Test Kitchen whose files and commands are taken.
const TEST_KITCHEN: &str = "4.1.0";

/// `help`.
#[derive(Args, Clone, Debug, Default)]
pub struct Help {
    /// A command, a plugin, `steps` or `exit-codes`
    pub topic: Option<String>,
    /// Write the pages of all plugins and of steps below DIR instead
    #[arg(long, value_name = "DIR", hide = true, conflicts_with = "topic")]
    pub markdown: Option<PathBuf>,
}

/// Prints help on a topic; without one on the program itself.
pub fn help(help: &Help) -> Result<Exit, Fault> {
    if let Some(directory) = &help.markdown {
        reference::write(&Registry::builtin(), directory).map_err(|error| {
            let message = format!("write pages to {}: {error}", directory.display());
            Fault::usage(message, None::<String>)
        })?;
        return Ok(Exit::Success);
    }
    let mut command = Arguments::command();
    command.build();
    let text = match help.topic.as_deref() {
        None => command.render_long_help(),
        Some("exit-codes") => return plain(EXIT_CODES),
        Some("steps") => return plain(&reference::steps()),
        Some(topic) => match command.find_subcommand_mut(topic) {
            Some(command) => command.render_long_help(),
            None => return plugin(topic, &command),
        },
    };
    let terminal = io::IsTerminal::is_terminal(&io::stdout()) && !super::fault::no_colour();
    match terminal {
        true => write!(streams::stdout(), "{}", text.ansi())?,
        false => write!(streams::stdout(), "{text}")?,
    }
    Ok(Exit::Success)
}

fn plain(text: &str) -> Result<Exit, Fault> {
    streams::stdout().write_all(text.as_bytes())?;
    Ok(Exit::Success)
}

/// The page of the plugin `topic`; where there is none, what was perhaps meant.
fn plugin(topic: &str, command: &clap::Command) -> Result<Exit, Fault> {
    let registry = Registry::of_project(&std::env::current_dir()?);
    if let Some(text) = reference::page(&registry, topic) {
        return plain(&text);
    }
    let plugins = reference::names(&registry);
    let names = command.get_subcommands().map(clap::Command::get_name);
    let names = names.chain(plugins.iter().map(String::as_str));
    let near = crate::config::nearest(topic, names.chain(["steps", "exit-codes"]));
    let hint = near.map(|near| format!("Did you mean `{near}`?"));
    Err(Fault::usage(
        format!("there is no command or plugin `{topic}`"),
        hint,
    ))
}

/// Prints the version, in Test Kitchen's form.
pub fn version() -> Result<Exit, Fault> {
    let own = env!("CARGO_PKG_VERSION");
    writeln!(
        streams::stdout(),
        "Test Kitchen version {TEST_KITCHEN} (Banquet {own})"
    )?;
    Ok(Exit::Success)
}
