//! `kitchen schema`: what files may hold, as JSON Schema.

use std::io::{self, Write};

use clap::{Args, ValueEnum};
use schemars::{Schema, schema_for};

use super::exit::Exit;
use super::fault::Fault;
use crate::report::record::Line;
use crate::report::verdict::Verdict;

/// `schema`.
#[derive(Args, Clone, Debug)]
pub struct Print {
    /// Of what
    #[arg(value_enum)]
    pub what: What,
}

/// What there are schemas of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum What {
    /// A line of the record of a run, `.kitchen/runs/RUN/events.ndjson`
    Record,
    /// What `kitchen report --format json` prints
    Report,
}

/// Prints a schema.
pub fn schema(print: &Print) -> Result<Exit, Fault> {
    writeln!(io::stdout(), "{}", text(print.what))?;
    Ok(Exit::Success)
}

fn text(what: What) -> String {
    let schema: Schema = match what {
        What::Record => schema_for!(Line),
        What::Report => schema_for!(Verdict),
    };
    format!("{:#}", schema.to_value())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_schemas_in_the_documentation_are_those_of_the_program() {
        for (what, name) in [(What::Record, "record"), (What::Report, "report")] {
            let path = format!("{}/docs/schema/{name}.json", env!("CARGO_MANIFEST_DIR"));
            let told = std::fs::read_to_string(&path).unwrap_or_default();
            assert!(
                told.trim_end() == text(what),
                "docs/schema/{name}.json is old: `kitchen schema {name} > docs/schema/{name}.json`"
            );
        }
    }
}
