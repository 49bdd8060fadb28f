//! `customize`: lines for the block of the provider, by the rules of kitchen-vagrant's template.

use banquet_sdk::{Error, Result};
use serde_json::{Map, Value, json};

use crate::ruby::{is_word, literal, text};
use crate::settings::Settings;

/// The lines of the provider's block for a machine that the provider is to call `name`; `arguments`
/// are more words for `docker run`.
pub fn lines(settings: &Settings, name: &str, arguments: &[String]) -> Result<Vec<String>> {
    let provider = settings.provider();
    let mut lines = own(settings, &provider, name);
    if provider == "docker" {
        lines.extend(docker(&settings.customize, arguments));
    }
    for (key, value) in &settings.customize {
        let key = key.strip_prefix(':').unwrap_or(key);
        let made = match provider.as_str() {
            "docker" if key == "create_args" => Vec::new(),
            "virtualbox" => virtualbox(key, value),
            "libvirt" => libvirt(key, value),
            "parallels" => vec![parallels(key, value)],
            vmware if vmware.starts_with("vmware_") => vmx(&settings.customize, key, value),
            "lxc" => lxc(key, value),
            _ => vec![assignment(key, value)],
        };
        // What stands where Ruby wants a name must be one.
        if !is_word(key)
            && made
                .iter()
                .any(|line| line.starts_with(&format!("p.{key} ")))
        {
            let pointer = format!("/customize/{key}");
            return Err(Error::config(
                pointer,
                format!("{key:?} is no setting of provider {provider}"),
            ));
        }
        lines.extend(made);
    }
    Ok(lines)
}

/// What is set whatever `customize` says.
fn own(settings: &Settings, provider: &str, name: &str) -> Vec<String> {
    let customize = &settings.customize;
    let mut lines = Vec::new();
    let name = text(name);
    let named = customize.contains_key("name");
    match provider {
        "virtualbox" | "parallels" | "docker" if !named => lines.push(format!("p.name = {name}")),
        "hyperv" => lines.push(format!("p.vmname = {name}")),
        "libvirt" if !customize.contains_key("default_prefix") => {
            lines.push(format!(
                "p.default_prefix = {}",
                text(&format!("{}-", name.trim_matches('"')))
            ));
        }
        _ => {}
    }
    let vmware = provider.starts_with("vmware_");
    if let Some(gui) = settings.gui.filter(|_| provider == "virtualbox" || vmware) {
        lines.push(format!("p.gui = {gui}"));
    }
    let clones = vmware || ["virtualbox", "parallels", "hyperv"].contains(&provider);
    if let Some(linked) = settings.linked_clone.filter(|_| clones) {
        lines.push(format!("p.linked_clone = {linked}"));
    }
    if provider == "virtualbox" && !customize.contains_key("audio") {
        lines.push(modify("audio", "\"none\""));
    }
    lines
}

fn docker(customize: &Map<String, Value>, arguments: &[String]) -> Vec<String> {
    let own = customize.get("create_args").and_then(Value::as_array);
    let words = arguments.iter().map(|word| json!(word));
    let all: Vec<Value> = words.chain(own.into_iter().flatten().cloned()).collect();
    let mut lines = vec![format!("p.create_args = {}", literal(&all.into()))];
    if !customize.contains_key("has_ssh") {
        lines.push("p.has_ssh = true".into());
    }
    lines
}

fn assignment(key: &str, value: &Value) -> String {
    format!("p.{key} = {}", literal(value))
}

fn modify(key: &str, value: &str) -> String {
    format!(
        "p.customize [\"modifyvm\", :id, {}, {value}]",
        text(&format!("--{key}"))
    )
}

/// One value or a list of them.
fn each(value: &Value) -> &[Value] {
    value
        .as_array()
        .map_or(std::slice::from_ref(value), Vec::as_slice)
}

/// A value in quotes, whatever it is.
fn quoted(value: &Value) -> String {
    match value {
        Value::String(value) => text(value),
        other => text(&other.to_string()),
    }
}

fn virtualbox(key: &str, value: &Value) -> Vec<String> {
    match key {
        "name" => vec![assignment(key, value)],
        "createhd" => each(value).iter().map(disk).collect(),
        "storagectl" | "storageattach" => each(value).iter().map(|it| storage(key, it)).collect(),
        "cpuidset" => {
            let ids: Vec<String> = each(value).iter().map(quoted).collect();
            vec![modify(key, &ids.join(", "))]
        }
        "setextradata" => {
            let pairs = value.as_object().into_iter().flatten();
            let line = |(key, value): (&String, &Value)| {
                let (key, value) = (text(key), literal(value));
                format!("p.customize [\"setextradata\", :id, {key}, {value}]")
            };
            pairs.map(line).collect()
        }
        _ => vec![modify(key, &quoted(value))],
    }
}

fn disk(item: &Value) -> String {
    let file = quoted(&item["filename"]);
    let size = literal(&item["size"]);
    format!(
        "p.customize [\"createhd\", \"--filename\", {file}, \"--size\", {size}] unless File.file?({file})"
    )
}

fn storage(key: &str, item: &Value) -> String {
    let pairs = item.as_object().into_iter().flatten();
    let word = |(key, value): (&String, &Value)| {
        let value = match value {
            Value::Number(number) => number.to_string(),
            other => quoted(other),
        };
        format!("{}, {value}", text(&format!("--{key}")))
    };
    let words: Vec<String> = pairs.map(word).collect();
    format!("p.customize [{}, :id, {}]", text(key), words.join(", "))
}

