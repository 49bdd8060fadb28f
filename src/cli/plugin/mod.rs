//! `kitchen plugin`: the plugins that there are, whether one does what it must, and new ones.

mod check;
mod list;
mod new;

use clap::{Args, Subcommand};

use super::exit::Exit;
use super::fault::Fault;
use crate::matrix::Kind;
use crate::registry::Registry;

/// `plugin`.
#[derive(Args, Clone, Debug)]
pub struct Plugin {
    /// What to do.
    #[command(subcommand)]
    pub what: What,
}

/// What is done about plugins.
#[derive(Clone, Debug, Subcommand)]
pub enum What {
    /// All plugins: built in, beside the project, and on the PATH
    List(list::List),
    /// Whether a plugin does what it must: the conformance suite, in a temporary directory
    Check(check::Check),
    /// A working skeleton, in kitchen-plugins/ beside the configuration
    New(new::New),
}

/// Runs it.
pub fn plugin(plugin: &Plugin) -> Result<Exit, Fault> {
    match &plugin.what {
        What::List(list) => list::list(list),
        What::Check(check) => check::check(check),
        What::New(new) => new::new(new),
    }
}

/// The plugins of the project in the working directory.
fn registry() -> Result<Registry, Fault> {
    let root = std::env::current_dir().map_err(|error| {
        let message = format!("find the working directory: {error}");
        Fault::new(Exit::Config, message, None::<String>)
    })?;
    Ok(Registry::of_project(&root))
}

const KINDS: [Kind; 4] = [
    Kind::Driver,
    Kind::Transport,
    Kind::Provisioner,
    Kind::Verifier,
];
