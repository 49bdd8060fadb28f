//! Settings that protect less than what is usual, for `kitchen doctor`.

use std::path::Path;

use serde_json::Value;

use crate::{Fault, Section};

/// A setting that can be weaker than the default of its field: that of OpenSSH, of TLS, of a
/// container engine.
#[derive(Clone, Copy, Debug)]
pub struct Weaker {
    /// JSON pointer of the setting (`/verify_host_key`); `*` stands for each item of a
    /// list and each value of a map.
    pub at: &'static str,
    /// Whether the value that is written is a weak one.
    pub when: fn(&Value) -> bool,
    /// What it lets happen, a clause: "any machine that answers is believed".
    pub means: &'static str,
    /// What to do, a sentence.
    pub instead: &'static str,
}

/// A finding for each setting of `section` that is weaker, with its place. What is not written is
/// not told: the defaults are in the documentation.
pub fn findings(section: &Section, rules: &[Weaker]) -> Vec<Fault> {
    let mut found = Vec::new();
    for rule in rules {
        for (pointer, value) in values(section, rule.at) {
            if (rule.when)(value) {
                let message = format!("{}: {}", told(section, &pointer, value), rule.means);
                found.push(Fault {
                    message,
                    advice: rule.instead.into(),
                });
            }
        }
    }
    found
}

/// A finding for each file with a private key, below one of these pointers, that other users can
/// read. Paths are relative to `root`; `~` is the user's home.
pub fn open_keys(section: &Section, root: &Path, pointers: &[&str]) -> Vec<Fault> {
    let mut found = Vec::new();
    for pointer in pointers {
        for (pointer, value) in values(section, pointer) {
            let Some(path) = value.as_str() else { continue };
            let file = match path.strip_prefix("~/") {
                Some(below) => std::env::home_dir().unwrap_or_default().join(below),
                None => root.join(path),
            };
            if is_open(&file) {
                let told = told(section, &pointer, value);
                found.push(Fault {
                    message: format!("{told}: other users of this workstation can read the key"),
                    advice: format!("Run `chmod 600 {}`.", file.display()),
                });
            }
        }
    }
    found
}

/// `false`, or a word for it.
pub fn is_off(value: &Value) -> bool {
    match value {
        Value::Bool(value) => !value,
        Value::String(text) => {
            let text = text.to_ascii_lowercase();
            matches!(
                text.as_str(),
                "false" | "no" | "off" | "never" | "none" | "any"
            )
        }
        _ => false,
    }
}

/// `true`, or a word for it.
pub fn is_on(value: &Value) -> bool {
    match value {
        Value::Bool(value) => *value,
        Value::String(text) => {
            let text = text.to_ascii_lowercase();
            matches!(text.as_str(), "true" | "yes" | "on")
        }
        _ => false,
    }
}

/// Every address of IPv4 or of IPv6, or a list that has one of them.
pub fn is_whole_internet(value: &Value) -> bool {
    match value {
        Value::String(text) => matches!(text.trim(), "0.0.0.0/0" | "::/0"),
        Value::Array(list) => list.iter().any(is_whole_internet),
        _ => false,
    }
}

fn told(section: &Section, pointer: &str, value: &Value) -> String {
    let name = pointer.trim_start_matches('/').replace('/', ".");
    let place = section.origin(pointer);
    let place = place.map(|at| format!(" ({at})")).unwrap_or_default();
    let value = match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    format!("`{name}: {value}`{place}")
}

/// The values at `pointer`, each with its own pointer. What is neither list nor map is its own `*`.
pub(crate) fn values<'a>(section: &'a Section, pointer: &str) -> Vec<(String, &'a Value)> {
    let mut parts = pointer.split('/').skip(1);
    let first = parts.next().unwrap_or_default();
    let mut found: Vec<_> = section
        .values
        .get(first)
        .map(|value| (format!("/{first}"), value))
        .into_iter()
        .collect();
    for part in parts {
        found = found
            .into_iter()
            .flat_map(|(at, value)| match (part, value) {
                ("*", Value::Array(list)) => list
                    .iter()
                    .enumerate()
                    .map(|(index, value)| (format!("{at}/{index}"), value))
                    .collect(),
                ("*", Value::Object(map)) => map
                    .iter()
                    .map(|(key, value)| (format!("{at}/{}", escaped(key)), value))
                    .collect(),
                ("*", value) => vec![(at, value)],
                (part, value) => value
                    .get(part)
                    .map(|value| (format!("{at}/{part}"), value))
                    .into_iter()
                    .collect(),
            })
            .collect();
    }
    found
}

/// A key as a part of a JSON pointer.
pub(crate) fn escaped(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

#[cfg(unix)]
fn is_open(file: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    std::fs::metadata(file).is_ok_and(|about| about.is_file() && about.mode() & 0o077 != 0)
}

#[cfg(not(unix))]
fn is_open(_file: &Path) -> bool {
    false
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn section(values: Value) -> Section {
        let Value::Object(values) = values else {
            panic!("a map")
        };
        Section {
            values,
            ..Section::default()
        }
    }

    #[test]
    fn weak_settings_are_told_and_strong_ones_are_not() {
        let rules = [
            Weaker {
                at: "/tls_verify",
                when: is_off,
                means: "any server is believed",
                instead: "Leave it out.",
            },
            Weaker {
                at: "/networks/*/from",
                when: is_whole_internet,
                means: "everybody can reach it",
                instead: "Name your own addresses.",
            },
        ];
        let weak =
            json!({"tls_verify": "no", "networks": [{"from": "10.0.0.0/8"}, {"from": ["::/0"]}]});
        let found = findings(&section(weak), &rules);
        let messages: Vec<_> = found.iter().map(|it| it.message.as_str()).collect();
        assert_eq!(
            messages,
            [
                "`tls_verify: no`: any server is believed",
                "`networks.1.from: [\"::/0\"]`: everybody can reach it",
            ]
        );
        let strong = json!({"tls_verify": true, "networks": []});
        assert!(findings(&section(strong), &rules).is_empty());
        assert!(findings(&section(json!({})), &rules).is_empty());
    }

    #[cfg(unix)]
    #[test]
    fn a_key_that_others_can_read_is_told() {
        use std::os::unix::fs::PermissionsExt;
        let root = tempfile::tempdir().unwrap();
        let key = root.path().join("id");
        std::fs::write(&key, "").unwrap();
        let section = section(json!({"ssh_key": "id", "keys": ["none", "id"]}));
        for (mode, count) in [(0o600, 0), (0o640, 2), (0o604, 2)] {
            std::fs::set_permissions(&key, std::fs::Permissions::from_mode(mode)).unwrap();
            let found = open_keys(&section, root.path(), &["/ssh_key", "/keys/*", "/gone"]);
            assert_eq!(found.len(), count, "{mode:o}");
        }
    }
}
