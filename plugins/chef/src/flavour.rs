//! The names under which Chef is called, and how they differ.

use banquet_sdk::lenient::List;
use banquet_sdk::tool::Base;
use banquet_sdk::{Context, LocalPath, PluginInfo, Result, Retry};
use shell_words::quote;

use crate::settings::{Settings, written};

/// Keys that only some of the provisioners know.
const INFRA: [&str; 10] = [
    "named_run_list",
    "client_rb",
    "json_attributes",
    "chef_client_path",
    "ruby_bindir",
    "chef_zero_host",
    "chef_zero_port",
    "slow_resource_report",
    "chef_license_key",
    "chef_license_server",
];
const SOLO: [&str; 3] = ["solo_rb", "chef_solo_path", "legacy_mode"];
const APPLY: [&str; 2] = ["apply_path", "chef_apply_path"];
const DOKKEN: [&str; 7] = [
    "chef_binary",
    "chef_options",
    "chef_log_level",
    "chef_output_format",
    "clean_dokken_sandbox",
    "docker_host_url",
    "docker_info",
];

/// Which program runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The client in local mode.
    Client,
    /// Solo.
    Solo,
    /// Apply: recipes without cookbooks.
    Apply,
    /// The client of a container's volume.
    Dokken,
}

/// One name.
#[derive(Clone, Copy, Debug)]
pub struct Flavour {
    /// In the configuration.
    pub name: &'static str,
    /// Which program.
    pub kind: Kind,
    /// What is installed where the configuration does not say: `chef` or `cinc`.
    pub product: &'static str,
}

/// Every name.
pub const ALL: [Flavour; 9] = {
    const fn named(name: &'static str, kind: Kind, product: &'static str) -> Flavour {
        Flavour {
            name,
            kind,
            product,
        }
    }
    [
        named("chef_infra", Kind::Client, "chef"),
        named("chef_zero", Kind::Client, "chef"),
        named("chef_solo", Kind::Solo, "chef"),
        named("chef_apply", Kind::Apply, "chef"),
        named("cinc_infra", Kind::Client, "cinc"),
        named("cinc_zero", Kind::Client, "cinc"),
        named("cinc_solo", Kind::Solo, "cinc"),
        named("cinc_apply", Kind::Apply, "cinc"),
        named("dokken", Kind::Dokken, "chef"),
    ]
};

/// Settings that name files and directories of the workstation.
const PATHS: [&str; 7] = [
    "/data_path/*",
    "/data_bags_path/*",
    "/environments_path/*",
    "/nodes_path/*",
    "/roles_path/*",
    "/clients_path/*",
    "/encrypted_data_bag_secret_key_path/*",
];

