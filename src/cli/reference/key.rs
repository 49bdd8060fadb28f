//! The keys of a map, as its JSON Schema has them, for people.

use serde_json::Value;

/// A key of a plugin or a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    /// Its name; `hosts.port` is the key `port` of the maps in `hosts`.
    pub name: String,
    /// What may be written: `text or list of text`.
    pub form: String,
    /// What counts where nothing is written.
    pub default: Option<String>,
    /// What it means, in one line.
    pub meaning: String,
}

/// The keys of the map that `schema` describes, each followed by those of the maps in it.
pub fn keys(schema: &Value) -> Vec<Key> {
    keys_of(schema, schema)
}

/// As [`keys`], of the definition `name` in `schema`.
pub fn keys_in(schema: &Value, name: &str) -> Vec<Key> {
    let found = schema.pointer(&format!("/$defs/{name}"));
    found.map_or_else(Vec::new, |map| keys_of(schema, map))
}

fn keys_of(root: &Value, map: &Value) -> Vec<Key> {
    let mut keys = Vec::new();
    for (name, property) in properties(map) {
        keys.push(key(root, map, name, property));
        for inner in maps(root, property) {
            keys.extend(properties(inner).map(|(own, property)| Key {
                name: format!("{name}.{own}"),
                ..key(root, inner, own, property)
            }));
        }
    }
    keys
}

fn properties(map: &Value) -> impl Iterator<Item = (&String, &Value)> {
    let found = map.get("properties").and_then(Value::as_object);
    found.into_iter().flatten()
}

/// The key `name` of `map`.
fn key(root: &Value, map: &Value, name: &str, property: &Value) -> Key {
    let words = property.get("description").and_then(Value::as_str);
    let words: Vec<&str> = words.unwrap_or_default().split_whitespace().collect();
    let (meaning, told) = without_default(&words.join(" "));
    let required = map.get("required").and_then(Value::as_array);
    let required = required.is_some_and(|keys| keys.iter().any(|key| key == name));
    Key {
        name: name.to_owned(),
        form: listed(&forms(root, property)),
        default: told
            .or_else(|| default(property))
            .or_else(|| required.then(|| "required".to_owned())),
        meaning,
    }
}

/// A description, and the default in it: `… [default: 1s].`, `…; default: 1s.`, or one of several
/// values, `` `a` (default) or `b` ``.
fn without_default(words: &str) -> (String, Option<String>) {
    if let Some((before, after)) = words.split_once("` (default)")
        && let Some((_, value)) = before.rsplit_once('`')
    {
        return (format!("{before}`{after}"), Some(format!("`{value}`")));
    }
    for (start, end) in [(" [default: ", "]"), ("; default: ", "")] {
        let Some((meaning, rest)) = words.rsplit_once(start) else {
            continue;
        };
        let rest = rest.trim_end_matches('.');
        // Where more is said behind it, the default stays in its sentence.
        if let Some(told) = rest.strip_suffix(end).filter(|told| !told.contains(". ")) {
            let meaning = format!("{}.", meaning.trim_end_matches('.'));
            return (meaning, Some(told.to_owned()));
        }
    }
    (words.to_owned(), None)
}

/// `a, b or c`.
fn listed(forms: &[String]) -> String {
    match forms {
        [] => String::new(),
        [one] => one.clone(),
        [first @ .., last] => format!("{} or {last}", first.join(", ")),
    }
}

/// The keys of the map that `schema` describes, without those of maps in it, each with the default
/// that its type has, else with the one that its description tells.
pub fn defaults(schema: &Value) -> Vec<(String, Value)> {
    let told = |name: &String, property: &Value| match property.get("default") {
        Some(value) if !value.is_null() => value.clone(),
        _ => match key(schema, schema, name, property).default {
            Some(words) if words != "required" => told_value(&words),
            _ => Value::Null,
        },
    };
    let keys = properties(schema);
    keys.map(|(name, property)| (name.clone(), told(name, property)))
        .collect()
}

/// A default as a description tells it: `` `5` `` or a plain word that YAML reads as one is a
/// value, all else is words.
fn told_value(words: &str) -> Value {
    let quoted = words
        .strip_prefix('`')
        .and_then(|rest| rest.strip_suffix('`'));
    let value = match quoted.filter(|text| !text.contains('`')) {
        Some(text) => text,
        None if matches!(words, "true" | "false") || words.parse::<f64>().is_ok() => words,
        None => return serde_json::json!({"default": words}),
    };
    let parsed = serde_saphyr::from_str(value);
    parsed.unwrap_or_else(|_| value.into())
}

/// The default of a schema; what is empty is no default.
fn default(property: &Value) -> Option<String> {
    match property.get("default")? {
        Value::Null => None,
        Value::String(text) if text.is_empty() => None,
        Value::Array(list) if list.is_empty() => None,
        Value::Object(map) if map.is_empty() => None,
        other => Some(format!("`{}`", plain(other))),
    }
}

/// What `value` refers to, itself where it refers to nothing.
fn resolved<'a>(root: &'a Value, value: &'a Value) -> &'a Value {
    let target = value.get("$ref").and_then(Value::as_str);
    let target = target.and_then(|target| root.pointer(target.trim_start_matches('#')));
    target.unwrap_or(value)
}

/// The alternatives of `value`, none where it has none.
fn alternatives(value: &Value) -> impl Iterator<Item = &Value> {
    let found = ["anyOf", "oneOf"].iter().find_map(|key| value.get(key));
    found.and_then(Value::as_array).into_iter().flatten()
}

