//! From settings, state and `~/.ssh/config` to the hosts to log in to, one after another, and how.

use std::path::{Path, PathBuf};
use std::time::Duration;

use banquet_sdk::{Context, Error, Result};

use crate::config::{Config, HostKeys};
use crate::jump::Jump;
use crate::ssh_config::{self, HostSettings, expand_home};

/// How to reach and enter an instance. Two equal ones may share a connection.
#[derive(Clone, PartialEq)]
pub(crate) struct Target {
    /// Hosts to log in to; the last is the instance, each is reached through the one before.
    pub hops: Vec<Hop>,
    /// What stands before the first hop.
    pub proxy: Option<Proxy>,
    pub host_keys: HostKeys,
    pub known_hosts: Option<PathBuf>,
    pub compression: bool,
    pub keepalive: Option<Duration>,
    pub keepalive_max: usize,
    pub sessions: usize,
    pub timeout: Duration,
    pub retries: u32,
    pub retry_sleep: Duration,
    pub ready_within: Duration,
    pub authenticated_within: Duration,
    pub sudo_password: Option<String>,
}

/// One host to log in to.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Hop {
    pub host: String,
    pub port: u16,
    pub user: String,
    pub credentials: Credentials,
}

impl Hop {
    /// For people: `root@10.0.0.1:22`.
    pub fn name(&self) -> String {
        format!("{}@{}:{}", self.user, self.host, self.port)
    }
}

/// What shows a host who we are.
#[derive(Clone, PartialEq)]
pub(crate) struct Credentials {
    /// Private key files in the order in which they are tried.
    pub keys: Vec<PathBuf>,
    /// The user named the keys: each must be readable, and no other is offered.
    pub named: bool,
    pub passphrase: Option<String>,
    pub password: Option<String>,
    /// Socket of the agent.
    pub agent: Option<PathBuf>,
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Credentials")
            .field("keys", &self.keys)
            .field("agent", &self.agent)
            .field("password", &self.password.is_some())
            .finish_non_exhaustive()
    }
}

/// A way to the first hop that is no plain TCP connection.
#[derive(Clone, PartialEq)]
pub(crate) enum Proxy {
    /// A shell command whose input and output are the connection.
    Command(String),
    /// An HTTP proxy that connects.
    Http {
        host: String,
        port: u16,
        user: Option<String>,
        password: Option<String>,
    },
}

impl std::fmt::Debug for Proxy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Command(command) => f.debug_tuple("Command").field(command).finish(),
            Self::Http { host, port, .. } => write!(f, "Http({host}:{port})"),
        }
    }
}

impl std::fmt::Debug for Target {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list()
            .entries(self.hops.iter().map(Hop::name))
            .finish()
    }
}

impl Target {
    /// Where and how `config` says. An error names the key at fault.
    pub fn new(cx: &Context, config: &Config) -> Result<Self> {
        Resolver::new(cx, config).target()
    }

    /// The instance itself.
    pub fn last(&self) -> &Hop {
        self.hops.last().unwrap_or_else(|| {
            unreachable!("a target has the instance as its last hop");
        })
    }
}

/// Jumps of jumps go no deeper.
const MAX_HOPS: usize = 16;
/// The key files that OpenSSH tries where none is named.
const USUAL_KEYS: [&str; 3] = ["id_ed25519", "id_ecdsa", "id_rsa"];

struct Resolver<'a> {
    cx: &'a Context,
    config: &'a Config,
    home: Option<PathBuf>,
    ssh_config: Option<PathBuf>,
    local_user: String,
}

