//! `kitchen diagnose`: the configuration as it was understood, in the tree of Test Kitchen
//! (lib/kitchen/diagnostic.rb).

use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use banquet_sdk::Secrets;
use clap::Args;
use serde_json::{Map, Value, json};

use super::args::{Common, Names};
use super::exit::Exit;
use super::fault::Fault;

use super::effective;
use super::loaded::{Loaded, members};
use super::rows::class;
use super::streams;
use crate::matrix::{Instance, Kind};

/// `diagnose`.
#[derive(Args, Clone, Debug)]
pub struct Diagnose {
    /// Which.
    #[command(flatten)]
    pub names: Names,
    /// Also the configuration files
    #[arg(long)]
    pub loader: bool,
    /// Also the plugins
    #[arg(long)]
    pub plugins: bool,
    /// The instances [default: true]
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true", hide_possible_values = true)]
    pub instances: Option<bool>,
    /// All of it
    #[arg(short, long)]
    pub all: bool,
    /// Output.
    #[command(flatten)]
    pub common: Common,
}

/// Prints the tree as YAML.
pub fn diagnose(diagnose: &Diagnose) -> Result<Exit, Fault> {
    let loaded = Loaded::read(&diagnose.common)?;
    let instances = match diagnose.all || diagnose.instances.unwrap_or(true) {
        true => members(&loaded.look(&diagnose.names)?),
        false => Vec::new(),
    };
    let mut tree = Map::new();
    let now = jiff::Timestamp::now().strftime("%Y-%m-%d %H:%M:%S UTC");
    tree.insert("timestamp".into(), now.to_string().into());
    tree.insert("kitchen_version".into(), env!("CARGO_PKG_VERSION").into());
    if diagnose.all || diagnose.plugins {
        tree.insert("plugins".into(), plugins(&instances));
    }
    if diagnose.all || diagnose.loader {
        tree.insert("loader".into(), loader(&loaded));
    }
    let instances = instances
        .iter()
        .map(|instance| Ok((instance.name.clone(), one(instance, &loaded)?)));
    let instances = instances.collect::<Result<Map<_, _>, Fault>>()?;
    tree.insert("instances".into(), Value::Object(instances));
    // As written, before templates put anything in.
    let written = std::fs::read_to_string(&loaded.config.files.project)?;
    let hidden = hidden(&loaded, &tree, &written);
    let mut tree = named(Value::Object(tree), &written);
    hidden.mask_value(&mut tree);
    let yaml = yaml(&tree)?;
    streams::stdout().write_all(yaml.as_bytes())?;
    Ok(Exit::Success)
}

/// A document that a reader of YAML 1.1 reads as it was meant.
fn yaml(tree: &Value) -> Result<String, Fault> {
    let text = serde_saphyr::to_string(tree).map_err(|error| {
        Fault::new(
            Exit::Internal,
            format!("write YAML: {error}"),
            None::<String>,
        )
    })?;
    Ok(format!("---\n{text}"))
}

fn one(instance: &Instance, loaded: &Loaded) -> Result<Value, Fault> {
    let state = match loaded.project.state_file(&instance.name).read() {
        Ok(state) => sorted(state),
        Err(error) => json!({"error": error.to_string()}),
    };
    let mut tree = json!({
        "platform": {
            "os_type": instance.platform_type.os,
            "shell_type": instance.platform_type.shell,
        },
        "state_file": state,
    });
    for kind in [
        Kind::Driver,
        Kind::Provisioner,
        Kind::Transport,
        Kind::Verifier,
    ] {
        tree[kind.key()] = Value::Object(instance.diagnosed(kind, &loaded.config));
    }
    tree["transport_used"] = instance.transport.name.clone().into();
    tree["effective"] = effective::of(instance, &loaded.registry);
    tree["lifecycle_hooks"] = Value::Object(instance.diagnosed_hooks(&loaded.config));
    Ok(tree)
}

fn sorted(map: Map<String, Value>) -> Value {
    let mut entries: Vec<_> = map.into_iter().collect();
    entries.sort_by(|a, b| a.0.cmp(&b.0));
    Value::Object(entries.into_iter().collect())
}

