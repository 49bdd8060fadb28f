//! Commands and files of the workstation.

use std::path::{Path, PathBuf};
use std::process::Command;

use banquet_sdk::{
    Connection, Context, Dialed, Error, Exec as Request, ExitStatus, LoginCommand, Output,
    PluginInfo, Result, State, Target, Transport, async_trait, process,
};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::copy::copy_into;

/// Settings of the transport: it has none.
#[derive(Debug, Default, Deserialize, JsonSchema)]
pub struct Config {}

/// Runs local processes and copies local files (Test Kitchen's transport/exec.rb). Relative paths
/// count from the configuration's directory, where commands run as well.
#[derive(Clone, Copy, Debug, Default)]
pub struct Exec;

#[async_trait]
impl Transport for Exec {
    fn info(&self) -> PluginInfo {
        PluginInfo::of::<Config>("exec", "processes and files of the workstation")
    }

    async fn connect(&self, cx: &Context, _state: &State) -> Result<Box<dyn Connection>> {
        Ok(Box::new(Local {
            root: cx.root.clone(),
        }))
    }

    async fn login(&self, cx: &Context, _state: &State) -> Result<LoginCommand> {
        let shell = std::env::var_os("SHELL").unwrap_or_else(|| "sh".into());
        let mut command = Command::new(shell);
        command.current_dir(&cx.root).envs(&cx.environment);
        Ok(LoginCommand(command))
    }

    fn target(&self, _cx: &Context, _state: &State) -> Result<Target> {
        Ok(Target::Local)
    }
}

struct Local {
    root: PathBuf,
}

#[async_trait]
impl Connection for Local {
    async fn exec(&self, exec: &Request, output: &dyn Output) -> Result<ExitStatus> {
        let mut command = process::shell(&become_user(exec), &exec.command);
        command.current_dir(&self.root).envs(&exec.environment);
        process::run(command, &exec.stdin, output).await
    }

    async fn upload(&self, locals: &[&Path], remote: &str) -> Result<()> {
        let sources = locals.iter().map(|local| self.root.join(local)).collect();
        copy_into(sources, self.root.join(remote)).await
    }

    async fn download(&self, remotes: &[&str], local: &Path) -> Result<()> {
        let sources = remotes.iter().map(|path| self.root.join(path)).collect();
        copy_into(sources, self.root.join(local)).await
    }

    async fn dial(&self, port: u16) -> Result<Box<dyn Dialed>> {
        match tokio::net::TcpStream::connect(("127.0.0.1", port)).await {
            Ok(stream) => Ok(Box::new(stream)),
            Err(error) => Err(Error::machine(format!("connect to port {port}: {error}"))),
        }
    }
}

/// Words that run a command as another user; the variables go by name, not to be seen in a list of
/// processes.
fn become_user(exec: &Request) -> Vec<String> {
    let Some(user) = &exec.user else {
        return Vec::new();
    };
    let names: Vec<&str> = exec.environment.keys().map(String::as_str).collect();
    let mut words = vec!["sudo".into(), "-n".into(), "-u".into(), user.clone()];
    if !names.is_empty() {
        words.push(format!("--preserve-env={}", names.join(",")));
    }
    words.push("--".into());
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_user_is_reached_through_sudo() {
        let mut exec = Request::new("id");
        assert!(become_user(&exec).is_empty());
        exec.user = Some("app".into());
        assert_eq!(become_user(&exec), ["sudo", "-n", "-u", "app", "--"]);
        exec.environment.insert("A".into(), "1".into());
        exec.environment.insert("B".into(), "2".into());
        assert_eq!(become_user(&exec)[4], "--preserve-env=A,B");
    }
}
