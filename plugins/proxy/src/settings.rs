//! The keys of the driver.

use std::path::PathBuf;

use banquet_sdk::{Context, Error, Result, State};
use schemars::JsonSchema;
use serde::Deserialize;

/// Settings of the driver.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Settings {
    /// The host. Every instance uses it; where several run at once, use `hosts`.
    pub host: Option<String>,
    /// A pool: each instance gets a host that no other instance and no other job of this user has,
    /// until it is destroyed.
    pub hosts: Vec<Host>,
    /// Port of every host that has none of its own; else the transport's.
    pub port: Option<u16>,
    /// User on every host that has none of its own; else the transport's.
    pub username: Option<String>,
    /// Password of that user.
    pub password: Option<String>,
    /// Command that brings the host back to its first state; run after create and on destroy.
    pub reset_command: Option<String>,
    /// Seconds to wait for a host of the pool to be given back; 0 does not wait.
    pub lease_timeout: u64,
    /// Directory with the leases, shared by all jobs that use the pool; else below the user's
    /// `~/.local/state`.
    pub lease_directory: Option<PathBuf>,
}

/// A host of the pool.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Host {
    /// Its name or address.
    Name(String),
    /// With what differs from the other hosts.
    Full {
        /// Its name or address.
        host: String,
        /// Its port.
        port: Option<u16>,
        /// The user on it.
        username: Option<String>,
        /// That user's password.
        password: Option<String>,
    },
}

impl Host {
    /// Name or address.
    pub fn name(&self) -> &str {
        match self {
            Self::Name(name) => name,
            Self::Full { host, .. } => host,
        }
    }

    /// The host with its port, where it has one: tells two forwarded ports of one address apart.
    pub fn id(&self) -> String {
        match self {
            Self::Full {
                host,
                port: Some(port),
                ..
            } => format!("{host}:{port}"),
            other => other.name().to_owned(),
        }
    }
}

impl Settings {
    /// The settings; exactly one of `host` and `hosts` must be there.
    pub fn of(cx: &Context) -> Result<Self> {
        let settings: Self = cx.config()?;
        match (&settings.host, settings.hosts.is_empty()) {
            (None, true) => Err(
                Error::config("/host", "neither `host` nor `hosts` is given")
                    .hint("Set `host` to the name or address of the machine."),
            ),
            (Some(_), false) => Err(Error::config("/hosts", "both `host` and `hosts` are given")),
            _ => Ok(settings),
        }
    }

    /// Notes in `state` where `host` is reached.
    pub fn note(&self, host: &Host, state: &mut State) {
        let (port, username, password) = match host {
            Host::Name(_) => (None, None, None),
            Host::Full {
                port,
                username,
                password,
                ..
            } => (*port, username.clone(), password.clone()),
        };
        state.set("hostname", host.name());
        if let Some(port) = port.or(self.port) {
            state.set("port", port);
        }
        if let Some(username) = username.or_else(|| self.username.clone()) {
            state.set("username", username);
        }
        if let Some(password) = password.or_else(|| self.password.clone()) {
            state.set("password", password);
        }
    }

    /// Where the leases are.
    pub fn leases(&self, cx: &Context) -> Result<PathBuf> {
        if let Some(directory) = &self.lease_directory {
            return Ok(cx.root.join(directory));
        }
        std::env::var_os("XDG_STATE_HOME")
            .map(PathBuf::from)
            .filter(|path| path.is_absolute())
            .or_else(|| Some(std::env::home_dir()?.join(".local/state")))
            .map(|state| state.join("banquet/leases"))
            .ok_or_else(|| {
                Error::config("/lease_directory", "there is no home directory for leases")
                    .hint("Set `lease_directory`.")
            })
    }
}