fn plugins(instances: &[Arc<Instance>]) -> Value {
    let mut tree = Map::new();
    if instances.is_empty() {
        return Value::Object(tree);
    }
    for kind in [
        Kind::Driver,
        Kind::Provisioner,
        Kind::Transport,
        Kind::Verifier,
    ] {
        let mut known = Map::new();
        for instance in instances {
            let class = class(&instance.plugin(kind).name);
            let about = json!({
                "class": format!("Kitchen::{}::{class}", crate::report::capital(kind.key())),
                "version": env!("CARGO_PKG_VERSION"),
                "api_version": null,
            });
            known.insert(class, about);
        }
        tree.insert(kind.key().into(), Value::Object(known));
    }
    Value::Object(tree)
}

fn loader(loaded: &Loaded) -> Value {
    let config = &loaded.config;
    let file = |path: Option<&Path>| {
        let path = path?;
        let (_, node) = config
            .raw
            .iter()
            .find(|(source, _)| source.path.as_path() == path)?;
        Some(json!({"filename": path, "raw_data": node.to_json()}))
    };
    let files = &config.files;
    let combined = config.tree.iter();
    let combined = combined.map(|(key, entry)| (key.clone(), entry.node.to_json()));
    json!({
        "process_erb": true,
        "process_local": true,
        "process_global": true,
        "global_config": file(files.global.as_deref()),
        "project_config": file(Some(&files.project)),
        "local_config": file(files.local.as_deref()),
        "combined_config": {"filename": null, "raw_data": Value::Object(combined.collect())},
    })
}

/// What must not be shown of `tree`. What `written`, the project's file, says itself is shown:
/// hiding it here hides nothing, and Test Kitchen shows it.
fn hidden(loaded: &Loaded, tree: &Map<String, Value>, written: &str) -> Secrets {
    let mut gather = loaded.config.secrets();
    // Names of instances are no names of keys.
    let instances = tree.get("instances").and_then(Value::as_object);
    let instances = instances.into_iter().flat_map(Map::values);
    instances
        .chain(tree.get("loader"))
        .for_each(|part| gather.tree(part));
    gather.retain(|value| !written.contains(value));
    Secrets::of(gather)
}

/// The tree without text below keys that are named like secrets, however short it is.
fn named(tree: Value, written: &str) -> Value {
    match tree {
        Value::Object(map) => {
            let mask = |(key, value): (String, Value)| match value {
                Value::String(text) => {
                    let secret = Secrets::is_secret(&key, &text) && !written.contains(&text);
                    (key, if secret { "******".into() } else { text.into() })
                }
                value => (key, named(value, written)),
            };
            Value::Object(map.into_iter().map(mask).collect())
        }
        Value::Array(list) => {
            let items = list.into_iter().map(|value| named(value, written));
            Value::Array(items.collect())
        }
        value => value,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use banquet_sdk::Gather;

    #[test]
    fn what_reads_as_another_type_is_quoted() {
        let tree = json!({"a": "yes", "b": "1_000", "c": "0755", "d": "~", "e": "1:30", "f": true,
            "g": "null", "h": "", "i": "12e3", "j": "2024-01-01", "on": 1});
        let text = yaml(&tree).expect("YAML");
        insta::assert_snapshot!(text);
    }

    #[test]
    fn secrets_are_masked_at_any_depth_but_for_those_that_the_file_tells() {
        let tree = json!({"driver": {"password": "x1", "list": [{"api_token": "y1"}], "user": "z"},
            "transport": {"password": "told1", "ssh_key": "~/.ssh/id", "token": ""},
            "url": "redis://u:pw12@h", "pin_token": 4711});
        let mut gather = Gather::default();
        gather.tree(&tree);
        gather.retain(|value| !"password: told1".contains(value));
        let mut tree = named(tree, "password: told1");
        Secrets::of(gather).mask_value(&mut tree);
        assert_eq!(
            tree,
            json!({"driver": {"password": "******", "list": [{"api_token": "******"}], "user": "z"},
                "transport": {"password": "told1", "ssh_key": "~/.ssh/id", "token": ""},
                "url": "redis://u:******@h", "pin_token": "******"})
        );
    }
}
