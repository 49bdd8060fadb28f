//! What can be written for plugins and as steps, made from their schemas: `kitchen help docker`,
//! `kitchen help steps`, and the pages under docs/ (`kitchen help --markdown docs`).

mod example;
mod key;
mod markdown;
mod steps;
mod text;

use crate::matrix::Kind;
use crate::registry::Registry;
use key::Key;
use serde_json::Value;

pub use markdown::write;
pub use text::{plugin as page, steps};

const KINDS: [Kind; 4] = [
    Kind::Driver,
    Kind::Transport,
    Kind::Provisioner,
    Kind::Verifier,
];

/// A plugin of one kind.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Section {
    kind: Kind,
    summary: String,
    example: Option<String>,
    keys: Vec<Key>,
}

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

/// The keys of a plugin with their defaults: a value, nothing, or, where it depends on others, a
/// map with the one key `default` and words. None where there is no such plugin.
pub fn defaults(registry: &Registry, kind: Kind, name: &str) -> Vec<(String, Value)> {
    let schema = registry.schema(kind, name);
    schema.map_or_else(Vec::new, |schema| key::defaults(&schema))
}

/// The plugins of this name, one of a kind.
fn sections(registry: &Registry, name: &str) -> Vec<Section> {
    let found = KINDS.into_iter().filter_map(|kind| {
        let info = registry.info(kind, name)?;
        Some(Section {
            kind,
            summary: info.summary.to_string(),
            example: example::example(kind, name),
            keys: key::keys(&info.schema().to_value()),
        })
    });
    found.collect()
}

#[cfg(test)]
mod tests;
