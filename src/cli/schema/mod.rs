//! `kitchen schema`: what files may hold, as JSON Schema.

mod config;
mod settings;
#[cfg(test)]
mod tests;

use std::io::Write;

use clap::{Args, ValueEnum};
use schemars::{Schema, schema_for};

use super::exit::Exit;
use super::fault::Fault;
use super::streams;
#[cfg(test)]
use crate::matrix::{Kind, Plugins};
use crate::registry::Registry;
use crate::report::record::Line;
use crate::report::verdict::Verdict;

/// `schema`.
#[derive(Args, Clone, Debug)]
pub struct Print {
    /// Of what
    #[arg(value_enum, default_value = "config")]
    pub what: What,
}

/// What there are schemas of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum What {
    /// kitchen.yml, with the keys of all plugins
    Config,
    /// A line of the record of a run, `.kitchen/runs/RUN/events.ndjson`
    Record,
    /// What `kitchen report --format json` prints
    Report,
    /// Every message between the kitchen and a plugin in another process
    PluginProtocol,
}

/// Prints a schema.
pub fn schema(print: &Print) -> Result<Exit, Fault> {
    let text = match print.what {
        What::Config => {
            let registry = Registry::of_project(&std::env::current_dir()?);
            format!("{:#}\n", config::schema(&registry).to_value())
        }
        what => text(what),
    };
    streams::json().write_all(text.as_bytes())?;
    Ok(Exit::Success)
}

/// A schema as text.
pub fn text(what: What) -> String {
    format!("{:#}\n", of(what).to_value())
}

/// The schema of kitchen.yml.
pub fn config_schema() -> serde_json::Value {
    of(What::Config).to_value()
}

fn of(what: What) -> Schema {
    match what {
        What::Config => config::schema(&Registry::builtin()),
        What::Record => schema_for!(Line),
        What::Report => schema_for!(Verdict),
        What::PluginProtocol => banquet_sdk::wire::schema(),
    }
}
