//! The schema of kitchen.yml: its own keys, and those of every plugin of this build.

use schemars::{Schema, schema_for};
use serde_json::{Map, Value, json};

use super::settings::Kitchen;
use crate::matrix::Kind;
use crate::registry::Registry;

const KINDS: [Kind; 4] = [
    Kind::Driver,
    Kind::Transport,
    Kind::Provisioner,
    Kind::Verifier,
];

/// The whole schema.
pub fn schema(registry: &Registry) -> Schema {
    let mut schema = schema_for!(Kitchen);
    schema.insert("title".into(), "kitchen.yml".into());
    let mut definitions = match schema.remove("$defs") {
        Some(Value::Object(definitions)) => definitions,
        _ => Map::new(),
    };
    for kind in KINDS {
        let names = registry.names(kind);
        definitions.insert(kind.key().into(), section(kind, &names));
        for name in &names {
            if let Some(info) = registry.info(kind, name) {
                let summary = info.summary.to_string();
                plugin(kind, name, &summary, info.schema(), &mut definitions);
            }
        }
    }
    for name in ["Platform", "Suite", "Multisuite"] {
        if let Some(Value::Object(map)) = definitions.get_mut(name) {
            closed(map);
        }
    }
    closed(schema.ensure_object());
    schema.insert("$defs".into(), Value::Object(definitions));
    schema
}

/// Refuses keys that nothing reads, so that an editor marks them; those that begin as here hold
/// anchors.
fn closed(map: &mut Map<String, Value>) {
    map.insert("patternProperties".into(), json!({"^(x-|_|\\.)": true}));
    map.insert("additionalProperties".into(), false.into());
}

/// A plugin's name, or a map with the keys of the plugin that it names; without a name those of
/// all, since another level names it.
fn section(kind: Kind, names: &[String]) -> Value {
    let reference = |name: &String| json!({"$ref": format!("#/$defs/{}", place(kind, name))});
    let named = names.iter().map(|name| {
        json!({
            "if": {"properties": {"name": {"const": name}}, "required": ["name"]},
            "then": reference(name),
        })
    });
    let unnamed = json!({
        "if": {"not": {"required": ["name"]}},
        "then": {"anyOf": names.iter().map(reference).chain([json!({})]).collect::<Vec<_>>()},
    });
    let words = format!(
        "Name of the {}; plugins beside this program may add to these.",
        kind.key()
    );
    let name = json!({
        "description": words,
        "anyOf": [{"enum": names}, {"type": "string"}],
    });
    json!({
        "anyOf": [
            name,
            {
                "type": ["object", "null"],
                "properties": {"name": name},
                "allOf": named.chain([unnamed]).collect::<Vec<_>>(),
            },
        ],
    })
}

fn place(kind: Kind, name: &str) -> String {
    format!("{}-{name}", kind.key())
}

/// Puts the schema of a plugin and all that it refers to among the definitions, under names of
/// their own.
fn plugin(kind: Kind, name: &str, summary: &str, schema: Schema, into: &mut Map<String, Value>) {
    let place = place(kind, name);
    let mut schema = schema.to_value();
    rename(&mut schema, &place);
    let Value::Object(mut map) = schema else {
        return;
    };
    map.remove("$schema");
    if !summary.is_empty() {
        map.insert("description".into(), summary.into());
    }
    if let Some(Value::Object(own)) = map.remove("$defs") {
        for (name, definition) in own {
            into.insert(format!("{place}-{name}"), definition);
        }
    }
    into.insert(place, Value::Object(map));
}

fn rename(value: &mut Value, place: &str) {
    match value {
        Value::Object(map) => {
            for (key, value) in map {
                match value {
                    Value::String(target) if key == "$ref" => {
                        if let Some(name) = target.strip_prefix("#/$defs/") {
                            *target = format!("#/$defs/{place}-{name}");
                        }
                    }
                    other => rename(other, place),
                }
            }
        }
        Value::Array(list) => list.iter_mut().for_each(|value| rename(value, place)),
        _ => {}
    }
}
