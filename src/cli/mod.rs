//! Arguments to calls: one file a command. The front door is [`main`]; only `src/main.rs` calls.

mod args;
mod diagnose;
mod exit;
mod fault;
mod findings;
mod help;
mod init;
mod list;
mod loaded;
mod logs;
mod migrate;
mod sink;
mod table;
mod thor;
mod validate;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::Parser;

use args::{Arguments, Command};
pub use exit::Exit;
use fault::Fault;

/// Runs the command that the arguments (the program's name first) ask for.
pub fn main(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let arguments = match Arguments::try_parse_from(thor::rewrite(arguments)) {
        Ok(arguments) => arguments,
        Err(error) => {
            // A reader that went away has read enough.
            let _ = error.print();
            let exit = if error.use_stderr() {
                Exit::Usage
            } else {
                Exit::Success
            };
            return exit.into();
        }
    };
    match run(arguments) {
        Ok(exit) => exit.into(),
        Err(fault) => {
            fault.tell(None);
            fault.exit.into()
        }
    }
}

fn run(arguments: Arguments) -> Result<Exit, Fault> {
    if arguments.version {
        return help::version();
    }
    if let Some(directory) = &arguments.directory {
        std::env::set_current_dir(directory).map_err(|error| {
            Fault::usage(
                format!("go to {}: {error}", directory.display()),
                None::<String>,
            )
        })?;
    }
    match arguments.command {
        None => help::help(None),
        Some(Command::Help { topic }) => help::help(topic.as_deref()),
        Some(Command::Version) => help::version(),
        Some(Command::List(list)) => list::list(&list),
        Some(Command::Diagnose(diagnose)) => diagnose::diagnose(&diagnose),
        Some(Command::Init(init)) => init::init(&init),
        Some(Command::Logs(logs)) => logs::logs(&logs),
        Some(Command::Validate(validate)) => validate::validate(&validate),
        Some(Command::Migrate(migrate)) => migrate::migrate(&migrate),
        Some(Command::Sink) => sink::sink(),
        Some(_) => Err(Fault::usage("not yet", None::<String>)),
    }
}