impl Flavour {
    /// Name and keys.
    pub fn info(&self) -> PluginInfo {
        let summary = match self.kind {
            Kind::Client => "Chef Infra or Cinc Client in local mode",
            Kind::Solo => "Chef or Cinc Solo",
            Kind::Apply => "single recipes with Chef or Cinc Apply",
            Kind::Dokken => "the client that driver dokken mounts",
        };
        let unknown: Vec<&'static str> = match self.kind {
            Kind::Client => [&SOLO[..], &APPLY, &DOKKEN].concat(),
            Kind::Solo => [&INFRA[1..], &APPLY, &DOKKEN].concat(),
            Kind::Apply => [&INFRA[1..], &SOLO, &DOKKEN].concat(),
            Kind::Dokken => [&SOLO[..], &APPLY].concat(),
        };
        PluginInfo::of::<Settings>(self.name, summary)
            .without(unknown)
            .with_base()
            .paths(PATHS.map(LocalPath::any))
    }

    /// What is installed.
    pub fn product<'a>(&self, settings: &'a Settings) -> &'a str {
        settings.product_name.as_deref().unwrap_or(self.product)
    }

    /// Whether the product is one of Cinc's.
    pub fn is_cinc(&self, settings: &Settings) -> bool {
        self.product(settings).starts_with("cinc")
    }

    /// The keys of every tool: kitchen-dokken has defaults of its own (provisioner/dokken.rb).
    pub fn base(&self, cx: &Context) -> Result<Base> {
        let section = written(cx);
        let mut base: Base = section.parse()?;
        if self.kind == Kind::Dokken {
            if !section.values.contains_key("root_path") {
                base.root_path = "/opt/kitchen".into();
            }
            base.sudo &= section.values.contains_key("sudo");
        }
        base.root_path
            .truncate(base.root_path.trim_end_matches('/').len());
        Ok(base)
    }

    /// When a converge is done again: Chef's exit codes for a reboot and for its own upgrade ask
    /// for it (provisioner/chef_base.rb).
    pub fn retry(&self, cx: &Context) -> Result<Retry> {
        let section = written(cx);
        let mut retry: Retry = section.parse()?;
        if !section.values.contains_key("retry_on_exit_code") {
            retry.retry_on_exit_code = List(vec![35, 213]);
        }
        Ok(retry)
    }

    /// Directory that the product is installed in.
    pub fn installed_in(&self, settings: &Settings) -> String {
        match &settings.chef_omnibus_root {
            Some(root) => root.trim_end_matches('/').to_owned(),
            None => format!("/opt/{}", self.product(settings)),
        }
    }

    /// The program's path on the instance, and the key that sets it.
    pub fn program(&self, settings: &Settings) -> (String, &'static str) {
        let (key, configured, tool) = match self.kind {
            Kind::Client => ("chef_client_path", &settings.chef_client_path, "client"),
            Kind::Solo => ("chef_solo_path", &settings.chef_solo_path, "solo"),
            Kind::Apply => ("chef_apply_path", &settings.chef_apply_path, "apply"),
            Kind::Dokken => ("chef_binary", &settings.chef_binary, "client"),
        };
        let path = configured.as_ref().map(|path| path.trim().to_owned());
        let path = path.unwrap_or_else(|| {
            let brand = if self.is_cinc(settings) {
                "cinc"
            } else {
                "chef"
            };
            format!("{}/bin/{brand}-{tool}", self.installed_in(settings))
        });
        (path, key)
    }

    /// Name of the configuration file, and the settings for it.
    pub fn config_file<'a>(
        &self,
        settings: &'a Settings,
    ) -> Option<(&'static str, &'a serde_json::Map<String, serde_json::Value>)> {
        match self.kind {
            Kind::Client | Kind::Dokken => Some(("client.rb", &settings.client_rb)),
            Kind::Solo => Some(("solo.rb", &settings.solo_rb)),
            Kind::Apply => None,
        }
    }

    /// The command lines of one converge with everything below `root`, without what makes them
    /// root's.
    pub fn commands(&self, settings: &Settings, root: &str) -> Vec<String> {
        let program = quote(&self.program(settings).0).into_owned();
        let file = |name: &str| quote(&format!("{root}/{name}")).into_owned();
        match self.kind {
            Kind::Client => {
                let mut words = vec![program, "--local-mode".into()];
                words.extend(common(settings, &file("client.rb")));
                if settings.json_attributes != Some(false) {
                    words.extend(["--json-attributes".into(), file("dna.json")]);
                }
                words.extend(reports(settings));
                words.extend(zero(settings));
                vec![words.join(" ")]
            }
            Kind::Solo => {
                let mut words = vec![program];
                words.extend(common(settings, &file("solo.rb")));
                words.extend(["--json-attributes".into(), file("dna.json")]);
                words.extend(reports(settings));
                if settings.legacy_mode {
                    words.push("--legacy-mode".into());
                }
                vec![words.join(" ")]
            }
            Kind::Apply => settings
                .run_list()
                .into_iter()
                .map(|recipe| {
                    let mut words = vec![program.clone(), file(&format!("apply/{recipe}.rb"))];
                    words.extend(["--log_level".into(), quote(settings.level()).into_owned()]);
                    words.push("--no-color".into());
                    words.extend(log_file(settings));
                    if let Some(license) = &settings.chef_license {
                        words.extend(["--chef-license".into(), quote(&license.0).into_owned()]);
                    }
                    words.join(" ")
                })
                .collect(),
            Kind::Dokken => vec![dokken(settings, &program, &file)],
        }
    }
}

fn common(settings: &Settings, config: &str) -> [String; 6] {
    [
        "--config".into(),
        config.into(),
        "--log_level".into(),
        quote(settings.level()).into_owned(),
        "--force-formatter".into(),
        "--no-color".into(),
    ]
}

fn log_file(settings: &Settings) -> Vec<String> {
    let file = settings.log_file.iter();
    file.flat_map(|file| ["--logfile".into(), quote(file).into_owned()])
        .collect()
}

fn reports(settings: &Settings) -> Vec<String> {
    let mut words = log_file(settings);
    if settings.profile_ruby {
        words.push("--profile-ruby".into());
    }
    words
}

fn zero(settings: &Settings) -> Vec<String> {
    let mut words = Vec::new();
    if let Some(host) = &settings.chef_zero_host {
        words.extend(["--chef-zero-host".into(), quote(&host.0).into_owned()]);
    }
    let port = settings
        .chef_zero_port
        .as_ref()
        .map_or("8889", |port| &port.0);
    words.extend(["--chef-zero-port".into(), quote(port).into_owned()]);
    words.extend(slow_report(settings));
    words
}

fn slow_report(settings: &Settings) -> Vec<String> {
    match settings
        .slow_resource_report
        .as_ref()
        .map(|it| it.0.as_str())
    {
        None | Some("false") => Vec::new(),
        Some("true") => vec!["--slow-report".into()],
        Some(count) => vec!["--slow-report".into(), quote(count).into_owned()],
    }
}

