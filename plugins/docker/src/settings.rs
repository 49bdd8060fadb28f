//! The driver's section: its own keys and those of kitchen-docker and kitchen-dokken that mean the
//! same.

use std::collections::BTreeMap;

use banquet_sdk::{Context, Error, Result};
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer};
use serde_json::{Value, json};

use crate::engine::Patience;
use crate::labels;
use crate::values::{Command, Many, Pairs, Size, Variables};

/// Settings of the driver `docker`.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(transform = know_aliases)]
pub struct Settings {
    /// Image of the container; default: from the platform's name (`ubuntu-22.04` is `ubuntu:22.04`).
    pub image: Option<String>,
    /// Put before the image's name: a registry to take it from.
    pub docker_registry: Option<String>,
    /// When to pull the image: `missing` (default), `always` or `never`.
    #[schemars(with = "Option<Pull>")]
    pub pull: Option<Pull>,
    /// kitchen-dokken's form of `pull`: true is `always`, false is `missing`.
    pub pull_platform_image: Option<bool>,

    /// Dockerfile to build the image from, relative to the configuration's directory.
    pub dockerfile: Option<String>,
    /// Directory that is sent with the Dockerfile; true: the configuration's own (default), false:
    /// nothing.
    pub build_context: Option<BuildContext>,
    /// Arguments (`ARG`) of the build.
    pub build_args: Variables,
    /// Stage of the Dockerfile to build; default: the last.
    pub build_target: Option<String>,
    /// Whether a build may use what earlier ones made; default: true.
    pub use_cache: Option<bool>,
    /// Commands to run on the image before it is used, each a `RUN` line.
    pub provision_command: Many,
    /// Lines of a Dockerfile to build on the image before it is used.
    pub intermediate_instructions: Many,
    /// Remove what was built, on destroy, also what later builds superseded; default: false.
    pub remove_images: bool,

    /// Platform of the image (`linux/arm64`); a name without `/` is kitchen-docker's family of
    /// systems, which nothing here depends on.
    pub platform: Option<String>,
    /// Platform of the image (`linux/arm64`).
    pub docker_platform: Option<String>,

    /// Name of the container; default: one that is unique in the world.
    pub instance_name: Option<String>,
    /// Host name; default: the instance's name.
    pub hostname: Option<String>,
    /// More names under which the other members of a cluster reach it.
    pub hostname_aliases: Many,
    /// Network to join; default: a private one for each cluster, the engine's own without a cluster.
    #[serde(alias = "network_mode")]
    pub network: Option<String>,
    /// Ports to publish on the workstation, `[[ADDRESS:]HOST:]CONTAINER[/PROTOCOL]`.
    pub ports: Many,
    /// kitchen-docker's name for `ports`.
    pub forward: Many,
    /// Publish all ports that the image exposes.
    pub publish_all: bool,
    /// Name servers.
    pub dns: Many,
    /// Domains to search for names.
    pub dns_search: Many,
    /// More entries for the hosts file, `NAME:ADDRESS`.
    #[serde(alias = "extra_hosts")]
    pub add_host: Pairs,
    /// Containers to link to, `NAME[:ALIAS]`.
    pub links: Many,

    /// Command of the container; default: one that waits.
    #[serde(alias = "pid_one_command", alias = "command")]
    pub run_command: Option<Command>,
    /// Entry point of the container; default: none with the waiting command, else the image's.
    pub entrypoint: Option<Command>,
    /// Variables of every process.
    pub env: Variables,
    /// kitchen-docker's name for `env`.
    pub env_variables: Variables,
    /// Run a small init as first process, which forwards signals and reaps children.
    pub init: Option<bool>,
    /// Signal that stops the container (`SIGRTMIN+3` for systemd).
    pub stop_signal: Option<String>,
    /// Allocate a terminal.
    pub tty: bool,
    /// Keep the standard input open.
    pub interactive: bool,

    /// Directories of the workstation or volumes to mount, `SOURCE:TARGET[:OPTIONS]`, or a target
    /// alone for a volume of its own.
    pub volume: Many,
    /// The same as `volume`.
    pub volumes: Many,
    /// The same as `volume`.
    pub binds: Many,
    /// Containers whose volumes are mounted too.
    pub volumes_from: Many,
    /// Directories in memory, `PATH[:OPTIONS]`.
    pub tmpfs: Pairs,
    /// Devices of the workstation.
    pub devices: Many,
    /// Size of `/dev/shm`.
    pub shm_size: Option<Size>,

    /// Limit of memory, in bytes or with `k`, `m`, `g`.
    #[serde(alias = "memory_limit")]
    pub memory: Option<Size>,
    /// Number of processors, e.g. 1.5.
    pub cpus: Option<f64>,
    /// Relative share of the processors.
    pub cpu: Option<i64>,
    /// Capabilities to add.
    pub cap_add: Many,
    /// Capabilities to drop.
    pub cap_drop: Many,
    /// All capabilities and devices of the workstation.
    pub privileged: bool,
    /// Security options, e.g. `seccomp=unconfined`.
    pub security_opt: Many,
    /// User namespace, e.g. `host`.
    #[serde(alias = "user_ns_mode")]
    pub userns_mode: Option<String>,
    /// Use the workstation's user namespace.
    pub userns_host: bool,
    /// Cgroup namespace: `private` or `host`.
    pub cgroupns: Option<String>,
    /// Use the workstation's cgroup namespace.
    pub cgroupns_host: bool,

