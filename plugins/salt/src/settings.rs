//! The keys: those of kitchen-salt (lib/kitchen/provisioner/salt_solo.rb), with its defaults.

use banquet_sdk::lenient::{List, Text};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value};

/// Settings of the provisioner.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Config {
    /// Name of the formula to test: a directory beside the configuration.
    pub formula: Option<String>,
    /// Directory with states, below the configuration's.
    pub state_collection: OrFalse<Text>,
    /// Name that the collection has among the states; default: `formula`, else none.
    pub collection_name: Option<String>,
    /// Whether the configuration's directory holds all states.
    pub is_file_root: bool,
    /// Directory with `salt` (states) and perhaps `pillar`.
    pub local_salt_root: Option<String>,
    /// Repository with states.
    pub remote_states: Option<RemoteStates>,
    /// Directory with more formulas.
    pub vendor_path: Option<String>,
    /// More formulas.
    pub dependencies: List<Dependency>,
    /// Repositories of packages with formulas.
    pub vendor_repo: Repositories,
    /// What is applied: the content of the top file.
    pub state_top: Map<String, Value>,
    /// Whether the states' own top file is used instead.
    pub state_top_from_file: bool,
    /// Files of pillars with what goes into them.
    pub pillars: Option<Map<String, Value>>,
    /// Files of pillars with the files of the workstation that they are.
    pub pillars_from_files: Option<Map<String, Value>>,
    /// The older name of `pillars_from_files`.
    #[serde(rename = "pillars-from-files")]
    pub pillars_from_files_dashed: Option<Map<String, Value>>,
    /// Directories of pillars.
    pub pillars_from_directories: List<Directory>,
    /// Grains.
    pub grains: Option<Map<String, Value>>,
    /// Names of files and directories that stay on the workstation.
    pub salt_copy_filter: List<String>,
    /// Directory that arrives as `data`.
    pub data_path: Option<String>,
    /// Environment of states.
    #[serde(default = "base")]
    pub salt_env: String,
    /// Environment of pillars; default: that of states.
    pub pillar_env: Option<String>,
    /// Directory of states, below `root_path`.
    #[serde(default = "file_root")]
    pub salt_file_root: String,
    /// Directory of pillars, below `root_path`.
    #[serde(default = "pillar_root")]
    pub salt_pillar_root: String,
    /// Directory of packaged formulas, below `root_path`.
    #[serde(default = "spm_root")]
    pub salt_spm_root: String,
    /// The top file, below `root_path`.
    #[serde(default = "top")]
    pub salt_state_top: String,
    /// Directory of Salt's configuration, below `root_path`.
    #[serde(default = "etc_salt")]
    pub salt_config: String,
    /// The minion's configuration, below `root_path`.
    #[serde(default = "etc_minion")]
    pub salt_minion_config: String,
    /// File that is the minion's configuration; default: a generated one.
    pub salt_minion_config_template: Option<String>,
    /// More of the minion's configuration.
    pub salt_minion_extra_config: Map<String, Value>,
    /// Files with more of the minion's configuration.
    pub salt_minion_config_dropin_files: List<String>,
    /// Name of the minion; default: the instance's host name.
    pub salt_minion_id: Option<String>,
    /// How much Salt says.
    pub log_level: Option<String>,
    /// Whether nothing is changed.
    pub dry_run: bool,
    /// Whether Salt runs.
    #[serde(default = "yes")]
    pub run_salt_call: bool,
    /// The program, and words before its own.
    pub salt_call_command: Option<String>,
    /// Code to run before Salt; it must succeed.
    pub pre_salt_command: Option<String>,
    /// Code to run at first.
    pub init_environment: Option<String>,
    /// Code to run before the installation.
    pub prepare_salt_environment: Option<String>,
    /// Commands of the workstation to run beforehand.
    pub cache_commands: List<String>,
    /// How Salt is installed where there is none: `bootstrap`, `pip`, `apt`, `yum`, `ppa`,
    /// `distrib`; `none` or false: not at all.
    #[serde(default = "bootstrap")]
    pub salt_install: Text,
    /// Version to install, and that must be there; default: any.
    #[serde(default = "latest")]
    pub salt_version: Text,
    /// The bootstrap script: where it is, or a file.
    #[serde(default = "bootstrap_url")]
    pub salt_bootstrap_url: String,
    /// Arguments of it; `%s` is `salt_version`.
    pub salt_bootstrap_options: Text,
    /// Package repository for Debian's family.
    #[serde(default = "apt_repo")]
    pub salt_apt_repo: String,
    /// Its key.
    #[serde(default = "apt_key")]
    pub salt_apt_repo_key: String,
    /// Package repository for Ubuntu.
    #[serde(default = "ppa")]
    pub salt_ppa: String,
    /// Package repository for Red Hat's family; `%s` is `salt_version`.
    #[serde(default = "yum_repo")]
    pub salt_yum_repo: String,
    /// Its key; `%s` is `salt_version`.
    #[serde(default = "yum_key")]
    pub salt_yum_repo_key: String,
    /// Key of its packages; `%s` is `salt_version`.
    #[serde(default = "rpm_key")]
    pub salt_yum_rpm_key: String,
    /// Package with the repository of the latest version for Red Hat's family.
    #[serde(default = "yum_latest")]
    pub salt_yum_repo_latest: String,
    /// The package for pip, `%s` is `salt_version`; or a file.
    #[serde(default = "pip_package")]
    pub pip_pkg: String,
    /// The pip.
    #[serde(default = "pip")]
    pub pip_bin: String,
    /// Whether pip links instead of copying.
    pub pip_editable: bool,
    /// Where pip finds packages.
    #[serde(default = "pip_index")]
    pub pip_index_url: Option<String>,
    /// Where pip finds more packages.
    pub pip_extra_index_url: List<String>,
    /// Id of a key for encrypted pillars, which GnuPG of the workstation has.
    pub gpg_key: Option<String>,
    /// Directory of GnuPG on the workstation.
    #[serde(default = "gpg_home")]
    pub gpg_home: String,
}