/// As provisioner/dokken.rb of kitchen-dokken writes it; `chef_options` are words for the shell.
fn dokken(settings: &Settings, program: &str, file: &dyn Fn(&str) -> String) -> String {
    let word = |value: &Option<banquet_sdk::lenient::Text>, default: &str| {
        let value = value.as_ref().map(|it| it.0.trim()).unwrap_or_default();
        let value = if value.is_empty() { default } else { value };
        quote(value).into_owned()
    };
    let mut words = vec![
        program.to_owned(),
        settings
            .chef_options
            .as_deref()
            .unwrap_or("-z")
            .trim()
            .to_owned(),
        format!("-l {}", word(&settings.chef_log_level, "warn")),
        format!("-F {}", word(&settings.chef_output_format, "doc")),
        format!("-c {}", file("client.rb")),
        format!("-j {}", file("dna.json")),
    ];
    words.extend(reports(settings));
    words.extend(slow_report(settings));
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn flavour(name: &str) -> Flavour {
        *ALL.iter().find(|flavour| flavour.name == name).unwrap()
    }

    fn commands(name: &str, root: &str, values: Value) -> Vec<String> {
        let settings: Settings = serde_json::from_value(values).unwrap();
        flavour(name).commands(&settings, root)
    }

    #[test]
    fn the_client_is_called_as_test_kitchen_calls_it() {
        assert_eq!(
            commands("chef_zero", "/tmp/kitchen", json!({})),
            [
                "/opt/chef/bin/chef-client --local-mode --config /tmp/kitchen/client.rb \
                 --log_level auto --force-formatter --no-color \
                 --json-attributes /tmp/kitchen/dna.json --chef-zero-port 8889"
            ]
        );
        assert_eq!(
            commands(
                "chef_infra",
                "/srv/my kitchen",
                json!({
                    "product_name": "cinc", "log_level": "debug",
                    "json_attributes": false, "log_file": "/tmp/l", "chef_zero_host": "::1",
                    "chef_zero_port": "8889-9999", "slow_resource_report": 5, "profile_ruby": true,
                })
            ),
            [
                "/opt/cinc/bin/cinc-client --local-mode --config '/srv/my kitchen/client.rb' \
                 --log_level debug --force-formatter --no-color --logfile /tmp/l --profile-ruby \
                 --chef-zero-host ::1 --chef-zero-port 8889-9999 --slow-report 5"
            ]
        );
    }

    #[test]
    fn solo_and_apply_are_called_as_test_kitchen_calls_them() {
        assert_eq!(
            commands(
                "chef_solo",
                "/tmp/kitchen",
                json!({"legacy_mode": true, "chef_omnibus_root": "/opt/chefdk"})
            ),
            [
                "/opt/chefdk/bin/chef-solo --config /tmp/kitchen/solo.rb --log_level auto \
                 --force-formatter --no-color --json-attributes /tmp/kitchen/dna.json --legacy-mode"
            ]
        );
        assert_eq!(
            commands(
                "cinc_apply",
                "/tmp/kitchen",
                json!({"run_list": ["a", "b"], "chef_license": "accept"})
            ),
            ["a", "b"].map(|recipe| format!(
                "/opt/cinc/bin/cinc-apply /tmp/kitchen/apply/{recipe}.rb --log_level auto \
                 --no-color --chef-license accept"
            ))
        );
    }

    #[test]
    fn dokken_is_called_as_kitchen_dokken_calls_it() {
        assert_eq!(
            commands(
                "dokken",
                "/opt/kitchen",
                json!({"product_name": "cinc", "chef_log_level": " "})
            ),
            [
                "/opt/cinc/bin/cinc-client -z -l warn -F doc -c /opt/kitchen/client.rb \
              -j /opt/kitchen/dna.json"
            ]
        );
        assert_eq!(
            commands(
                "dokken",
                "/k",
                json!({"chef_binary": " /bin/true ", "chef_options": "-z -E test"})
            ),
            ["/bin/true -z -E test -l warn -F doc -c /k/client.rb -j /k/dna.json"]
        );
    }

    #[test]
    fn every_name_knows_its_own_keys_and_not_those_of_others() {
        let knows = |name: &str, key: &str| flavour(name).info().keys().iter().any(|it| it == key);
        for (key, names) in [
            (
                "run_list",
                "chef_infra chef_zero chef_solo chef_apply dokken cinc_infra",
            ),
            ("client_rb", "chef_infra chef_zero dokken cinc_zero"),
            ("solo_rb", "chef_solo cinc_solo"),
            ("apply_path", "chef_apply cinc_apply"),
            ("chef_options", "dokken"),
        ] {
            for flavour in ALL {
                let listed = names.split(' ').any(|name| name == flavour.name);
                if listed {
                    assert!(knows(flavour.name, key), "{}: {key}", flavour.name);
                }
            }
        }
        assert!(!knows("chef_zero", "solo_rb") && !knows("chef_solo", "client_rb"));
        assert!(!knows("chef_infra", "chef_binary") && !knows("dokken", "apply_path"));
    }
}
