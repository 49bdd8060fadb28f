//! What a person reads when a run has ended: steps, durations, what failed, where its log is.

use std::fmt::Write;
use std::time::Duration;

use super::narrator::{Kind, Level, Line};
use super::record::EVENTS;
use super::tally::{Done, Failed, Subject, Tally};
use super::text::{capital, minutes, path, safe};
use super::verdict::Verdict;
use crate::run::{Cause, Outcome};

/// The table of steps; none where a plain instance passed, as in Test Kitchen.
/// `brief`: of what passed one row only.
pub fn table(tally: &Tally, brief: bool) -> Vec<String> {
    let plain = |subject: &&Subject| !subject.cluster && subject.failures.is_empty();
    if tally.subjects.iter().all(|subject| plain(&subject)) {
        return Vec::new();
    }
    rows(tally, brief)
}

fn rows(tally: &Tally, brief: bool) -> Vec<String> {
    let mut rows = Vec::new();
    for subject in &tally.subjects {
        rows.push(head(subject));
        let again = subject.done.iter().any(|done| done.attempts > 1);
        let all = subject.cluster && (!brief || again);
        if all || !subject.failures.is_empty() {
            rows.extend(steps(subject));
        }
    }
    let width = rows
        .iter()
        .map(|row| row.0.chars().count())
        .max()
        .unwrap_or(0);
    rows.into_iter()
        .map(|(what, how, took, note)| {
            format!("{what:width$}  {how:<9} {took:>9}  {note}")
                .trim_end()
                .to_owned()
        })
        .collect()
}

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

/// A run that is over, told again: what it was, the table, the failures.
pub fn whole(tally: &Tally, verdict: &Verdict) -> String {
    let mut text = format!("Run {} ", verdict.run);
    if let Some(started) = verdict.started {
        let _ = write!(text, "of {} ", started.strftime("%Y-%m-%d %H:%M:%S UTC"));
    }
    let took = minutes(Duration::try_from_secs_f64(verdict.seconds).unwrap_or_default());
    let _ = write!(text, "{} ({took})", verdict.result.word());
    text.push_str(if verdict.flaky() { ", flaky\n" } else { "\n" });
    let table = match table(tally, false) {
        table if table.is_empty() => rows(tally, false),
        table => table,
    };
    for row in table {
        text.push_str(&safe(&row, false));
        text.push('\n');
    }
    let failures = failures(tally, More::Record);
    if !failures.is_empty() {
        text.push('\n');
    }
    for line in failures {
        text.push_str(&safe(&line.text, false));
        text.push('\n');
    }
    text
}

/// What, how it ended, how long it took, what else there is to say.
type Row = (String, &'static str, String, String);

fn head(subject: &Subject) -> Row {
    let (how, took, note) = match &subject.ended {
        Some((Outcome::Skipped(reason), _)) => ("skipped", String::new(), reason.clone()),
        Some((outcome, took)) => (how(outcome), minutes(*took), String::new()),
        None => ("not ended", String::new(), String::new()),
    };
    (subject.name.clone(), how, took, note)
}

/// The phases before the steps, the steps in order, those that were not reached, the phases after.
fn steps(subject: &Subject) -> Vec<Row> {
    let done = &subject.done;
    let in_step = |done: &Done| !done.place.step.is_empty();
    let first = done.iter().position(in_step).unwrap_or(done.len());
    let end = done
        .iter()
        .rposition(in_step)
        .map_or(first, |last| last + 1);
    // Blocks end after the steps in them, and are listed before.
    let mut steps: Vec<&Done> = done[first..end].iter().collect();
    steps.sort_by(|a, b| a.place.step.cmp(&b.place.step));
    let mut rows = phases(subject, &done[..first]);
    rows.extend(steps.iter().map(|step| row(subject, step)));
    if subject.command == "test" && !subject.failures.is_empty() {
        let last = steps.last().and_then(|step| step.place.step.first());
        let rest = (1..).zip(&subject.titles).skip(last.copied().unwrap_or(0));
        rows.extend(rest.map(|(number, title): (usize, _)| {
            let what = format!("  {number} {title}");
            (what, "not run", String::new(), String::new())
        }));
    }
    rows.extend(phases(subject, &done[end..]));
    rows
}

/// Actions outside of steps: those that several members passed together are one row, which took
/// as long as the slowest.
fn phases(subject: &Subject, done: &[Done]) -> Vec<Row> {
    let together = |a: &Done, b: &Done| {
        let plain = |it: &Done| it.outcome == Outcome::Passed && it.attempts == 1;
        a.what == b.what && plain(a) && plain(b)
    };
    let phase = |phase: &[Done]| match phase {
        [one] => row(subject, one),
        many => {
            let took = many
                .iter()
                .map(|done| done.duration)
                .max()
                .unwrap_or_default();
            let note = format!("{} members", many.len());
            (format!("  {}", many[0].what), "passed", minutes(took), note)
        }
    };
    done.chunk_by(together).map(phase).collect()
}

fn row(subject: &Subject, done: &Done) -> Row {
    let indent = "  ".repeat(done.place.step.len().max(1));
    let what = match (&done.place.step[..], &done.place.instance) {
        ([], Some(instance)) if *instance != subject.name => format!("{} {instance}", done.what),
        ([], _) => done.what.clone(),
        (step, _) => format!("{} {}", path(step), done.what),
    };
    let note = match done.attempts {
        0 | 1 => String::new(),
        attempts if done.outcome == Outcome::Passed => format!("{attempts} attempts: flaky"),
        attempts => format!("{attempts} attempts"),
    };
    let took = minutes(done.duration);
    (format!("{indent}{what}"), how(&done.outcome), took, note)
}

fn how(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Passed => "passed",
        Outcome::Allowed(_) => "allowed",
        Outcome::Failed(failure) if failure.cause == Cause::Interrupted => "stopped",
        Outcome::Failed(_) => "FAILED",
        Outcome::Skipped(_) => "skipped",
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
    let path = match more {
        More::Logs => format!("logs/{log}.log"),
        More::Record => format!("runs/{}/{EVENTS}", tally.run.id),
        More::Nowhere => return lines,
    };
    lines.push(format!("Please see .kitchen/{path} for more details"));
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
