//! What ends a command early, told once.

use std::borrow::Cow;
use std::fmt;
use std::io::{self, IsTerminal, Write};

use banquet_sdk::wording;
use miette::{Diagnostic, GraphicalReportHandler, GraphicalTheme};

use super::exit::Exit;
use super::mask;
use super::streams;
use crate::config;
use crate::matrix::SelectError;

/// An error of a command with its exit code.
#[derive(Debug)]
pub struct Fault {
    /// The exit code.
    pub exit: Exit,
    /// What to say; none where all has been said.
    what: Option<Box<dyn Diagnostic + Send + Sync>>,
}

/// A message with hints.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
struct Message {
    message: String,
    hints: Vec<String>,
}

impl Diagnostic for Message {
    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        (!self.hints.is_empty()).then(|| Box::new(self.hints.join("\n")) as _)
    }
}

impl Fault {
    /// A message and what to do about it, each a sentence.
    pub fn new<H: Into<String>>(
        exit: Exit,
        message: impl Into<String>,
        hints: impl IntoIterator<Item = H>,
    ) -> Self {
        Self {
            exit,
            what: Some(Box::new(Message {
                message: wording::without_numbers(&message.into()).into_owned(),
                hints: hints.into_iter().map(Into::into).collect(),
            })),
        }
    }

    /// The command line asks for what cannot be.
    pub fn usage<H: Into<String>>(
        message: impl Into<String>,
        hints: impl IntoIterator<Item = H>,
    ) -> Self {
        Self::new(Exit::Usage, message, hints)
    }

    /// One is wanted, and the arguments mean several; the words are Test Kitchen's.
    pub fn several<'a>(arguments: &[String], names: impl Iterator<Item = &'a str>) -> Self {
        let names: Vec<String> = names.map(|name| format!("  * {name}")).collect();
        let message = format!(
            "Argument `{}' returned multiple results:\n{}",
            arguments.join("|"),
            names.join("\n")
        );
        Self::usage(message, None::<String>)
    }

    /// Writes what is to be said on standard error.
    pub fn tell(&self, colours: Option<bool>) {
        if let Some(what) = &self.what {
            tell(what.as_ref(), colours);
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.what {
            Some(what) => what.fmt(f),
            None => Ok(()),
        }
    }
}

impl From<config::Error> for Fault {
    fn from(error: config::Error) -> Self {
        mask::learn_broken(&error.problems);
        Self {
            exit: Exit::Config,
            what: Some(Box::new(error)),
        }
    }
}

impl From<SelectError> for Fault {
    fn from(error: SelectError) -> Self {
        let hint = match &error {
            SelectError::NoMatch {
                nearest: Some(nearest),
                ..
            } => Some(format!("Did you mean `{nearest}`?")),
            _ => None,
        };
        Self::usage(error.to_string(), hint)
    }
}

/// Standard output that cannot be written. A reader that went away (`kitchen list | head -1`) has
/// read enough.
impl From<io::Error> for Fault {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Self {
                exit: Exit::Success,
                what: None,
            },
            _ => Self::new(
                Exit::Internal,
                format!("write output: {error}"),
                None::<String>,
            ),
        }
    }
}

/// An error of a plugin, about `whom`.
pub fn plugin(whom: &str, error: &banquet_sdk::Error) -> Fault {
    use banquet_sdk::ErrorKind;
    let exit = match error.kind {
        ErrorKind::Config | ErrorKind::Unsupported => Exit::Config,
        ErrorKind::Machine => Exit::Infrastructure,
        ErrorKind::Action => Exit::Verify,
        ErrorKind::Timeout => Exit::Timeout,
        ErrorKind::Cancelled => Exit::Interrupted,
        ErrorKind::Internal => Exit::Internal,
    };
    Fault::new(
        exit,
        format!("{whom}: {}", error.message),
        error.hints.clone(),
    )
}

/// Writes a diagnostic on standard error, in colours on a terminal unless `colours` says no, as
/// narrow as the terminal is.
pub fn tell(diagnostic: &dyn Diagnostic, colours: Option<bool>) {
    let terminal = io::stderr().is_terminal();
    let coloured = terminal && !no_colour() && colours != Some(false);
    let width = terminal.then(|| usize::from(console::Term::stderr().size().1));
    // Nobody is left to be told that standard error is closed.
    let _ = streams::stderr().write_all(render(diagnostic, coloured, width).as_bytes());
}

/// A diagnostic with its excerpt of the file, `width` columns wide where a terminal shows it.
pub fn render(diagnostic: &dyn Diagnostic, colours: bool, width: Option<usize>) -> String {
    let theme = match colours {
        true => GraphicalTheme::unicode(),
        false => GraphicalTheme::unicode_nocolor(),
    };
    let mut handler = GraphicalReportHandler::new_themed(theme)
        .with_width(width.unwrap_or(80).clamp(20, 100))
        .with_links(false);
    // Where no person reads along, a message stays whole, so that it can be searched.
    if width.is_none() {
        handler = handler.with_wrap_lines(false);
    }
    let mut text = String::new();
    if handler.render_report(&mut text, diagnostic).is_err() {
        text = format!("{diagnostic}\n");
    }
    match (mask::secrets().mask(&text), width) {
        (Cow::Borrowed(_), None) => text,
        (Cow::Owned(masked), None) => masked,
        // A line break may stand in a secret.
        (_, Some(_)) => {
            let whole = render(diagnostic, false, None);
            if whole.contains("******") {
                render(diagnostic, colours, None)
            } else {
                text
            }
        }
    }
}

/// Whether the environment asks for no colours, or for a terminal that has none.
pub fn no_colour() -> bool {
    std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty()) || dumb()
}

/// Whether the terminal can do no more than print.
pub fn dumb() -> bool {
    std::env::var_os("TERM").is_some_and(|term| term == "dumb")
}
