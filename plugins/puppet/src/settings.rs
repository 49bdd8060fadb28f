//! The keys: those of kitchen-puppet (lib/kitchen/provisioner/puppet_apply.rb), with its defaults.

use std::collections::BTreeMap;

use banquet_sdk::lenient::{List, Text};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value};

/// Settings of the provisioner.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Config {
    /// Directory with manifests; default: `manifests` of the suite's tests, of all tests or beside
    /// the configuration.
    pub manifests_path: Option<String>,
    /// Manifest below `manifests_path` to apply; default: all that are in it.
    pub manifest: String,
    /// Directories with modules, with colons between them; default: `modules`, looked up likewise.
    pub modules_path: Option<String>,
    /// `metadata.json` that makes the project a module; default: the one that is looked up.
    pub metadata_json_path: Option<String>,
    /// Names in the project that are not copied with it where it is a module.
    #[serde(default = "specs")]
    pub ignored_paths_from_root: List<String>,
    /// File that names modules to download; default: `Puppetfile`, looked up.
    pub puppetfile_path: Option<String>,
    /// Whether librarian-puppet of the workstation downloads them.
    #[serde(default = "yes")]
    pub resolve_with_librarian_puppet: bool,
    /// Whether r10k of the workstation downloads them, where librarian-puppet does not.
    pub resolve_with_r10k: bool,
    /// File with certificates for librarian-puppet.
    pub librarian_puppet_ssl_file: Option<String>,
    /// File with certificates for r10k.
    pub r10k_ssl_file: Option<String>,
    /// Directory that arrives as `files`; default: `files`, looked up.
    pub files_path: Option<String>,
    /// Hiera configuration; default: `hiera.global.yaml` or `hiera.yaml`, looked up.
    pub hiera_config_path: Option<String>,
    /// Directory with Hiera data; default: `hiera`, looked up.
    pub hiera_data_path: Option<String>,
    /// Where Hiera data goes on the instance.
    pub hiera_data_remote_path: Option<String>,
    /// Files of Hiera data with what goes into them.
    pub hiera_writer_files: List<Map<String, Value>>,
    /// Whether hiera-eyaml is installed and its keys copied.
    pub hiera_eyaml: bool,
    /// Directory with keys for hiera-eyaml; default: `hiera_keys`, looked up.
    pub hiera_eyaml_key_path: Option<String>,
    /// Where they go on the instance.
    #[serde(default = "eyaml_keys")]
    pub hiera_eyaml_key_remote_path: String,
    /// Whether hiera-eyaml-gpg is installed and its files copied.
    pub hiera_eyaml_gpg: bool,
    /// Its recipients, a file below `root_path`.
    pub hiera_eyaml_gpg_recipients: Option<Value>,
    /// Its secret keys, a file below `root_path`.
    pub hiera_eyaml_gpg_secring: Option<Value>,
    /// Its public keys, a file below `root_path`.
    pub hiera_eyaml_gpg_pubring: Option<Value>,
    /// Where they go on the instance.
    #[serde(default = "gpg_home")]
    pub hiera_eyaml_gpg_remote_path: String,
    /// Whether the gem deep_merge is installed.
    pub hiera_deep_merge: bool,
    /// Configuration of Puppet; default: `puppet.conf`, looked up.
    pub puppet_config_path: Option<String>,
    /// Configuration of its file server; default: `fileserver.conf`, looked up.
    pub fileserver_config_path: Option<String>,
    /// Script that classifies nodes.
    pub puppet_enc: Option<String>,
    /// Environment to apply in.
    pub puppet_environment: Option<String>,
    /// Its configuration; default: `environment.conf`, looked up.
    pub puppet_environment_config_path: Option<String>,
    /// Its Hiera configuration; default: `hiera.yaml`, looked up.
    pub puppet_environment_hiera_config_path: Option<String>,
    /// Name of its directory of modules on the instance.
    #[serde(default = "modules")]
    pub puppet_environment_remote_modules_path: String,
    /// Name of its directory of manifests on the instance.
    #[serde(default = "manifests")]
    pub puppet_environment_remote_manifests_path: String,
    /// Name of its directory of Hiera data on the instance.
    #[serde(default = "hieradata")]
    pub puppet_environment_remote_hieradata_path: String,
    /// Directory of environments on the instance.
    pub puppet_environmentpath_remote_path: Option<String>,
    /// Facts.
    pub custom_facts: BTreeMap<String, Value>,
    /// Whether they are a file of Ruby on the instance instead of variables.
    pub install_custom_facts: bool,
    /// File of Ruby with facts.
    pub facter_file: Option<String>,
    /// More directories of the instance with facts.
    pub facterlib: Option<String>,
    /// Whether exit codes are Puppet's detailed ones: 2 where something was changed is a failure
    /// unless `puppet_whitelist_exit_code` has it. `false`: resources that fail are no failure.
    pub puppet_detailed_exitcodes: Option<bool>,
    /// Exit codes that are success.
    pub puppet_whitelist_exit_code: List<i32>,
    /// Whether nothing is changed.
    pub puppet_noop: bool,
    /// Whether Puppet says much more.
    pub puppet_debug: bool,
    /// Whether Puppet says more.
    pub puppet_verbose: bool,
    /// Whether differences of files are shown.
    pub puppet_show_diff: bool,
    /// Whether the parser is that of the future, for Puppet 3.
    pub puppet_future_parser: bool,
    /// Where Puppet's log goes.
    pub puppet_logdest: List<String>,
    /// More words for `puppet apply`.
    pub custom_options: Option<String>,
    /// Command to run instead of `puppet apply` and all its arguments.
    pub puppet_apply_command: Option<String>,
    /// Whether Puppet runs as the connection's user.
    pub puppet_no_sudo: bool,
    /// The program, where Puppet is not one of the collections.
    #[serde(default = "program")]
    pub puppet_binary: String,
    /// Whether Puppet is, or is installed as, one of Puppet's collections.
    #[serde(default = "yes")]
    pub require_puppet_collections: bool,
    /// Where collections are on the instance; where this is, nothing is installed.
    #[serde(default = "collections")]
    pub puppet_coll_remote_path: String,
    /// Package with the repository of collections for Debian's family.
    #[serde(default = "apt_collections")]
    pub puppet_apt_collections_repo: String,
    /// Package with the repository of collections for Red Hat's family.
    #[serde(default = "yum_collections")]
    pub puppet_yum_collections_repo: String,
    /// Whether Puppet is installed from packages where there is none.
    #[serde(default = "yes")]
    pub require_puppet_repo: bool,
    /// Package with a repository for Debian's family; default: the distribution's own packages.
    pub puppet_apt_repo: Option<String>,
    /// Package with a repository for Red Hat's family; default: the distribution's own packages.
    pub puppet_yum_repo: Option<String>,
    /// Whether Puppet is installed by a script.
    pub require_puppet_omnibus: bool,
    /// The script.
    #[serde(default = "omnibus")]
    pub puppet_omnibus_url: String,
    /// Version to install; default: the latest.
    pub puppet_version: Option<Text>,
    /// Version of Facter to install; default: the latest.
    pub facter_version: Option<Text>,
    /// Whether `hiera_package` is installed.
    pub install_hiera: bool,
    /// Package of Hiera.
    #[serde(default = "hiera_package")]
    pub hiera_package: String,
    /// Its version; default: the latest.
    pub hiera_version: Option<Text>,
    /// Whether the lists of packages are read anew before an installation.
    #[serde(default = "yes")]
    pub update_package_repos: bool,
    /// Code to run before the installation.
    pub custom_pre_install_command: Option<String>,
    /// Code to run after the installation.
    pub custom_install_command: Option<String>,
    /// Code to run before Puppet.
    pub custom_pre_apply_command: Option<String>,
    /// Code to run after Puppet, whatever became of it.
    pub custom_post_apply_command: Option<String>,
    /// Git repository to clone to /etc/puppet.
    pub puppet_git_init: Option<String>,
    /// Number of a pull request of it to check out.
    pub puppet_git_pr: Option<Text>,
    /// Directory of specs to copy to the instance; default: none.
    pub spec_files_path: Option<String>,
    /// Where they go.
    #[serde(default = "spec_place")]
    pub spec_files_remote_path: String,
    /// Whether `fixtures` of the specs stay on the workstation.
    pub ignore_spec_fixtures: bool,
    /// Whether everything is removed from the instance after the converge.
    pub remove_puppet_repo: bool,
}

