//! What failed, beside the line of the file that asked for it: GitHub's annotations.

use super::{Options, Server};
use crate::report::tally::{Failed, Subject, Tally};
use crate::report::text::{capital, path, safe};

/// GitHub shows so many errors of a step; the summary of the job has all.
const SHOWN: usize = 10;

/// Longest message, in characters: GitHub cuts off at 4096 bytes what it shows.
const LONGEST: usize = 1000;

/// One line for each failure, for GitHub; none for others, which have no such command.
pub fn annotations(tally: &Tally, options: &Options) -> Vec<String> {
    if options.server != Server::Github {
        return Vec::new();
    }
    let failures = tally.subjects.iter().flat_map(|subject| {
        let failures = subject.failures.iter();
        failures.map(move |failed| annotation(subject, failed, options))
    });
    failures.take(SHOWN).collect()
}

fn annotation(subject: &Subject, failed: &Failed, options: &Options) -> String {
    let mut keys = String::new();
    if let Some(origin) = options.places.of(&failed.place) {
        let file = property(&origin.file.display().to_string());
        keys = format!("file={file},line={},col={},", origin.line, origin.column);
    }
    let lines = failed.failure.message.lines();
    let lines = lines.chain(failed.failure.hints.iter().flat_map(|hint| hint.lines()));
    let text = lines
        .map(|line| safe(line, false))
        .collect::<Vec<_>>()
        .join("\n");
    let text: String = text.chars().take(LONGEST).collect();
    let title = property(&safe(&title(subject, failed), false));
    format!("::error {keys}title={title}::{}", data(&text))
}

/// What failed, of whom.
pub(super) fn title(subject: &Subject, failed: &Failed) -> String {
    let what = match &failed.place.step[..] {
        [] => capital(&failed.what),
        step => format!("Step {}: {}", path(step), failed.what),
    };
    match &failed.place.instance {
        Some(instance) if *instance != subject.name => {
            format!("{what} failed on {instance} ({})", subject.name)
        }
        _ => format!("{what} failed on {}", subject.name),
    }
}

/// The text of a command, as GitHub's `escapeData` writes it.
fn data(text: &str) -> String {
    let text = text.replace('%', "%25");
    text.replace('\r', "%0D").replace('\n', "%0A")
}

/// The value of a command's key, as GitHub's `escapeProperty` writes it.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}
