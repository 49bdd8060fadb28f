//! Expressions in the user's values: `{{peers.db.address}}`. [`split`] tells ours from the double
//! braces of other tools, [`Names`] says what can be named at a place, [`read`] checks a text
//! against it and makes the template that a run renders. Pure data; called by the plan and the run.

mod names;
mod place;
mod read;
mod split;
mod tag;

pub use names::Names;
pub use place::exact;
pub use read::{Template, read};
pub use split::peers;

/// Why a text with expressions cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{expression}`: {reason}")]
pub struct Wrong {
    /// The expression, from its braces to its braces.
    pub expression: String,
    /// What is wrong with it, as a clause.
    pub reason: String,
    /// What to do, as sentences.
    pub help: String,
    /// Whether it may be right elsewhere: it asks for a cluster where there is none.
    pub outside: bool,
}

/// How others' braces that begin as ours do are written.
const ESCAPE: &str = "If another tool is meant to read it, write `\\{{` in place of `{{`.";

impl Wrong {
    fn new(expression: &str, reason: impl Into<String>, help: impl Into<String>) -> Self {
        Self {
            expression: shortened(expression),
            reason: reason.into(),
            help: help.into(),
            outside: false,
        }
    }
}

/// The beginning of an expression that is too long for a message.
fn shortened(expression: &str) -> String {
    const LONGEST: usize = 80;
    let line = expression.lines().next().unwrap_or_default();
    match line.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None if line.len() < expression.len() => format!("{line}…"),
        None => line.to_owned(),
    }
}

#[cfg(test)]
mod tests;
