//! What `ansible-playbook` is told wherever it runs: the playbook, variables, options.

use std::path::{Path, PathBuf};

use banquet_sdk::lenient::{List, Text};
use banquet_sdk::{Context, Error, Result, tool};
use serde_json::{Map, Value, json};

use crate::inventory;
use crate::settings::{Config, Variables, Verbosity};

/// Directory of the suite's tests that is looked into first.
pub const TOOL: &str = "ansible";

/// The playbook, which must be there.
pub fn playbook(cx: &Context, config: &Config) -> Result<PathBuf> {
    if let Some(configured) = &config.playbook {
        return tool::required(cx, "playbook", configured);
    }
    tool::lookup(cx, Some(TOOL), "default.yml", Path::is_file).ok_or_else(|| {
        let tests = cx.test_dir.join(&cx.identity.suite);
        Error::missing(
            "/playbook",
            "no playbook is set and there is no default.yml",
        )
        .hint(format!(
            "Set `playbook`, or put a default.yml into {}, into {} or beside the configuration.",
            tests.display(),
            cx.test_dir.display()
        ))
    })
}

/// A file that is configured, which must be there, or one that is looked up.
pub fn file(
    cx: &Context,
    key: &str,
    configured: Option<&String>,
    name: &str,
) -> Result<Option<PathBuf>> {
    match configured {
        Some(configured) => tool::required(cx, key, configured).map(Some),
        None => Ok(tool::lookup(cx, Some(TOOL), name, Path::is_file)),
    }
}

/// Files with passwords for Ansible Vault.
pub fn vault_files(cx: &Context, config: &Config) -> Result<Vec<PathBuf>> {
    if let Some(configured) = &config.vault_password_file {
        return Ok(vec![tool::required(cx, "vault_password_file", configured)?]);
    }
    let key = "ansible_vault_password_file";
    match &config.ansible_vault_password_file {
        Some(files) => files
            .0
            .iter()
            .map(|configured| tool::required(cx, key, configured))
            .collect(),
        None => Ok(file(cx, key, None, "ansible-vault-password")?
            .into_iter()
            .collect()),
    }
}

/// Variables for a file of their own, and further files that the configuration names. They are
/// never arguments: any user can read those.
pub fn variables(cx: &Context, config: &Config) -> (Map<String, Value>, Vec<String>) {
    let mut all = Map::new();
    if !cx.peers.0.is_empty() {
        all.insert("kitchen_peers".into(), inventory::peers_variable(cx));
    }
    let mut files = config.extra_vars_file.0.clone();
    match (config.attributes.get("extra_vars"), &config.extra_vars) {
        (Some(Value::Object(map)), _) | (_, Some(Variables::Map(map))) => all.extend(map.clone()),
        (_, Some(Variables::File(file))) => files.push(file.trim_start_matches('@').into()),
        (_, None) => {}
    }
    (all, files)
}

/// Options that are the same everywhere. `second`: for the run of `idempotency_test`.
pub fn options(config: &Config, second: bool) -> Result<Vec<String>> {
    let mut words = Vec::new();
    words.extend(verbosity(config)?);
    let flags = [
        (config.ansible_check, "--check"),
        (config.ansible_diff || config.diff == Some(true), "--diff"),
        (config.force_handlers == Some(true), "--force-handlers"),
    ];
    words.extend(flags.iter().filter(|it| it.0).map(|it| it.1.to_owned()));
    let attributes = config.attributes.get("tags");
    let tags = attributes.and_then(|tags| serde_json::from_value::<List<Text>>(tags.clone()).ok());
    let mut tags = list(tags.as_ref().unwrap_or(&config.tags));
    let mut skip = list(&config.skip_tags);
    if second {
        tags.extend(list(&config.idempotency_tags));
        skip.extend(list(&config.idempotency_skip_tags));
    }
    for (option, values) in [
        ("--tags", tags),
        ("--skip-tags", skip),
        ("--start-at-task", list(&config.start_at_task)),
    ] {
        if !values.is_empty() {
            words.push(format!("{option}={}", values.join(",")));
        }
    }
    Ok(words)
}

