//! What is still there of a project, found without the kitchen: every name that it gives has the
//! token of a worker in it.

mod docker;
mod files;
mod processes;

pub use docker::{Docker, Noted};
pub use files::files;
pub use processes::processes;

use std::fmt;
use std::path::PathBuf;

/// Something that is there and should not be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// A process, with its command line.
    Process(i32, String),
    /// A thing of Docker: its kind (`container`), its id, and what tells whose it is.
    Docker(&'static str, String, String),
    /// A file, a directory, a mount or a link, and why it should not be there.
    Path(PathBuf, &'static str),
    /// A thing of the stand-in for EC2.
    Cloud(String),
}

impl fmt::Display for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Process(pid, line) => write!(f, "process {pid}: {line}"),
            Self::Docker(kind, id, text) => {
                write!(f, "{kind} {}: {text}", id.get(..12).unwrap_or(id))
            }
            Self::Path(path, why) => write!(f, "{why}: {}", path.display()),
            Self::Cloud(text) => write!(f, "in the cloud: {text}"),
        }
    }
}