/// The maps with known keys that may stand at `property`, or in a list there, each once.
fn maps<'a>(root: &'a Value, property: &'a Value) -> Vec<&'a Value> {
    let mut found: Vec<&Value> = Vec::new();
    let mut open = vec![property];
    // Grammars may refer to themselves.
    for _ in 0..64 {
        let Some(value) = open.pop() else { break };
        let value = resolved(root, value);
        if value.get("properties").is_some() && !found.contains(&value) {
            found.push(value);
        }
        open.extend(alternatives(value));
        open.extend(value.get("items"));
    }
    found
}

/// What may be written at `value`, each form once.
fn forms(root: &Value, value: &Value) -> Vec<String> {
    let value = resolved(root, value);
    if let Some(title) = value.get("title").and_then(Value::as_str) {
        return vec![title.to_owned()];
    }
    if let Some(constant) = value.get("const") {
        return vec![format!("`{}`", plain(constant))];
    }
    if let Some(list) = value.get("enum").and_then(Value::as_array) {
        let values = list.iter().filter(|value| !value.is_null());
        return values.map(|value| format!("`{}`", plain(value))).collect();
    }
    let mut found: Vec<String> = Vec::new();
    for alternative in alternatives(value) {
        for form in forms(root, alternative) {
            if !found.contains(&form) {
                found.push(form);
            }
        }
    }
    if found.is_empty() {
        found = types(root, value);
    }
    simplified(found)
}

/// The forms that `type` names.
fn types(root: &Value, value: &Value) -> Vec<String> {
    let of = |key: &str, whole: &str| match value.get(key).filter(|inner| inner.is_object()) {
        Some(inner) => match listed(&forms(root, inner)).as_str() {
            "any value" => whole.to_owned(),
            inner => format!("{whole} of {inner}"),
        },
        None => whole.to_owned(),
    };
    let named = match value.get("type") {
        Some(Value::String(one)) => vec![one.as_str()],
        Some(Value::Array(all)) => all.iter().filter_map(Value::as_str).collect(),
        _ => return vec!["any value".into()],
    };
    let named = named.into_iter().filter(|name| *name != "null");
    named
        .map(|name| match name {
            "string" => "text".into(),
            "boolean" => "true or false".into(),
            "integer" => "whole number".into(),
            "array" => of("items", "list"),
            "object" => of("additionalProperties", "map"),
            other => other.to_owned(),
        })
        .collect()
}

/// That text may be written as a number or a word such as `true` goes without saying.
fn simplified(mut forms: Vec<String>) -> Vec<String> {
    let has = |forms: &[String], form: &str| forms.iter().any(|it| it == form);
    if has(&forms, "any value") {
        return vec!["any value".into()];
    }
    if has(&forms, "text") && has(&forms, "number") {
        forms.retain(|form| form != "number" && form != "true or false");
    }
    if has(&forms, "true or false") {
        forms.retain(|form| form != "`true`" && form != "`false`");
    }
    forms
}

fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn form(value: Value) -> String {
        let root = json!({"$defs": {"Pull": {"oneOf": [{"const": "always"}, {"const": "never"}]}}});
        listed(&forms(&root, &value))
    }

    #[test]
    fn forms_are_told_in_words() {
        for (schema, told) in [
            (json!({"type": ["string", "null"]}), "text"),
            (json!({"type": ["string", "number", "boolean"]}), "text"),
            (json!({"type": "boolean"}), "true or false"),
            (
                json!({"type": "integer", "format": "uint16"}),
                "whole number",
            ),
            (
                json!({"type": ["number", "string"], "title": "seconds"}),
                "seconds",
            ),
            (json!({}), "any value"),
            (
                json!({"type": "object", "additionalProperties": true}),
                "map",
            ),
            (
                json!({"type": "object", "additionalProperties": {"type": "string"}}),
                "map of text",
            ),
            (
                json!({"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}, {"type": "null"}]}),
                "text or list of text",
            ),
            (
                json!({"anyOf": [{"$ref": "#/$defs/Pull"}, {"type": "null"}]}),
                "`always` or `never`",
            ),
        ] {
            assert_eq!(form(schema), told);
        }
    }

    #[test]
    fn defaults_stand_in_the_schema_or_at_the_end_of_the_words() {
        let schema = json!({"properties": {
            "a": {"type": "string", "description": "One\nword [default: none].", "default": null},
            "b": {"type": "string", "description": "Another.", "default": "x"},
            "c": {"type": "string", "default": ""},
            "d": {"items": {
                "properties": {"e": {"type": "boolean", "default": false}, "f": {"type": "string"}},
                "required": ["f"],
            }},
            "g": {"type": "string", "description": "Words; default: that. More words."},
            "i": {"type": "string", "description": "When: `a` (default) or `b`."},
            "h": {"type": "string", "description": "Words; default: `x`, else y."},
        }});
        let keys = keys(&schema);
        let told: Vec<_> = keys
            .iter()
            .map(|key| (&*key.name, key.default.as_deref(), &*key.meaning))
            .collect();
        assert_eq!(
            told,
            [
                ("a", Some("none"), "One word."),
                ("b", Some("`x`"), "Another."),
                ("c", None, ""),
                ("d", None, ""),
                ("d.e", Some("`false`"), ""),
                ("d.f", Some("required"), ""),
                ("g", None, "Words; default: that. More words."),
                ("i", Some("`a`"), "When: `a` or `b`."),
                ("h", Some("`x`, else y"), "Words."),
            ]
        );
    }
}
