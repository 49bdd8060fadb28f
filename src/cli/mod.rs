//! Arguments to calls: one file a command. The front door is [`main`]; only `src/main.rs` calls.

mod act;
mod args;
mod complete;
mod console;
mod diagnose;
mod doctor;
mod echo;
mod effective;
mod exec;
mod exit;
mod fault;
mod findings;
mod foreseen;
mod gc;
mod heal;
mod help;
mod init;
mod list;
mod loaded;
mod login;
mod logs;
mod machine;
mod man;
mod mask;
mod migrate;
mod package;
mod partition;
mod places;
mod plan;
mod plugin;
mod reference;
mod report;
mod rows;
mod schema;
mod show;
mod signals;
mod sink;
mod status;
mod streams;
mod table;
#[cfg(unix)]
mod terminal;
mod thor;
mod validate;

use std::ffi::OsString;
use std::io::{self, IsTerminal, Write};
use std::ops::Deref;
use std::process::ExitCode;

use banquet_sdk::outside::file::INSTANT;
use clap::Parser;

use args::{Arguments, Command};
pub use exit::Exit;
use fault::Fault;

use crate::plan::Command as Action;
use crate::report::ci::Server;

/// Runs the command that the arguments (the program's name first) ask for.
pub fn main(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    complete::answer();
    let exit = call(arguments);
    // Plugins in other processes go with it.
    banquet_sdk::wire::shutdown();
    exit.into()
}

#[cfg(unix)]
pub use terminal::session_main;

/// As [`main`]; also for commands that run others.
fn call(arguments: impl IntoIterator<Item = OsString>) -> Exit {
    let arguments = match Arguments::try_parse_from(thor::rewrite(arguments)) {
        Ok(arguments) => arguments,
        Err(error) => {
            let text = error.render();
            let text = match error.use_stderr() && io::stderr().is_terminal() && !fault::no_colour()
            {
                true => text.ansi().to_string(),
                false => text.to_string(),
            };
            // A reader that went away has read enough.
            let _ = match error.use_stderr() {
                true => write!(streams::stderr(), "{}", mask::secrets().mask(&text)),
                false if streams::server() == Server::None => error.print(),
                false => write!(streams::stdout(), "{}", error.render()),
            };
            return match error.use_stderr() {
                true => Exit::Usage,
                false => Exit::Success,
            };
        }
    };
    run(arguments).unwrap_or_else(|fault| {
        fault.tell(None);
        fault.exit
    })
}

fn run(arguments: Arguments) -> Result<Exit, Fault> {
    streams::choose(arguments.ci);
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
        None => help::help(&help::Help::default()),
        Some(Command::Help(help)) => help::help(&help),
        Some(Command::Version) => help::version(),
        Some(Command::List(list)) => list::list(&list),
        Some(Command::Diagnose(diagnose)) => diagnose::diagnose(&diagnose),
        Some(Command::Create(args)) => act::act(Action::Create, &args),
        Some(Command::Converge(args)) => act::act(Action::Converge, &args),
        Some(Command::Setup(args)) => act::act(Action::Setup, &args),
        Some(Command::Verify(args)) => act::verify(&args),
        Some(Command::Destroy(args)) => act::act(Action::Destroy, &args),
        Some(Command::Gc(args)) => gc::gc(&args),
        Some(Command::Heal(args)) => act::act(Action::Heal, &args),
        Some(Command::Test(test)) => act::test(&test),
        Some(Command::Plan(plan)) => plan::plan(&plan),
        Some(Command::Plugin(plugin)) => plugin::plugin(&plugin),
        Some(Command::Login(login)) => login::login(&login),
        Some(Command::Exec(exec)) => exec::exec(&exec),
        Some(Command::Package(package)) => package::package(&package),
        Some(Command::Doctor(doctor)) => doctor::doctor(&doctor),
        Some(Command::Init(init)) => init::init(&init),
        Some(Command::Logs(logs)) => logs::logs(&logs),
        Some(Command::Validate(validate)) => validate::validate(&validate),
        Some(Command::Migrate(migrate)) => migrate::migrate(&migrate),
        Some(Command::Console(console)) => console::console(&console),
        Some(Command::Report(args)) => report::report(&args),
        Some(Command::Runs(args)) => report::list(&args),
        Some(Command::Schema(args)) => schema::schema(&args),
        Some(Command::Completions(args)) => complete::completions(&args),
        Some(Command::Man(args)) => man::man(&args),
        Some(Command::Sink) => sink::sink(),
    }
}

/// A runtime for the few commands that wait.
/// A runtime whose end waits at most [`INSTANT`] for calls that block: a file system that a hostile
/// machine serves may never answer them.
struct Runtime(Option<tokio::runtime::Runtime>);

impl Deref for Runtime {
    type Target = tokio::runtime::Runtime;

    fn deref(&self) -> &Self::Target {
        match &self.0 {
            Some(runtime) => runtime,
            None => unreachable!("only its end takes it away"),
        }
    }
}

impl Drop for Runtime {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_timeout(INSTANT);
        }
    }
}

fn runtime() -> Result<Runtime, Fault> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map(|runtime| Runtime(Some(runtime)))
        .map_err(|error| {
            let message = format!("start the runtime: {error}");
            Fault::new(Exit::Internal, message, None::<String>)
        })
}
