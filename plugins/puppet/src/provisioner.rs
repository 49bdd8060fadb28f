//! The provisioner `puppet_apply`.

use banquet_sdk::tool::{self, Base, Guest};
use banquet_sdk::{
    Connection, Context, Converged, Error, Fault, LocalPath, PluginInfo, Provisioner, Result,
    State, async_trait,
};

use crate::settings::{Config, WithoutEffect};
use crate::{apply, stage};

/// Applies manifests on the instance.
#[derive(Clone, Copy, Debug, Default)]
pub struct Puppet;

/// Settings that name files and directories of the workstation. Those that are not here are only
/// told of when they are missing: real files name directories that are not there.
const PATHS: [&str; 7] = [
    "/manifests_path",
    "/hiera_config_path",
    "/puppet_config_path",
    "/fileserver_config_path",
    "/puppet_enc",
    "/facter_file",
    "/spec_files_path",
];

#[async_trait]
impl Provisioner for Puppet {
    fn info(&self) -> PluginInfo {
        PluginInfo::of::<Config>("puppet_apply", "Puppet manifests, without a server")
            .with_base()
            .with::<WithoutEffect>()
            .paths(PATHS.map(LocalPath::any))
    }

    fn check(&self, cx: &Context) -> Result<()> {
        stage::manifest(cx, &cx.config()?).map(drop)
    }

    fn tells_changes(&self, cx: &Context) -> Result<()> {
        let config: Config = cx.config()?;
        let key = match (config.puppet_apply_command.is_some(), config.puppet_noop) {
            (true, _) => "puppet_apply_command",
            (_, true) => "puppet_noop",
            (false, false) => return Ok(()),
        };
        let message = format!("with `{key}` Puppet does not tell whether anything was changed");
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
        let changes = apply::converge(cx, &config, instance.clone()).await;
        instance.downloads().await;
        Ok(Converged { changes: changes? })
    }

    async fn doctor(&self, cx: &Context) -> Result<Vec<Fault>> {
        let config: Config = cx.config()?;
        Ok(match stage::downloads(cx, &config)? {
            Some((_, program)) => tool::doctor(program, &stage::advice(program)),
            None => Vec::new(),
        })
    }
}
