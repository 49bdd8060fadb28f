//! The report as one HTML file that needs nothing else: readable without scripts, quick with
//! them. The style and the script lie beside this file and are put into the page.

mod beats;
mod escaped;
mod failures;
mod log;
mod steps;
mod timeline;

use std::fmt::{self, Display, Formatter, Write};
use std::io;
use std::path::Path;
use std::time::Duration;

use jiff::Timestamp;

use super::narrator::Narrator;
use super::record;
use super::tally::Tally;
use super::text::{elapsed, minutes, safe};
use super::told::Told;
use super::verdict::{Ended, Verdict};
use beats::Plots;
use escaped::escaped;
use log::Log;

const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

/// Nothing is loaded and nothing is sent, whatever a machine has printed.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; \
                      base-uri 'none'; form-action 'none'";

/// The page of a run; its log is read from the record at `path`, where there is one.
pub fn html(told: &Told, path: Option<&Path>) -> io::Result<String> {
    let clock = Clock::of(&told.verdict);
    let (log, plots) = match path {
        Some(path) => read(path, clock)?,
        None => Default::default(),
    };
    let mut page = String::with_capacity(log.bytes() * 5 / 4 + (256 << 10));
    // Writing to memory cannot fail.
    let _ = write(&mut page, told, &log, &plots, clock);
    Ok(page)
}

/// What of the record at `path` is in no verdict: all that was said, and every beat.
fn read(path: &Path, clock: Clock) -> io::Result<(Log, Plots)> {
    let (mut log, mut plots) = (Log::default(), Plots::default());
    let mut tally = Tally::default();
    let mut narrator = Narrator::default();
    record::read(path, |event| {
        tally.event(&event);
        plots.event(&event, &tally, clock);
        log.event(&event, &tally, &mut narrator, clock);
    })?;
    Ok((log, plots))
}

fn write(page: &mut String, told: &Told, log: &Log, plots: &Plots, clock: Clock) -> fmt::Result {
    let verdict = &told.verdict;
    let title = headline(verdict);
    write!(
        page,
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"{POLICY}\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n\
         <title>{}: {}</title>\n<style>\n{STYLE}</style>\n</head>\n<body data-seconds=\"{:.3}\">\n",
        Safe(&title),
        verdict.result.word(),
        clock.seconds
    )?;
    head(page, verdict, &title)?;
    page.push_str("<main>\n");
    failures::write(page, told, log, clock)?;
    page.push_str("<section id=\"timeline\" aria-labelledby=\"h-timeline\">\n");
    page.push_str("<h2 id=\"h-timeline\">Timeline</h2>\n");
    timeline::legend(page)?;
    for (index, subject) in verdict.subjects.iter().enumerate() {
        timeline::write(page, index, subject, plots, clock)?;
    }
    page.push_str("</section>\n<section id=\"steps\" aria-labelledby=\"h-steps\">\n");
    page.push_str("<h2 id=\"h-steps\">Steps</h2>\n");
    for (index, subject) in verdict.subjects.iter().enumerate() {
        steps::write(page, index, subject, log, clock)?;
    }
    page.push_str("</section>\n");
    log.write(page)?;
    page.push_str("</main>\n<script>\n");
    page.push_str(SCRIPT);
    page.push_str("</script>\n</body>\n</html>\n");
    Ok(())
}

/// `web-centos-7`, `3 of 12 did not pass`.
fn headline(verdict: &Verdict) -> String {
    let result = verdict.result.word();
    let bad = verdict
        .subjects
        .iter()
        .filter(|it| it.result > Ended::NotRun);
    match (&verdict.subjects[..], bad.count()) {
        ([], _) => format!("Nothing was done: {result}"),
        ([only], _) => only.name.clone(),
        (all, 0) => format!("All {} {result}", all.len()),
        (all, bad) => format!("{bad} of {} did not pass", all.len()),
    }
}

