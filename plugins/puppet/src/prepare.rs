//! Shell code that puts files of `root_path` where Puppet reads them.

use serde_json::Value;
use shell_words::quote;

use crate::settings::Config;
use crate::stage::Files;

/// Takes away what earlier converges left outside `root_path`.
pub fn clean(config: &Config) -> String {
    let directory = config.puppet_dir();
    let mut old = vec![
        config.hiera_data_remote().to_owned(),
        "/etc/hiera.yaml".into(),
        format!("{directory}/hiera.yaml"),
        format!("{directory}/fileserver.conf"),
    ];
    if config.spec_files_path.is_some() {
        old.push(config.spec_files_remote_path.clone());
    }
    if let Some(environment) = &config.puppet_environment {
        old.push(format!("{directory}/{environment}"));
        old.push(format!("{}/{environment}", config.environments()));
    }
    format!("as_root rm -rf {}", shell_words::join(&old))
}

/// Copies and links what is there. `root` is `root_path`.
pub fn code(config: &Config, files: &Files, root: &str) -> String {
    let directory = config.puppet_dir();
    let mut lines = vec![format!("as_root mkdir -p {directory}")];
    lines.extend(facts(config, root));
    lines.extend(git(config));
    let below = |name: &str| quote(&format!("{root}/{name}")).into_owned();
    for (there, name) in [
        (files.puppet_config, "puppet.conf"),
        (files.fileserver_config, "fileserver.conf"),
    ] {
        if there {
            lines.push(format!("as_root cp {} {directory}/", below(name)));
        }
    }
    for (there, name, to) in [
        (files.hiera_data, "hiera", config.hiera_data_remote()),
        (
            files.hiera_keys,
            "hiera_keys",
            &config.hiera_eyaml_key_remote_path,
        ),
        (files.specs, "spec", &config.spec_files_remote_path),
    ] {
        if there {
            let to = quote(to);
            lines.push(format!("as_root mkdir -p {to}"));
            lines.push(format!("as_root cp -r {}/. {to}/", below(name)));
        }
    }
    lines.extend(gpg(config, root));
    if let Some(environment) = &config.puppet_environment {
        let link = quote(&format!("{directory}/{environment}")).into_owned();
        lines.push(format!("as_root ln -sfn {} {link}", quote(root)));
        lines.extend(environment_links(
            config,
            environment,
            files.environment,
            root,
        ));
    }
    if config.puppet_enc.is_some() {
        lines.push(format!("chmod 755 {}/*", below("enc")));
    }
    lines.join(" &&\n")
}

/// Facter's own directories of external facts.
fn facts(config: &Config, root: &str) -> Vec<String> {
    let (prefix, mut places) = match config.puppet_no_sudo {
        true => ("", vec!["~/.facter/facts.d"]),
        false => ("as_root ", vec!["/etc/facter/facts.d"]),
    };
    if config.require_puppet_collections && !config.puppet_no_sudo {
        places = vec!["/etc/puppetlabs/facter/facts.d"];
    }
    let from = quote(&format!("{root}/facts/kitchen.json")).into_owned();
    let copy = |place: &&str| {
        format!("{prefix}mkdir -p {place} && {prefix}cp {from} {place}/kitchen.json")
    };
    places.iter().map(copy).collect()
}

fn git(config: &Config) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some(url) = &config.puppet_git_init {
        lines.push("as_root rm -rf /etc/puppet".into());
        lines.push(format!("as_root git clone -q {} /etc/puppet", quote(url)));
    }
    if let Some(number) = &config.puppet_git_pr {
        let fetch = format!("pull/{0}/head:pr_{0}", number.0);
        lines.push(format!(
            "as_root git -C /etc/puppet fetch -qf origin {}",
            quote(&fetch)
        ));
        let branch = format!("pr_{}", number.0);
        lines.push(format!(
            "as_root git -C /etc/puppet checkout -q {}",
            quote(&branch)
        ));
    }
    lines
}

fn gpg(config: &Config, root: &str) -> Vec<String> {
    if !config.hiera_eyaml_gpg {
        return Vec::new();
    }
    let to = quote(&config.hiera_eyaml_gpg_remote_path);
    let mut lines = vec![format!("as_root mkdir -p {to}")];
    let files = [
        &config.hiera_eyaml_gpg_recipients,
        &config.hiera_eyaml_gpg_secring,
        &config.hiera_eyaml_gpg_pubring,
    ];
    let files = files.into_iter().flatten().filter_map(Value::as_str);
    lines.extend(files.map(|file| {
        let from = format!("{root}/{file}");
        format!("as_root cp -r {} {to}/", quote(&from))
    }));
    lines
}

/// The environment's own directory, which Puppet 4 and later want.
fn environment_links(
    config: &Config,
    environment: &str,
    configured: bool,
    root: &str,
) -> Vec<String> {
    let place = format!("{}/{environment}", config.environments());
    let mut lines = vec![format!("as_root mkdir -p {}", quote(&place))];
    for (name, to) in [
        ("modules", &config.puppet_environment_remote_modules_path),
        (
            "manifests",
            &config.puppet_environment_remote_manifests_path,
        ),
        ("hiera", &config.puppet_environment_remote_hieradata_path),
    ] {
        let (from, to) = (format!("{root}/{name}"), format!("{place}/{to}"));
        let to = quote(&to);
        // Hiera data may have been copied there.
        lines.push(format!(
            "{{ [ -e {to} ] || as_root ln -s {} {to}; }}",
            quote(&from)
        ));
    }
    if configured {
        let from = format!("{root}/environment");
        lines.push(format!(
            "as_root cp -r {}/. {}/",
            quote(&from),
            quote(&place)
        ));
    }
    lines
}
