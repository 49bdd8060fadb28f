//! `kitchen migrate`: what could be better in a project that was written for Test Kitchen. Prints
//! YAML with comments and changes nothing; [`scripts`] and [`calls`] find what is run in
//! order by hand, [`propose`] makes multisuites of it.

mod calls;
mod propose;
mod scripts;
#[cfg(test)]
mod tests;

use std::fmt::Write as _;
use std::io::Write;
use std::path::Path;

use clap::Args;

use super::args::Common;
use super::exit::Exit;
use super::fault::Fault;
use super::findings::Findings;
use super::mask;
use super::validate::counted;
use crate::config::{Problem, Severity};
use propose::{Proposal, Step};
use scripts::Script;

/// `migrate`.
#[derive(Args, Clone, Debug)]
pub struct Migrate {
    /// Output.
    #[command(flatten)]
    pub common: Common,
}

/// Prints what was found.
pub fn migrate(migrate: &Migrate) -> Result<Exit, Fault> {
    let findings = Findings::of(&migrate.common)?;
    let scripts = scripts::read(Path::new("."));
    mask::out().write_all(document(&findings, &scripts).as_bytes())?;
    Ok(match findings.count(Severity::Error) {
        0 => Exit::Success,
        _ => Exit::Config,
    })
}

/// The whole answer.
fn document(findings: &Findings, scripts: &[Script]) -> String {
    let file = findings
        .config
        .as_ref()
        .map_or("kitchen.yml".into(), |config| {
            let name = config.files.project.file_name().unwrap_or_default();
            name.to_string_lossy().into_owned()
        });
    let mut text =
        format!("# {file}, as `kitchen migrate` sees it. Nothing has been changed.\n#\n");
    problems(findings, &mut text);
    let proposals = match (&findings.config, &findings.matrix) {
        (Some(config), Some(matrix)) => propose::proposals(config, matrix, scripts),
        _ => Vec::new(),
    };
    if proposals.is_empty() {
        text.push_str("# No suites were found that are run in order by hand.\n");
        return text;
    }
    let _ = writeln!(
        text,
        "# Suites that belong together, as multisuites. This is a proposal: read it, add it to\n\
         # {file}, then see with `kitchen plan` what would happen. Addresses of other members need\n\
         # not be fixed: {{{{peers.SUITE.address}}}} stands for them.\n\
         multisuites:"
    );
    for proposal in &proposals {
        one(proposal, &mut text);
    }
    text
}

/// Errors and warnings, a comment each.
fn problems(findings: &Findings, text: &mut String) {
    let errors = findings.count(Severity::Error);
    let warnings = findings.count(Severity::Warning);
    if errors + warnings == 0 {
        text.push_str("# It has no errors and no warnings.\n#\n");
        return;
    }
    let _ = writeln!(
        text,
        "# It has {} and {}; `kitchen validate` shows the places:",
        counted(errors, "error"),
        counted(warnings, "warning")
    );
    for problem in &findings.problems {
        let _ = writeln!(text, "# - {}", line(problem));
    }
    text.push_str("#\n");
}

/// `kitchen.yml:3:1: unknown key … Did you mean …?`, on one line.
fn line(problem: &Problem) -> String {
    let place = problem.place().map(|place| {
        format!(
            "{}:{}:{}: ",
            place.source.shown, place.span.line, place.span.column
        )
    });
    let help = problem.help.as_ref().map(|help| format!(". {help}"));
    let text = [place, Some(problem.message.clone()), help];
    let text: String = text.into_iter().flatten().collect();
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A proposal as an item of `multisuites`.
fn one(proposal: &Proposal, text: &mut String) {
    for reason in &proposal.reasons {
        let _ = writeln!(text, "# {reason}");
    }
    let _ = writeln!(text, "- name: {}", scalar(&proposal.name));
    if let Some(platforms) = &proposal.includes {
        let platforms: Vec<String> = platforms.iter().map(|name| scalar(name)).collect();
        let _ = writeln!(text, "  includes: [{}]", platforms.join(", "));
    }
    text.push_str("  steps:\n");
    for step in &proposal.steps {
        let _ = match step {
            Step::Plain(action, suite) => {
                writeln!(text, "  - {}", scalar(&format!("{action} {suite}")))
            }
            Step::Exec(suite, command) => writeln!(
                text,
                "  - step: {}\n    command: {}",
                scalar(&format!("exec {suite}")),
                scalar(command)
            ),
        };
    }
}

/// Text as YAML: plain where that can only be text.
fn scalar(text: &str) -> String {
    let word = |letter: char| letter.is_ascii_alphanumeric() || " ._-/".contains(letter);
    let reserved = ["yes", "no", "on", "off", "true", "false", "null", "y", "n"];
    let plain = text.starts_with(|first: char| first.is_ascii_alphabetic())
        && text.chars().all(word)
        && !text.ends_with(' ')
        && !reserved.contains(&text.to_lowercase().as_str());
    match plain {
        true => text.into(),
        false => serde_json::Value::from(text).to_string(),
    }
}
