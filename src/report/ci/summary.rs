//! The summary of a job: a table of what was tested, in Markdown, in which no text of a machine is
//! markup.

use std::fmt::Write as _;
use std::fs::OpenOptions;
use std::io::{self, Write};
use std::path::Path;
use std::time::Duration;

use super::annotations::title;
use crate::report::tally::{Failed, Subject, Tally};
use crate::report::text::{minutes, safe};
use crate::run::Outcome;

use banquet_sdk::CaseStatus;

/// Bytes of a summary file. GitHub refuses one of more than a mebibyte as a whole.
const LARGEST: u64 = 1_000_000;

/// Characters of a message that are kept.
const LONGEST: usize = 2000;

/// Appends the table to `file`, as far as there is room.
pub fn append(tally: &Tally, file: &Path) -> io::Result<()> {
    let mut file = OpenOptions::new().create(true).append(true).open(file)?;
    let room = LARGEST.saturating_sub(file.metadata()?.len());
    let room = usize::try_from(room).unwrap_or(usize::MAX);
    file.write_all(text(tally, room).as_bytes())
}

/// The table and the failures, in at most `room` bytes, cut between lines.
pub(super) fn text(tally: &Tally, room: usize) -> String {
    let failed = tally.cause().is_some();
    let took = tally.run.took.unwrap_or_default();
    let mut lines = vec![
        format!(
            "### kitchen: {} ({})",
            if failed { "failed" } else { "passed" },
            minutes(took)
        ),
        String::new(),
        "| | Result | Tests | Time |".into(),
        "| --- | --- | --- | --- |".into(),
    ];
    lines.extend(tally.subjects.iter().map(row));
    lines.push(String::new());
    for subject in &tally.subjects {
        lines.extend(
            subject
                .failures
                .iter()
                .map(|failed| failure(subject, failed)),
        );
    }
    lines.push(String::new());
    let mut text = String::new();
    for line in lines {
        if text.len() + line.len() >= room {
            break;
        }
        text.push_str(&line);
        text.push('\n');
    }
    text
}

fn row(subject: &Subject) -> String {
    let (result, took) = match &subject.ended {
        Some((Outcome::Passed, took)) => ("✅ passed", *took),
        Some((Outcome::Allowed(_), took)) => ("✅ allowed to fail", *took),
        Some((Outcome::Partly(_), took)) => ("⚠ passed in part", *took),
        Some((Outcome::Failed(_), took)) => ("❌ failed", *took),
        Some((Outcome::Skipped(_), took)) => ("⏭ skipped", *took),
        None => ("❌ not ended", Duration::ZERO),
    };
    let name = clean(&subject.name);
    format!(
        "| {name} | {result} | {} | {} |",
        tests(subject),
        minutes(took)
    )
}

/// How many tests there were: `12 passed, 1 failed`.
fn tests(subject: &Subject) -> String {
    let mut text = String::new();
    for (status, word) in [
        (CaseStatus::Passed, "passed"),
        (CaseStatus::Failed, "failed"),
        (CaseStatus::Skipped, "skipped"),
    ] {
        let count = subject
            .tests
            .iter()
            .filter(|test| test.case.status == status)
            .count();
        if count > 0 {
            let comma = if text.is_empty() { "" } else { ", " };
            let _ = write!(text, "{comma}{count} {word}");
        }
    }
    text
}

fn failure(subject: &Subject, failed: &Failed) -> String {
    let message: String = failed.failure.message.chars().take(LONGEST).collect();
    let lines = message
        .lines()
        .chain(failed.failure.hints.iter().map(String::as_str));
    let lines: Vec<String> = lines.map(clean).collect();
    format!(
        "- **{}**<br>{}",
        clean(&title(subject, failed)),
        lines.join("<br>")
    )
}

/// The text with nothing in it that Markdown or HTML would read: every sign is written by its
/// number, line ends are blanks.
pub(super) fn clean(text: &str) -> String {
    let mut cleaned = String::with_capacity(text.len());
    for character in safe(&text.replace(['\n', '\r'], " "), false).chars() {
        let plain = character.is_alphanumeric() || matches!(character, ' ' | ',' | '-');
        match plain || !character.is_ascii() {
            true => cleaned.push(character),
            false => {
                let _ = write!(cleaned, "&#{};", u32::from(character));
            }
        }
    }
    cleaned
}
