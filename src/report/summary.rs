//! The table of a run that has ended: each cluster, its phases and its steps.

use console::{measure_text_width, truncate_str};

use super::tally::{Done, Subject, Tally};
use super::text::{left_out, minutes, path, safe, short};
use crate::run::{Cause, Outcome};

/// Columns of a table that is written to no terminal.
pub const COLUMNS: usize = 80;

/// Columns that notes have at least, where there are any.
const NOTES: usize = 18;

/// Columns of the result and the time, with the blanks around them.
const FIGURES: usize = 23;

/// The table of steps, in at most so many columns; none where a plain instance passed, as in Test
/// Kitchen. `brief`: of what passed one row only.
pub fn table(tally: &Tally, brief: bool, columns: usize) -> Vec<String> {
    let plain = |subject: &&Subject| !subject.cluster && subject.failures.is_empty();
    if tally.subjects.iter().all(|subject| plain(&subject)) {
        return Vec::new();
    }
    rows(tally, brief, columns)
}

/// The table, also of plain instances.
pub fn rows(tally: &Tally, brief: bool, columns: usize) -> Vec<String> {
    let platforms = &tally.run.platforms;
    let mut rows = Vec::new();
    for subject in &tally.subjects {
        rows.push(head(subject, platforms));
        let again = subject.done.iter().any(|done| done.attempts > 1);
        let all = subject.cluster && (!brief || again);
        if all || !subject.failures.is_empty() {
            rows.extend(steps(subject, platforms));
        } else {
            // What was left out of a block was not tested, which no brevity hides.
            let partly = |done: &&Done| matches!(done.outcome, Outcome::Partly(_));
            let partly = subject.done.iter().filter(partly);
            rows.extend(partly.map(|done| row(subject, done, platforms)));
        }
    }
    fitted(rows, columns)
}

/// What, how it ended, how long it took, what else there is to say.
struct Row {
    what: String,
    how: &'static str,
    took: String,
    note: String,
}

/// Rows as lines: titles and notes are cut where a line would be too long.
fn fitted(rows: Vec<Row>, columns: usize) -> Vec<String> {
    let widest = |text: fn(&Row) -> &str| {
        let widths = rows.iter().map(|row| measure_text_width(text(row)));
        widths.max().unwrap_or(0)
    };
    let room = columns.saturating_sub(FIGURES + widest(|row| &row.note).min(NOTES));
    let width = widest(|row| &row.what).min(room);
    let notes = columns.saturating_sub(width + FIGURES);
    let line = |row: &Row| {
        let what = truncate_str(&row.what, width, "…");
        let gap = width - measure_text_width(&what);
        let note = truncate_str(&row.note, notes, "…");
        let (how, took) = (row.how, &row.took);
        let line = format!("{what}{:gap$}  {how:<9} {took:>9}  {note}", "");
        line.trim_end().to_owned()
    };
    rows.iter().map(line).collect()
}

fn head(subject: &Subject, platforms: &[String]) -> Row {
    let (how, took, note) = match &subject.ended {
        Some((Outcome::Skipped(reason), _)) => ("skipped", String::new(), reason.clone()),
        Some((outcome, took)) => (how(outcome), minutes(*took), String::new()),
        None => ("not ended", String::new(), String::new()),
    };
    Row {
        what: safe(short(&subject.name, platforms), false).into_owned(),
        how,
        took,
        note: safe(&note, false).into_owned(),
    }
}

/// The phases before the steps, the steps in order, those that were not reached, the phases after.
fn steps(subject: &Subject, platforms: &[String]) -> Vec<Row> {
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
    let mut rows = phases(subject, &done[..first], platforms);
    rows.extend(steps.iter().map(|step| row(subject, step, platforms)));
    if !subject.failures.is_empty() {
        let reached = |number: usize| {
            steps
                .iter()
                .any(|it| it.place.step.first() == Some(&number))
        };
        let meant = |number: usize| subject.items.contains(&number.to_string());
        let rest = subject
            .titles()
            .filter(|(number, _)| meant(*number) && !reached(*number));
        rows.extend(rest.map(|(number, title)| Row {
            what: format!("  {number} {}", safe(title, false)),
            how: "not run",
            took: String::new(),
            note: String::new(),
        }));
    }
    rows.extend(phases(subject, &done[end..], platforms));
    rows
}

/// Actions outside of steps: one row an action, which took as long as the slowest member; open
/// where anything but passing at once is to be told.
fn phases(subject: &Subject, done: &[Done], platforms: &[String]) -> Vec<Row> {
    let mut actions: Vec<&str> = Vec::new();
    for done in done {
        if !actions.contains(&done.what.as_str()) {
            actions.push(&done.what);
        }
    }
    let mut rows = Vec::new();
    for action in actions {
        let members: Vec<&Done> = done.iter().filter(|it| it.what == action).collect();
        if let [one] = members[..] {
            rows.push(row(subject, one, platforms));
            continue;
        }
        let plain = |it: &&Done| it.outcome == Outcome::Passed && it.attempts <= 1;
        let failed = |it: &&&Done| matches!(it.outcome, Outcome::Failed(_));
        let slowest = members.iter().map(|done| done.duration).max();
        let worst = members.iter().find(failed).unwrap_or(&members[0]);
        rows.push(Row {
            what: format!("  {action}"),
            how: how(&worst.outcome),
            took: minutes(slowest.unwrap_or_default()),
            note: match members.iter().filter(failed).count() {
                0 => format!("{} members", members.len()),
                failed => format!("{failed} of {} members", members.len()),
            },
        });
        if !members.iter().all(plain) {
            rows.extend(members.iter().map(|done| {
                let row = row(subject, done, platforms);
                let what = format!("  {}", row.what);
                Row { what, ..row }
            }));
        }
    }
    rows
}

fn row(subject: &Subject, done: &Done, platforms: &[String]) -> Row {
    let indent = "  ".repeat(done.place.step.len().max(1));
    let what = match (&done.place.step[..], &done.place.instance) {
        ([], Some(instance)) if *instance != subject.name => {
            format!("{} {}", done.what, short(instance, platforms))
        }
        ([], _) => done.what.clone(),
        (step, _) => format!("{} {}", path(step), done.what),
    };
    let note = match done.attempts {
        0 | 1 => match &done.outcome {
            Outcome::Partly(left) => left_out(left),
            _ => String::new(),
        },
        attempts if done.outcome == Outcome::Passed => format!("{attempts} attempts: flaky"),
        attempts => format!("{attempts} attempts"),
    };
    Row {
        what: format!("{indent}{}", safe(&what, false)),
        how: how(&done.outcome),
        took: minutes(done.duration),
        note,
    }
}

fn how(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Passed => "passed",
        Outcome::Partly(_) => "partly run",
        Outcome::Allowed(_) => "allowed",
        Outcome::Failed(failure) if failure.cause == Cause::Interrupted => "stopped",
        Outcome::Failed(_) => "FAILED",
        Outcome::Skipped(_) => "skipped",
    }
}
