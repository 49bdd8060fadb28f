//! pytest on the workstation, which reaches the machines by itself.

use std::path::PathBuf;

use banquet_sdk::tool::{self, Base, Stage};
use banquet_sdk::{Context, Error, Fault, Result, State, Stdin, Target, TestCase, cases, process};
use serde_json::json;
use shell_words::quote;

use crate::config::{Config, ignored};
use crate::hosts::Hosts;
use crate::{INSTALL, told};

/// The plugin that knows the machines, beside its name.
const PLUGIN: (&str, &str) = ("banquet_hosts.py", include_str!("banquet_hosts.py"));
const REPORT: &str = "report.xml";

/// Runs the command that installs.
pub(crate) async fn install(cx: &Context, command: &str) -> Result<()> {
    let status = process::run(cx.local_command(command), &Stdin::Empty, &*cx.output).await?;
    let first = command.trim().lines().next().unwrap_or_default();
    status.into_result(&format!("install the test tool: {first}"))
}

/// Runs the tests.
pub(crate) async fn run(
    cx: &Context,
    state: &State,
    base: &Base,
    config: &Config,
    tests: &[PathBuf],
) -> Result<Vec<TestCase>> {
    let hosts = Hosts::of(cx)?;
    let chosen = chosen(cx, config, &hosts)?;
    tool::needs(config.program(), INSTALL)?;
    let stage = Stage::new(&cx.kitchen_dir)?;
    stage.write_secret(PLUGIN.0, PLUGIN.1)?;
    let report = stage.path().join(REPORT);
    let mut words = vec![
        "-p".to_owned(),
        "banquet_hosts".into(),
        format!("--junitxml={}", report.display()),
    ];
    if let Some(file) = hosts.config(&stage) {
        words.push(format!("--ssh-config={file}"));
    }
    if base.sudo && needs_sudo(cx) {
        words.push("--sudo".into());
    }
    words.extend(ignored(tests, |_, file| Some(file.display().to_string()))?);
    let words: Vec<_> = words.iter().map(|word| quote(word)).collect();
    let paths: Vec<String> = tests
        .iter()
        .map(|path| path.display().to_string())
        .collect();
    let line = format!(
        "{} {} {} {}",
        config.command(),
        words.join(" "),
        config.extra_flags.as_deref().unwrap_or_default(),
        shell_words::join(&paths)
    );
    let mut command = cx.local_command(&line);
    command.envs(state.environment()).envs(hosts.write(&stage)?);
    let suites: Vec<&String> = cx
        .targets
        .keys()
        .filter(|suite| hosts.specs.contains_key(*suite))
        .collect();
    command.env("KITCHEN_TESTINFRA_HOSTS", json!(hosts.specs).to_string());
    command.env("KITCHEN_TESTINFRA_SUITES", json!(suites).to_string());
    command.env("KITCHEN_TESTINFRA_DEFAULT", json!(chosen).to_string());
    command.env("PYTHONPATH", python_path(&stage)?);
    // Bytecode and caches beside the tests are nobody's wish.
    command.env("PYTHONDONTWRITEBYTECODE", "1");
    command.envs(config.env_vars.iter().map(|(name, value)| (name, &value.0)));
    let status = process::run(command, &Stdin::Empty, &*cx.output).await?;
    told(status, cases::read(&report), &cx.root, tests)
}

/// The machines that are tested where a module does not say.
fn chosen(cx: &Context, config: &Config, hosts: &Hosts) -> Result<Vec<String>> {
    let names = &config.hosts.0;
    if names.iter().any(|name| name == "all") {
        return cx
            .targets
            .keys()
            .map(|suite| hosts.spec(suite).map(String::from))
            .collect();
    }
    if names.is_empty() {
        return Ok(vec![hosts.spec(&cx.identity.suite)?.to_owned()]);
    }
    names
        .iter()
        .map(|name| hosts.spec(name).map(String::from))
        .collect()
}

/// Whether the tests would run as somebody who is not root.
fn needs_sudo(cx: &Context) -> bool {
    match cx.target() {
        Target::Ssh(ssh) => ssh.username != "root",
        Target::Container(container) => container.user.is_some_and(|user| user != "root"),
        Target::Local | Target::Other => false,
    }
}

fn python_path(stage: &Stage) -> Result<std::ffi::OsString> {
    let own = std::env::var_os("PYTHONPATH").unwrap_or_default();
    let mut paths = vec![stage.path().to_path_buf()];
    paths.extend(std::env::split_paths(&own).filter(|path| !path.as_os_str().is_empty()));
    std::env::join_paths(paths).map_err(|error| Error::machine(format!("PYTHONPATH: {error}")))
}

/// Whether pytest is there, and the plugin.
pub(crate) async fn doctor(cx: &Context, config: &Config) -> Result<Vec<Fault>> {
    let mut faults = tool::doctor(config.program(), INSTALL);
    if faults.is_empty() {
        let command = cx.local_command(&format!("{} --help", config.command()));
        let help = process::capture(command).await;
        if !help.is_ok_and(|help| help.contains("--ssh-identity-file")) {
            faults.push(Fault {
                message: format!("{} has no plugin testinfra", config.command()),
                advice: INSTALL.into(),
            });
        }
    }
    Ok(faults)
}
