//! The provisioners' section: one type for all of them, of which each knows its part.

use banquet_sdk::lenient::{List, Text};
use banquet_sdk::{Context, Error, Result, Section};
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};

/// Files of a cookbook that are sent (provisioner/chef_base.rb).
pub const COOKBOOK_FILES: &str = "README.*,VERSION,metadata.{json,rb},attributes.rb,recipe.rb,\
attributes/**/*,definitions/**/*,files/**/*,libraries/**/*,providers/**/*,recipes/**/*,\
resources/**/*,templates/**/*,ohai/**/*,compliance/**/*";

/// Settings of all provisioners for Chef and Cinc, besides those of every tool's (provisioner/chef_base.rb, chef_infra.rb,
/// chef_solo.rb, chef_apply.rb of Test Kitchen before 4.0, which kitchen-omnibus-chef and
/// kitchen-cinc took over; provisioner/dokken.rb of kitchen-dokken). A key without a value is as
/// good as not written.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Settings {
    /// Recipes and roles, in order.
    pub run_list: List<Text>,
    /// Attributes of the node, at the normal level: `dna.json`.
    pub attributes: Map<String, Value>,
    /// Run list of the Policyfile to converge instead of its own.
    pub named_run_list: Option<Text>,
    /// Policy group of the node; default: `local`.
    pub policy_group: Option<Text>,
    /// Policyfile; default: `Policyfile.rb` beside the configuration, where there is one.
    pub policyfile_path: Option<String>,
    /// The older name of `policyfile_path`.
    pub policyfile: Option<String>,
    /// Berksfile; default: `Berksfile` beside the configuration, where there is one.
    pub berksfile_path: Option<String>,
    /// Whether locked cookbooks are updated before they are resolved; default: true.
    pub always_update_cookbooks: Option<bool>,
    /// Which files of a cookbook are sent: patterns with commas between them.
    pub cookbook_files_glob: Option<String>,

    /// Directory whose content arrives as `data`; default for this and the following: `data`,
    /// `data_bags`, … of the suite's tests, of all tests or beside the configuration.
    pub data_path: List<String>,
    /// Directory with data bags.
    pub data_bags_path: List<String>,
    /// Directory with environments.
    pub environments_path: List<String>,
    /// Directory with node objects.
    pub nodes_path: List<String>,
    /// Directory with roles.
    pub roles_path: List<String>,
    /// Directory with clients.
    pub clients_path: List<String>,
    /// File with the secret of encrypted data bags.
    pub encrypted_data_bag_secret_key_path: List<String>,

    /// What is installed; default: `chef`, of the `cinc_` provisioners `cinc`.
    pub product_name: Option<String>,
    /// Version to install; default: the latest.
    pub product_version: Option<Text>,
    /// Channel to install from; default: `stable`.
    pub channel: Option<Text>,
    /// `once`: where it is not installed; `always`; `skip`.
    pub install_strategy: Strategy,
    /// Package to install in place of what a service chooses: `rpm`, `deb` or `sh`.
    pub download_url: Option<String>,
    /// SHA-256 of that package.
    pub checksum: Option<String>,
    /// The older form: whether to install, or a version, or `latest` for every time.
    pub require_chef_omnibus: Option<Text>,
    /// Script that installs; default: that of Chef or Cinc.
    pub chef_omnibus_url: Option<String>,
    /// The newer name of `chef_omnibus_url`.
    pub install_sh_url: Option<String>,
    /// More arguments for the script that installs.
    pub chef_omnibus_install_options: Option<String>,
    /// Directory that it is installed in; default: `/opt/PRODUCT`.
    pub chef_omnibus_root: Option<String>,
    /// Answer to the licence's question: `accept`, `accept-silent`, `accept-no-persist`.
    pub chef_license: Option<Text>,
    /// Licence key, in the environment as `CHEF_LICENSE_KEY`.
    pub chef_license_key: Option<Text>,
    /// Licence servers, in the environment as `CHEF_LICENSE_SERVER`.
    pub chef_license_server: List<Text>,
    /// Without effect: the machine knows its own platform.
    pub platform: Option<Text>,
    /// Without effect, as `platform`.
    pub platform_version: Option<Text>,
    /// Without effect, as `platform`.
    pub architecture: Option<Text>,
    /// Without effect: for Windows.
    pub install_msi_url: Option<String>,
    /// Without effect: for Windows.
    pub install_ps1_url: Option<String>,
    /// Without effect: for Windows.
    pub chef_metadata_url: Option<String>,

    /// More settings for `client.rb`; a text that begins with a colon is a symbol.
    #[serde(deserialize_with = "nothing_is_empty")]
    #[schemars(with = "Option<Map<String, Value>>")]
    pub client_rb: Map<String, Value>,
    /// More settings for `solo.rb`.
    #[serde(deserialize_with = "nothing_is_empty")]
    #[schemars(with = "Option<Map<String, Value>>")]
    pub solo_rb: Map<String, Value>,
    /// Whether the client reads `dna.json`; default: true.
    pub json_attributes: Option<bool>,
    /// Program; default: `chef-client` or `cinc-client` where the product is installed.
    pub chef_client_path: Option<String>,
    /// Program; default: `chef-solo` or `cinc-solo` where the product is installed.
    pub chef_solo_path: Option<String>,
    /// Program; default: `chef-apply` or `cinc-apply` where the product is installed.
    pub chef_apply_path: Option<String>,
    /// Without effect: Ruby is called by the client.
    pub ruby_bindir: Option<String>,
    /// Directory with the recipes of `chef_apply`; default: `apply`, looked up as `data`.
    pub apply_path: List<String>,
    /// Whether Chef Solo works as before Chef 12.10, without nodes.
    pub legacy_mode: bool,
    /// Host of the local server.
    pub chef_zero_host: Option<Text>,
    /// Port or ports of the local server.
    pub chef_zero_port: Option<Text>,
    /// Level of the log.
    pub log_level: Option<Text>,
    /// File of the instance for the log.
    pub log_file: Option<String>,
    /// Whether the client says where Ruby spent its time.
    pub profile_ruby: bool,
    /// Whether the client lists slow resources, or how many.
    pub slow_resource_report: Option<Text>,
    /// Whether what is deprecated fails the converge.
    pub deprecations_as_errors: bool,
    /// Without effect: a Chef configuration of the workstation, read for its proxies.
    pub config_path: Option<String>,
    /// How often it converges; default: once.
    pub multiple_converge: Option<Text>,
    /// Whether it is an error that the last of these converges changed anything.
    pub enforce_idempotency: bool,

    /// Program of `dokken`; default: as `chef_client_path`.
    pub chef_binary: Option<String>,
    /// Options of that program.
    pub chef_options: Option<String>,
    /// Level of its log.
    pub chef_log_level: Option<Text>,
    /// Format of its output.
    pub chef_output_format: Option<Text>,
    /// Without effect: nothing is left on the workstation.
    pub clean_dokken_sandbox: Option<bool>,
    /// Without effect: the driver knows the engine.
    pub docker_host_url: Option<String>,
    /// Without effect: the driver knows the engine.
    pub docker_info: Value,
}

