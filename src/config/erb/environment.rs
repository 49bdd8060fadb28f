//! What a template sees of the workstation.

use std::path::{Path, PathBuf};

use jiff::Zoned;

/// Variables, directory and clock.
#[derive(Clone, Debug)]
pub struct Environment {
    /// Environment variables, sorted by name.
    pub variables: Vec<(String, String)>,
    /// The working directory, absolute.
    pub directory: PathBuf,
    /// The clock.
    pub now: fn() -> Zoned,
}

impl Environment {
    /// That of this process.
    pub fn current() -> Self {
        let text = |value: std::ffi::OsString| value.to_string_lossy().into_owned();
        let mut variables: Vec<_> = std::env::vars_os()
            .map(|(name, value)| (text(name), text(value)))
            .collect();
        variables.sort();
        Self {
            variables,
            directory: std::env::current_dir().unwrap_or_default(),
            now: Zoned::now,
        }
    }

    /// A variable.
    pub fn variable(&self, name: &str) -> Option<&str> {
        let index = self
            .variables
            .binary_search_by(|(known, _)| known.as_str().cmp(name))
            .ok()?;
        Some(&self.variables[index].1)
    }

    /// A path as the file system knows it: relative ones from the working directory.
    pub fn resolve(&self, path: &str) -> PathBuf {
        self.directory.join(Path::new(path))
    }
}