    /// Address of the engine, `unix:///…` or `tcp://HOST:PORT`; default: `DOCKER_HOST`, the current
    /// context, then the usual sockets of Docker and Podman.
    #[serde(alias = "docker_host_url")]
    pub socket: Option<String>,
    /// Longest time the engine may take to begin an answer, in seconds; default: 3600.
    pub read_timeout: Option<u64>,
    /// Longest time the engine may take to say what there is, in seconds: its version, a container, a
    /// list; default: 60.
    pub answer_timeout: Option<u64>,
}

/// Keys of kitchen-docker that change nothing: there is no command line of Docker's, no SSH server in
/// the container, and no Upstart that would have to be kept quiet.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Unneeded {
    /// Without effect: no command line is needed.
    pub binary: Value,
    /// Without effect, as `binary`.
    pub use_sudo: Value,
    /// Without effect: what is sent for a build is not written to disk.
    pub build_tempdir: Value,
    /// Without effect, as `build_tempdir`.
    pub temp_dir: Value,
    /// Without effect: containers run on their own.
    pub detach: Value,
    /// Without effect: the image is taken as it is.
    pub disable_upstart: Value,
    /// Without effect: commands go through the engine, not through SSH.
    pub private_key: Value,
    /// Without effect, as `private_key`.
    pub public_key: Value,
    /// Without effect, as `private_key`.
    pub wait_for_transport: Value,
    /// Without effect: the way to a container is known.
    pub use_internal_docker_network: Value,
}

/// When an image is pulled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, JsonSchema)]
#[schemars(rename_all = "lowercase")]
pub enum Pull {
    /// Where the engine does not have it.
    #[default]
    Missing,
    /// At every creation.
    Always,
    /// Not at all.
    Never,
}

impl<'de> Deserialize<'de> for Pull {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(from)?;
        match &value {
            Value::Bool(true) => Ok(Self::Always),
            Value::Bool(false) => Ok(Self::Missing),
            Value::String(word) => match word.to_ascii_lowercase().replace('-', "_").as_str() {
                "missing" | "if_not_present" | "ifnotpresent" => Ok(Self::Missing),
                "always" => Ok(Self::Always),
                "never" => Ok(Self::Never),
                _ => Err(()),
            },
            _ => Err(()),
        }
        .map_err(|()| {
            serde::de::Error::custom(format!("{value} is none of: missing, always, never"))
        })
    }
}

/// What is sent to the engine with the Dockerfile.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum BuildContext {
    /// The configuration's directory, or nothing.
    Whether(bool),
    /// This directory, relative to the configuration's.
    Directory(String),
}

/// Other names of keys, as kitchen-docker and kitchen-dokken have them.
const ALIASES: [(&str, &str); 7] = [
    ("network_mode", "network"),
    ("extra_hosts", "add_host"),
    ("pid_one_command", "run_command"),
    ("command", "run_command"),
    ("memory_limit", "memory"),
    ("user_ns_mode", "userns_mode"),
    ("docker_host_url", "socket"),
];

/// Makes the other names of keys known too.
fn know_aliases(schema: &mut schemars::Schema) {
    if let Some(Value::Object(properties)) = schema.ensure_object().get_mut("properties") {
        for (alias, key) in ALIASES {
            properties.insert(
                alias.into(),
                json!({"description": format!("The same as `{key}`.")}),
            );
        }
    }
}

impl Settings {
    /// How long the engine is waited for.
    pub fn patience(&self) -> Patience {
        Patience::of(self.read_timeout, self.answer_timeout)
    }

    /// The section of `cx`, checked as far as it can be without an engine.
    pub fn of(cx: &Context) -> Result<Self> {
        let settings: Self = cx.config()?;
        crate::values::ports(&settings.all_ports())
            .map_err(|message| Error::config("/ports", message))?;
        if let Some(name) = &settings.instance_name {
            let fits = |c: char| c.is_ascii_alphanumeric() || "_.-".contains(c);
            if name.len() < 2
                || !name.chars().all(fits)
                || !name.starts_with(|c: char| c.is_ascii_alphanumeric())
            {
                return Err(Error::config(
                    "/instance_name",
                    format!(
                        "'{name}' is no name for a container: letters, digits, '_', '.' and '-' only"
                    ),
                ));
            }
        }
        if let Some(name) = settings.hostname.as_ref().filter(|name| name.len() > 63) {
            return Err(Error::config(
                "/hostname",
                format!("'{name}' is longer than the 63 characters of a host name"),
            ));
        }
        if settings.cpus.is_some_and(|cpus| cpus <= 0.0) {
            return Err(Error::config("/cpus", "cpus must be above 0"));
        }
        Ok(settings)
    }

