//! `secrets`: keys and variables whose values are never shown, beside those whose names tell it.

use banquet_sdk::Gather;
use serde_json::{Map as Json, Value};

use super::{Config, Map, Node, Problem, Problems, Source};
use std::sync::Arc;

use super::source::Sources;

const KEY: &str = "secrets";

/// The names that all files declare together: one file cannot take back what another one hides.
pub(super) fn read(
    files: &[(Arc<Source>, Node)],
    sources: &Sources,
    problems: &mut Problems,
) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for node in files.iter().filter_map(|(_, node)| node.get(KEY)) {
        let list = node.as_list().unwrap_or(std::slice::from_ref(node));
        for item in list.iter().filter(|item| !item.is_null()) {
            match item.as_str() {
                Some(name) if names.iter().any(|known| known == name) => {}
                Some(name) => names.push(name.to_owned()),
                None => {
                    let message = format!(
                        "`{KEY}` takes names of keys and variables, and this is {}",
                        item.described()
                    );
                    problems.push(
                        Problem::error(message)
                            .at(sources, item.span, "no name")
                            .help("Write the name, not the value: `secrets: [DB_PASS]`."),
                    );
                }
            }
        }
    }
    names
}

impl Config {
    /// All that must not be shown: the values of keys and variables of the workstation that are
    /// named like secrets or declared as such, passwords in addresses and command lines.
    pub fn secrets(&self) -> Gather {
        let mut gather = Gather::declaring(self.declared.iter().cloned());
        gather.tree(&Value::Object(json(&self.tree)));
        gather.environment();
        gather
    }
}

/// The tree without the list of names, which are no secrets themselves.
fn json(tree: &Map) -> Json<String, Value> {
    let entries = tree.iter().filter(|(key, _)| *key != KEY);
    entries
        .map(|(key, entry)| (key.clone(), entry.node.to_json()))
        .collect()
}
