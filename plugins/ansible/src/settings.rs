//! The keys: those of kitchen-ansible (lib/kitchen/provisioner/ansible/config.rb) and of
//! kitchen-ansiblepush (lib/kitchen/provisioner/ansible_push.rb), with their defaults.

use std::collections::BTreeMap;

use banquet_sdk::lenient::{List, Text};
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};

/// Where `ansible-playbook` runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Place {
    /// On the instance, against itself.
    Instance,
    /// On the workstation, against the instance.
    Workstation,
}

/// Variables of plays.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(
    untagged,
    expecting = "expected a map of variables or the name of a file with them"
)]
pub enum Variables {
    /// Their values.
    Map(Map<String, Value>),
    /// A file with them, with or without `@` before its name.
    File(String),
}

/// How much Ansible says.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(
    untagged,
    expecting = "expected a number, or one of info, warn, debug and trace"
)]
pub enum Verbosity {
    /// So many `v`.
    Level(u8),
    /// By name.
    Name(String),
}

/// Settings of both provisioners.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Config {
    /// Where `ansible-playbook` runs; default: on the instance (`ansible_playbook`) or on the
    /// workstation (`ansible_push`).
    pub run_from: Option<Place>,
    /// The playbook; default: `default.yml` of the suite's tests, of all tests or beside the
    /// configuration.
    #[serde(deserialize_with = "or_false")]
    pub playbook: Option<String>,
    /// Directory with roles, or a role; default: `roles`, looked up as the playbook is, else the
    /// configuration's directory, which is then a role.
    #[serde(deserialize_with = "or_false")]
    pub roles_path: Option<String>,
    /// Name of the role that `roles_path` is; default: the directory's.
    pub role_name: Option<String>,
    /// More directories of roles.
    #[serde(deserialize_with = "or_false")]
    pub additional_copy_role_path: Option<List<String>>,
    /// Roles to install with ansible-galaxy.
    #[serde(deserialize_with = "or_false")]
    pub requirements_path: Option<String>,
    /// Collections to install with ansible-galaxy.
    #[serde(deserialize_with = "or_false")]
    pub requirements_collection_path: Option<String>,
    /// Whether ansible-galaxy takes any certificate.
    pub galaxy_ignore_certs: bool,
    /// Groups of the inventory that the instance is in.
    pub hosts: List<Text>,
    /// An inventory to use instead of the generated one; `none`: that of the Ansible configuration.
    #[serde(deserialize_with = "or_false")]
    pub ansible_inventory: Option<String>,
    /// The older name of `ansible_inventory`.
    #[serde(deserialize_with = "or_false")]
    pub ansible_inventory_file: Option<String>,
    /// Hosts to run on; default: the instance.
    pub ansible_limit: Option<List<Text>>,
    /// Connection plugin; default: `local` on the instance, the transport's way from the
    /// workstation; `none`: as the inventory says.
    pub ansible_connection: Option<String>,
    /// Variables of plays.
    pub extra_vars: Option<Variables>,
    /// Files with variables, of the workstation or, where it has none of that name, the instance.
    pub extra_vars_file: List<String>,
    /// Tags to run.
    pub tags: List<Text>,
    /// Tags to leave out.
    pub skip_tags: List<Text>,
    /// Whether Ansible says more.
    pub ansible_verbose: bool,
    /// How much more: 1 to 4, or `info`, `warn`, `debug`, `trace`.
    pub ansible_verbosity: Verbosity,
    /// Whether nothing is changed.
    pub ansible_check: bool,
    /// Whether differences of files are shown.
    pub ansible_diff: bool,
    /// More words for `ansible-playbook`.
    pub ansible_extra_flags: List<Text>,
    /// Variables of the environment of `ansible-playbook`.
    pub env_vars: BTreeMap<String, Text>,
    /// Files with passwords for Ansible Vault; default: `ansible-vault-password`, looked up as the
    /// playbook is.
    #[serde(deserialize_with = "or_false")]
    pub ansible_vault_password_file: Option<List<String>>,
    /// The Ansible configuration; default: `ansible.cfg`, looked up as the playbook is.
    #[serde(deserialize_with = "or_false")]
    pub ansible_cfg_path: Option<String>,
    /// Whether `ansible_cfg_path` is left alone.
    pub ignore_ansible_cfg: bool,
    /// Whether an empty configuration replaces the instance's own where there is no other.
    #[serde(default = "yes")]
    pub ansible_cfg_overwrite: bool,
    /// Directory with variables of groups; default: `group_vars`, looked up as the playbook is.
    #[serde(deserialize_with = "or_false")]
    pub group_vars_path: Option<String>,
    /// Directory with variables of hosts; default: `host_vars`, looked up as the playbook is.
    #[serde(deserialize_with = "or_false")]
    pub host_vars_path: Option<String>,
    /// Directory with modules; default: `modules`, looked up as the playbook is.
    #[serde(deserialize_with = "or_false")]
    pub modules_path: Option<String>,
    /// Directory with modules beside the playbook; default: `library`, looked up likewise.
    #[serde(deserialize_with = "or_false")]
    pub library_plugins_path: Option<String>,
    /// Directory with callback plugins; default: `callback_plugins`, looked up likewise.
    #[serde(deserialize_with = "or_false")]
    pub callback_plugins_path: Option<String>,
    /// Directory with filters; default: `filter_plugins`, looked up likewise.
    #[serde(deserialize_with = "or_false")]
    pub filter_plugins_path: Option<String>,
    /// Directory with lookups; default: `lookup_plugins`, looked up likewise.
    #[serde(deserialize_with = "or_false")]
    pub lookup_plugins_path: Option<String>,
    /// Files and directories to put into `root_path`, each under its own name.
    #[serde(deserialize_with = "or_false")]
    pub additional_copy_path: Option<List<String>>,
    /// Files and directories to put into `root_path`, each under its path.
    #[serde(deserialize_with = "or_false")]
    pub recursive_additional_copy_path: Option<List<String>>,
    /// Endings of files of roles that stay on the workstation.
    #[serde(default = "compiled_python")]
    pub ignore_extensions_from_root: List<String>,
    /// Names of files and directories of roles that stay on the workstation.
    pub ignore_paths_from_root: List<String>,
    /// Whether the playbook keeps its directory below `root_path`.
    pub keep_playbook_path: bool,
    /// Whether host keys are checked by connections from the instance.
    #[serde(default = "yes")]
    pub ansible_host_key_checking: bool,
    /// Hosts whose keys the instance shall know.
    pub ssh_known_hosts: List<String>,
    /// Private keys to put into `~/.ssh` of the instance.
    pub additional_ssh_private_keys: List<String>,
    /// Private key for connections.
    #[serde(deserialize_with = "or_false")]
    pub private_key: Option<String>,
    /// Whether `ansible-playbook` on the instance runs as root.
    pub ansible_sudo: Option<bool>,
    /// Whether Ansible is installed from packages where there is none.
    #[serde(default = "yes")]
    pub require_ansible_repo: bool,
    /// Whether it is installed by a script.
    pub require_ansible_omnibus: bool,
    /// The script.
    #[serde(default = "omnibus_url")]
    pub ansible_omnibus_url: String,
    /// Directory that the script makes: where it is, nothing is installed.
    #[serde(default = "omnibus_path")]
    pub ansible_omnibus_remote_path: String,
    /// Whether it is installed from its sources.
    pub require_ansible_source: bool,
    /// Where the sources are.
    #[serde(default = "source_url")]
    pub ansible_source_url: String,
    /// Branch or tag of the sources.
    pub ansible_source_rev: Option<String>,
    /// Whether it is installed with pip.
    pub require_pip: bool,
    /// Whether it is installed with pip.
    pub require_pip3: bool,
    /// Version to install; default: the latest.
    pub ansible_version: Option<Text>,
    /// Name of the package; default: `ansible`.
    pub ansible_package_name: Option<String>,
    /// Package repository for Ubuntu.
    pub ansible_apt_repo: Option<String>,
    /// Package with a repository for Red Hat's family.
    pub ansible_yum_repo: Option<String>,
    /// Package repository for SUSE.
    pub ansible_sles_repo: Option<String>,
    /// Whether Red Hat's family gets the EPEL repository.
    pub enable_yum_epel: bool,
    /// Whether the lists of packages are read anew before an installation.
    #[serde(default = "yes")]
    pub update_package_repos: bool,
    /// Directory with `ansible-playbook`.
    #[serde(deserialize_with = "or_false")]
    pub ansible_binary_path: Option<String>,
    /// Command to run instead of `ansible-playbook` and all its arguments.
    pub ansible_playbook_command: Option<String>,
    /// Code to run before the installation.
    pub custom_pre_install_command: Option<String>,
    /// Code to run after the installation.
    pub custom_post_install_command: Option<String>,
    /// Code to run before the play.
    pub custom_pre_play_command: Option<String>,
    /// Code to run after the play, whatever became of it.
    pub custom_post_play_command: Option<String>,
    /// Whether the playbook runs a second time, which must change nothing.
    pub idempotency_test: Option<bool>,
    /// Tags of the second time.
    pub idempotency_tags: List<Text>,
    /// Tags that the second time leaves out.
    pub idempotency_skip_tags: List<Text>,
    /// Whether changes of the second time are a failure.
    #[serde(default = "yes")]
    pub fail_non_idempotent: bool,
    /// From the workstation: the program.
    #[serde(default = "program")]
    pub ansible_playbook_bin: String,
    /// From the workstation: the Ansible configuration.
    pub ansible_config: Option<String>,
    /// From the workstation: `v` to `vvvv`.
    pub verbose: Option<Text>,
    /// From the workstation: whether differences of files are shown.
    pub diff: Option<bool>,
    /// From the workstation: groups with their hosts.
    pub groups: Option<BTreeMap<String, List<Text>>>,
    /// From the workstation: groups that the instance is in.
    pub mygroup: List<Text>,
    /// From the workstation: whether tasks become root.
    #[serde(rename = "become")]
    pub becomes: Option<bool>,
    /// From the workstation: as whom tasks run then.
    pub become_user: Option<String>,
    /// From the workstation: how they become it.
    pub become_method: Option<String>,
    /// From the workstation: the older name of `become_user`.
    pub sudo_user: Option<String>,
    /// From the workstation: whom to log in as.
    pub remote_user: Option<String>,
    /// From the workstation: file with the password for Ansible Vault.
    pub vault_password_file: Option<String>,
    /// From the workstation: hosts to run on.
    pub limit: Option<List<Text>>,
    /// From the workstation: name of the task to start at.
    pub start_at_task: List<Text>,
    /// From the workstation: whether an inventory is generated.
    #[serde(default = "yes")]
    pub generate_inv: bool,
    /// From the workstation: more words for `ansible-playbook`.
    pub raw_arguments: List<Text>,
    /// From the workstation: whether the instance is called by its own name in the inventory instead
    /// of its platform's; so it is in clusters.
    pub use_instance_name: bool,
    /// From the workstation: what the instance is called in the inventory.
    pub custom_instance_name: Option<String>,
    /// From the workstation: port of the instance.
    pub ansible_port: Option<u16>,
    /// From the workstation: seconds to connect within.
    pub timeout: Option<Text>,
    /// From the workstation: whether handlers run after a failure.
    pub force_handlers: Option<bool>,
    /// From the workstation: directory with modules.
    pub module_path: Option<String>,
    /// From the workstation: words for scp.
    pub scp_extra_args: Option<String>,
    /// From the workstation: words for sftp.
    pub sftp_extra_args: Option<String>,
    /// From the workstation: words for ssh.
    pub ssh_extra_args: Option<String>,
    /// From the workstation: words for ssh, scp and sftp.
    pub ssh_common_args: Option<String>,
    /// From the workstation: variables of the environment of `ansible-playbook`.
    pub environment_vars: BTreeMap<String, Text>,
    /// `extra_vars` and `tags` here win over the keys of these names.
    pub attributes: Map<String, Value>,
}