impl<'a> Resolver<'a> {
    fn new(cx: &'a Context, config: &'a Config) -> Self {
        let home = std::env::home_dir();
        let ssh_config = match config.ssh_config_file.as_deref() {
            Some("none") => None,
            Some(file) => Some(cx.root.join(expand_home(file, home.as_deref()))),
            None => home.as_ref().map(|home| home.join(".ssh/config")),
        };
        let local_user = ["USER", "LOGNAME", "USERNAME"]
            .iter()
            .find_map(|name| std::env::var(name).ok())
            .unwrap_or_else(|| "root".into());
        Self {
            cx,
            config,
            home,
            ssh_config,
            local_user,
        }
    }

    fn target(&self) -> Result<Target> {
        let config = self.config;
        let name = config.hostname.as_deref().filter(|name| !name.is_empty());
        let name = name.ok_or_else(|| {
            Error::config("/hostname", "no host name: the instance's state has none")
                .hint("Create the instance first, or set `hostname` of the transport.")
        })?;
        let settings = self.settings(name, config.username.as_deref().unwrap_or("root"))?;
        let mut hops = self.jumps(&settings)?;
        hops.push(Hop {
            host: settings.host_name.clone().unwrap_or_else(|| name.into()),
            port: config
                .port
                .map(|port| port.0)
                .or(settings.port)
                .unwrap_or(22),
            user: config
                .username
                .clone()
                .or_else(|| settings.user.clone())
                .unwrap_or_else(|| "root".into()),
            credentials: self.credentials(&settings),
        });
        Ok(Target {
            proxy: self.proxy(&hops, &settings)?,
            hops,
            host_keys: config.verify_host_key,
            known_hosts: match &config.known_hosts {
                Some(file) => Some(self.path(file)),
                None => self.home.as_ref().map(|home| home.join(".ssh/known_hosts")),
            },
            compression: config.compression.is_on(),
            keepalive: config.keepalive.then_some(config.keepalive_interval.0),
            keepalive_max: config.keepalive_maxcount,
            sessions: config.max_ssh_sessions.max(1),
            timeout: config.connection_timeout.0,
            retries: config.connection_retries,
            retry_sleep: config.connection_retry_sleep.0,
            ready_within: config.max_wait_until_ready.0,
            authenticated_within: config.max_wait_until_authenticated.0,
            sudo_password: config
                .sudo_password
                .clone()
                .or_else(|| config.password.clone()),
        })
    }

    fn settings(&self, host: &str, user: &str) -> Result<HostSettings> {
        let Some(file) = &self.ssh_config else {
            return Ok(HostSettings::default());
        };
        ssh_config::settings(file, self.home.as_deref(), host, user).map_err(|error| {
            Error::config(
                "/ssh_config_file",
                format!("read {}: {error}", file.display()),
            )
        })
    }

    /// The hosts before the instance: the gateway, else the jumps.
    fn jumps(&self, settings: &HostSettings) -> Result<Vec<Hop>> {
        let config = self.config;
        if let Some(gateway) = &config.ssh_gateway {
            let spec = Jump {
                user: config.ssh_gateway_username.clone(),
                host: gateway.clone(),
                port: config.ssh_gateway_port.map(|port| port.0),
            };
            return self.chain(vec![spec], 0);
        }
        let own_proxy = config.ssh_proxy_command.is_some()
            || config.proxy_command.is_some()
            || config.ssh_http_proxy.is_some();
        match (&config.proxy_jump, &settings.proxy_jump) {
            (Some(list), _) => self.chain(Jump::list(list, "/proxy_jump")?, 0),
            (None, Some(list)) if !own_proxy => {
                self.chain(Jump::list(list, "/ssh_config_file")?, 0)
            }
            _ => Ok(Vec::new()),
        }
    }

