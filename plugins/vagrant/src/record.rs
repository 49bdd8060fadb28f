//! What is known of each machine of an environment, one file each, so that whoever writes the
//! Vagrantfile knows all of them.

use banquet_sdk::{Error, ErrorKind, Identity};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// A machine.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// Whose it is; the run is the one that made it.
    pub identity: Identity,
    /// Its name in the Vagrantfile.
    pub machine: String,
    /// The provider.
    pub provider: String,
    /// What the provider calls it.
    pub name: String,
    /// Its host name.
    pub host_name: Option<String>,
    /// Which provisioners run.
    pub provision: Provision,
    /// Commands of the workstation to run before it is made.
    pub before: Vec<Before>,
    /// What the template is given.
    pub data: Value,
    /// Whose turn it is.
    pub turn: Turn,
}

/// A command of the workstation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Before {
    /// A line for the shell.
    Shell(String),
    /// Words for vagrant.
    Vagrant(Vec<String>),
}

/// Which provisioners run when it is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Provision {
    /// None.
    None,
    /// The one that writes the section's `env`.
    Environment,
    /// All of them.
    All,
}

/// How far a machine is, in the run that it names.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Turn {
    /// It is to be made by whoever comes first.
    Due(String),
    /// Vagrant is making it; where that call is gone nobody knows how far it came.
    Making,
    /// Another member's call made it; its own call has not heard of it yet.
    Up(String, Login),
    /// Another member's call could not make it; its own call has not heard of it yet.
    Failed(String, Told),
    /// Its own call makes it by and by, or has ended.
    Settled,
}

/// Where it can be reached, as keys of the state.
pub type Login = Map<String, Value>;

/// An error that is told by another call than the one that met it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Told {
    /// What went wrong.
    pub message: String,
    /// What to do.
    pub hints: Vec<String>,
    /// Whether a deadline passed.
    pub timeout: bool,
}

impl From<Error> for Told {
    fn from(error: Error) -> Self {
        Self {
            message: error.message,
            hints: error.hints,
            timeout: error.kind == ErrorKind::Timeout,
        }
    }
}

impl From<Told> for Error {
    fn from(told: Told) -> Self {
        let kind = if told.timeout {
            ErrorKind::Timeout
        } else {
            ErrorKind::Machine
        };
        let mut error = Self::new(kind, told.message);
        error.hints = told.hints;
        error
    }
}