/// Keys without effect here: nothing is installed for verifiers, the highstate is shown as it is.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default)]
pub struct WithoutEffect {
    /// Without effect: the verifiers here need no Chef.
    pub require_chef: Option<Value>,
    /// Without effect.
    pub chef_bootstrap_url: Option<Value>,
    /// Without effect: the verifiers here need no Ruby of their own.
    pub bootstrap_url: Option<Value>,
    /// Without effect.
    pub omnibus_cachier: Option<Value>,
    /// Without effect: Salt's answer is read and shown without colours.
    pub salt_force_color: Option<Value>,
    /// Without effect: see `salt_force_color`.
    pub salt_enable_color: Option<Value>,
    /// Without effect: files are always there before Salt is installed.
    pub install_after_init_environment: Option<Value>,
    /// Without effect.
    pub run_list: Option<Value>,
    /// Without effect.
    pub attributes: Option<Value>,
}

/// A value, or none where it is `false`, as Ruby has it.
#[derive(Debug, JsonSchema)]
#[schemars(transparent)]
pub struct OrFalse<T>(pub Option<T>);

impl<T> Default for OrFalse<T> {
    fn default() -> Self {
        Self(None)
    }
}

impl<'de, T: serde::de::DeserializeOwned> Deserialize<'de> for OrFalse<T> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Value::deserialize(deserializer)? {
            Value::Null | Value::Bool(false) => Ok(Self(None)),
            value => serde_json::from_value(value)
                .map(|value| Self(Some(value)))
                .map_err(serde::de::Error::custom),
        }
    }
}

/// A repository with states.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default)]
pub struct RemoteStates {
    /// `git`.
    pub repo: String,
    /// Its address.
    pub name: String,
    /// Branch or tag.
    pub branch: Option<Text>,
    /// Directory below `root_path` for a copy of the project.
    pub testingdir: Option<String>,
}

