//! `kitchen validate`: everything that is wrong with a configuration, at once.

use std::io::{self, IsTerminal, Write};

use clap::Args;
use serde_json::{Value, json};

use super::args::Common;
use super::exit::Exit;
use super::fault::{Fault, no_colour, render};
use super::findings::Findings;
use super::mask;
use crate::config::{Problem, Severity};

/// `validate`.
#[derive(Args, Clone, Debug)]
pub struct Validate {
    /// As JSON
    #[arg(short, long)]
    pub json: bool,
    /// Output.
    #[command(flatten)]
    pub common: Common,
}

/// Prints all problems; the exit code tells whether there are errors, with `--strict` whether
/// there are any problems.
pub fn validate(validate: &Validate) -> Result<Exit, Fault> {
    let findings = Findings::of(&validate.common)?;
    let errors = findings.count(Severity::Error);
    let warnings = findings.count(Severity::Warning);
    let valid = errors == 0 && !(validate.common.strict && warnings > 0);
    let mut out = match validate.json {
        true => mask::json_out(),
        false => mask::out(),
    };
    if validate.json {
        let problems: Vec<Value> = findings.problems.iter().map(as_json).collect();
        let all = json!({"valid": valid, "errors": errors, "warnings": warnings,
            "problems": problems});
        writeln!(out, "{:#}", mask::json(all))?;
    } else {
        let terminal = io::stdout().is_terminal();
        let colours = validate.common.color.unwrap_or(terminal && !no_colour());
        let width = terminal.then(|| usize::from(console::Term::stdout().size().1));
        for problem in &findings.problems {
            writeln!(out, "{}", render(problem, colours, width))?;
        }
        writeln!(out, "{}", summary(&findings, errors, warnings))?;
    }
    Ok(match valid {
        true => Exit::Success,
        false => Exit::Config,
    })
}

/// `2 errors, 1 warning`, or what there is.
fn summary(findings: &Findings, errors: usize, warnings: usize) -> String {
    match (&findings.matrix, errors + warnings) {
        (Some(matrix), 0) => {
            let clusters = match matrix.clusters.len() {
                0 => String::new(),
                many => format!(", {}", counted(many, "cluster")),
            };
            let instances = counted(matrix.instances.len(), "instance");
            format!("The configuration is valid: {instances}{clusters}.")
        }
        _ => format!(
            "{}, {}.",
            counted(errors, "error"),
            counted(warnings, "warning")
        ),
    }
}

pub(super) fn counted(number: usize, what: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {what}{plural}")
}

fn as_json(problem: &Problem) -> Value {
    let place = problem.place();
    json!({
        "severity": match problem.severity {
            Severity::Error => "error",
            Severity::Warning | Severity::Advice => "warning",
        },
        "message": problem.message,
        "help": problem.help,
        "file": place.map(|place| &place.source.shown),
        "line": place.map(|place| place.span.line),
        "column": place.map(|place| place.span.column),
    })
}
