//! The keys of the `ssh` transport. Names and defaults are Test Kitchen's (transport/ssh.rb);
//! what it does not have is marked.

use std::time::Duration;

use banquet_sdk::lenient::{List, Seconds};
use banquet_sdk::{Context, Result, Section, State};
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};

/// A port, written as a number or as text.
#[derive(Clone, Copy, Debug, PartialEq, JsonSchema)]
#[schemars(transparent)]
pub struct Port(pub u16);

impl<'de> Deserialize<'de> for Port {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Written {
            Number(u64),
            Text(String),
        }
        let text = match Written::deserialize(deserializer)? {
            Written::Number(number) => number.to_string(),
            Written::Text(text) => text,
        };
        text.trim()
            .parse()
            .map(Self)
            .map_err(|_| serde::de::Error::custom(format!("`{text}` is no port")))
    }
}

/// A switch, or the name of what is switched on.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(untagged)]
pub enum Switch {
    /// On or off.
    Plain(bool),
    /// What is on (`zlib@openssh.com`), or `none`.
    Named(String),
}

impl Switch {
    pub(crate) fn is_on(&self) -> bool {
        match self {
            Self::Plain(on) => *on,
            Self::Named(name) => name != "none",
        }
    }
}

/// What is done about the key that a host shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum HostKeys {
    /// Any key will do, as in Test Kitchen: machines under test are made anew all the time.
    #[default]
    Any,
    /// A host seen for the first time is remembered; a changed key is refused.
    AcceptNew,
    /// Only hosts whose key is known.
    Known,
}

impl<'de> Deserialize<'de> for HostKeys {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        match Switch::deserialize(deserializer)? {
            Switch::Plain(false) => Ok(Self::Any),
            Switch::Plain(true) => Ok(Self::Known),
            Switch::Named(name) => match name.as_str() {
                "never" => Ok(Self::Any),
                "accept_new" => Ok(Self::AcceptNew),
                "always" => Ok(Self::Known),
                other => Err(serde::de::Error::custom(format!(
                    "`{other}` is none of never, accept_new, always"
                ))),
            },
        }
    }
}

