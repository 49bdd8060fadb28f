//! Every setting of an instance's plugins with the value that counts: what is written, else the
//! default, as the plugin's own type of settings and its documentation have it.

use serde_json::{Map, Value, json};

use super::reference;
use crate::matrix::{Instance, Kind};
use crate::registry::Registry;

/// The settings of all four plugins, each with the plugin's name, in the order of their keys. The
/// transport is the one that reaches the machine.
pub fn of(instance: &Instance, registry: &Registry) -> Value {
    let kinds = [
        Kind::Driver,
        Kind::Provisioner,
        Kind::Transport,
        Kind::Verifier,
    ];
    let settings = kinds.map(|kind| {
        let settings = settings(instance, kind, registry);
        (kind.key().to_owned(), Value::Object(settings))
    });
    Value::Object(settings.into_iter().collect())
}

fn settings(instance: &Instance, kind: Kind, registry: &Registry) -> Map<String, Value> {
    let used = instance.plugin(kind);
    let written = &used.section.values;
    let mut all: Vec<(String, Value)> = reference::defaults(registry, kind, &used.name)
        .into_iter()
        .filter(|(key, _)| !written.contains_key(key))
        .collect();
    all.extend(
        written
            .iter()
            .map(|(key, value)| (key.clone(), value.clone())),
    );
    all.push(("name".to_owned(), json!(used.name)));
    all.sort_by(|a, b| a.0.cmp(&b.0));
    all.into_iter().collect()
}
