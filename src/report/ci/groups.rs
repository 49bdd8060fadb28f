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
) -> io::Result<Group> {
    let title = safe(title, false);
    let title = neutral(&title);
    let group = Group {
        server,
        id: id(&title, at),
    };
    match server {
        Server::Github => writeln!(out, "::group::{title}")?,
        Server::Gitlab => {
            let (at, id) = (at.as_second(), &group.id);
            let folded = if folded { "[collapsed=true]" } else { "" };
            let start = format!("\u{1b}[0Ksection_start:{at}:{id}{folded}\r\u{1b}[0K");
            writeln!(out, "{start}{title}")?;
        }
        Server::None | Server::Other => {}
    }
    Ok(group)
}

/// A group that has begun.
#[derive(Debug)]
pub struct Group {
    server: Server,
    id: String,
}

impl Group {
    /// Ends it.
    pub fn close(self, at: Timestamp, out: &mut impl Write) -> io::Result<()> {
        match self.server {
            Server::Github => writeln!(out, "::endgroup::"),
            Server::Gitlab => {
                let (at, id) = (at.as_second(), self.id);
                writeln!(out, "\u{1b}[0Ksection_end:{at}:{id}\r\u{1b}[0K")
            }
            Server::None | Server::Other => Ok(()),
        }
    }
}

/// The name of a section: when it began, so that no two of a job have the same, and the title with
/// the letters that GitLab takes.
fn id(title: &str, at: Timestamp) -> String {
    let known = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-');
    let letters = title.chars().map(|c| if known(c) { c } else { '_' });
    format!(
        "kitchen_{}_{}",
        at.as_microsecond(),
        letters.collect::<String>()
    )
}

/// The groups of a run whose lines are shown as they come: one for each action outside of steps and
/// each numbered step.
#[derive(Debug, Default)]
pub struct Groups {
    server: Server,
    open: Option<(String, Group)>,
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
        if title.as_ref() == self.open.as_ref().map(|(title, _)| title) {
            return Ok(());
        }
        if let Some((_, group)) = self.open.take() {
            group.close(event.at, out)?;
        }
        if let Some(title) = title {
            let group = open(self.server, &title, event.at, false, out)?;
            self.open = Some((title, group));
        }
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