/// `storage` is Ruby's arguments as they are.
fn libvirt(key: &str, value: &Value) -> Vec<String> {
    match key {
        "storage" => each(value)
            .iter()
            .filter_map(Value::as_str)
            .map(|arguments| format!("p.storage {arguments}"))
            .collect(),
        _ => vec![assignment(key, value)],
    }
}

fn parallels(key: &str, value: &Value) -> String {
    match key {
        "memory" | "cpus" | "name" => assignment(key, value),
        _ => {
            let key = text(&format!("--{}", key.replace('_', "-")));
            format!("p.customize [\"set\", :id, {key}, {}]", quoted(value))
        }
    }
}

fn vmx(customize: &Map<String, Value>, key: &str, value: &Value) -> Vec<String> {
    let real = match key {
        "memory" => "memsize",
        "cpus" => "numvcpus",
        key => key,
    };
    if real != key && customize.contains_key(real) {
        return Vec::new();
    }
    vec![format!("p.vmx[{}] = {}", text(real), quoted(value))]
}

fn lxc(key: &str, value: &Value) -> Vec<String> {
    match key {
        "container_name" | "backingstore" => vec![assignment(key, value)],
        "backingstore_options" => {
            let pairs = value.as_object().into_iter().flatten();
            let line = |(key, value): (&String, &Value)| {
                let key = text(&format!("--{key}"));
                format!("p.backingstore_option {key}, {}", quoted(value))
            };
            pairs.map(line).collect()
        }
        "include" => {
            let line = |value| format!("p.customize \"include\", {}", quoted(value));
            each(value).iter().map(line).collect()
        }
        _ => vec![format!("p.customize {}, {}", text(key), quoted(value))],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(values: Value) -> Vec<String> {
        let settings: Settings = serde_json::from_value(values).unwrap();
        lines(&settings, "banquet-x", &["-p".into()]).unwrap()
    }

    #[test]
    fn virtualbox_is_customized_by_commands() {
        let customize = json!({
            "memory": 512, "cpuidset": ["1", 2], "createhd": {"filename": "d.vdi", "size": 10},
            "storageattach": [{"storagectl": "SATA", "port": 1}], "setextradata": {"a/b": "c"},
            "name": "mine",
        });
        let lines = of(
            json!({"provider": "virtualbox", "gui": true, "linked_clone": false, "customize": customize}),
        );
        assert_eq!(
            lines,
            [
                "p.gui = true",
                "p.linked_clone = false",
                r#"p.customize ["modifyvm", :id, "--audio", "none"]"#,
                r#"p.customize ["modifyvm", :id, "--memory", "512"]"#,
                r#"p.customize ["modifyvm", :id, "--cpuidset", "1", "2"]"#,
                r#"p.customize ["createhd", "--filename", "d.vdi", "--size", 10] unless File.file?("d.vdi")"#,
                r#"p.customize ["storageattach", :id, "--storagectl", "SATA", "--port", 1]"#,
                r#"p.customize ["setextradata", :id, "a/b", "c"]"#,
                r#"p.name = "mine""#,
            ]
        );
    }

    #[test]
    fn docker_keeps_the_users_arguments_beside_ours() {
        let customize = json!({"image": "x", "create_args": ["--init"], "env": {"A": "#{b}"}});
        assert_eq!(
            of(json!({"provider": "docker", "customize": customize})),
            [
                r#"p.name = "banquet-x""#,
                r#"p.create_args = ["-p", "--init"]"#,
                "p.has_ssh = true",
                r#"p.image = "x""#,
                r##"p.env = {A: "\#{b}"}"##,
            ]
        );
    }

    #[test]
    fn other_providers_have_ways_of_their_own() {
        for (provider, customize, line) in [
            (
                "libvirt",
                json!({"storage": ":file, size: \"1G\""}),
                "p.storage :file, size: \"1G\"",
            ),
            ("libvirt", json!({"memory": 512}), "p.memory = 512"),
            (
                "vmware_desktop",
                json!({"memory": 512}),
                "p.vmx[\"memsize\"] = \"512\"",
            ),
            ("parallels", json!({"cpus": 2}), "p.cpus = 2"),
            (
                "parallels",
                json!({"on_crash": "x"}),
                "p.customize [\"set\", :id, \"--on-crash\", \"x\"]",
            ),
            ("hyperv", json!({"memory": 512}), "p.memory = 512"),
            (
                "lxc",
                json!({"include": "x"}),
                "p.customize \"include\", \"x\"",
            ),
            (
                "cloud",
                json!({"tags": [{"a": "b"}]}),
                "p.tags = [{a: \"b\"}]",
            ),
        ] {
            let lines = of(json!({"provider": provider, "customize": customize}));
            assert_eq!(lines.last().map(String::as_str), Some(line), "{lines:?}");
        }
        let both = json!({"memory": 1, "memsize": 2});
        let lines = of(json!({"provider": "vmware_desktop", "customize": both}));
        assert_eq!(lines, ["p.vmx[\"memsize\"] = \"2\""]);
    }

    #[test]
    fn a_key_is_no_code() {
        let values = json!({"provider": "libvirt", "customize": {"a; `id`": 1}});
        let settings: Settings = serde_json::from_value(values).unwrap();
        let error = lines(&settings, "x", &[]).unwrap_err();
        assert_eq!(error.key.as_deref(), Some("/customize/a; `id`"));
    }
}
