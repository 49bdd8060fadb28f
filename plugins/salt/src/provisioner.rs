//! The provisioner `salt_solo`.

use banquet_sdk::tool::{self, Base, Guest};
use banquet_sdk::{
    Connection, Context, Converged, Error, Fault, LocalPath, PluginInfo, Provisioner, Result,
    State, async_trait,
};

use crate::settings::{Config, WithoutEffect};
use crate::{solo, states};

/// Applies states on the instance.
#[derive(Clone, Copy, Debug, Default)]
pub struct Salt;

/// Settings that name files and directories of the workstation.
const PATHS: [&str; 8] = [
    "/data_path",
    "/vendor_path",
    "/pillars_from_directories/*",
    "/pillars_from_directories/*/source",
    "/pillars_from_files/*",
    "/pillars-from-files/*",
    "/salt_minion_config_template",
    "/salt_minion_config_dropin_files/*",
];

#[async_trait]
impl Provisioner for Salt {
    fn info(&self) -> PluginInfo {
        PluginInfo::of::<Config>("salt_solo", "Salt states, without a master")
            .with_base()
            .with::<WithoutEffect>()
            .paths(PATHS.map(LocalPath::any))
    }

    fn check(&self, cx: &Context) -> Result<()> {
        states::check(cx, &cx.config()?)
    }

    fn tells_changes(&self, cx: &Context) -> Result<()> {
        let config: Config = cx.config()?;
        let (key, value) = match (config.run_salt_call, config.dry_run) {
            (false, _) => ("run_salt_call", "false"),
            (true, true) => ("dry_run", "true"),
            (true, false) => return Ok(()),
        };
        let message = format!("with `{key}: {value}` nothing tells whether anything was changed");
        Err(Error::config(format!("/{key}"), message))
    }

    async fn converge(
        &self,
        cx: &Context,
        connection: &dyn Connection,
        _state: &mut State,
    ) -> Result<Converged> {
        let (config, base): (Config, Base) = (cx.config()?, cx.config()?);
        let instance = Guest::new(cx, connection, &base);
        instance.uploads().await?;
        let changes = solo::converge(cx, &config, &instance).await;
        instance.downloads().await;
        Ok(Converged { changes: changes? })
    }

    async fn doctor(&self, cx: &Context) -> Result<Vec<Fault>> {
        let config: Config = cx.config()?;
        let wanted = [
            (config.remote_states.is_some(), "git"),
            (config.gpg_key.is_some(), "gpg"),
        ];
        let wanted = wanted.iter().filter(|(wanted, _)| *wanted);
        Ok(wanted
            .flat_map(|(_, program)| tool::doctor(program, &states::advice(program)))
            .collect())
    }
}