    /// The image's name, from the configuration or the platform's name.
    pub fn image(&self, platform: &str) -> String {
        let image = self
            .image
            .clone()
            .unwrap_or_else(|| labels::default_image(platform));
        match &self.docker_registry {
            Some(registry) => format!("{}/{image}", registry.trim_end_matches('/')),
            None => image,
        }
    }

    /// When to pull.
    pub fn pull(&self) -> Pull {
        match (self.pull, self.pull_platform_image) {
            (Some(pull), _) => pull,
            (None, Some(true)) => Pull::Always,
            (None, _) => Pull::Missing,
        }
    }

    /// Platform of the image as the engine has it (`os/arch[/variant]`), none for its own.
    pub fn platform(&self) -> Option<&str> {
        let own = self.platform.as_deref().filter(|name| name.contains('/'));
        self.docker_platform.as_deref().or(own)
    }

    /// Ports to publish.
    pub fn all_ports(&self) -> Vec<String> {
        [&self.ports.0[..], &self.forward.0[..]].concat()
    }

    /// Variables of every process.
    pub fn environment(&self) -> BTreeMap<String, String> {
        let mut all = self.env_variables.0.clone();
        all.extend(self.env.0.clone());
        all
    }

    /// The container's own name for itself.
    pub fn host_name(&self, instance: &str) -> String {
        self.hostname
            .clone()
            .unwrap_or_else(|| labels::host_name(instance))
    }

    /// Whether the container must be built from a Dockerfile or from lines of one.
    pub fn is_built(&self) -> bool {
        self.dockerfile.is_some()
            || !self.provision_command.0.is_empty()
            || !self.intermediate_instructions.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(value: Value) -> Settings {
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn a_section_for_kitchen_docker() {
        let settings = read(json!({
            "image": "centos:7", "platform": "rhel", "forward": ["8080:80"], "volume": "/ftp",
            "cap_add": "SYS_ADMIN", "run_command": "/sbin/init", "memory": 1024,
            "env_variables": {"A": "1"}, "tmpfs": ["/run", "/tmp:exec"], "dns": "8.8.8.8",
        }));
        assert_eq!(settings.image("centos-7"), "centos:7");
        assert_eq!(settings.platform(), None);
        assert_eq!(settings.all_ports(), ["8080:80"]);
        assert_eq!(
            settings.run_command,
            Some(Command(vec!["/sbin/init".into()]))
        );
        assert_eq!(settings.memory, Some(Size(1024)));
        assert_eq!(settings.environment()["A"], "1");
        assert_eq!(
            settings.tmpfs.0,
            [
                ("/run".into(), String::new()),
                ("/tmp".into(), "exec".into())
            ]
        );
    }

    #[test]
    fn a_section_for_kitchen_dokken() {
        let settings = read(json!({
            "docker_registry": "registry.test/", "image": "dokken/debian-12", "platform": "linux/arm64",
            "pid_one_command": "/lib/systemd/systemd", "memory_limit": "1g", "network_mode": "host",
            "pull_platform_image": false, "docker_host_url": "tcp://10.0.0.1:2375",
        }));
        assert_eq!(settings.image("x"), "registry.test/dokken/debian-12");
        assert_eq!(settings.platform(), Some("linux/arm64"));
        assert_eq!(settings.memory, Some(Size(1 << 30)));
        assert_eq!(settings.network.as_deref(), Some("host"));
        assert_eq!(settings.pull(), Pull::Missing);
        assert_eq!(settings.socket.as_deref(), Some("tcp://10.0.0.1:2375"));
    }

    #[test]
    fn pull_policies() {
        for (value, pull) in [
            (json!("always"), Pull::Always),
            (json!("if-not-present"), Pull::Missing),
            (json!("Never"), Pull::Never),
            (json!(true), Pull::Always),
        ] {
            assert_eq!(read(json!({ "pull": value })).pull(), pull, "{value}");
        }
        assert!(serde_json::from_value::<Settings>(json!({"pull": "sometimes"})).is_err());
    }

    #[test]
    fn every_other_name_of_a_key_is_known_and_read() {
        let keys = banquet_sdk::PluginInfo::of::<Settings>("docker", "").keys();
        for (alias, key) in ALIASES {
            assert!(
                keys.iter().any(|known| known == alias) && keys.iter().any(|known| known == key),
                "{alias}"
            );
        }
        let values = json!({
            "network_mode": "n", "extra_hosts": ["a:1.1.1.1"], "pid_one_command": "c",
            "memory_limit": 1, "user_ns_mode": "host", "docker_host_url": "unix:///s",
        });
        let settings = read(values);
        assert_eq!(settings.add_host.0, [("a".into(), "1.1.1.1".into())]);
        assert_eq!(settings.userns_mode.as_deref(), Some("host"));
        assert!(settings.network.is_some() && settings.run_command.is_some());
        assert!(settings.memory.is_some() && settings.socket.is_some());
    }
}
