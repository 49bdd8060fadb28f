//! How the product comes onto the instance.

use shell_words::quote;

use crate::flavour::{Flavour, Kind};
use crate::settings::{Settings, Strategy};

/// The work, which reads what [`script`] puts before it.
const WORK: &str = include_str!("install.sh");

/// What is installed, and when.
#[derive(Debug, PartialEq, Eq)]
struct Wanted<'a> {
    /// `once`, `always`, or the version that must be there.
    strategy: &'a str,
    version: Option<&'a str>,
}

/// What the configuration wants; nothing where nothing is to be installed. With a `product_name`
/// the newer keys count, without one `require_chef_omnibus` does where it is set
/// (provisioner/chef_base.rb, `install_command`).
fn wanted<'a>(settings: &'a Settings, flavour: &Flavour) -> Option<Wanted<'a>> {
    if flavour.kind == Kind::Dokken {
        return None;
    }
    let version = settings.product_version.as_ref().map(|it| it.0.as_str());
    let version = version.filter(|version| *version != "latest");
    let strategy = match settings.install_strategy {
        Strategy::Once => "once",
        Strategy::Always => "always",
        Strategy::Skip => return None,
    };
    let older = settings.require_chef_omnibus.as_ref();
    let older = older.filter(|_| settings.product_name.is_none());
    match older.map(|older| older.0.as_str()) {
        None | Some("true") => Some(Wanted { strategy, version }),
        Some("false") => None,
        Some("latest") => Some(Wanted {
            strategy: "always",
            version: None,
        }),
        Some(version) => Some(Wanted {
            strategy: version,
            version: Some(version),
        }),
    }
}

/// The script that installs, to be run by root, with its downloads below `root`; none where nothing
/// is to be installed.
pub fn script(settings: &Settings, flavour: &Flavour, root: &str) -> Option<String> {
    let wanted = wanted(settings, flavour)?;
    let url = settings.install_sh_url.as_ref();
    let url = url.or(settings.chef_omnibus_url.as_ref()).cloned();
    let url = url.unwrap_or_else(|| {
        let host = match flavour.is_cinc(settings) {
            true => "omnitruck.cinc.sh",
            false => "omnitruck.chef.io",
        };
        format!("https://{host}/install.sh")
    });
    let head = [
        ("product", flavour.product(settings).to_owned()),
        ("root", flavour.installed_in(settings)),
        ("strategy", wanted.strategy.to_owned()),
        ("version", wanted.version.unwrap_or_default().to_owned()),
        ("script_url", url),
        ("options", options(settings, &wanted)),
        (
            "package_url",
            settings.download_url.clone().unwrap_or_default(),
        ),
        ("checksum", settings.checksum.clone().unwrap_or_default()),
        ("scratch", format!("{root}/kitchen-install")),
    ];
    let head: String = head
        .iter()
        .map(|(name, value)| format!("{name}={}\n", quote(value)))
        .collect();
    Some(head + WORK)
}

/// Words for the installing script. A script of the user's own need not know more than `-v`, as
/// Test Kitchen's older form gives it.
fn options(settings: &Settings, wanted: &Wanted<'_>) -> String {
    let mut words = Vec::new();
    if let Some(version) = wanted.version {
        words.push(format!("-v {version}"));
    }
    if let Some(product) = &settings.product_name {
        words.push(format!("-P {product}"));
        let channel = settings.channel.as_ref().map_or("stable", |it| &it.0);
        words.push(format!("-c {channel}"));
    }
    words.extend(settings.chef_omnibus_install_options.clone());
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::flavour::ALL;

    fn settings(values: Value) -> Settings {
        serde_json::from_value(values).unwrap()
    }

    fn flavour(name: &str) -> Flavour {
        *ALL.iter().find(|it| it.name == name).unwrap()
    }

    #[test]
    fn newer_and_older_keys_say_when_and_what() {
        for (values, strategy, version) in [
            (json!({}), "once", ""),
            (
                json!({"install_strategy": "always", "product_version": 18}),
                "always",
                "18",
            ),
            (
                json!({"require_chef_omnibus": true, "product_version": "latest"}),
                "once",
                "",
            ),
            (json!({"require_chef_omnibus": "latest"}), "always", ""),
            (json!({"require_chef_omnibus": 11.4}), "11.4", "11.4"),
            (
                json!({"product_name": "chef", "require_chef_omnibus": "11", "product_version": "12"}),
                "once",
                "12",
            ),
        ] {
            let settings = settings(values.clone());
            let wanted = wanted(&settings, &flavour("chef_zero")).unwrap();
            assert_eq!(wanted.strategy, strategy, "{values}");
            assert_eq!(wanted.version.unwrap_or_default(), version, "{values}");
        }
        for values in [
            json!({"install_strategy": "skip"}),
            json!({"require_chef_omnibus": false}),
        ] {
            assert_eq!(script(&settings(values), &flavour("chef_solo"), "/k"), None);
        }
        assert_eq!(script(&settings(json!({})), &flavour("dokken"), "/k"), None);
    }

    #[test]
    fn the_script_is_told_no_more_than_the_user_said() {
        let line = |name: &str, values: Value, key: &str| {
            let script = script(&settings(values), &flavour(name), "/k").unwrap();
            let line = script
                .lines()
                .find(|line| line.starts_with(&format!("{key}=")));
            line.unwrap().to_owned()
        };
        assert_eq!(line("chef_zero", json!({}), "options"), "options=''");
        assert_eq!(
            line(
                "chef_infra",
                json!({"product_name": "cinc", "product_version": "18.4", "channel": "current"}),
                "options"
            ),
            "options='-v 18.4 -P cinc -c current'"
        );
        assert_eq!(
            line("cinc_infra", json!({}), "script_url"),
            "script_url=https://omnitruck.cinc.sh/install.sh"
        );
        assert_eq!(
            line(
                "chef_solo",
                json!({"chef_omnibus_url": "http://x/i.sh?a=b c"}),
                "script_url"
            ),
            "script_url='http://x/i.sh?a=b c'"
        );
    }
}
