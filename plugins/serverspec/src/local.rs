//! RSpec on the workstation, which reaches the instance by itself.

use std::path::Path;

use banquet_sdk::{Context, Result, State, Stdin, Target, TestCase, cases, process, tool};

use crate::config::{Config, own, spec_opts};
use crate::{INSTALL, told};

/// Runs the commands that install.
pub(crate) async fn install(cx: &Context, config: &Config) -> Result<()> {
    let commands = [
        &config.custom_install_command,
        &config.additional_install_command,
    ];
    for command in commands.into_iter().flatten() {
        shell(cx, command).await?;
    }
    Ok(())
}

async fn shell(cx: &Context, command: &str) -> Result<()> {
    let status = process::run(cx.local_command(command), &Stdin::Empty, &*cx.output).await?;
    status.into_result(command.trim().lines().next().unwrap_or_default())
}

/// Runs the tests.
pub(crate) async fn run(
    cx: &Context,
    config: &Config,
    directory: &Path,
    state: &State,
) -> Result<Vec<TestCase>> {
    if let Some(command) = &config.additional_serverspec_command {
        shell(cx, command).await?;
    }
    let reports = cx.scratch()?;
    let path = reports.path().join("serverspec.json");
    let shown = path.display().to_string();
    let line = match config.custom() {
        Some(command) => command.to_owned(),
        None => {
            tool::needs(&config.rspec(), INSTALL)?;
            let root = cx.root.display().to_string();
            match config.own_tests() {
                true => {
                    let files = own(directory.to_path_buf())?;
                    let files: Vec<String> = files
                        .files()
                        .iter()
                        .map(|file| file.display().to_string())
                        .collect();
                    config.command(&directory.display().to_string(), &files, &shown)
                }
                false => config.command(&root, &config.patterns.0, &shown),
            }
        }
    };
    let mut command = cx.local_command(&line);
    command.envs(variables(cx, state)).envs(config.variables());
    if config.custom().is_some() {
        command.env("SPEC_OPTS", spec_opts(&config.format, &shown));
    }
    let status = process::run(command, &Stdin::Empty, &*cx.output).await?;
    told(config, status, cases::read(&path))
}

/// The instance's state and way, as kitchen-verifier-serverspec tells them (`merge_state_to_env`).
fn variables(cx: &Context, state: &State) -> Vec<(String, String)> {
    let identity = &cx.identity;
    let mut all: Vec<(String, String)> = state.environment().into_iter().collect();
    for (name, value) in [
        ("KITCHEN_INSTANCE", &identity.instance),
        ("KITCHEN_PLATFORM", &identity.platform),
        ("KITCHEN_SUITE", &identity.suite),
    ] {
        all.push((name.into(), value.clone()));
    }
    if let Target::Ssh(ssh) = cx.target() {
        all.push(("KITCHEN_HOSTNAME".into(), ssh.hostname));
        all.push(("KITCHEN_PORT".into(), ssh.port.to_string()));
        all.push(("KITCHEN_USERNAME".into(), ssh.username));
        let key = ssh.keys.first().map(|key| key.display().to_string());
        all.extend(key.map(|key| ("KITCHEN_SSH_KEY".into(), key)));
        all.extend(
            ssh.password
                .map(|password| ("KITCHEN_PASSWORD".into(), password)),
        );
    }
    all
}
