//! Judges an instance by a command of the user's.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Instant;

use banquet_sdk::lenient::{List, Seconds, Text};
use banquet_sdk::tool::Watch;
use banquet_sdk::{
    CaseStatus, Connection, Context, Error, Exec, ExitStatus, LocalPath, Output, PluginInfo,
    Result, State, Stdin, TestCase, Verifier, async_trait, cases, first_line, process, wording,
};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::reports::Reports;

/// Settings of the verifier, Test Kitchen's (verifier/shell.rb) but for `environment`.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Config {
    /// The command; its exit code judges. Without one there is no test.
    pub command: String,
    /// Whether it runs on the instance instead of the workstation.
    pub remote_exec: bool,
    /// Seconds before it runs.
    pub sleep: Seconds,
    /// Variables of the command.
    pub environment: BTreeMap<String, Text>,
    /// JUnit reports that the command writes, each test in them a case: paths where it runs, on the
    /// workstation below its directory. What is there before it runs is removed.
    pub junit: List<String>,
    /// Whether what the command prints is TAP, each test in it a case.
    pub tap: bool,
    /// How it runs on the workstation.
    pub shellout_opts: ShelloutOpts,
    /// Without effect: output is always shown as it comes.
    pub live_stream: Option<serde_json::Value>,
}

/// How a command runs on the workstation: the options of Mixlib::ShellOut that files use.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default)]
pub struct ShelloutOpts {
    /// Directory; default: that of the configuration.
    pub cwd: Option<String>,
    /// Variables.
    pub environment: BTreeMap<String, Text>,
    /// Variables, too.
    pub env: BTreeMap<String, Text>,
    /// Seconds after which it is killed; default: no limit.
    pub timeout: Option<Seconds>,
    /// What it reads.
    pub input: Option<String>,
    /// Exit codes that are success; default: 0.
    pub returns: List<i32>,
}

/// Runs the user's command and tells the cases that it reports, or one: whether it succeeded.
#[derive(Clone, Copy, Debug, Default)]
pub struct Shell;

#[async_trait]
impl Verifier for Shell {
    fn info(&self) -> PluginInfo {
        let cwd = "/shellout_opts/cwd";
        let here = ("/remote_exec", false, false);
        PluginInfo::of::<Config>("shell", "a command of your own, whose exit code judges").paths([
            LocalPath::directory(cwd).when(here.0, here.1, here.2),
            LocalPath::command("/command")
                .within(cwd)
                .when(here.0, here.1, here.2),
        ])
    }

    async fn verify(
        &self,
        cx: &Context,
        connection: &dyn Connection,
        state: &mut State,
    ) -> Result<Vec<TestCase>> {
        let config: Config = cx.config()?;
        let Some(name) = name_of(&config.command) else {
            return Ok(Vec::new());
        };
        if !config.sleep.0.is_zero() {
            cx.note(format!("waiting for {}", wording::time(config.sleep.0)))
                .await;
            tokio::time::sleep(config.sleep.0).await;
        }
        let variables = variables(cx, &config, state);
        let reports = Reports {
            cx,
            connection,
            config: &config,
        };
        reports.clear().await?;
        let started = Instant::now();
        let watch: Watch<'_, String> = Watch::new(&*cx.output, cases::keep);
        let output: &dyn Output = if config.tap { &watch } else { &*cx.output };
        let status = if config.remote_exec {
            let exec = Exec::new(&config.command).env(&variables);
            connection.exec(&exec, output).await?
        } else {
            local(cx, &config, &variables, output).await?
        };
        let returns = &config.shellout_opts.returns.0;
        let passed = if returns.is_empty() || config.remote_exec {
            status.success()
        } else {
            returns.contains(&status.0)
        };
        let told = match (config.junit.0.is_empty(), config.tap) {
            (false, _) => reports.read().await,
            (true, true) => cases::kept(watch.seen()).and_then(|text| cases::tap(&text)),
            (true, false) => Ok(Vec::new()),
        };
        let exit = if passed { ExitStatus(0) } else { status };
        match told {
            Ok(told) if config.tap || !config.junit.0.is_empty() => {
                Ok(cases::with_exit(told, &name, exit))
            }
            Err(error) if passed => Err(error),
            // Nothing has judged.
            _ if !passed && status.not_started() => {
                let why = why(cx, connection, &config, status).await;
                let mut error = Error::action(format!("`{name}` could not be run: {why}"));
                error.exit_code = Some(status.0);
                Err(error)
            }
            _ => Ok(vec![TestCase {
                name,
                status: if passed {
                    CaseStatus::Passed
                } else {
                    CaseStatus::Failed
                },
                duration: Some(started.elapsed()),
                message: match passed {
                    true => None,
                    false => Some(why(cx, connection, &config, status).await),
                },
            }]),
        }
    }
}

/// Why the command failed: its exit code, and what the first line of its script explains.
async fn why(
    cx: &Context,
    connection: &dyn Connection,
    config: &Config,
    status: ExitStatus,
) -> String {
    let told = match config.remote_exec {
        true => first_line::on_machine(&config.command, connection, status).await,
        false => first_line::of_command(&config.command, &directory(cx, config), status),
    };
    let code = format!("exit code {}", status.0);
    std::iter::once(code)
        .chain(told)
        .collect::<Vec<_>>()
        .join("\n")
}

/// A case is called after its command; none where the command does nothing.
fn name_of(command: &str) -> Option<String> {
    wording::first_command(command).map(String::from)
}

fn variables(cx: &Context, config: &Config, state: &State) -> BTreeMap<String, String> {
    let mut all = cx.environment.to_map();
    let identity = &cx.identity;
    for (name, value) in [
        ("KITCHEN_INSTANCE", &identity.instance),
        ("KITCHEN_PLATFORM", &identity.platform),
        ("KITCHEN_SUITE", &identity.suite),
    ] {
        all.insert(name.into(), value.clone());
    }
    all.extend(state.environment());
    let options = &config.shellout_opts;
    for more in [&options.environment, &options.env, &config.environment] {
        all.extend(
            more.iter()
                .map(|(name, value)| (name.clone(), value.0.clone())),
        );
    }
    all
}

/// Where the command runs on the workstation.
pub(crate) fn directory(cx: &Context, config: &Config) -> PathBuf {
    match &config.shellout_opts.cwd {
        Some(cwd) => cx.root.join(cwd),
        None => cx.root.clone(),
    }
}

async fn local(
    cx: &Context,
    config: &Config,
    variables: &BTreeMap<String, String>,
    output: &dyn Output,
) -> Result<ExitStatus> {
    let options = &config.shellout_opts;
    let mut command = cx.local_command(&config.command);
    command.envs(variables);
    command.current_dir(directory(cx, config));
    let stdin = match &options.input {
        Some(input) => Stdin::Bytes(input.clone().into_bytes()),
        None => Stdin::Empty,
    };
    let running = process::run(command, &stdin, output);
    match options.timeout {
        None => running.await,
        Some(Seconds(limit)) => tokio::time::timeout(limit, running)
            .await
            .unwrap_or_else(|_| {
                let name = name_of(&config.command).unwrap_or_default();
                Err(Error::timeout(name, limit))
            }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_case_is_named_after_the_first_line_that_says_something() {
        assert_eq!(name_of("true").as_deref(), Some("true"));
        let script = "\n# a test\n  pytest -v\nmore";
        assert_eq!(name_of(script).as_deref(), Some("pytest -v"));
        assert_eq!(name_of("\n# nothing yet\n"), None);
    }
}
