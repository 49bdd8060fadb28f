//! Settings, those of kitchen-verifier-serverspec, and the command lines that they make.

use std::collections::BTreeMap;
use std::path::PathBuf;

use banquet_sdk::lenient::{List, Seconds, Text};
use banquet_sdk::{Context, Error, Result, Tests};
use schemars::JsonSchema;
use serde::Deserialize;
use shell_words::quote;

/// Settings of the verifier.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Config {
    /// Whether RSpec runs on the instance; else on the workstation, with the instance's address in
    /// the environment.
    pub remote_exec: bool,
    /// Patterns of specification files: on the instance below `default_path`, where they must be
    /// already; on the workstation below the configuration's directory. Default: those of the
    /// suite's tests.
    pub patterns: List<String>,
    /// Whether the suite's own tests are sent and run, whatever `patterns` says.
    pub default_pattern: bool,
    /// Directory in which RSpec runs on the instance.
    pub default_path: String,
    /// Whether that directory is removed afterwards.
    pub remove_default_path: bool,
    /// Seconds before the tests.
    pub sleep: Seconds,
    /// Form of what is printed.
    pub format: String,
    /// Whether that has colours.
    pub color: bool,
    /// Further arguments of `rspec`, for a shell.
    pub extra_flags: Option<String>,
    /// Variables of the tests.
    pub env_vars: BTreeMap<String, Text>,
    /// Directory with the program `rspec`; default: looked up on the PATH.
    pub rspec_path: Option<String>,
    /// Command that runs the tests, in place of all of this.
    pub custom_serverspec_command: Option<String>,
    /// The same; the other name wins.
    pub serverspec_command: Option<String>,
    /// Command before the tests.
    pub additional_serverspec_command: Option<String>,
    /// Command that installs Serverspec, run before the first tests.
    pub custom_install_command: Option<String>,
    /// Command beside it.
    pub additional_install_command: Option<String>,
    /// Gemfile of the workstation that Bundler installs before the first tests, on the instance.
    pub gemfile: Option<String>,
    /// Directory with the program `bundle`.
    pub bundler_path: Option<String>,
    /// Not there: runs a script of another repository instead of RSpec.
    pub require_runner: bool,
    /// Not there either.
    pub runner_url: Option<String>,
    /// Without effect: nothing is installed unasked.
    pub test_serverspec_installed: bool,
    /// Without effect: output is always shown as it comes.
    pub live_stream: Option<serde_json::Value>,
    /// Without effect.
    pub shellout_opts: Option<serde_json::Value>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            remote_exec: true,
            patterns: List::default(),
            default_pattern: false,
            default_path: "/tmp/kitchen".into(),
            remove_default_path: false,
            sleep: Seconds::default(),
            format: "documentation".into(),
            color: true,
            extra_flags: None,
            env_vars: BTreeMap::new(),
            rspec_path: None,
            custom_serverspec_command: None,
            serverspec_command: None,
            additional_serverspec_command: None,
            custom_install_command: None,
            additional_install_command: None,
            gemfile: None,
            bundler_path: None,
            require_runner: false,
            runner_url: None,
            test_serverspec_installed: true,
            live_stream: None,
            shellout_opts: None,
        }
    }
}

impl Config {
    /// The settings; an error names what cannot be done.
    pub fn of(cx: &Context) -> Result<Self> {
        let config: Self = cx.config()?;
        if config.require_runner {
            let message = "runners of other repositories are not fetched";
            return Err(Error::config("/require_runner", message).hint(
                "Name the files by `patterns`, or the runner by `custom_serverspec_command`.",
            ));
        }
        Ok(config)
    }

    /// The user's own command, where there is one.
    pub fn custom(&self) -> Option<&str> {
        let command = self.custom_serverspec_command.as_ref();
        command
            .or(self.serverspec_command.as_ref())
            .map(String::as_str)
    }

    /// Whether the tests are those of the suite's directory.
    pub fn own_tests(&self) -> bool {
        self.default_pattern || self.patterns.0.is_empty()
    }

    /// The program.
    pub fn rspec(&self) -> String {
        program(self.rspec_path.as_deref(), "rspec")
    }

    /// Bundler.
    pub fn bundle(&self) -> String {
        program(self.bundler_path.as_deref(), "bundle")
    }

    /// Variables of the tests.
    pub fn variables(&self) -> BTreeMap<String, String> {
        let variables = self.env_vars.iter();
        variables
            .map(|(name, value)| (name.clone(), value.0.clone()))
            .collect()
    }

    /// The words that run the files of `patterns` and write a report.
    pub fn command(&self, default_path: &str, patterns: &[String], report: &str) -> String {
        let mut line = format!(
            "{} --format {} --format json --out {} --default-path {}",
            quote(&self.rspec()),
            quote(&self.format),
            quote(report),
            quote(default_path)
        );
        if self.color {
            line += " --color";
        }
        if self.own_tests() {
            // For `require 'spec_helper'`.
            line += &format!(" -I {}", quote(default_path));
        }
        if let Some(flags) = &self.extra_flags {
            line += &format!(" {flags}");
        }
        line + &format!(" --pattern {}", quote(&patterns.join(",")))
    }
}

/// Options for an RSpec that the user's own command starts, by its variable `SPEC_OPTS`; the
/// formats of its command line give way to them.
pub fn spec_opts(format: &str, report: &str) -> String {
    format!(
        "--format {} --format json --out {}",
        quote(format),
        quote(report)
    )
}

fn program(directory: Option<&str>, name: &str) -> String {
    match directory {
        Some(directory) => format!("{}/{name}", directory.trim_end_matches('/')),
        None => name.to_owned(),
    }
}

/// The specification files of the suite, by its directory.
pub fn own(directory: PathBuf) -> Result<Tests> {
    Tests::of(directory, "*_spec.rb", |path| path.ends_with("_spec.rb"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_has_both_formats_and_all_patterns() {
        let config = Config {
            rspec_path: Some("/opt/bin/".into()),
            extra_flags: Some("-I 'a b'".into()),
            patterns: List(vec!["x".into()]),
            ..Config::default()
        };
        assert_eq!(
            config.command(
                "/tmp/kitchen",
                &["a/*_spec.rb".into(), "b c".into()],
                "/tmp/r.json"
            ),
            "/opt/bin/rspec --format documentation --format json --out /tmp/r.json --default-path \
             /tmp/kitchen --color -I 'a b' --pattern 'a/*_spec.rb,b c'"
        );
    }
}
