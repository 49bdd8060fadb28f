//! Puts Ansible on an instance that has none.

use shell_words::quote;

use crate::settings::Config;

/// Where pip and sources put Ansible.
const HOME: &str = "/opt/kitchen-ansible";

/// Shell code that installs Ansible as the `require_*` keys say, in kitchen-ansible's order; none
/// where they say that nothing is to be installed. It needs `tool::PACKAGES`.
pub fn code(config: &Config) -> Option<String> {
    let version = config.ansible_version.as_ref().map(|it| it.0.as_str());
    let version = version.filter(|version| *version != "latest" && !version.is_empty());
    let install = if config.require_ansible_omnibus {
        omnibus(config, version)
    } else if config.require_ansible_source {
        let revision = config.ansible_source_rev.as_ref();
        let revision = revision.map(|it| format!("@{it}")).unwrap_or_default();
        let url = &config.ansible_source_url;
        pip(config, &format!("git+{url}{revision}"), "git")
    } else if config.require_pip || config.require_pip3 {
        let version = version.map(|it| format!("=={it}")).unwrap_or_default();
        pip(config, &format!("ansible{version}"), "")
    } else if config.require_ansible_repo {
        packages(config, version)
    } else {
        return None;
    };
    let lines = |code: &Option<String>| code.clone().unwrap_or_default();
    let path = match &config.ansible_binary_path {
        Some(directory) => format!("PATH={}:$PATH; export PATH\n", quote(directory)),
        None => String::new(),
    };
    Some(format!(
        "{}\n{path}if ! have ansible-playbook; then\n{install}\nfi || exit\n{}\n",
        lines(&config.custom_pre_install_command),
        lines(&config.custom_post_install_command)
    ))
}

fn update(config: &Config) -> &'static str {
    match config.update_package_repos {
        true => "packages_update",
        false => "true",
    }
}

fn omnibus(config: &Config, version: Option<&str>) -> String {
    let version = version.map(|it| format!(" -v {}", quote(it)));
    format!(
        "[ -d {} ] || {{ fetch {} /tmp/ansible_install.sh && as_root sh /tmp/ansible_install.sh{}; }}",
        quote(&config.ansible_omnibus_remote_path),
        quote(&config.ansible_omnibus_url),
        version.unwrap_or_default()
    )
}

/// Into an environment of its own, linked into /usr/local/bin: a system's own Python no longer lets
/// pip in.
fn pip(config: &Config, what: &str, more: &str) -> String {
    format!(
        "{update}
if have apt-get; then packages_install python3-venv {more}
elif have apk; then packages_install python3 py3-pip {more}
else packages_install python3 python3-pip {more}; fi &&
as_root python3 -m venv {HOME} && as_root {HOME}/bin/pip install -q {what} &&
for program in {HOME}/bin/ansible*; do as_root ln -sf \"$program\" /usr/local/bin/; done",
        update = update(config),
        what = quote(what)
    )
}

fn packages(config: &Config, version: Option<&str>) -> String {
    let name = config.ansible_package_name.as_deref().unwrap_or("ansible");
    let versioned = |sign: &str| match version {
        Some(version) => quote(&format!("{name}{sign}{version}")).into_owned(),
        None => quote(name).into_owned(),
    };
    let on = |has: bool, code: String| if has { code } else { "true".into() };
    let apt_repo = config
        .ansible_apt_repo
        .as_deref()
        .unwrap_or("ppa:ansible/ansible");
    let yum_repo = config.ansible_yum_repo.as_deref().unwrap_or_default();
    let suse_repo = config.ansible_sles_repo.as_deref().unwrap_or_default();
    format!(
        "{update}
distribution=$(. /etc/os-release 2>/dev/null && echo \"$ID\")
if have apt-get; then
    if [ \"$distribution\" = ubuntu ]; then
        packages_install software-properties-common && as_root add-apt-repository -y {apt_repo} &&
            packages_update
    fi &&
    packages_install {apt}
elif have dnf || have yum; then
    {epel}; {yum}; packages_install {rpm}
elif have zypper; then
    {suse}; packages_install {rpm}
else
    packages_install {apt}
fi",
        update = update(config),
        apt = versioned("="),
        rpm = versioned("-"),
        apt_repo = quote(apt_repo),
        epel = on(
            config.enable_yum_epel || (yum_repo.is_empty() && name == "ansible"),
            "[ \"$distribution\" = fedora ] || packages_install epel-release".into()
        ),
        yum = on(
            !yum_repo.is_empty(),
            format!("as_root rpm -ivh {}", quote(yum_repo))
        ),
        suse = on(
            !suse_repo.is_empty(),
            format!("as_root zypper ar {}", quote(suse_repo))
        ),
    )
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn install(values: Value) -> Option<String> {
        code(&serde_json::from_value(values).unwrap())
    }

    /// Every variant is shell code, and asks for what it should.
    #[test]
    fn the_keys_choose_how() {
        for (values, want) in [
            (json!({}), "packages_install ansible\n"),
            (
                json!({"ansible_version": "2.9.6"}),
                "packages_install 'ansible=2.9.6'",
            ),
            (
                json!({"ansible_package_name": "ansible-core"}),
                "packages_install ansible-core",
            ),
            (
                json!({"require_pip3": true, "ansible_version": "2.9"}),
                "pip install -q 'ansible==2.9'",
            ),
            (
                json!({"require_ansible_source": true, "ansible_source_rev": "devel"}),
                "ansible.git@devel",
            ),
            (
                json!({"require_ansible_omnibus": true, "ansible_version": "2.4"}),
                "install.sh -v 2.4",
            ),
            (
                json!({"ansible_binary_path": "/opt/a b"}),
                "PATH='/opt/a b':$PATH",
            ),
            (
                json!({"custom_pre_install_command": "echo before"}),
                "echo before\n",
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
        assert_eq!(install(json!({"require_ansible_repo": false})), None);
    }
}
