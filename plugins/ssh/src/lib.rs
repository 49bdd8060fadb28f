//! Transport `ssh`: one connection an instance, kept for every command, upload and port.
//!
//! Speaks SSH itself (russh); the system's `ssh` is started for `kitchen login` only. Settings
//! become a [`target`], a target becomes a [`session`], and a [`connection`] keeps it.

mod auth;
mod config;
mod connection;
mod exec;
mod failure;
mod files;
mod jump;
mod local;
mod login;
mod route;
mod script;
mod sent;
mod session;
mod ssh_config;
mod target;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use banquet_sdk::weaker::{self, Weaker};
use banquet_sdk::{
    Connection, Context, LocalPath, LoginCommand, PluginInfo, Result, SshTarget, State, Transport,
    async_trait,
};

pub use config::{Config, HostKeys, Port, Switch};
use connection::{Slot, SshConnection};
use target::Target;

/// Names of other plugins for the same thing: kitchen-sync's and kitchen-transport-speedy's, which
/// are Test Kitchen's `ssh` with faster uploads.
pub const OTHER_NAMES: [&str; 3] = ["sftp", "rsync", "speedy_ssh"];

/// The transport. Keeps the open connections; what it must remember is in the states.
#[derive(Default)]
pub struct Ssh {
    /// By project and instance.
    slots: Mutex<HashMap<(String, String), Arc<Slot>>>,
}

impl Ssh {
    fn slot(&self, cx: &Context) -> Arc<Slot> {
        let key = (cx.identity.project.clone(), cx.identity.instance.clone());
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        slots.entry(key).or_default().clone()
    }
}

fn info() -> PluginInfo {
    PluginInfo::of::<Config>("ssh", "reaches machines with a secure shell")
        .weaker(&WEAKER)
        .private_keys(&["/ssh_key/*"])
        .paths([LocalPath::file("/ssh_key/*")])
}

/// What `kitchen doctor` tells of.
const WEAKER: [Weaker; 2] = [
    Weaker {
        at: "/verify_host_key",
        when: weaker::is_off,
        means: "any machine that answers is believed, also one that listens in between",
        instead: "Write `accept_new`, or `always` with the key in `known_hosts`; for machines of this workstation it does not matter.",
    },
    Weaker {
        at: "/forward_agent",
        when: weaker::is_on,
        means: "whoever rules the machine can use your keys while you are logged in",
        instead: "Leave it out, or log in with an agent that asks for each use.",
    },
];

/// Names of the transport's keys; values in a state under one of them win.
fn keys() -> Vec<String> {
    info().keys()
}

#[async_trait]
impl Transport for Ssh {
    fn info(&self) -> PluginInfo {
        info()
    }

    fn check(&self, cx: &Context) -> Result<()> {
        Config::of(cx, &State::in_memory(), &keys()).map(drop)
    }

    async fn connect(&self, cx: &Context, state: &State) -> Result<Box<dyn Connection>> {
        let config = Config::of(cx, state, &keys())?;
        let target = Target::new(cx, &config)?;
        let connection = SshConnection::ready(cx, target, self.slot(cx)).await?;
        Ok(Box::new(connection))
    }

    fn target(&self, cx: &Context, state: &State) -> Result<banquet_sdk::Target> {
        let config = Config::of(cx, state, &keys())?;
        let target = Target::new(cx, &config)?;
        let hop = target.last();
        let credentials = &hop.credentials;
        Ok(banquet_sdk::Target::Ssh(Box::new(SshTarget {
            hostname: hop.host.clone(),
            port: hop.port,
            username: hop.user.clone(),
            keys: credentials.keys.clone(),
            passphrase: credentials.passphrase.clone(),
            password: credentials.password.clone(),
            sudo_password: target.sudo_password.clone(),
            options: login::options(&target, &config, target.hops.len() - 1),
        })))
    }

    async fn login(&self, cx: &Context, state: &State) -> Result<LoginCommand> {
        let config = Config::of(cx, state, &keys())?;
        Ok(login::command(&Target::new(cx, &config)?, &config))
    }
}
