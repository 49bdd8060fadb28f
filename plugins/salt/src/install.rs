//! Puts Salt on an instance that has none.

use std::path::PathBuf;

use banquet_sdk::tool::Stage;
use banquet_sdk::{Context, Error, Result};
use shell_words::quote;

use crate::settings::Config;

const WAYS: &str = "bootstrap, pip, apt, yum, ppa, distrib and none";

/// Files of the workstation that the installation needs.
pub fn stage(cx: &Context, config: &Config, stage: &Stage) -> Result<()> {
    if let Some(script) = local(cx, &config.salt_bootstrap_url) {
        stage.copy(&script, "bootstrap.sh", &|_| true)?;
    }
    if let Some(package) = local(cx, &config.pip_pkg) {
        let name = package.file_name().unwrap_or_default().to_os_string();
        stage.copy(&package, PathBuf::from("pip").join(name), &|_| true)?;
    }
    Ok(())
}

fn local(cx: &Context, configured: &str) -> Option<PathBuf> {
    Some(cx.root.join(configured)).filter(|path| !configured.is_empty() && path.exists())
}

/// The program that applies states.
pub fn salt_call(config: &Config) -> &str {
    config.salt_call_command.as_deref().unwrap_or("salt-call")
}

/// Shell code that installs Salt where it is missing, as `salt_install` says. It needs
/// `tool::PACKAGES`. `root` is `root_path`.
pub fn code(cx: &Context, config: &Config, root: &str) -> Result<Option<String>> {
    let version = &config.salt_version.0;
    let install = match config.salt_install.0.as_str() {
        "none" | "false" => return Ok(None),
        "bootstrap" => bootstrap(config, root),
        "pip" => pip(cx, config, root),
        "apt" => format!(
            "packages_update; packages_install ca-certificates; have curl || packages_install curl
codename=$(. /etc/os-release && echo \"$VERSION_CODENAME\")
as_root mkdir -p /etc/apt/keyrings &&
fetch {key} /tmp/salt.asc && as_root cp /tmp/salt.asc /etc/apt/keyrings/salt.asc &&
echo \"deb [signed-by=/etc/apt/keyrings/salt.asc] \"{repo}/{version}\" $codename main\" |
    as_root tee /etc/apt/sources.list.d/salt.list >/dev/null &&
packages_update && packages_install salt-minion salt-common",
            key = quote(&config.salt_apt_repo_key),
            repo = quote(&config.salt_apt_repo),
            version = quote(version),
        ),
        "ppa" => format!(
            "packages_install software-properties-common; as_root add-apt-repository -y {} &&
packages_update && packages_install salt-minion salt-common",
            quote(&config.salt_ppa)
        ),
        "distrib" => "packages_update; packages_install salt-minion".into(),
        "yum" => yum(config),
        other => {
            let message = format!("there is no way {other:?} to install Salt");
            return Err(Error::config("/salt_install", message).hint(format!("There are {WAYS}.")));
        }
    };
    let program = salt_call(config)
        .split_whitespace()
        .next()
        .unwrap_or_default();
    Ok(Some(format!(
        "command -v {program} >/dev/null || {{ {install}\n}} || exit",
        program = quote(program)
    )))
}

fn bootstrap(config: &Config, root: &str) -> String {
    let version = &config.salt_version.0;
    let options = config.salt_bootstrap_options.0.trim();
    let options = match (options, version.as_str()) {
        ("", "latest") => String::new(),
        ("", version) => format!("-P git v{version}"),
        (options, version) => options.replace("%s", version),
    };
    let script = quote(&format!("{root}/bootstrap.sh")).into_owned();
    format!(
        "[ -f {script} ] || fetch {} {script} && as_root sh {script} {options}",
        quote(&config.salt_bootstrap_url)
    )
}

fn pip(cx: &Context, config: &Config, root: &str) -> String {
    let what = match (local(cx, &config.pip_pkg), config.salt_version.0.as_str()) {
        (Some(file), _) => {
            let name = file.file_name().unwrap_or_default().to_string_lossy();
            format!("{root}/pip/{name}")
        }
        (None, "latest") => config.pip_pkg.replace("==%s", ""),
        (None, version) => config.pip_pkg.replace("%s", version),
    };
    let mut words = vec![config.pip_bin.clone(), "install".into()];
    if config.pip_editable {
        words.push("-e".into());
    }
    if let Some(url) = &config.pip_index_url {
        words.extend(["--index-url".into(), url.clone()]);
    }
    for url in &config.pip_extra_index_url.0 {
        words.extend(["--extra-index-url".into(), url.clone()]);
    }
    words.push(what);
    // The instance is for tests alone, and Salt is to be for everybody on it.
    format!(
        "have {pip} || packages_install python3-pip
as_root env PIP_BREAK_SYSTEM_PACKAGES=1 {}",
        shell_words::join(&words),
        pip = quote(&config.pip_bin)
    )
}

fn yum(config: &Config) -> String {
    let version = &config.salt_version.0;
    if version == "latest" || version.is_empty() {
        return format!(
            "packages_install {} && packages_install salt-minion salt-common",
            quote(&config.salt_yum_repo_latest)
        );
    }
    let at = |url: &str| url.replace("%s", version);
    let file = format!(
        "[saltstack-repo]\nname=SaltStack repo for RHEL/CentOS $releasever\nbaseurl={}\nenabled=1\n\
         gpgcheck=1\ngpgkey={}\n",
        at(&config.salt_yum_repo),
        at(&config.salt_yum_repo_key)
    );
    format!(
        "as_root rpm --import {} &&
printf %s {} | as_root tee /etc/yum.repos.d/saltstack.repo >/dev/null &&
packages_install salt-minion salt-common",
        quote(&at(&config.salt_yum_rpm_key)),
        quote(&file)
    )
}

/// Whether `found` is a version that `wanted` asks for: itself, or the release that it is one of.
pub fn is_version(found: &str, wanted: &str) -> bool {
    let wanted = wanted.trim_start_matches('v');
    wanted == "latest"
        || wanted.is_empty()
        || found == wanted
        || found.starts_with(&format!("{wanted}."))
}

#[cfg(test)]
mod tests {
    use banquet_sdk::{Identity, Section};
    use serde_json::{Value, json};

    use super::*;

    fn install(values: Value) -> Result<Option<String>> {
        let identity = Identity {
            project: "p".into(),
            cluster: None,
            instance: "i".into(),
            suite: "s".into(),
            platform: "p".into(),
            run: "r".into(),
        };
        let cx = Context::for_tests(identity, "/nowhere".into(), Section::default());
        code(
            &cx,
            &serde_json::from_value(values).unwrap(),
            "/tmp/kitchen",
        )
    }

    #[test]
    fn the_key_chooses_how() {
        for (values, want) in [
            (
                json!({}),
                "fetch https://bootstrap.saltproject.io /tmp/kitchen/bootstrap.sh",
            ),
            (
                json!({"salt_version": 3006.4}),
                "bootstrap.sh -P git v3006.4\n",
            ),
            (
                json!({"salt_version": "3006", "salt_bootstrap_options": "-MP stable %s"}),
                "bootstrap.sh -MP stable 3006\n",
            ),
            (
                json!({"salt_install": "pip", "pip_bin": "pip3"}),
                "pip3 install --index-url https://pypi.org/simple/ salt\n",
            ),
            (
                json!({"salt_install": "pip", "salt_version": "3006.1"}),
                "'salt==3006.1'",
            ),
            (
                json!({"salt_install": "apt", "salt_version": "3006"}),
                "amd64/3006",
            ),
            (
                json!({"salt_install": "distrib"}),
                "packages_install salt-minion",
            ),
            (
                json!({"salt_install": "ppa"}),
                "add-apt-repository -y ppa:saltstack/salt",
            ),
            (json!({"salt_install": "yum"}), "salt-repo-latest"),
            (
                json!({"salt_install": "yum", "salt_version": "3004"}),
                "archive/3004",
            ),
        ] {
            let code = install(values.clone()).unwrap().unwrap();
            assert!(code.contains(want), "{values}: {want}: {code}");
            let checked = std::process::Command::new("sh")
                .args(["-nc", &code])
                .output()
                .unwrap();
            assert!(checked.status.success(), "{code}: {checked:?}");
        }
        for none in [json!("none"), json!(false)] {
            assert_eq!(install(json!({"salt_install": none})).unwrap(), None);
        }
        let error = install(json!({"salt_install": "snap"})).unwrap_err();
        assert_eq!(error.key.as_deref(), Some("/salt_install"));
    }

    #[test]
    fn a_release_is_any_version_of_it() {
        for (wanted, is) in [
            ("latest", true),
            ("3008", true),
            ("v3008", true),
            ("3008.3", true),
            ("300", false),
            ("3006", false),
            ("3008.31", false),
        ] {
            assert_eq!(is_version("3008.3", wanted), is, "{wanted}");
        }
    }
}
