//! The driver's section: the keys of kitchen-vagrant, and a few of its own.

use std::path::{Path, PathBuf};

use banquet_sdk::lenient::{List, Seconds, Text};
use banquet_sdk::{Context, Error, Result};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::network::Subnet;

/// Where packages of Chef go on a machine (kitchen-vagrant's `cache_directory`).
const CACHE: &str = "/tmp/omnibus/cache";

/// Settings of the driver `vagrant`.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Settings {
    /// Box; default: `bento/PLATFORM` where the Bento project makes boxes of that system, else the
    /// platform's name; with provider docker none.
    #[serde(rename = "box")]
    pub box_name: Option<String>,
    /// Where the box is, one or a list.
    pub box_url: List<String>,
    /// Version of the box.
    pub box_version: Option<Text>,
    /// Architecture of the box (Vagrant 2.4).
    pub box_arch: Option<String>,
    /// Whether Vagrant looks for a newer box.
    pub box_check_update: Option<bool>,
    /// Run `vagrant box update` before.
    pub box_auto_update: Option<bool>,
    /// Run `vagrant box prune` before.
    pub box_auto_prune: Option<bool>,
    /// Do not check the certificate of the box's server.
    pub box_download_insecure: Option<bool>,
    /// Certificates to check the box's server by.
    pub box_download_ca_cert: Option<PathBuf>,

    /// Provider; default: `VAGRANT_DEFAULT_PROVIDER`, else `virtualbox`.
    pub provider: Option<String>,
    /// Settings of the provider, by its own rules.
    pub customize: Map<String, Value>,
    /// Whether a window is opened.
    pub gui: Option<bool>,
    /// Whether the disk is a linked clone.
    pub linked_clone: Option<bool>,
    /// Networks, each a kind and its options: `[private_network, {ip: 10.0.0.2}]`.
    pub network: Vec<Value>,
    /// Private network of a cluster, `10.1.2.0/24`; false: none; default: chosen.
    #[schemars(with = "Option<Value>")]
    pub cluster_network: ClusterNetwork,
    /// Directories to share, each a source, a target and options.
    pub synced_folders: Vec<Value>,
    /// Host name; false: the box's own; default: `INSTANCE.vagrantup.com`.
    pub vm_hostname: Value,
    /// Kind of guest, where Vagrant cannot tell.
    pub guest: Option<String>,
    /// How Vagrant itself reaches the machine: `ssh` or `winrm`.
    pub communicator: Option<String>,
    /// Seconds that a machine may take to boot; default: Vagrant's, 300.
    pub boot_timeout: Option<Seconds>,
    /// Variables for every login shell, `NAME=VALUE`.
    pub env: List<String>,

    /// User that Vagrant logs in as.
    pub username: Option<String>,
    /// Password of that user.
    pub password: Option<String>,
    /// Private key of that user.
    pub ssh_key: Option<String>,
    /// More of Vagrant's settings `config.ssh`.
    pub ssh: Map<String, Value>,
    /// Vagrant's settings `config.winrm`.
    pub winrm: Map<String, Value>,

    /// The `vagrant` program; default: `vagrant`.
    pub vagrant_binary: Option<String>,
    /// Vagrantfiles that are loaded before.
    pub vagrantfiles: List<PathBuf>,
    /// Template of the Vagrantfile, in Handlebars; default: a built-in one.
    #[serde(alias = "vagrantfile_template")]
    pub vagrantfile_erb: Option<PathBuf>,
    /// Command of the workstation to run before; `{{vagrant_root}}` is the directory of the
    /// Vagrantfile.
    pub pre_create_command: Option<String>,
    /// Whether provisioners of Vagrantfiles run.
    pub provision: bool,
    /// Share a directory for packages of Chef, whatever the box.
    pub use_cached_chef_client: bool,
    /// That directory on the machine; false: none.
    pub cache_directory: Value,
    /// That directory on the workstation; default: `~/.kitchen/cache`.
    pub kitchen_cache_directory: Option<PathBuf>,
    /// Seconds to wait for another Vagrant that holds a machine; default: 120.
    pub lock_timeout: Option<Seconds>,
}

/// Keys of kitchen-vagrant that change nothing here.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Unneeded {
    /// Without effect: vagrant-cachier is not maintained any more.
    pub cachier: Value,
}

/// The private network of a cluster.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Value")]
pub enum ClusterNetwork {
    /// One that is free.
    #[default]
    Chosen,
    /// This one.
    Given(Subnet),
    /// None.
    None,
}

impl TryFrom<Value> for ClusterNetwork {
    type Error = String;

    fn try_from(value: Value) -> Result<Self, String> {
        match value {
            Value::Null | Value::Bool(true) => Ok(Self::Chosen),
            Value::Bool(false) => Ok(Self::None),
            Value::String(text) => text.parse().map(Self::Given),
            other => Err(format!(
                "{other} is no network: write 10.1.2.0/24, or false"
            )),
        }
    }
}

