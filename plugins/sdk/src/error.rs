//! What a plugin says when it fails.

use std::time::Duration;

use crate::wording;

/// Shorthand for the result of every call of a plugin.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Who can mend it; the kitchen chooses the exit code by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// A value in the configuration is wrong or missing.
    Config,
    /// A machine, an engine, a network or a tool of the infrastructure failed.
    Machine,
    /// The user's own code (a script, a test) ran and failed.
    Action,
    /// A deadline passed.
    Timeout,
    /// The run was cancelled.
    Cancelled,
    /// The plugin cannot do what was asked.
    Unsupported,
    /// A fault of the program itself.
    Internal,
}

/// What a failed call left behind, so that a caller can decide what to destroy.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Residue {
    /// Nothing new exists.
    #[default]
    Nothing,
    /// These resources may exist; each is in the state or carries this project's labels.
    Resources(Vec<String>),
    /// It cannot be told.
    Unknown,
}

/// An error of a plugin: a lower-case fragment that fits behind "failed to …", with what to do next.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{message}")]
pub struct Error {
    /// Who can mend it.
    pub kind: ErrorKind,
    /// What went wrong, lower case, no full stop, without the instance's name.
    pub message: String,
    /// What the user can do, each a sentence.
    pub hints: Vec<String>,
    /// The key of the plugin's section that is at fault, as a JSON pointer (`/image`).
    pub key: Option<String>,
    /// What is left behind.
    pub residue: Residue,
    /// Exit code of the user's command, where one ran and failed.
    pub exit_code: Option<i32>,
    /// Whether the connection broke while something was done, which may have been done or not.
    pub lost: bool,
    /// Whether a path of the workstation is missing, which something that runs before may make.
    pub missing: bool,
}

impl Error {
    /// An error of the given kind.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: wording::without_numbers(&message.into()).into_owned(),
            hints: Vec::new(),
            key: None,
            residue: Residue::Nothing,
            exit_code: None,
            lost: false,
            missing: false,
        }
    }

    /// A wrong or missing value at `key` (JSON pointer into the plugin's section).
    pub fn config(key: impl Into<String>, message: impl Into<String>) -> Self {
        let mut error = Self::new(ErrorKind::Config, message);
        error.key = Some(key.into());
        error
    }

    /// A path of the workstation that the value at `key` names, or that is looked up, is missing.
    pub fn missing(key: impl Into<String>, message: impl Into<String>) -> Self {
        let mut error = Self::config(key, message);
        error.missing = true;
        error
    }

    /// A machine, an engine or a network failed.
    pub fn machine(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Machine, message)
    }

    /// The connection to a machine broke while something was done.
    pub fn lost(message: impl Into<String>) -> Self {
        let mut error = Self::machine(message);
        error.lost = true;
        error
    }

    /// The user's code failed.
    pub fn action(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Action, message)
    }

    /// `what` did not happen within `limit`.
    pub fn timeout(what: impl std::fmt::Display, limit: Duration) -> Self {
        Self::new(
            ErrorKind::Timeout,
            format!("{what} took longer than {}", wording::time(limit)),
        )
    }

    /// The run was cancelled.
    pub fn cancelled() -> Self {
        Self::new(ErrorKind::Cancelled, "cancelled")
    }

    /// The plugin cannot do `what`.
    pub fn unsupported(what: impl Into<String>) -> Self {
        Self::new(ErrorKind::Unsupported, what)
    }

    /// Adds a sentence that says what to do.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// Says what is left behind.
    #[must_use]
    pub fn residue(mut self, residue: Residue) -> Self {
        self.residue = residue;
        self
    }

    /// Puts what was being done before the message: "start the container: no such image".
    #[must_use]
    pub fn while_doing(mut self, what: impl std::fmt::Display) -> Self {
        let message = format!("{what}: {}", self.message);
        self.message = wording::without_numbers(&message).into_owned();
        self
    }
}

impl From<std::io::Error> for Error {
    fn from(error: std::io::Error) -> Self {
        Self::machine(error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_that_passed_is_told_without_the_digits_that_nobody_reads() {
        for (millis, told) in [
            (60_001, "1m"),
            (59_999, "1m"),
            (1_234, "1.23s"),
            (300_004, "5m"),
            (25, "25ms"),
        ] {
            let error = Error::timeout("wait web", Duration::from_millis(millis));
            assert_eq!(error.message, format!("wait web took longer than {told}"));
        }
    }
}
