//! The last words on a run: what failed, how its tests ended, what took longest, what to run again.

use std::fmt::Write;

use super::narrator::{Kind, Level, Line};
use super::record::EVENTS;
use super::summary::{COLUMNS, rows, table};
use super::tally::{Failed, Subject, Tally};
use super::text::{capital, minutes, path, safe, short};
use super::verdict::{self, Case, Counts, Ended, OTHERS, Verdict, duration};

/// So many of what took longest are named, if they took a second or more.
const SLOWEST: usize = 3;

/// Letters of an id that tell runs apart.
pub const SHORT: usize = 8;

/// Where all that was said can be read.
#[derive(Clone, Copy, Debug)]
pub enum More {
    /// In the log files of this run.
    Logs,
    /// In its record alone: the log files ended early, or are those of later runs.
    Record,
    /// Nowhere.
    Nowhere,
}

/// A run that is over, told again: what it was, the table, the failures, the last words. `program`
/// is how the kitchen was called (`kitchen -C web`).
pub fn whole(tally: &Tally, verdict: &Verdict, program: &str) -> String {
    let id: String = verdict.run.chars().take(SHORT).collect();
    let mut text = format!("Run {id} ");
    if let Some(started) = verdict.started {
        let _ = write!(text, "of {} ", started.strftime("%Y-%m-%d %H:%M:%S UTC"));
    }
    let took = minutes(duration(verdict.seconds));
    let _ = write!(text, "{} ({took})", verdict.result.word());
    text.push_str(if verdict.flaky() { ", flaky\n" } else { "\n" });
    let told = match table(tally, false, COLUMNS) {
        table if table.is_empty() => rows(tally, false, COLUMNS),
        table => table,
    };
    for row in told {
        text.push_str(&row);
        text.push('\n');
    }
    for lines in [
        texts(failures(tally, More::Record)),
        last_words(verdict, program),
    ] {
        if !lines.is_empty() {
            text.push('\n');
        }
        for line in lines {
            text.push_str(&safe(&line, false));
            text.push('\n');
        }
    }
    text
}

fn texts(lines: Vec<Line>) -> Vec<String> {
    lines.into_iter().map(|line| line.text).collect()
}

/// How the tests ended, what took longest, what to run again.
pub fn last_words(verdict: &Verdict, program: &str) -> Vec<String> {
    let mut lines: Vec<String> = counted(verdict).into_iter().collect();
    lines.extend(slowest(verdict));
    lines.extend(again(verdict, program));
    lines
}

/// `12 tests: 9 passed (1 flaky), 1 failed, 2 skipped; 3 not run`; none where no command was to
/// test anything.
fn counted(verdict: &Verdict) -> Option<String> {
    let counts = verdict.tests;
    let tests = |it: &verdict::Subject| matches!(it.command.as_str(), "test" | "verify");
    match counts.ran() + counts.not_run {
        0 => {
            let asked = verdict.subjects.iter().any(tests);
            asked.then(|| "No tests ran.".into())
        }
        _ => Some(words(counts)),
    }
}

fn words(counts: Counts) -> String {
    let Counts {
        passed,
        failed,
        skipped,
        flaky,
        not_run,
    } = counts;
    let mut text = match counts.ran() {
        0 => return format!("No tests ran; {not_run} not run"),
        1 => "1 test: ".to_owned(),
        ran => format!("{ran} tests: "),
    };
    let _ = write!(text, "{passed} passed");
    if flaky > 0 {
        let _ = write!(text, " ({flaky} flaky)");
    }
    let _ = write!(text, ", {failed} failed, {skipped} skipped");
    if not_run > 0 {
        let _ = write!(text, "; {not_run} not run");
    }
    text
}

fn slowest(verdict: &Verdict) -> Option<String> {
    let cases = verdict.subjects.iter().flat_map(|subject| {
        let cases = subject.cases.iter();
        cases.map(move |case| (subject, case))
    });
    let mut cases: Vec<(&verdict::Subject, &Case)> = cases
        .filter(|(_, case)| case.seconds >= 1.0 && case.test.is_none() && case.name != OTHERS)
        .collect();
    cases.sort_by(|a, b| b.1.seconds.total_cmp(&a.1.seconds));
    let several = verdict.subjects.len() > 1;
    let named = |(subject, case): &(&verdict::Subject, &Case)| {
        let took = minutes(duration(case.seconds));
        match several {
            true => {
                let who = short(&subject.name, &verdict.platforms);
                format!("{who} {} {took}", case.name)
            }
            false => format!("{} {took}", case.name),
        }
    };
    let slowest: Vec<String> = cases.iter().take(SLOWEST).map(named).collect();
    (!slowest.is_empty()).then(|| format!("Slowest: {}", slowest.join(", ")))
}

/// The command that does again what did not pass.
fn again(verdict: &Verdict, program: &str) -> Option<String> {
    let bad = verdict.subjects.iter();
    let bad: Vec<&verdict::Subject> = bad
        .filter(|subject| subject.result >= Ended::Unfinished)
        .collect();
    let first = bad.first()?;
    let names: Vec<String> = bad.iter().map(|subject| quoted(&subject.name)).collect();
    Some(format!(
        "Run again: {program} {} {}",
        first.command,
        names.join(" ")
    ))
}

/// As one word of a shell.
pub fn quoted(text: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "-_./:=@+,".contains(c);
    match !text.is_empty() && text.chars().all(plain) {
        true => text.into(),
        false => format!("'{}'", text.replace('\'', r"'\''")),
    }
}

/// What failed: message, hints, last output, where there is more.
pub fn failures(tally: &Tally, more: More) -> Vec<Line> {
    let mut lines = Vec::new();
    for subject in &tally.subjects {
        for failed in &subject.failures {
            let text = failure(tally, subject, failed, more);
            lines.extend(text.into_iter().map(|text| Line {
                level: Level::Error,
                kind: Kind::Word,
                subject: subject.name.clone(),
                instance: failed.place.instance.clone(),
                text,
            }));
        }
    }
    lines
}

fn failure(tally: &Tally, subject: &Subject, failed: &Failed, more: More) -> Vec<String> {
    let mut lines = vec![title(subject, failed)];
    let indented = |text: &str| format!("  {text}").trim_end().to_owned();
    lines.extend(failed.failure.message.lines().map(indented));
    lines.extend(failed.failure.hints.iter().map(|hint| format!("  {hint}")));
    let mut tail = tally.tail(&failed.place).peekable();
    if tail.peek().is_some() {
        lines.push("  Last output:".into());
        lines.extend(tail.map(|text| format!("    {}", safe(text, false)).trim_end().to_owned()));
    }
    let log = failed.place.instance.as_ref().unwrap_or(&subject.name);
    lines.extend(match more {
        More::Logs => Some(format!(
            "Please see .kitchen/logs/{log}.log for more details"
        )),
        // An id is long: more words would not fit a line.
        More::Record => Some(format!(
            "Please see .kitchen/runs/{}/{EVENTS}",
            tally.run.id
        )),
        More::Nowhere => None,
    });
    lines
}

fn title(subject: &Subject, failed: &Failed) -> String {
    let step = match &failed.place.step[..] {
        [] => String::new(),
        step => format!(" in step {} of {}", path(step), subject.name),
    };
    match &failed.place.instance {
        Some(instance) => format!(
            "{} failed on instance <{instance}>{step}:",
            capital(&failed.what)
        ),
        None if step.is_empty() => {
            format!("{} failed on <{}>:", capital(&failed.what), subject.name)
        }
        None => format!("{} failed{step}:", capital(&failed.what)),
    }
}