    /// Each jump, before it the jumps that `~/.ssh/config` wants for the first of them.
    fn chain(&self, jumps: Vec<Jump>, depth: usize) -> Result<Vec<Hop>> {
        let mut hops = Vec::new();
        for (index, jump) in jumps.into_iter().enumerate() {
            let user = jump.user.as_deref().unwrap_or(&self.local_user);
            let settings = self.settings(&jump.host, user)?;
            if let (0, Some(list)) = (index, &settings.proxy_jump) {
                if depth >= MAX_HOPS {
                    let message = format!("ProxyJump of {} leads in a circle", jump.host);
                    return Err(Error::config("/ssh_config_file", message));
                }
                hops = self.chain(Jump::list(list, "/ssh_config_file")?, depth + 1)?;
            }
            hops.push(Hop {
                port: jump.port.or(settings.port).unwrap_or(22),
                user: jump
                    .user
                    .or_else(|| settings.user.clone())
                    .unwrap_or_else(|| self.local_user.clone()),
                credentials: self.credentials(&settings),
                host: settings.host_name.unwrap_or(jump.host),
            });
        }
        Ok(hops)
    }

    fn proxy(&self, hops: &[Hop], settings: &HostSettings) -> Result<Option<Proxy>> {
        let config = self.config;
        if let Some(host) = &config.ssh_http_proxy {
            return Ok(Some(Proxy::Http {
                host: host.clone(),
                port: config.ssh_http_proxy_port.map_or(80, |port| port.0),
                user: config.ssh_http_proxy_user.clone(),
                password: config.ssh_http_proxy_password.clone(),
            }));
        }
        let own = config.ssh_proxy_command.as_ref();
        let own = own.or(config.proxy_command.as_ref());
        let command = match (own, hops) {
            (Some(command), _) => Some(command),
            // A jump makes the file's command void, as ProxyJump does in OpenSSH.
            (None, [_]) => settings.proxy_command.as_ref(),
            (None, _) => None,
        };
        let (Some(command), Some(first)) = (command.filter(|c| *c != "none"), hops.first()) else {
            return Ok(None);
        };
        Ok(Some(Proxy::Command(expand_tokens(command, first))))
    }

    fn credentials(&self, settings: &HostSettings) -> Credentials {
        let config = self.config;
        let home = self.home.as_deref();
        let named = &config.ssh_key.0;
        let keys = if !named.is_empty() {
            named.iter().map(|key| self.path(key)).collect()
        } else if settings.identity_files.is_empty() {
            let usual = |name| Some(home?.join(".ssh").join(name));
            USUAL_KEYS.into_iter().filter_map(usual).collect()
        } else {
            let file = |file: &String| expand_home(file, home);
            settings.identity_files.iter().map(file).collect()
        };
        let from_environment = || std::env::var_os("SSH_AUTH_SOCK").map(PathBuf::from);
        Credentials {
            keys,
            named: !named.is_empty(),
            passphrase: config.ssh_key_passphrase.clone(),
            password: config.password.clone().filter(|_| !config.ssh_key_only),
            agent: match settings.identity_agent.as_deref() {
                None | Some("SSH_AUTH_SOCK") => from_environment(),
                Some("none") => None,
                Some(socket) => Some(expand_home(socket, home)),
            },
        }
    }

    fn path(&self, path: &str) -> PathBuf {
        self.cx.root.join(expand_home(path, self.home.as_deref()))
    }
}

/// `%h`, `%p`, `%r` and `%%` of a proxy command.
fn expand_tokens(command: &str, hop: &Hop) -> String {
    let mut expanded = String::new();
    let mut chars = command.chars();
    while let Some(c) = chars.next() {
        if c != '%' {
            expanded.push(c);
            continue;
        }
        match chars.next() {
            Some('h') => expanded.push_str(&hop.host),
            Some('p') => expanded.push_str(&hop.port.to_string()),
            Some('r') => expanded.push_str(&hop.user),
            Some('%') | None => expanded.push('%'),
            Some(other) => expanded.extend(['%', other]),
        }
    }
    expanded
}

