//! Puts Puppet on an instance that has none.

use shell_words::quote;

use crate::settings::Config;

/// Shell code that installs Puppet as the `require_*` keys say, in kitchen-puppet's order; none
/// where they say that nothing is to be installed. It needs `tool::PACKAGES`.
pub fn code(config: &Config) -> Option<String> {
    let install = if config.require_puppet_omnibus {
        omnibus(config)
    } else if config.require_puppet_collections {
        collections(config)
    } else if config.require_puppet_repo {
        packages(config)
    } else {
        return None;
    };
    let lines = |code: &Option<String>| code.clone().unwrap_or_default();
    Some(format!(
        "{}\n{{ {install}\n}} || exit\n{}{}\n",
        lines(&config.custom_pre_install_command),
        gems(config),
        lines(&config.custom_install_command)
    ))
}

fn omnibus(config: &Config) -> String {
    let version = config.puppet_version.as_ref();
    let version = version.map(|it| format!(" -v {}", quote(&it.0)));
    format!(
        "have puppet || {{ fetch {} /tmp/install_puppet.sh && as_root sh /tmp/install_puppet.sh{}; }}",
        quote(&config.puppet_omnibus_url),
        version.unwrap_or_default()
    )
}

/// A package's name with its version, as apt and as rpm have it.
fn versioned(name: &str, version: Option<&banquet_sdk::lenient::Text>) -> (String, String) {
    let with = |sign: &str| match version {
        Some(version) => quote(&format!("{name}{sign}{}", version.0)).into_owned(),
        None => name.to_owned(),
    };
    (with("="), with("-"))
}

fn collections(config: &Config) -> String {
    let (apt, rpm) = versioned("puppet-agent", config.puppet_version.as_ref());
    let release = &config.puppet_apt_collections_repo;
    format!(
        "[ -d {place} ] ||
if have apt-get; then
    release={release}
    [ -f \"$release\" ] || {{
        {update}; packages_install ca-certificates; have wget || have curl || packages_install wget
        fetch {release} /tmp/puppet-release.deb && release=/tmp/puppet-release.deb
    }} &&
    as_root dpkg -i \"$release\" && packages_update && packages_install {apt}
else
    packages_install {yum} && packages_install {rpm}
fi",
        place = quote(&config.puppet_coll_remote_path),
        release = quote(release),
        update = update(config),
        yum = quote(&config.puppet_yum_collections_repo),
    )
}

fn packages(config: &Config) -> String {
    let (apt, rpm) = versioned("puppet", config.puppet_version.as_ref());
    let (agent_apt, agent_rpm) = versioned("puppet-agent", config.puppet_version.as_ref());
    let facter = match &config.facter_version {
        Some(version) => format!(
            "packages_install {} &&",
            versioned("facter", Some(version)).0
        ),
        None => String::new(),
    };
    let hiera = match config.install_hiera {
        true => {
            let package = versioned(&config.hiera_package, config.hiera_version.as_ref()).0;
            format!("&& packages_install {package}")
        }
        false => String::new(),
    };
    let apt_repo = config.puppet_apt_repo.as_ref().map(|url| {
        format!(
            "have wget || have curl || packages_install wget ca-certificates
    fetch {} /tmp/puppet-release.deb && as_root dpkg -i /tmp/puppet-release.deb && packages_update &&",
            quote(url)
        )
    });
    let yum_repo = config.puppet_yum_repo.as_ref();
    let yum_repo = yum_repo.map(|url| format!("as_root rpm -ivh {} &&", quote(url)));
    format!(
        "have {program} || {{ {update}
if have apt-get; then
    {apt_repo}
    {facter}
    {{ packages_install {agent_apt} || packages_install {apt}; }} {hiera}
else
    {yum_repo}
    {{ packages_install {agent_rpm} || packages_install {rpm}; }}
fi; }}",
        program = quote(&config.puppet_binary),
        update = update(config),
        apt_repo = apt_repo.unwrap_or_default(),
        yum_repo = yum_repo.unwrap_or_default(),
    )
}

fn update(config: &Config) -> &'static str {
    match config.update_package_repos {
        true => "packages_update",
        false => "true",
    }
}

/// Gems that Hiera wants.
fn gems(config: &Config) -> String {
    let gem = match config.require_puppet_collections {
        true => quote(&format!(
            "{}/puppet/bin/gem",
            config.puppet_coll_remote_path
        ))
        .into_owned(),
        false => "gem".into(),
    };
    let mut names = Vec::new();
    if config.hiera_eyaml || config.hiera_eyaml_gpg {
        names.push("hiera-eyaml");
    }
    if config.hiera_eyaml_gpg {
        names.extend(["hiera-eyaml-gpg", "ruby_gpg"]);
    }
    if config.hiera_deep_merge {
        names.push("deep_merge");
    }
    names
        .iter()
        .map(|name| {
            format!(
                "as_root {gem} list -i '^{name}$' >/dev/null || \
                 as_root {gem} install --no-document {name} || exit\n"
            )
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn install(values: Value) -> Option<String> {
        code(&serde_json::from_value(values).unwrap())
    }

    #[test]
    fn the_keys_choose_how() {
        let none = json!({"require_puppet_collections": false, "require_puppet_repo": false});
        assert_eq!(install(none), None);
        let own = |more: Value| {
            let mut values = json!({"require_puppet_collections": false});
            values
                .as_object_mut()
                .unwrap()
                .extend(more.as_object().unwrap().clone());
            values
        };
        for (values, want) in [
            (json!({}), "[ -d /opt/puppetlabs ] ||"),
            (
                json!({"puppet_version": "7.1-1"}),
                "packages_install 'puppet-agent=7.1-1'",
            ),
            (
                json!({"require_puppet_omnibus": true}),
                "have puppet || { fetch https://raw.",
            ),
            (
                json!({"hiera_eyaml": true}),
                "/opt/puppetlabs/puppet/bin/gem install",
            ),
            (
                own(json!({})),
                "packages_install puppet-agent || packages_install puppet;",
            ),
            (
                own(json!({"puppet_apt_repo": "http://x/r.deb"})),
                "fetch http://x/r.deb",
            ),
            (
                own(json!({"install_hiera": true})),
                "&& packages_install hiera-puppet",
            ),
            (
                own(json!({"custom_install_command": "echo after"})),
                "echo after\n",
            ),
        ] {
            let code = install(values.clone()).unwrap();
            assert!(code.contains(want), "{values}: {want}: {code}");
            let checked = std::process::Command::new("sh")
                .args(["-nc", &code])
                .output()
                .unwrap();
            assert!(checked.status.success(), "{code}: {checked:?}");
        }
    }
}