impl Settings {
    /// The section of `cx`, checked as far as it can be without Vagrant.
    pub fn of(cx: &Context) -> Result<Self> {
        let mut section = banquet_sdk::Section::clone(&cx.section);
        // An empty `box:` is as good as none.
        section.values.retain(|_, value| !value.is_null());
        let settings: Self = section.parse()?;
        let provider = settings.provider();
        let sound = |name: &str| {
            name.chars()
                .all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-')
        };
        if provider.is_empty() || !sound(&provider) {
            let message = format!("{provider:?} is no name of a provider");
            return Err(Error::config("/provider", message));
        }
        settings.check_docker()?;
        Ok(settings)
    }

    fn check_docker(&self) -> Result<()> {
        let from = ["image", "build_dir", "git_repo", "compose"];
        let elsewhere = self.box_name.is_some()
            || !self.vagrantfiles.0.is_empty()
            || self.vagrantfile_erb.is_some();
        if !self.is_docker()
            || elsewhere
            || from.iter().any(|key| self.customize.contains_key(*key))
        {
            return Ok(());
        }
        let message = "provider docker has neither an image nor a box";
        Err(Error::config("/customize", message)
            .hint("Write `customize: {image: NAME}` (or `build_dir`), or `box` for a box that brings one."))
    }

    /// The provider.
    pub fn provider(&self) -> String {
        let default = || std::env::var("VAGRANT_DEFAULT_PROVIDER").ok();
        let named = self.provider.clone().or_else(default);
        named.unwrap_or_else(|| "virtualbox".into())
    }

    /// Whether machines are containers.
    pub fn is_docker(&self) -> bool {
        self.provider() == "docker"
    }

    /// The box of a platform (kitchen-vagrant, `default_box`).
    pub fn the_box(&self, platform: &str) -> Option<String> {
        let default = || match is_bento(platform) {
            _ if self.is_docker() => None,
            true => Some(format!("bento/{platform}")),
            false => Some(platform.to_owned()),
        };
        self.box_name.clone().or_else(default)
    }

    /// The host name of an instance; Windows knows no more than 15 characters.
    pub fn host_name(&self, cx: &Context) -> Option<String> {
        let windows = cx.platform.os == "windows";
        match &self.vm_hostname {
            Value::String(name) if windows && name.chars().count() > 15 => {
                let head: String = name.chars().take(12).collect();
                Some(format!("{head}-{}", name.chars().last().unwrap_or('0')))
            }
            Value::String(name) if !name.is_empty() => Some(name.clone()),
            Value::Null if !windows => Some(format!("{}.vagrantup.com", cx.identity.instance)),
            _ => None,
        }
    }

    /// The shared directory for packages of Chef: on the workstation, on the machine
    /// (kitchen-vagrant, `enable_cache?`).
    pub fn cache(&self, cx: &Context) -> Option<(PathBuf, String)> {
        let on_machine = match &self.cache_directory {
            Value::String(path) => path.clone(),
            Value::Bool(false) => return None,
            _ if cx.platform.os == "windows" => "/omnibus/cache".into(),
            _ => CACHE.into(),
        };
        if !self.use_cached_chef_client && !self.shares_safely(&cx.identity.platform) {
            return None;
        }
        let home = || Some(std::env::home_dir()?.join(".kitchen/cache"));
        let here = self
            .kitchen_cache_directory
            .as_ref()
            .map(|path| cx.root.join(path));
        Some((here.or_else(home)?, on_machine))
    }

    /// Whether the box is known to have what sharing needs.
    fn shares_safely(&self, platform: &str) -> bool {
        let provider = self.provider();
        if ["hyperv", "libvirt", "qemu", "utm"]
            .iter()
            .any(|it| provider.contains(it))
        {
            return false;
        }
        let name = self.the_box(platform).unwrap_or_default();
        let bento = name.strip_prefix("bento/").filter(|it| is_bento(it));
        bento.is_some_and(|platform| !CLOSED.contains(&system(platform)))
    }

    /// A file of the project.
    pub fn path(cx: &Context, path: &Path) -> String {
        let text = path.to_string_lossy();
        match text.strip_prefix("~/").zip(std::env::home_dir()) {
            Some((rest, home)) => home.join(rest).display().to_string(),
            None => cx.root.join(path).display().to_string(),
        }
    }
}

/// Systems of which the Bento project makes boxes.
const BENTO: &[&str] = &[
    "centos",
    "debian",
    "fedora",
    "freebsd",
    "opensuse",
    "ubuntu",
    "oracle",
    "oraclelinux",
    "hardenedbsd",
    "amazonlinux",
    "almalinux",
    "rockylinux",
    "springdalelinux",
];
/// Those of them whose boxes cannot share directories.
const CLOSED: [&str; 2] = ["freebsd", "hardenedbsd"];