/// For a message: the file as the user would name it.
pub(crate) fn shown(path: &Path) -> String {
    path.display().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use banquet_sdk::conformance::settings;
    use banquet_sdk::{Identity, State};
    use serde_json::{Value, json};

    fn target(text: &str, values: Value) -> Result<Target> {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("config"), text).unwrap();
        let mut section = settings(values);
        section
            .values
            .insert("ssh_config_file".into(), "config".into());
        let identity = Identity {
            project: "p".into(),
            cluster: None,
            instance: "i".into(),
            suite: "s".into(),
            platform: "x".into(),
            run: "r".into(),
        };
        let cx = Context::for_tests(identity, directory.path().into(), section);
        let keys = crate::keys();
        let mut state = State::in_memory();
        state.set("hostname", "web");
        Target::new(&cx, &Config::of(&cx, &state, &keys)?)
    }

    fn names(target: &Target) -> Vec<String> {
        target.hops.iter().map(Hop::name).collect()
    }

    #[test]
    fn defaults_are_test_kitchens() {
        let target = target("", json!({})).unwrap();
        assert_eq!(names(&target), ["root@web:22"]);
        assert_eq!(target.timeout, Duration::from_secs(15));
        assert_eq!(target.host_keys, HostKeys::Any);
    }

    #[test]
    fn settings_win_over_the_users_file() {
        let file = "Host web\nHostName 10.0.0.1\nPort 2222\nUser deploy\n";
        assert_eq!(
            names(&target(file, json!({})).unwrap()),
            ["deploy@10.0.0.1:2222"]
        );
        assert_eq!(
            names(&target(file, json!({"port": "23", "username": "me"})).unwrap()),
            ["me@10.0.0.1:23"]
        );
    }

    #[test]
    fn jumps_of_jumps_come_first() {
        let file = "Host web\nProxyJump a,b@c:1\nHost a\nUser x\nProxyJump z@outer\n";
        assert_eq!(
            names(&target(file, json!({})).unwrap()),
            ["z@outer:22", "x@a:22", "b@c:1", "root@web:22"]
        );
        let none = target(file, json!({"proxy_jump": "none"})).unwrap();
        assert_eq!(names(&none), ["root@web:22"]);
    }

    #[test]
    fn a_gateway_wins_over_the_file() {
        let values = json!({"ssh_gateway": "gw", "ssh_gateway_username": "g"});
        let target = target("Host web\nProxyJump other\n", values).unwrap();
        assert_eq!(names(&target), ["g@gw:22", "root@web:22"]);
    }

    #[test]
    fn a_circle_of_jumps_is_an_error() {
        let error = target("Host *\nProxyJump a\n", json!({})).unwrap_err();
        assert!(error.message.contains("circle"), "{error}");
    }

    #[test]
    fn a_proxy_command_knows_its_host() {
        let values = json!({"ssh_proxy_command": "nc %h %p # %r %%"});
        assert_eq!(
            target("", values).unwrap().proxy,
            Some(Proxy::Command("nc web 22 # root %".into()))
        );
    }

    #[test]
    fn an_agent_of_the_users_file() {
        let target = target("IdentityAgent /run/agent\n", json!({})).unwrap();
        assert_eq!(
            target.last().credentials.agent.as_deref(),
            Some(Path::new("/run/agent"))
        );
    }

    #[test]
    fn a_named_key_is_below_the_root_and_the_only_one() {
        let target = target("IdentityFile ~/other\n", json!({"ssh_key": "id"})).unwrap();
        let credentials = &target.last().credentials;
        assert!(credentials.named);
        assert_eq!(credentials.keys.len(), 1);
        assert!(credentials.keys[0].ends_with("id"));
        assert!(credentials.keys[0].is_absolute());
    }

    #[test]
    fn what_is_no_port_is_named() {
        let error = target("", json!({"port": 70000})).unwrap_err();
        assert_eq!(error.key.as_deref(), Some("/port"));
        let error = target("", json!({"proxy_jump": "a:b"})).unwrap_err();
        assert_eq!(error.key.as_deref(), Some("/proxy_jump"));
    }
}
