//! What a person reads when a run has ended: steps, durations, what failed, where its log is.

use super::narrator::{Kind, Level, Line};
use super::tally::{Done, Failed, Subject, Tally};
use super::text::{capital, minutes, path, safe};
use crate::run::{Cause, Outcome};

/// The table of steps; none where a plain instance passed, as in Test Kitchen.
pub fn table(tally: &Tally) -> Vec<String> {
    let plain = |subject: &&Subject| !subject.cluster && subject.failures.is_empty();
    if tally.subjects.iter().all(|subject| plain(&subject)) {
        return Vec::new();
    }
    let mut rows = Vec::new();
    for subject in &tally.subjects {
        rows.push(head(subject));
        if !plain(&subject) {
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

/// A row an action outside of steps and a step, in order; then the steps that were not reached.
fn steps(subject: &Subject) -> Vec<Row> {
    let mut done: Vec<&Done> = subject.done.iter().collect();
    // Blocks end after the steps in them, and are listed before.
    let first = done.iter().position(|done| !done.place.step.is_empty());
    let last = done.iter().rposition(|done| !done.place.step.is_empty());
    if let (Some(first), Some(last)) = (first, last) {
        done[first..=last].sort_by(|a, b| a.place.step.cmp(&b.place.step));
    }
    let unreached = |number: usize| {
        !done
            .iter()
            .any(|done| done.place.step.first() == Some(&number))
    };
    let mut rows: Vec<Row> = done.iter().map(|done| row(subject, done)).collect();
    if first.is_some() || !subject.failures.is_empty() {
        let rest = subject.titles.iter().enumerate();
        rows.extend(
            rest.filter(|(index, _)| unreached(index + 1))
                .map(|(index, title)| {
                    let what = format!("  {} {title}", index + 1);
                    (what, "not run", String::new(), String::new())
                }),
        );
    }
    rows
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

/// What failed: message, hints, last output, log.
pub fn failures(tally: &Tally) -> Vec<Line> {
    let mut lines = Vec::new();
    for subject in &tally.subjects {
        for failed in &subject.failures {
            let text = failure(tally, subject, failed);
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

fn failure(tally: &Tally, subject: &Subject, failed: &Failed) -> Vec<String> {
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
    lines.push(format!(
        "Please see .kitchen/logs/{log}.log for more details"
    ));
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