/// A template that fills a map may leave it without a value.
fn nothing_is_empty<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> std::result::Result<Map<String, Value>, D::Error> {
    Option::deserialize(deserializer).map(Option::unwrap_or_default)
}

/// When something is installed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Strategy {
    /// Where it is not there.
    #[default]
    Once,
    /// At every converge.
    Always,
    /// Never.
    #[serde(alias = "none")]
    Skip,
}

impl Settings {
    /// The section of `cx`.
    pub fn of(cx: &Context) -> Result<Self> {
        let mut settings: Self = written(cx).parse()?;
        if cx.debug && settings.log_level.is_none() {
            settings.log_level = Some(Text("debug".into()));
        }
        settings.converges()?;
        Ok(settings)
    }

    /// How often it converges.
    pub fn converges(&self) -> Result<u32> {
        let Some(text) = &self.multiple_converge else {
            return Ok(1);
        };
        text.0
            .parse()
            .ok()
            .filter(|count| *count > 0)
            .ok_or_else(|| {
                let message = format!("`{}` is no number of converges", text.0);
                Error::config("/multiple_converge", message)
            })
    }

    /// Patterns of the files of a cookbook that are sent.
    pub fn cookbook_files(&self) -> &str {
        self.cookbook_files_glob
            .as_deref()
            .unwrap_or(COOKBOOK_FILES)
    }

    /// The configured level of the log, without the colon of a Ruby symbol.
    pub fn level(&self) -> &str {
        let level = self.log_level.as_ref().map_or("auto", |level| &level.0);
        level.trim_start_matches(':')
    }

    /// The entries of the run list.
    pub fn run_list(&self) -> Vec<&str> {
        self.run_list
            .0
            .iter()
            .map(|entry| entry.0.as_str())
            .collect()
    }
}

/// The section of `cx` without the keys that have no value.
pub fn written(cx: &Context) -> Section {
    let mut section = (*cx.section).clone();
    section.values.retain(|_, value| !value.is_null());
    section
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn loose_values_are_read_as_ruby_files_have_them() {
        let settings: Settings = serde_json::from_value(json!({
            "require_chef_omnibus": 11.4, "product_version": 18, "run_list": "recipe[a]",
            "data_bags_path": ["a", "b"], "multiple_converge": "2", "log_level": ":info",
            "install_strategy": "none", "chef_zero_port": 8889, "slow_resource_report": true,
        }))
        .unwrap();
        assert_eq!(settings.require_chef_omnibus, Some(Text("11.4".into())));
        assert_eq!(settings.run_list(), ["recipe[a]"]);
        assert_eq!(settings.data_bags_path.0, ["a", "b"]);
        assert_eq!(settings.converges().unwrap(), 2);
        assert_eq!(settings.level(), "info");
        assert_eq!(settings.install_strategy, Strategy::Skip);
    }

    #[test]
    fn a_number_of_converges_that_is_none_names_its_key() {
        for value in [json!(0), json!("often")] {
            let settings: Settings =
                serde_json::from_value(json!({ "multiple_converge": value })).unwrap();
            let error = settings.converges().unwrap_err();
            assert_eq!(error.key.as_deref(), Some("/multiple_converge"));
        }
    }
}
