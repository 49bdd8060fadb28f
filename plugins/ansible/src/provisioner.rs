//! The provisioner, under both of its names.

use banquet_sdk::tool::{Base, Guest};
use banquet_sdk::weaker::{self, Weaker};
use banquet_sdk::{
    Connection, Context, Converged, Fault, LocalPath, PluginInfo, Provisioner, Result, State,
    async_trait,
};

use crate::settings::{Config, Place, WithoutEffect};
use crate::{guest, play, workstation};

/// Runs a playbook.
#[derive(Clone, Copy, Debug)]
pub struct Ansible {
    push: bool,
}

impl Ansible {
    /// `ansible_playbook`: on the instance, unless it is told otherwise.
    pub fn playbook() -> Self {
        Self { push: false }
    }

    /// `ansible_push`: from the workstation, unless it is told otherwise.
    pub fn push() -> Self {
        Self { push: true }
    }

    fn place(self, config: &Config) -> Place {
        config.run_from.unwrap_or(match self.push {
            true => Place::Workstation,
            false => Place::Instance,
        })
    }
}

/// What `kitchen doctor` tells of.
const WEAKER: [Weaker; 1] = [Weaker {
    at: "/ansible_host_key_checking",
    when: weaker::is_off,
    means: "any machine that answers is believed",
    instead: "Leave it out; the playbook connects to the machine of the kitchen.",
}];

/// Settings that name files and directories of the workstation. Those that are not here are only
/// told of when they are missing: real files name directories that are not there.
const PATHS: [&str; 12] = [
    "/playbook",
    "/roles_path",
    "/ansible_inventory",
    "/ansible_config",
    "/requirements_path",
    "/requirements_collection_path",
    "/additional_copy_role_path/*",
    "/additional_copy_path/*",
    "/recursive_additional_copy_path/*",
    "/additional_ssh_private_keys/*",
    "/vault_password_file",
    "/ansible_vault_password_file/*",
];

#[async_trait]
impl Provisioner for Ansible {
    fn info(&self) -> PluginInfo {
        let info = match self.push {
            true => PluginInfo::of::<Config>("ansible_push", "an Ansible playbook, from here"),
            false => PluginInfo::of::<Config>("ansible_playbook", "an Ansible playbook"),
        };
        info.with_base()
            .with::<WithoutEffect>()
            .weaker(&WEAKER)
            .paths(PATHS.map(LocalPath::any))
    }

    fn check(&self, cx: &Context) -> Result<()> {
        let config: Config = cx.config()?;
        play::playbook(cx, &config)?;
        play::vault_files(cx, &config)?;
        Ok(())
    }

    /// The recap tells.
    fn tells_changes(&self, _cx: &Context) -> Result<()> {
        Ok(())
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
        let changes = match self.place(&config) {
            Place::Instance => guest::converge(cx, &config, instance.clone()).await,
            Place::Workstation => workstation::converge(cx, &config, &base, self.push).await,
        };
        instance.downloads().await;
        Ok(Converged { changes: changes? })
    }

    async fn doctor(&self, cx: &Context) -> Result<Vec<Fault>> {
        let config: Config = cx.config()?;
        Ok(match self.place(&config) {
            Place::Instance => Vec::new(),
            Place::Workstation => workstation::faults(cx, &config),
        })
    }
}
