//! The workstation as an instance.

use banquet_sdk::{
    Capabilities, Context, Driver, PluginInfo, Result, State, Status, Stdin, async_trait, process,
};
use schemars::JsonSchema;
use serde::Deserialize;

/// Settings of the driver.
#[derive(Debug, Default, Deserialize, JsonSchema)]
pub struct Config {
    /// Command of the workstation that puts it back as it was; runs at create and at destroy.
    pub reset_command: Option<String>,
    /// Command of the workstation that runs before create.
    pub pre_create_command: Option<String>,
}

/// Makes nothing: the instance is the workstation (Test Kitchen's driver/exec.rb).
#[derive(Clone, Copy, Debug, Default)]
pub struct Exec;

#[async_trait]
impl Driver for Exec {
    fn info(&self) -> PluginInfo {
        PluginInfo::of::<Config>("exec", "the workstation itself")
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            // The workstation's own hosts file is none of ours to write.
            names_resolve: true,
            workstation: true,
            transport: Some("exec".into()),
            ..Capabilities::default()
        }
    }

    async fn create(&self, cx: &Context, state: &mut State) -> Result<()> {
        let config: Config = cx.config()?;
        state.set("hostname", "localhost");
        state.set("address", "127.0.0.1");
        state.checkpoint()?;
        run(cx, "pre_create_command", config.pre_create_command).await?;
        run(cx, "reset_command", config.reset_command).await
    }

    async fn destroy(&self, cx: &Context, state: &mut State) -> Result<()> {
        let config: Config = cx.config()?;
        run(cx, "reset_command", config.reset_command).await?;
        state.remove("hostname");
        state.remove("address");
        Ok(())
    }

    async fn status(&self, _cx: &Context, state: &State) -> Result<Status> {
        Ok(match state.address() {
            Some(_) => Status::Running,
            None => Status::Absent,
        })
    }
}

async fn run(cx: &Context, key: &str, command: Option<String>) -> Result<()> {
    let Some(command) = command.filter(|command| !command.is_empty()) else {
        return Ok(());
    };
    cx.note(format!("{key}: {command}")).await;
    process::run(cx.local_command(&command), &Stdin::Empty, &*cx.output)
        .await?
        .into_result(key)
}
