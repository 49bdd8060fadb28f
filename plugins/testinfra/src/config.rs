//! Settings, and the tests that they name.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use banquet_sdk::lenient::{List, Text};
use banquet_sdk::lookup::hidden_in;
use banquet_sdk::{Context, Error, Result, Tests};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::TESTINFRA;

/// Settings of the verifier. There is no plugin of Test Kitchen whose names could be taken; those
/// that other verifiers have mean the same here.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Config {
    /// Files and directories of tests on the workstation; default: the directory `testinfra` of the
    /// suite's tests.
    pub tests: List<String>,
    /// Machines that are tested, by suite or instance, or `all`; default: the instance itself. A
    /// module's own `testinfra_hosts` wins.
    pub hosts: List<String>,
    /// Whether pytest runs on the instance instead of the workstation.
    pub remote_exec: bool,
    /// The program, words for a shell; default: `pytest`.
    pub pytest: Option<String>,
    /// Further arguments of it, for a shell (`-k 'db' -x`).
    pub extra_flags: Option<String>,
    /// Variables of the tests.
    pub env_vars: BTreeMap<String, Text>,
    /// Command that installs it where it runs, before the first tests.
    pub install_command: Option<String>,
}

impl Config {
    /// The command, words for a shell.
    pub fn command(&self) -> &str {
        self.pytest.as_deref().unwrap_or("pytest")
    }

    /// Its first word.
    pub fn program(&self) -> &str {
        self.command().split_whitespace().next().unwrap_or("pytest")
    }

    /// Files and directories with tests; none where there are no tests.
    pub fn tests(&self, cx: &Context) -> Result<Vec<PathBuf>> {
        if self.tests.0.is_empty() {
            let own = own(cx)?;
            return Ok(match own.files() {
                [] => Vec::new(),
                _ => vec![cx.tests().join(TESTINFRA)],
            });
        }
        let mut paths = Vec::new();
        for (index, path) in self.tests.0.iter().enumerate() {
            let path = cx.root.join(path);
            if !path.exists() {
                let message = format!("{}: no such file or directory", path.display());
                return Err(Error::missing(format!("/tests/{index}"), message));
            }
            paths.push(path);
        }
        Ok(paths)
    }
}

/// The suite's own tests.
pub fn own(cx: &Context) -> Result<Tests> {
    Tests::of(cx.tests().join(TESTINFRA), "test_*.py", is_test)
}

/// Arguments that keep pytest from files whose names begin with a dot, which it takes for tests
/// where they end in `_test.py`. `place` says where one that lies here is when pytest runs.
pub fn ignored(
    tests: &[PathBuf],
    place: impl Fn(&Path, &Path) -> Option<String>,
) -> Result<Vec<String>> {
    let mut words = Vec::new();
    for root in tests {
        for file in hidden_in(root)? {
            words.extend(place(root, &file).map(|place| format!("--ignore={place}")));
        }
    }
    Ok(words)
}

/// What pytest collects by itself.
fn is_test(path: &str) -> bool {
    let name = Path::new(path)
        .file_name()
        .unwrap_or_default()
        .to_string_lossy();
    name.ends_with("_test.py") || (name.starts_with("test_") && name.ends_with(".py"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_pytest_collects() {
        for (path, is) in [
            ("test_a.py", true),
            ("deep/a_test.py", true),
            ("conftest.py", false),
            ("test_a.txt", false),
        ] {
            assert_eq!(is_test(path), is, "{path}");
        }
    }
}