/// Whether the Bento project makes boxes of the system of `platform`.
fn is_bento(platform: &str) -> bool {
    BENTO.contains(&system(platform))
}

fn system(platform: &str) -> &str {
    platform.split_once('-').map_or("", |(system, _)| system)
}

#[cfg(test)]
mod tests {
    use banquet_sdk::ErrorKind;
    use banquet_sdk::conformance::settings as section;
    use serde_json::json;

    use super::*;
    use crate::machine::tests::cx;

    fn of(values: Value) -> Result<Settings> {
        Settings::of(&cx(section(values)))
    }

    #[test]
    fn boxes_of_platforms() {
        let settings = of(json!({"provider": "virtualbox"})).unwrap();
        assert_eq!(
            settings.the_box("ubuntu-22.04").unwrap(),
            "bento/ubuntu-22.04"
        );
        assert_eq!(settings.the_box("gentoo-1").unwrap(), "gentoo-1");
        let settings = of(json!({"box": "mine", "provider": "libvirt"})).unwrap();
        assert_eq!(settings.the_box("ubuntu-22.04").unwrap(), "mine");
        let docker = json!({"provider": "docker", "customize": {"image": "x"}});
        assert_eq!(of(docker).unwrap().the_box("ubuntu-22.04"), None);
    }

    #[test]
    fn docker_needs_an_image_or_a_box() {
        let error = of(json!({"provider": "docker"})).unwrap_err();
        assert_eq!(
            (error.kind, error.key.as_deref()),
            (ErrorKind::Config, Some("/customize"))
        );
        for values in [
            json!({"provider": "docker", "box": "b"}),
            json!({"provider": "docker", "customize": {"build_dir": "."}}),
            json!({"provider": "docker", "vagrantfiles": "Vagrantfile"}),
        ] {
            of(values).unwrap();
        }
    }

    #[test]
    fn a_provider_is_a_word() {
        assert_eq!(
            of(json!({"provider": "a b"})).unwrap_err().key.unwrap(),
            "/provider"
        );
    }

    #[test]
    fn host_names() {
        let name = |values: Value, os: &str| {
            let mut cx = cx(section(values));
            cx.platform.os = os.into();
            Settings::of(&cx).unwrap().host_name(&cx)
        };
        let unix = |values| name(values, "unix");
        assert_eq!(unix(json!({})).unwrap(), "web-linux.vagrantup.com");
        assert_eq!(unix(json!({"vm_hostname": "w.x"})).unwrap(), "w.x");
        assert_eq!(unix(json!({"vm_hostname": false})), None);
        assert_eq!(name(json!({}), "windows"), None);
        let long = json!({"vm_hostname": "a-long-name-of-7"});
        assert_eq!(name(long, "windows").unwrap(), "a-long-name--7");
    }

    #[test]
    fn packages_are_shared_with_boxes_that_can() {
        let shared = |values: Value| {
            let cx = cx(section(values));
            Settings::of(&cx)
                .unwrap()
                .cache(&cx)
                .map(|(_, there)| there)
        };
        let cache = Some("/tmp/omnibus/cache".to_owned());
        let vb = |more: Value| {
            let mut values = json!({"provider": "virtualbox"});
            values
                .as_object_mut()
                .unwrap()
                .extend(more.as_object().unwrap().clone());
            values
        };
        assert_eq!(shared(vb(json!({"box": "bento/ubuntu-22.04"}))), cache);
        assert_eq!(shared(vb(json!({"box": "bento/freebsd-14"}))), None);
        assert_eq!(shared(vb(json!({"box": "mine"}))), None);
        assert_eq!(
            shared(vb(json!({"box": "mine", "use_cached_chef_client": true}))),
            cache
        );
        let off = json!({"box": "bento/ubuntu-22.04", "cache_directory": false});
        assert_eq!(shared(vb(off)), None);
        assert_eq!(
            shared(json!({"provider": "libvirt", "box": "bento/ubuntu-22.04"})),
            None
        );
    }

    #[test]
    fn networks_of_clusters() {
        let network =
            |value: Value| of(json!({"cluster_network": value})).map(|it| it.cluster_network);
        assert_eq!(network(json!(false)).unwrap(), ClusterNetwork::None);
        assert_eq!(network(json!(null)).unwrap(), ClusterNetwork::Chosen);
        let given = ClusterNetwork::Given("10.1.2.0/24".parse().unwrap());
        assert_eq!(network(json!("10.1.2.0/24")).unwrap(), given);
        assert_eq!(
            network(json!("10.1.2.0")).unwrap_err().key.unwrap(),
            "/cluster_network"
        );
    }
}