fn head(page: &mut String, verdict: &Verdict, title: &str) -> fmt::Result {
    let class = Class(verdict.result, verdict.flaky());
    writeln!(
        page,
        "<header class=\"{class}\">\n<p class=\"badge {class}\">{class}</p>"
    )?;
    writeln!(page, "<h1>{}</h1>\n<dl class=\"facts\">", Safe(title))?;
    let command = verdict.subjects.first().map_or("", |it| &it.command);
    let began = verdict
        .started
        .map(|it| it.strftime("%Y-%m-%d %H:%M:%S UTC").to_string());
    let parts = || verdict.subjects.iter().flat_map(|it| &it.parts);
    let members = verdict.subjects.iter().flat_map(|it| &it.members).count();
    let steps = || parts().filter(|it| !it.step.is_empty());
    let bad = steps().filter(|it| it.result == Ended::Failed && !it.block);
    let steps = match (steps().count(), bad.count()) {
        (all, 0) => all.to_string(),
        (all, bad) => format!("{all}, {bad} failed"),
    };
    let counts = verdict.tests;
    let others = [
        (counts.passed, "passed"),
        (counts.failed, "failed"),
        (counts.skipped, "skipped"),
        (counts.not_run, "not run"),
    ];
    let tested = others.iter().filter(|(count, _)| *count > 0);
    let tested: Vec<String> = tested
        .map(|(count, word)| format!("{count} {word}"))
        .collect();
    let tests = verdict.subjects.iter().flat_map(|it| &it.tests);
    let flaky = parts().filter(|it| it.flaky).count() + tests.filter(|it| it.flaky).count();
    for (name, value) in [
        ("Command", format!("kitchen {command}")),
        ("Began", began.unwrap_or_default()),
        ("Took", took(verdict.seconds)),
        ("Members", members.to_string()),
        ("Steps", steps),
        ("Tests", tested.join(", ")),
        ("Flaky", flaky.to_string()),
        ("Run", verdict.run.clone()),
    ] {
        if !value.is_empty() && value != "0" {
            writeln!(page, "<div><dt>{name}</dt><dd>{}</dd></div>", Safe(&value))?;
        }
    }
    page.push_str("</dl>\n");
    if verdict.result == Ended::Unfinished {
        page.push_str(
            "<p class=\"remark\">The record of this run has no end: it was killed, its disk was \
             full, or it goes on. It is told as far as it goes.</p>\n",
        );
    }
    page.push_str(
        "<nav aria-label=\"Parts of the report\"><a href=\"#failures\">Failures</a> \
         <a href=\"#timeline\">Timeline</a> <a href=\"#steps\">Steps</a> \
         <a href=\"#log\">Log</a></nav>\n</header>\n",
    );
    Ok(())
}

/// The clock of the page: it begins with the run.
#[derive(Clone, Copy, Debug)]
struct Clock {
    start: Timestamp,
    /// Length of the run, more than none.
    seconds: f64,
}

impl Clock {
    fn of(verdict: &Verdict) -> Self {
        let start = verdict.started.unwrap_or_default();
        Self {
            start,
            seconds: verdict.seconds.max(0.001),
        }
    }

    /// Seconds since the beginning.
    fn seconds(self, at: Timestamp) -> f64 {
        at.duration_since(self.start).as_secs_f64().max(0.0)
    }

    /// Hundredths of the run until so many seconds.
    fn percent(self, seconds: f64) -> f64 {
        (seconds / self.seconds * 100.0).clamp(0.0, 100.0)
    }
}

/// Text that cannot become markup.
struct Safe<'a>(&'a str);

impl Display for Safe<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        for (index, line) in self.0.split('\n').enumerate() {
            if index > 0 {
                f.write_char('\n')?;
            }
            f.write_str(&escaped(&safe(line, false)))?;
        }
        Ok(())
    }
}

/// How something ended, as the name of a style and as a word.
struct Class(Ended, bool);

impl Display for Class {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match (self.0, self.1) {
            (Ended::Passed, true) => "flaky",
            (Ended::NotRun, _) => "notrun",
            (Ended::Partly, _) => "partly",
            (result, _) => result.word(),
        })
    }
}

/// `850 ms`, `12.3 s`, `4m07s`.
fn took(seconds: f64) -> String {
    let whole = Duration::try_from_secs_f64(seconds).unwrap_or_default();
    match seconds {
        ..1.0 => format!("{:.0} ms", seconds * 1000.0),
        ..100.0 => format!("{seconds:.1} s"),
        _ => elapsed(whole),
    }
}

/// A moment of the run: `+12.345 s`, `+4m07.10s`.
fn moment(seconds: f64) -> String {
    let whole = Duration::try_from_secs_f64(seconds).unwrap_or_default();
    match seconds {
        ..60.0 => format!("+{seconds:.3} s"),
        _ => format!("+{}", minutes(whole)),
    }
}
