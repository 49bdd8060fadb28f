//! `kitchen report` and `kitchen runs`: runs that were recorded, told again.

use std::io::{self, IsTerminal, Write};
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use clap_complete::engine::ArgValueCompleter;
use serde_json::{Value, json};

use super::complete;
use super::exit::Exit;
use super::fault::{Fault, no_colour};
use super::mask;
use super::show::program;
use super::streams;
use super::table::{self, Cell, GREEN, RED, WHITE};
use crate::report::record::{Entry, Runs};
use crate::report::verdict::{Ended, Verdict};
use crate::report::{Format, SHORT, Told, minutes, put};
use crate::run::Cause;

/// `report`.
#[derive(Args, Clone, Debug)]
pub struct Report {
    /// The run: its id or the beginning of it, as in `kitchen runs` [default: the newest]
    #[arg(value_name = "RUN", add = ArgValueCompleter::new(complete::runs))]
    pub run: Option<String>,
    /// The form
    #[arg(short, long, value_enum, default_value = "terminal")]
    pub format: Format,
    /// Write to FILE instead of standard output
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
}

/// `runs`.
#[derive(Args, Clone, Debug)]
pub struct List {
    /// As JSON
    #[arg(short, long)]
    pub json: bool,
}

fn runs() -> Result<Runs, Fault> {
    let root = std::env::current_dir().map_err(|error| {
        let message = format!("find the working directory: {error}");
        Fault::new(Exit::Config, message, None::<String>)
    })?;
    Ok(Runs::new(&root.join(".kitchen")))
}

/// Tells a run again.
pub fn report(report: &Report) -> Result<Exit, Fault> {
    let entry = runs()?.find(report.run.as_deref()).map_err(|error| {
        Fault::usage(error.to_string(), ["`kitchen runs` lists what there is."])
    })?;
    let mut told = read(&entry)?;
    told.program = program();
    remark(&entry, &told);
    let failed = |error: io::Error| match error.kind() {
        io::ErrorKind::BrokenPipe => Fault::from(error),
        _ => Fault::new(
            Exit::Infrastructure,
            format!("write the report of run {}: {error}", entry.run),
            None::<String>,
        ),
    };
    let text = told.text(report.format).map_err(failed)?;
    match &report.output {
        Some(path) => put(path, text.as_bytes()).map_err(|error| {
            let message = format!("write the report to {}: {error}", path.display());
            Fault::new(Exit::Infrastructure, message, None::<String>)
        })?,
        None => match report.format {
            Format::Json => mask::json_out().write_all(text.as_bytes())?,
            _ => mask::out().write_all(text.as_bytes())?,
        },
    }
    Ok(Exit::Success)
}

fn read(entry: &Entry) -> Result<Told, Fault> {
    Told::read(&entry.events()).map_err(|error| {
        let message = format!("read {}: {error}", entry.events().display());
        Fault::new(Exit::Infrastructure, message, None::<String>)
    })
}

/// What a reader of the report must know of the record.
fn remark(entry: &Entry, told: &Told) {
    let ending = &told.ending;
    if ending.newer() {
        streams::say(
            "$$$$$$ A newer version wrote this record: it is told as far as it is understood.",
        );
    }
    if ending.unknown > 0 {
        let count = ending.unknown;
        streams::say(format_args!(
            "$$$$$$ {count} events are of kinds that this version does not know."
        ));
    }
    match (ending.finished, entry.is_open()) {
        (true, _) => {}
        (false, true) => streams::say("$$$$$$ This run goes on: it is told up to now."),
        (false, false) => streams::say(
            "$$$$$$ This record is unfinished: the run was killed, or its disk was full. It is told as far as it goes.",
        ),
    }
}

/// Lists what was recorded, the newest first.
pub fn list(list: &List) -> Result<Exit, Fault> {
    let entries = runs()?.list();
    let mut out = io::BufWriter::new(match list.json {
        true => mask::json_out(),
        false => mask::out(),
    });
    let mut rows = Vec::with_capacity(entries.len() + 1);
    let mut values = Vec::with_capacity(entries.len());
    for entry in &entries {
        let running = entry.is_open();
        let verdict = match entry.verdict() {
            Some(verdict) => verdict,
            None => read(entry)?.verdict,
        };
        match list.json {
            true => values.push(value(entry, &verdict, running)),
            false => rows.push(row(entry, &verdict, running)),
        }
    }
    if list.json {
        writeln!(out, "{:#}", mask::json(Value::Array(values)))?;
    } else if rows.is_empty() {
        streams::say("No run has been recorded here.");
    } else {
        let titles = ["Run", "Began UTC", "Command", "What", "Took", "Result"];
        rows.insert(0, titles.map(|title| (title.to_owned(), GREEN)).to_vec());
        let colours = io::stdout().is_terminal() && !no_colour();
        table::print(&rows, colours, &mut out)?;
    }
    out.flush()?;
    Ok(Exit::Success)
}

/// Columns that names of subjects, and that the result, have at most.
const NAMES: usize = 24;
const RESULT: usize = 30;

fn row(entry: &Entry, verdict: &Verdict, running: bool) -> Vec<Cell> {
    let names: Vec<&str> = verdict.subjects.iter().map(|it| it.name.as_str()).collect();
    let what = match names.len() {
        0..=1 => names.join(""),
        many => format!("{} and {} more", names[0], many - 1),
    };
    let cut = |text: &str, most| console::truncate_str(text, most, "…").into_owned();
    let took = Duration::try_from_secs_f64(verdict.seconds).unwrap_or_default();
    let (result, colour) = match (running, verdict.result) {
        (true, _) => ("running".into(), WHITE),
        (_, Ended::Passed) if verdict.flaky() => ("passed, flaky".into(), GREEN),
        (_, Ended::Passed) => ("passed".into(), GREEN),
        (_, result) => (failed(verdict, result), RED),
    };
    vec![
        (entry.run.chars().take(SHORT).collect(), WHITE),
        (entry.at.strftime("%m-%d %H:%M").to_string(), WHITE),
        (command(verdict).into(), WHITE),
        (cut(&what, NAMES), WHITE),
        (minutes(took), WHITE),
        (cut(&result, RESULT), colour),
    ]
}

/// `failed: 2 wait web`: with the step, else the action, that failed first; where there is none,
/// with the cause.
fn failed(verdict: &Verdict, result: Ended) -> String {
    match (verdict.failed().first(), verdict.cause) {
        (Some((_, part)), _) => format!("{}: {}", result.word(), part.headline()),
        (None, Some(cause)) if cause != Cause::Interrupted => {
            format!("{}: {}", result.word(), cause.word())
        }
        _ => result.word().into(),
    }
}

fn value(entry: &Entry, verdict: &Verdict, running: bool) -> Value {
    let subjects: Vec<Value> = verdict
        .subjects
        .iter()
        .map(|it| json!({"name": it.name, "result": it.result, "seconds": it.seconds}))
        .collect();
    let failed: Vec<Value> = verdict
        .failed()
        .iter()
        .map(|(subject, part)| {
            json!({"subject": subject.name, "step": part.step, "title": part.title, "instance": part.instance})
        })
        .collect();
    json!({
        "run": entry.run,
        "started": entry.at,
        "command": command(verdict),
        "running": running,
        "result": verdict.result,
        "cause": verdict.cause,
        "failed": failed,
        "flaky": verdict.flaky(),
        "seconds": verdict.seconds,
        "subjects": subjects,
        "record": entry.events(),
    })
}

fn command(verdict: &Verdict) -> &str {
    verdict.subjects.first().map_or("", |it| &it.command)
}
