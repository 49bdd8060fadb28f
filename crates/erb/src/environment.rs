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
        let directory = std::env::current_dir().unwrap_or_default();
        working_directory(&mut variables, &directory);
        variables.sort();
        Self {
            variables,
            directory,
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

/// `PWD` as a shell sets it: files read it, and neither a service nor `--directory` sets it.
fn working_directory(variables: &mut Vec<(String, String)>, directory: &Path) {
    let real = |path: &Path| path.canonicalize().ok();
    let known = variables.iter().find(|(name, _)| name == "PWD");
    if known.is_some_and(|(_, path)| real(Path::new(path)) == real(directory)) {
        return;
    }
    variables.retain(|(name, _)| name != "PWD");
    variables.push(("PWD".into(), directory.to_string_lossy().into_owned()));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pwd_names_the_working_directory() {
        let directory = tempfile::tempdir().unwrap();
        let other = tempfile::tempdir().unwrap();
        let path = |dir: &tempfile::TempDir| dir.path().display().to_string();
        let pwd = |before: Option<String>| {
            let mut variables: Vec<_> = before.into_iter().map(|p| ("PWD".into(), p)).collect();
            working_directory(&mut variables, directory.path());
            variables
                .into_iter()
                .map(|(_, path)| path)
                .collect::<Vec<_>>()
        };
        assert_eq!(pwd(None), [path(&directory)]);
        assert_eq!(pwd(Some(path(&other))), [path(&directory)]);
        let longer = format!("{}/.", path(&directory));
        assert_eq!(pwd(Some(longer.clone())), [longer], "another way to it");
    }
}
