//! Pages about plugins, made of their schemas: `kitchen help docker`.

use std::fmt::Write;

use serde_json::Value;

use crate::matrix::Kind;
use crate::registry::Registry;

const KINDS: [Kind; 4] = [
    Kind::Driver,
    Kind::Transport,
    Kind::Provisioner,
    Kind::Verifier,
];

/// The names of all plugins, each once.
pub fn names(registry: &Registry) -> Vec<String> {
    let mut names: Vec<String> = KINDS
        .into_iter()
        .flat_map(|kind| registry.names(kind))
        .collect();
    names.sort();
    names.dedup();
    names
}

/// What every plugin of this name takes; none where there is none.
pub fn page(registry: &Registry, name: &str) -> Option<String> {
    let mut text = String::new();
    for kind in KINDS {
        let Some(info) = registry.info(kind, name) else {
            continue;
        };
        if !text.is_empty() {
            text.push('\n');
        }
        // Writing to memory cannot fail.
        let _ = writeln!(text, "{name}, a {}: {}", kind.key(), info.summary);
        let schema = info.schema().to_value();
        let keys = schema.get("properties").and_then(Value::as_object);
        for (key, property) in keys.into_iter().flatten() {
            self::key(&mut text, key, property);
        }
    }
    (!text.is_empty()).then_some(text)
}

/// A key, its default and what it means, the words no wider than a terminal.
fn key(text: &mut String, key: &str, property: &Value) {
    let default = match property.get("default") {
        None | Some(Value::Null) => String::new(),
        Some(value) => format!(" [default: {value}]"),
    };
    let _ = writeln!(text, "\n  {key}{default}");
    let words = property.get("description").and_then(Value::as_str);
    let mut line = String::from("     ");
    for word in words.unwrap_or_default().split_whitespace() {
        if line.len() + word.len() > 78 {
            let _ = writeln!(text, "{line}");
            line = String::from("     ");
        }
        line.push(' ');
        line.push_str(word);
    }
    if !line.trim().is_empty() {
        let _ = writeln!(text, "{line}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::matrix::Plugins;

    #[test]
    fn a_plugin_has_a_page_with_all_its_keys_and_what_they_mean() {
        let registry = Registry::builtin();
        for name in names(&registry) {
            let page = page(&registry, &name).expect("a page");
            for kind in KINDS {
                for key in registry.keys(kind, &name).unwrap_or_default() {
                    assert!(page.contains(&format!("\n  {key}")), "{key}: {page}");
                }
            }
            assert!(
                page.lines().all(|line| line.chars().count() < 160),
                "{page}"
            );
        }
        assert_eq!(page(&registry, "no such plugin"), None);
    }

    #[test]
    fn a_page_says_what_a_key_defaults_to() {
        let page = page(&Registry::builtin(), "dummy").expect("a page");
        for part in [
            "dummy, a driver:",
            "dummy, a verifier:",
            "\n  sleep",
            "[default: ",
        ] {
            assert!(page.contains(part), "{part}: {page}");
        }
    }
}
