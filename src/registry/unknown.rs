//! Names that no plugin has.

use std::path::PathBuf;

use banquet_sdk::Error;

use super::outside::executable;
use crate::matrix::Kind;

/// A plugin that there is not, or that cannot be used.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{}", self.message())]
pub struct Unknown {
    /// What it would be.
    pub kind: Kind,
    /// The name in the configuration.
    pub name: String,
    /// The known name that is most like it.
    pub nearest: Option<String>,
    /// All known names.
    pub known: Vec<String>,
    /// Directories in which an executable was looked for: that of the project, then the PATH.
    pub places: Vec<PathBuf>,
    /// Why the executable that there is cannot be used.
    pub broken: Option<Box<Error>>,
}

impl Unknown {
    fn message(&self) -> String {
        let (kind, name) = (self.kind.key(), &self.name);
        match (&self.broken, &self.nearest) {
            (Some(broken), _) => broken.message.clone(),
            (None, Some(nearest)) => {
                format!("there is no {kind} {name:?}: did you mean {nearest:?}?")
            }
            (None, None) => format!("there is no {kind} {name:?}"),
        }
    }

    /// What there is, and where it was looked for, in sentences.
    pub fn hint(&self) -> String {
        if let Some(broken) = &self.broken {
            return broken.hints.join("\n");
        }
        let kind = self.kind.key();
        let mut hint = match self.known.as_slice() {
            [] => format!("This build has no {kind}."),
            known => format!("This build has these {kind}s: {}.", known.join(", ")),
        };
        if let Some(beside) = self.places.first() {
            hint += &format!(
                "\nNo executable {} is in {} or in a directory of the PATH.",
                executable(self.kind, &self.name),
                beside.display()
            );
        }
        hint
    }
}
