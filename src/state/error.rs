//! What can be wrong with `.kitchen/`.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

/// Who works on a cluster or an instance.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// Its process.
    pub pid: u32,
    /// The command's word (`test`).
    pub command: String,
    /// When it began, in local time.
    pub since: String,
    /// The id of its run, if it has one.
    #[serde(default)]
    pub run: Option<String>,
}

/// A fault of `.kitchen/`.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs, reason = "the messages say it")]
pub enum Error {
    #[error("read {}: {source}", path.display())]
    Unreadable {
        path: PathBuf,
        source: std::io::Error,
    },
    #[error("write {}: {source}", path.display())]
    Unwritable {
        path: PathBuf,
        source: std::io::Error,
    },
    #[error("{} is no state file: {reason}", path.display())]
    Broken { path: PathBuf, reason: String },
    #[error("{name} is in use by {}", who(.holder.as_ref()))]
    Held {
        name: String,
        holder: Option<Holder>,
    },
}

fn who(holder: Option<&Holder>) -> String {
    holder.map_or("another process".into(), Holder::to_string)
}

impl std::fmt::Display for Holder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            pid,
            command,
            since,
            ..
        } = self;
        write!(f, "process {pid} (kitchen {command}, since {since})")
    }
}

impl Error {
    pub(super) fn unwritable(path: &Path, source: std::io::Error) -> Self {
        Self::Unwritable {
            path: path.into(),
            source,
        }
    }

    /// Whether a disk has no room left.
    pub fn is_full(&self) -> bool {
        matches!(self, Self::Unwritable { source, .. }
            if matches!(source.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded))
    }

    /// What to do, each a sentence.
    pub fn hints(&self) -> Vec<String> {
        let hint = match self {
            Self::Broken { path, .. } => format!(
                "Mend {} by hand, or run `kitchen destroy`: it finds the machine by its labels and \
                 moves the file aside.",
                path.display()
            ),
            Self::Held { .. } => "Wait for it with --wait, or end that process.".into(),
            Self::Unwritable { .. } if self.is_full() => {
                "Make room on the disk of the .kitchen directory; `kitchen destroy` needs none."
                    .into()
            }
            Self::Unwritable { .. } | Self::Unreadable { .. } => {
                "Check the owner and the mode of the .kitchen directory.".into()
            }
        };
        vec![hint]
    }
}

impl From<Error> for banquet_sdk::Error {
    fn from(error: Error) -> Self {
        let mut told = Self::machine(error.to_string());
        told.hints = error.hints();
        told
    }
}
