//! Lines that belong together, which a build server folds: `::group::` of GitHub, sections of
//! GitLab.

use std::io::{self, Write};

use jiff::Timestamp;

use super::{Server, neutral};
use crate::report::tally::Tally;
use crate::report::text::{doing, safe};
use crate::run::{Event, EventKind};

/// Begins a group. `folded` is for servers that let us choose.
pub fn open(
    server: Server,
    title: &str,
    at: Timestamp,
    folded: bool,
    out: &mut impl Write,
) -> io::Result<()> {
    let title = safe(title, false);
    let title = neutral(&title);
    match server {
        Server::Github => writeln!(out, "::group::{title}"),
        Server::Gitlab => {
            let (at, id) = (at.as_second(), id(&title));
            let folded = if folded { "[collapsed=true]" } else { "" };
            let start = format!("\u{1b}[0Ksection_start:{at}:{id}{folded}\r\u{1b}[0K");
            writeln!(out, "{start}{title}")
        }
        Server::None | Server::Other => Ok(()),
    }
}

/// Ends the group of this title.
pub fn close(server: Server, title: &str, at: Timestamp, out: &mut impl Write) -> io::Result<()> {
    match server {
        Server::Github => writeln!(out, "::endgroup::"),
        Server::Gitlab => {
            let (at, id) = (at.as_second(), id(&neutral(&safe(title, false))));
            writeln!(out, "\u{1b}[0Ksection_end:{at}:{id}\r\u{1b}[0K")
        }
        Server::None | Server::Other => Ok(()),
    }
}

/// The title with the letters that GitLab takes in a section's name.
fn id(title: &str) -> String {
    let known = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-');
    let letters = title.chars().map(|c| if known(c) { c } else { '_' });
    format!("kitchen_{}", letters.collect::<String>())
}

/// The groups of a run whose lines are shown as they come: one for each action outside of steps and
/// each numbered step.
#[derive(Debug, Default)]
pub struct Groups {
    server: Server,
    open: Option<String>,
}

impl Groups {
    /// Those for a server.
    pub fn new(server: Server) -> Self {
        Self { server, open: None }
    }

    /// Writes what is to be written before the lines of an event.
    pub fn before(&mut self, tally: &Tally, event: &Event, out: &mut impl Write) -> io::Result<()> {
        let title = match &event.kind {
            EventKind::SubjectFinished { .. } | EventKind::RunFinished { .. } => None,
            kind => match title(tally, kind) {
                Some(title) => Some(title),
                None => return Ok(()),
            },
        };
        if title == self.open {
            return Ok(());
        }
        if let Some(open) = self.open.take() {
            close(self.server, &open, event.at, out)?;
        }
        if let Some(title) = &title {
            open(self.server, title, event.at, false, out)?;
        }
        self.open = title;
        Ok(())
    }
}

/// The group that an event begins, if it does.
fn title(tally: &Tally, kind: &EventKind) -> Option<String> {
    match kind {
        EventKind::StepStarted { place, title, .. } => {
            let &[number] = &place.step[..] else {
                return None;
            };
            let steps = tally.subject(&place.subject)?.titles().count();
            Some(format!(
                "{}: step {number} of {steps}: {title}",
                place.subject
            ))
        }
        EventKind::ActionStarted { place, action } if place.step.is_empty() => {
            doing(action).map(|_| format!("{}: {action}", place.subject))
        }
        _ => None,
    }
}
