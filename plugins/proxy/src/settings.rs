//! The keys of the driver.

use std::path::PathBuf;

use banquet_sdk::{Context, Error, Power, Result, State};
use schemars::JsonSchema;
use serde::Deserialize;

/// Settings of the driver.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
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
    /// Commands of the workstation that switch a host, for steps such as `kill`.
    pub power: Commands,
    /// Seconds that a reboot over the transport may take.
    pub reboot_timeout: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            host: None,
            hosts: Vec::new(),
            port: None,
            username: None,
            password: None,
            reset_command: None,
            lease_timeout: 0,
            lease_directory: None,
            power: Commands::default(),
            reboot_timeout: 300,
        }
    }
}

/// Commands of the workstation that switch a host; `KITCHEN_INSTANCE_HOSTNAME` and
/// `KITCHEN_INSTANCE_PORT` tell which.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Commands {
    /// Orderly off.
    pub stop: Option<String>,
    /// On.
    pub start: Option<String>,
    /// Cuts the power.
    pub kill: Option<String>,
    /// Off and on; else the host is told to over the transport. Ends once the host is down.
    pub reboot: Option<String>,
    /// Freezes.
    pub pause: Option<String>,
    /// Thaws.
    pub resume: Option<String>,
}

impl Commands {
    /// The command for this.
    pub fn of(&self, power: Power) -> Option<&str> {
        let command = match power {
            Power::Stop => &self.stop,
            Power::Start => &self.start,
            Power::Kill => &self.kill,
            Power::Reboot => &self.reboot,
            Power::Pause => &self.pause,
            Power::Resume => &self.resume,
        };
        command.as_deref()
    }

    /// These, and for what they lack those of `other`.
    fn or(&self, other: &Self) -> Self {
        let pick = |own: &Option<String>, other: &Option<String>| own.clone().or(other.clone());
        Self {
            stop: pick(&self.stop, &other.stop),
            start: pick(&self.start, &other.start),
            kill: pick(&self.kill, &other.kill),
            reboot: pick(&self.reboot, &other.reboot),
            pause: pick(&self.pause, &other.pause),
            resume: pick(&self.resume, &other.resume),
        }
    }
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
        /// Commands that switch it, in place of those for every host.
        power: Option<Commands>,
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

    /// The commands for each host that an instance may get.
    pub fn commands(&self) -> Vec<Commands> {
        let own = |host: &Host| match host {
            Host::Full {
                power: Some(own), ..
            } => own.or(&self.power),
            _ => self.power.clone(),
        };
        match self.hosts.is_empty() {
            true => vec![self.power.clone()],
            false => self.hosts.iter().map(own).collect(),
        }
    }

    /// The commands for the host of `state`.
    pub fn commands_of(&self, state: &State) -> Commands {
        let is_it = |host: &Host| {
            let port = match host {
                Host::Full { port, .. } => port.or(self.port),
                Host::Name(_) => self.port,
            };
            state.str("hostname") == Some(host.name()) && state.u64("port") == port.map(u64::from)
        };
        let at = self.hosts.iter().position(is_it);
        at.and_then(|at| self.commands().into_iter().nth(at))
            .unwrap_or_else(|| self.power.clone())
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