/// Keys without effect here: nothing is installed for verifiers, platforms are told on the instance.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default)]
pub struct WithoutEffect {
    /// Without effect: the verifiers here need no Chef.
    pub require_chef_for_busser: Option<Value>,
    /// Without effect.
    pub chef_bootstrap_url: Option<Value>,
    /// Without effect: the platform is told on the instance.
    pub platform: Option<Value>,
    /// Without effect: Puppet is not installed on Windows.
    pub puppet_windows_msi_url: Option<Value>,
    /// Without effect: Puppet has not read it for ten years.
    pub modulefile_path: Option<Value>,
    /// Without effect.
    pub run_list: Option<Value>,
    /// Without effect.
    pub attributes: Option<Value>,
}

impl Config {
    /// Where Puppet's own configuration is on the instance.
    pub fn puppet_dir(&self) -> &'static str {
        match self.require_puppet_collections {
            true => "/etc/puppetlabs/puppet",
            false => "/etc/puppet",
        }
    }

    /// The program on the instance.
    pub fn program(&self) -> String {
        match self.require_puppet_collections {
            true => format!("{}/bin/puppet", self.puppet_coll_remote_path),
            false => self.puppet_binary.clone(),
        }
    }

    /// Where Hiera data goes on the instance.
    pub fn hiera_data_remote(&self) -> &str {
        match (
            &self.hiera_data_remote_path,
            self.require_puppet_collections,
        ) {
            (Some(path), _) => path,
            (None, true) => "/etc/puppetlabs/code/environments/production/hieradata",
            (None, false) => "/var/lib/hiera",
        }
    }

    /// Directory of environments on the instance.
    pub fn environments(&self) -> &str {
        let old = self.puppet_version.as_ref();
        match &self.puppet_environmentpath_remote_path {
            Some(path) => path,
            None if old.is_some_and(|it| it.0.starts_with('3')) => "/etc/puppet/environments",
            None => "/etc/puppetlabs/code/environments",
        }
    }
}

fn yes() -> bool {
    true
}

fn specs() -> List<String> {
    List(vec!["spec".into()])
}

fn eyaml_keys() -> String {
    "/etc/puppet/secure/keys".into()
}

fn gpg_home() -> String {
    "/home/vagrant/.gnupg".into()
}

fn modules() -> String {
    "modules".into()
}

fn manifests() -> String {
    "manifests".into()
}

fn hieradata() -> String {
    "hieradata".into()
}

fn program() -> String {
    "puppet".into()
}

fn collections() -> String {
    "/opt/puppetlabs".into()
}

fn apt_collections() -> String {
    "http://apt.puppetlabs.com/puppet5-release-wheezy.deb".into()
}

fn yum_collections() -> String {
    "https://yum.puppetlabs.com/puppet5/puppet5-release-el-6.noarch.rpm".into()
}

fn omnibus() -> String {
    "https://raw.githubusercontent.com/petems/puppet-install-shell/master/install_puppet_6_agent.sh"
        .into()
}

fn hiera_package() -> String {
    "hiera-puppet".into()
}

fn spec_place() -> String {
    "/etc/puppet/spec".into()
}