/// Keys without effect here: nothing is installed for verifiers, platforms are told on the instance,
/// output is always shown, nobody is asked.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default)]
pub struct WithoutEffect {
    /// Without effect: the verifiers here need no Chef.
    pub require_chef_for_busser: Option<Value>,
    /// Without effect: the verifiers here need no Ruby of their own.
    pub require_ruby_for_busser: Option<Value>,
    /// Without effect.
    pub require_chef_omnibus: Option<Value>,
    /// Without effect.
    pub chef_bootstrap_url: Option<Value>,
    /// Without effect.
    pub chef_omnibus_url: Option<Value>,
    /// Without effect: nothing is installed for Windows.
    pub require_windows_support: Option<Value>,
    /// Without effect: see `require_windows_support`.
    pub kerberos_conf_file: Option<Value>,
    /// Without effect: see `require_windows_support`.
    pub python_sles_repo: Option<Value>,
    /// Without effect: librarian-ansible is not run; use `requirements_path`.
    pub ansiblefile_path: Option<Value>,
    /// Without effect: the platform is told on the instance.
    pub ansible_platform: Option<Value>,
    /// Without effect: output is always shown.
    pub show_command_output: Option<Value>,
    /// Without effect: the code here is for any `sh`.
    pub shell_command: Option<Value>,
    /// Without effect: host keys are treated as the transport has it.
    pub host_key_checking: Option<Value>,
    /// Without effect: the inventory is a file.
    pub generate_inv_path: Option<Value>,
    /// Without effect: a password that the transport has is always in the inventory.
    pub pass_transport_password: Option<Value>,
    /// Without effect: nobody can answer.
    pub ask_vault_pass: Option<Value>,
    /// Without effect: nobody can answer.
    pub ask_sudo_pass: Option<Value>,
    /// Without effect: nobody can answer.
    pub step: Option<Value>,
    /// Without effect.
    pub omnibus_cachier: Option<Value>,
    /// Without effect.
    pub run_list: Option<Value>,
}

impl Default for Verbosity {
    fn default() -> Self {
        Self::Level(1)
    }
}

fn yes() -> bool {
    true
}

fn compiled_python() -> List<String> {
    List(vec![".pyc".into()])
}

fn omnibus_url() -> String {
    "https://raw.githubusercontent.com/neillturner/omnibus-ansible/master/ansible_install.sh".into()
}

fn omnibus_path() -> String {
    "/opt/ansible".into()
}

fn source_url() -> String {
    "https://github.com/ansible/ansible.git".into()
}

fn program() -> String {
    "ansible-playbook".into()
}

/// A value, or none where it is `false`, as Ruby has it.
fn or_false<'de, D: Deserializer<'de>, T: serde::de::DeserializeOwned>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    match Value::deserialize(deserializer)? {
        Value::Null | Value::Bool(false) => Ok(None),
        value => serde_json::from_value(value)
            .map(Some)
            .map_err(serde::de::Error::custom),
    }
}