/// Settings of the transport. A key of the same name in the instance's state wins.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Config {
    /// Host name or address; the driver notes it in the state.
    pub hostname: Option<String>,
    /// Port of the server; else `Port` of `~/.ssh/config`, else 22.
    pub port: Option<Port>,
    /// User; else `User` of `~/.ssh/config`, else `root`.
    pub username: Option<String>,
    /// Password, also for keyboard-interactive prompts.
    pub password: Option<String>,
    /// What `sudo` on the machine asks for; else `password`. Not in Test Kitchen.
    pub sudo_password: Option<String>,
    /// Private key files, from the project's directory. Without a password no other way is tried.
    pub ssh_key: List<String>,
    /// Passphrase of the key files. An agent needs none. Not in Test Kitchen.
    pub ssh_key_passphrase: Option<String>,
    /// Only keys, never the password.
    pub ssh_key_only: bool,
    /// Makes the workstation's agent reachable from `login`.
    pub forward_agent: Option<bool>,
    /// Asks a silent server whether it is there.
    pub keepalive: bool,
    /// Seconds of silence before it is asked.
    pub keepalive_interval: Seconds,
    /// So many questions without an answer end the connection.
    pub keepalive_maxcount: usize,
    /// So many commands run at once on one connection; one less than the server's `MaxSessions`.
    pub max_ssh_sessions: usize,
    /// Seconds for reaching a server and logging in.
    pub connection_timeout: Seconds,
    /// So many times a lost connection is made again before a command fails.
    pub connection_retries: u32,
    /// Seconds between two attempts.
    pub connection_retry_sleep: Seconds,
    /// Seconds to wait for a machine that boots.
    pub max_wait_until_ready: Seconds,
    /// Seconds to go on where the server refuses the user; a fresh machine may still be setting
    /// up its keys. Not in Test Kitchen, which goes on for `max_wait_until_ready`.
    pub max_wait_until_authenticated: Seconds,
    /// Host to go through.
    pub ssh_gateway: Option<String>,
    /// Port of the gateway; else that of `~/.ssh/config`, else 22.
    pub ssh_gateway_port: Option<Port>,
    /// User on the gateway; else that of `~/.ssh/config`, else the workstation's.
    pub ssh_gateway_username: Option<String>,
    /// Hosts to go through, one after another: `[user@]host[:port],…`; `none` for no host,
    /// whatever `~/.ssh/config` says. Not in Test Kitchen.
    pub proxy_jump: Option<String>,
    /// HTTP proxy to go through.
    pub ssh_http_proxy: Option<String>,
    /// Port of the HTTP proxy; 80 where none is given.
    pub ssh_http_proxy_port: Option<Port>,
    /// User at the HTTP proxy.
    pub ssh_http_proxy_user: Option<String>,
    /// Password at the HTTP proxy.
    pub ssh_http_proxy_password: Option<String>,
    /// Command whose input and output are the connection; `%h`, `%p` and `%r` are host, port, user.
    pub ssh_proxy_command: Option<String>,
    /// The same under the name that drivers note.
    pub proxy_command: Option<String>,
    /// Compresses the connection: true, false, `zlib`, `zlib@openssh.com`, `none`. Uploads are
    /// compressed anyway.
    pub compression: Switch,
    /// Read and left alone: the level is the library's.
    pub compression_level: Option<u32>,
    /// Read and left alone: the Ruby on the machine that kitchen-sync's `sftp` compares files with.
    pub ruby_path: Option<String>,
    /// `never` (default), `accept_new` or `always`: whether host keys are checked. Not in Test
    /// Kitchen, which never does.
    #[schemars(with = "Option<Switch>")]
    pub verify_host_key: HostKeys,
    /// File with the known host keys; `~/.ssh/known_hosts`. Not in Test Kitchen.
    pub known_hosts: Option<String>,
    /// OpenSSH's client configuration; `~/.ssh/config`. `none` reads no file. Not in Test Kitchen.
    pub ssh_config_file: Option<String>,
}

const fn seconds(seconds: u64) -> Seconds {
    Seconds(Duration::from_secs(seconds))
}

impl Default for Config {
    fn default() -> Self {
        Self {
            hostname: None,
            port: None,
            username: None,
            password: None,
            sudo_password: None,
            ssh_key: List::default(),
            ssh_key_passphrase: None,
            ssh_key_only: false,
            forward_agent: None,
            keepalive: true,
            keepalive_interval: seconds(60),
            keepalive_maxcount: 3,
            max_ssh_sessions: 9,
            connection_timeout: seconds(15),
            connection_retries: 5,
            connection_retry_sleep: seconds(1),
            max_wait_until_ready: seconds(600),
            max_wait_until_authenticated: seconds(60),
            ssh_gateway: None,
            ssh_gateway_port: None,
            ssh_gateway_username: None,
            proxy_jump: None,
            ssh_http_proxy: None,
            ssh_http_proxy_port: None,
            ssh_http_proxy_user: None,
            ssh_http_proxy_password: None,
            ssh_proxy_command: None,
            proxy_command: None,
            compression: Switch::Plain(false),
            compression_level: None,
            ruby_path: None,
            verify_host_key: HostKeys::Any,
            known_hosts: None,
            ssh_config_file: None,
        }
    }
}

impl Config {
    /// The section with the state's values of the same names over it (transport/ssh.rb,
    /// `connection`). An error names the key at fault.
    pub fn of(cx: &Context, state: &State, keys: &[String]) -> Result<Self> {
        let mut section = Section::clone(&cx.section);
        for key in keys {
            if let Some(value) = state.get(key) {
                section.values.insert(key.clone(), value.clone());
            }
        }
        // An empty `port:` is as good as none.
        section.values.retain(|_, value| !value.is_null());
        section.parse()
    }
}