/// A formula besides the one that is tested.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Dependency {
    /// Its name.
    pub name: String,
    /// Directory of the workstation that holds it.
    pub path: Option<String>,
    /// Where else it comes from: `git`, `apt`, `yum` or `spm`.
    pub repo: Option<String>,
    /// Address of a git repository.
    pub source: Option<String>,
    /// Branch of it; default: its own.
    pub branch: Option<Text>,
    /// Name of a package, or address of an spm package.
    pub package: Option<String>,
}

/// Repositories: a list, or nothing as an empty map.
#[derive(Debug, Default, JsonSchema)]
#[schemars(transparent)]
pub struct Repositories(pub Vec<Repository>);

impl<'de> Deserialize<'de> for Repositories {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Value::deserialize(deserializer)? {
            Value::Object(map) if map.is_empty() => Ok(Self::default()),
            value => serde_json::from_value::<List<Repository>>(value)
                .map(|list| Self(list.0))
                .map_err(serde::de::Error::custom),
        }
    }
}

/// A repository of packages with formulas.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Repository {
    /// `apt`, `ppa` or `spm`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Its address.
    pub url: String,
    /// Name of a ppa.
    pub name: String,
    /// Address of its key.
    pub key_url: Option<String>,
    /// Components; default: `main`.
    pub components: Option<String>,
    /// Distribution; default: the instance's.
    pub distribution: Option<String>,
    /// Options in square brackets; default: `[arch=amd64]`.
    pub arch: Option<String>,
}

/// A directory of pillars.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(untagged, expecting = "expected a directory, or `source` and `dest`")]
pub enum Directory {
    /// It goes to `/srv/pillar` below `root_path`.
    Plain(String),
    /// It goes to `dest` below `root_path`.
    Placed {
        /// Directory of the workstation.
        source: String,
        /// Directory below `root_path`.
        dest: String,
    },
}

fn yes() -> bool {
    true
}

fn base() -> String {
    "base".into()
}

fn file_root() -> String {
    "/srv/salt".into()
}

fn pillar_root() -> String {
    "/srv/pillar".into()
}

fn spm_root() -> String {
    "/srv/spm".into()
}

fn top() -> String {
    "/srv/salt/top.sls".into()
}

fn etc_salt() -> String {
    "/etc/salt".into()
}

fn etc_minion() -> String {
    "/etc/salt/minion".into()
}

fn bootstrap() -> Text {
    Text("bootstrap".into())
}

fn latest() -> Text {
    Text("latest".into())
}

fn bootstrap_url() -> String {
    "https://bootstrap.saltproject.io".into()
}

fn apt_repo() -> String {
    "https://repo.saltproject.io/apt/ubuntu/16.04/amd64".into()
}

fn apt_key() -> String {
    "https://repo.saltproject.io/apt/ubuntu/16.04/amd64/latest/SALTSTACK-GPG-KEY.pub".into()
}

fn ppa() -> String {
    "ppa:saltstack/salt".into()
}

fn yum_repo() -> String {
    "https://repo.saltproject.io/yum/redhat/$releasever/$basearch/archive/%s".into()
}

fn yum_key() -> String {
    "https://repo.saltproject.io/yum/redhat/$releasever/$basearch/archive/%s/SALTSTACK-GPG-KEY.pub"
        .into()
}

fn rpm_key() -> String {
    "https://repo.saltproject.io/yum/redhat/7/x86_64/archive/%s/SALTSTACK-GPG-KEY.pub".into()
}

fn yum_latest() -> String {
    "https://repo.saltproject.io/yum/redhat/salt-repo-latest-2.el7.noarch.rpm".into()
}

fn pip_package() -> String {
    "salt==%s".into()
}

fn pip() -> String {
    "pip".into()
}

fn pip_index() -> Option<String> {
    Some("https://pypi.org/simple/".into())
}

fn gpg_home() -> String {
    "~/.gnupg/".into()
}
