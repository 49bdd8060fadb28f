//! `client.rb` and `solo.rb`: settings as Ruby.

use serde_json::{Map, Value, json};

use crate::settings::Settings;

/// The text of the file for node `node` with everything below `root` (provisioner/chef_base.rb,
/// `default_config_rb`); `own` are the user's additions.
pub fn text(settings: &Settings, own: &Map<String, Value>, root: &str, node: &str) -> String {
    let mut all = defaults(settings, root, node);
    all.extend(own.clone());
    if let Some(name) = &settings.named_run_list {
        all.insert("named_run_list".into(), json!(name.0));
    }
    all.iter()
        .map(|(key, value)| format!("{key} {}\n", ruby(value)))
        .collect()
}

/// The node's name: the user's, or the instance's.
pub fn node_name<'a>(own: &'a Map<String, Value>, instance: &'a str) -> &'a str {
    own.get("node_name")
        .and_then(Value::as_str)
        .unwrap_or(instance)
}

fn defaults(settings: &Settings, root: &str, node: &str) -> Map<String, Value> {
    let below = |name: &str| json!(format!("{root}/{name}"));
    let mut all = Map::new();
    let mut set = |key: &str, value: Value| drop(all.insert(key.into(), value));
    set("node_name", json!(node));
    set("checksum_path", below("checksums"));
    set("file_cache_path", below("cache"));
    set("file_backup_path", below("backup"));
    set(
        "cookbook_path",
        json!([below("cookbooks"), below("site-cookbooks")]),
    );
    set("data_bag_path", below("data_bags"));
    set("environment_path", below("environments"));
    set("node_path", below("nodes"));
    set("role_path", below("roles"));
    set("client_path", below("clients"));
    set("user_path", below("users"));
    set("validation_key", below("validation.pem"));
    set("client_key", below("client.pem"));
    set("chef_server_url", json!("http://127.0.0.1:8889"));
    set(
        "encrypted_data_bag_secret",
        below("encrypted_data_bag_secret"),
    );
    set(
        "treat_deprecation_warnings_as_errors",
        json!(settings.deprecations_as_errors),
    );
    if let Some(license) = &settings.chef_license {
        set("chef_license", json!(license.0));
    }
    all
}

/// A value as Ruby has it; a text that begins with a colon is a symbol, and `#{…}` in a text is
/// evaluated, as Test Kitchen's users rely on.
fn ruby(value: &Value) -> String {
    match value {
        Value::Null => "nil".into(),
        Value::String(text) if text.starts_with(':') => text.clone(),
        Value::String(text) => quoted(text),
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(ruby).collect();
            format!("[{}]", items.join(", "))
        }
        Value::Object(map) => {
            let entries: Vec<String> = map
                .iter()
                .map(|(key, value)| format!("{} => {}", symbol(key), ruby(value)))
                .collect();
            // Behind a method's name a brace would begin a block.
            format!("({{{}}})", entries.join(", "))
        }
        other => other.to_string(),
    }
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

fn symbol(key: &str) -> String {
    let plain = key.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        && !key.starts_with(|c: char| c.is_ascii_digit())
        && !key.is_empty();
    match plain {
        true => format!(":{key}"),
        false => format!(":{}", quoted(key)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_user_sets_is_put_over_the_defaults() {
        let settings: Settings = serde_json::from_value(json!({
            "deprecations_as_errors": true, "chef_license": "accept", "named_run_list": "test"
        }))
        .unwrap();
        let own =
            json!({"environment": "prod", "node_name": "web", "ssl_verify_mode": ":verify_none"});
        let own = own.as_object().unwrap();
        let text = text(&settings, own, "/tmp/kitchen", "web");
        let line = |key: &str| {
            let lines: Vec<&str> = text.lines().filter(|line| line.starts_with(key)).collect();
            lines.join("|")
        };
        assert_eq!(line("node_name"), "node_name \"web\"");
        assert_eq!(
            line("cookbook_path"),
            r#"cookbook_path ["/tmp/kitchen/cookbooks", "/tmp/kitchen/site-cookbooks"]"#
        );
        assert_eq!(line("environment "), "environment \"prod\"");
        assert_eq!(line("ssl_"), "ssl_verify_mode :verify_none");
        assert_eq!(line("treat_"), "treat_deprecation_warnings_as_errors true");
        assert_eq!(line("chef_license"), "chef_license \"accept\"");
        assert_eq!(line("named_run_list"), "named_run_list \"test\"");
        assert_eq!(node_name(own, "i"), "web");
        assert_eq!(node_name(&Map::new(), "i"), "i");
    }

    #[test]
    fn values_are_ruby() {
        for (value, text) in [
            (json!(null), "nil"),
            (json!(5), "5"),
            (
                json!("a \"b\" \\ #{ENV['C']}"),
                r#""a \"b\" \\ #{ENV['C']}""#,
            ),
            (json!([":a", "b"]), r#"[:a, "b"]"#),
            (json!({"a": {"b-c": 1}}), r#"({:a => ({:"b-c" => 1})})"#),
        ] {
            assert_eq!(ruby(&value), text);
        }
    }
}
