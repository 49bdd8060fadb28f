//! Settings against the types that a plugin's JSON Schema tells, for plugins that do not check them
//! themselves. Only `type` is looked at, here and in `properties` and `items`: what a schema says
//! besides may be narrower than what the plugin takes.

use serde_json::{Map, Value};

use crate::weaker::escaped;
use crate::{Error, Result, Section};

/// The first setting of a type that the schema does not have.
pub(super) fn check(schema: &Value, section: &Section) -> Result<()> {
    properties(schema, &section.values, "")
}

fn properties(schema: &Value, values: &Map<String, Value>, at: &str) -> Result<()> {
    let known = schema.get("properties").and_then(Value::as_object);
    for (key, value) in values {
        if let Some(schema) = known.and_then(|known| known.get(key)) {
            of_value(schema, value, &format!("{at}/{}", escaped(key)))?;
        }
    }
    Ok(())
}

fn of_value(schema: &Value, value: &Value, at: &str) -> Result<()> {
    let types: Vec<&str> = match schema.get("type") {
        Some(Value::String(one)) => vec![one],
        Some(Value::Array(many)) => many.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    };
    // A key without a value is as good as none.
    if !types.is_empty() && !value.is_null() && !types.iter().any(|name| is(name, value)) {
        let expected: Vec<&str> = types.into_iter().map(word).collect();
        let message = format!("expected {}, found {}", expected.join(" or "), found(value));
        return Err(Error::config(at, message));
    }
    match value {
        Value::Object(map) => properties(schema, map, at),
        Value::Array(list) => {
            let items = schema.get("items");
            let mut each = items.into_iter().flat_map(|items| {
                let list = list.iter().enumerate();
                list.map(move |(index, item)| of_value(items, item, &format!("{at}/{index}")))
            });
            each.find(Result::is_err).unwrap_or(Ok(()))
        }
        _ => Ok(()),
    }
}

fn is(name: &str, value: &Value) -> bool {
    match name {
        "string" => value.is_string(),
        "integer" => value.as_f64().is_some_and(|number| number.fract() == 0.0),
        "number" => value.is_number(),
        "boolean" => value.is_boolean(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        "null" => value.is_null(),
        // A type that is none says nothing.
        _ => true,
    }
}

fn word(name: &str) -> &str {
    match name {
        "string" => "a text",
        "integer" => "a whole number",
        "number" => "a number",
        "boolean" => "true or false",
        "array" => "a list",
        "object" => "a map",
        "null" => "nothing",
        other => other,
    }
}

fn found(value: &Value) -> String {
    match value {
        Value::Array(_) => "a list".into(),
        Value::Object(_) => "a map".into(),
        Value::String(text) => format!("the text {text:?}"),
        Value::Number(number) => format!("the number {number}"),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_types_of_a_schema_are_those_of_the_settings() {
        let schema = json!({"properties": {
            "count": {"type": "integer"},
            "text": {"type": ["string", "null"]},
            "list": {"type": "array", "items": {"type": "string"}},
            "map": {"type": "object", "properties": {"on": {"type": "boolean"}}},
            "any": {"anyOf": [{"type": "string"}]},
        }});
        for (values, wrong) in [
            (
                json!({"count": 2, "text": "a", "list": ["a"], "map": {"on": true}}),
                None,
            ),
            (
                json!({"count": 2.0, "text": null, "list": null, "any": 1, "more": 1}),
                None,
            ),
            (
                json!({"count": "2"}),
                Some("/count: expected a whole number, found the text \"2\""),
            ),
            (
                json!({"text": [1]}),
                Some("/text: expected a text or nothing, found a list"),
            ),
            (
                json!({"list": ["a", 1]}),
                Some("/list/1: expected a text, found the number 1"),
            ),
            (
                json!({"map": {"on": "x"}}),
                Some("/map/on: expected true or false, found the text \"x\""),
            ),
        ] {
            let section = Section {
                values: values.as_object().cloned().unwrap_or_default(),
                ..Section::default()
            };
            let told = check(&schema, &section).err();
            let told = told.map(|it| format!("{}: {it}", it.key.clone().unwrap_or_default()));
            assert_eq!(told.as_deref(), wrong, "{values}");
        }
    }
}