/// Words that the user wrote for a shell.
pub fn raw(config: &Config) -> String {
    let raw = [&config.ansible_extra_flags, &config.raw_arguments];
    let raw: Vec<&str> = raw
        .into_iter()
        .flat_map(|flags| &flags.0)
        .map(|it| it.0.trim())
        .collect();
    raw.join(" ")
}

/// Hosts to run on, where any are configured.
pub fn limit(config: &Config) -> Option<String> {
    let limit = config.limit.as_ref().or(config.ansible_limit.as_ref())?;
    Some(list(limit).join(",")).filter(|limit| !limit.is_empty())
}

/// The items as text.
pub fn list(items: &List<Text>) -> Vec<String> {
    items.0.iter().map(|item| item.0.clone()).collect()
}

fn verbosity(config: &Config) -> Result<Option<String>> {
    if let Some(verbose) = &config.verbose {
        let letters = verbose.0.chars().all(|c| c == 'v') && !verbose.0.is_empty();
        // As kitchen-ansiblepush has it: whatever else is set means a little.
        return Ok(Some(format!("-{}", if letters { &verbose.0 } else { "v" })));
    }
    if !config.ansible_verbose {
        return Ok(None);
    }
    let level = match &config.ansible_verbosity {
        Verbosity::Level(level @ 1..=6) => *level,
        Verbosity::Level(_) => 0,
        Verbosity::Name(name) => match name.trim_start_matches(':') {
            "info" | "1" => 1,
            "warn" | "2" => 2,
            "debug" | "3" => 3,
            "trace" | "4" => 4,
            _ => 0,
        },
    };
    if level == 0 {
        let message = "the verbosity is 1 to 4, or one of info, warn, debug and trace";
        return Err(Error::config("/ansible_verbosity", message));
    }
    Ok(Some(format!("-{}", "v".repeat(level.into()))))
}

/// A file of variables for `-e @FILE`.
pub fn variables_file(variables: &Map<String, Value>) -> String {
    format!("{:#}\n", json!(variables))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(values: Value) -> Config {
        serde_json::from_value(values).unwrap()
    }

    fn line(values: Value, second: bool) -> String {
        options(&config(values), second).unwrap().join(" ")
    }

    #[test]
    fn options_are_those_of_the_ruby_plugins() {
        let values = json!({
            "ansible_verbose": true, "ansible_verbosity": 3, "ansible_diff": true,
            "tags": ["a", "b"], "skip_tags": "c", "idempotency_skip_tags": ["d"],
        });
        assert_eq!(
            line(values.clone(), false),
            "-vvv --diff --tags=a,b --skip-tags=c"
        );
        assert_eq!(line(values, true), "-vvv --diff --tags=a,b --skip-tags=c,d");
        assert_eq!(line(json!({"ansible_verbosity": 3}), false), "");
        assert_eq!(
            line(json!({"verbose": "vvvv", "diff": true}), false),
            "-vvvv --diff"
        );
        assert_eq!(line(json!({"verbose": true}), false), "-v");
        assert_eq!(
            line(json!({"attributes": {"tags": ["x"]}, "tags": ["y"]}), false),
            "--tags=x"
        );
    }

    #[test]
    fn a_verbosity_that_does_not_exist_is_named() {
        let config = config(json!({"ansible_verbose": true, "ansible_verbosity": "loud"}));
        let error = options(&config, false).unwrap_err();
        assert_eq!(error.key.as_deref(), Some("/ansible_verbosity"));
    }

    #[test]
    fn false_is_nothing_as_in_ruby() {
        let config = config(json!({"requirements_path": false, "additional_copy_path": "a"}));
        assert_eq!(config.requirements_path, None);
        assert_eq!(config.additional_copy_path, Some(List(vec!["a".into()])));
    }

    #[test]
    fn defaults_are_those_of_kitchen_ansible() {
        let config = config(json!({}));
        assert!(config.require_ansible_repo && config.ansible_cfg_overwrite);
        assert!(config.generate_inv && config.ansible_host_key_checking);
        assert_eq!(config.ignore_extensions_from_root.0, [".pyc"]);
        assert_eq!(config.ansible_playbook_bin, "ansible-playbook");
    }
}
