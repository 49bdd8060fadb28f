//! Values that kitchen files write in more than one form: `5` or `"5"`, one or a list.

use std::borrow::Cow;
use std::time::Duration;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{DeserializeOwned, Error};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

/// A time in seconds, from a number (`1.5`) or its text (`"1.5"`); nothing is no time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Seconds(pub Duration);

impl<'de> Deserialize<'de> for Seconds {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(deserializer)?;
        let seconds = match &value {
            Value::Null => Some(0.0),
            Value::Number(number) => number.as_f64(),
            Value::String(text) => text.trim().parse().ok(),
            _ => None,
        };
        seconds
            .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
            .map(Self)
            .ok_or_else(|| D::Error::custom(format!("{value} is no number of seconds")))
    }
}

/// As a whole number where it is one: schemas show defaults so.
impl Serialize for Seconds {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0.subsec_nanos() {
            0 => serializer.serialize_u64(self.0.as_secs()),
            _ => serializer.serialize_f64(self.0.as_secs_f64()),
        }
    }
}

impl JsonSchema for Seconds {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Seconds".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": ["number", "string", "null"], "title": "seconds", "minimum": 0})
    }
}

/// A text; numbers and booleans are taken as they are written.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Text(pub String);

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Value::deserialize(deserializer)? {
            Value::String(text) => Ok(Self(text)),
            value @ (Value::Number(_) | Value::Bool(_)) => Ok(Self(value.to_string())),
            value => Err(D::Error::custom(format!("{value} is no text"))),
        }
    }
}

impl JsonSchema for Text {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Text".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": ["string", "number", "boolean"]})
    }
}

/// A list; a single value is a list of one, nothing is an empty one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct List<T>(pub Vec<T>);

impl<T> Default for List<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<'de, T: DeserializeOwned> Deserialize<'de> for List<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let values = match Value::deserialize(deserializer)? {
            Value::Null => Vec::new(),
            Value::Array(values) => values,
            value => vec![value],
        };
        let items: Result<Vec<T>, _> = values.into_iter().map(serde_json::from_value).collect();
        items.map(Self).map_err(D::Error::custom)
    }
}

impl<T: JsonSchema> JsonSchema for List<T> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        format!("ListOf{}", T::schema_name()).into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let one = generator.subschema_for::<T>();
        json_schema!({"anyOf": [one, {"type": "array", "items": one}, {"type": "null"}]})
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read<T: DeserializeOwned>(value: Value) -> Result<T, String> {
        serde_json::from_value(value).map_err(|error| error.to_string())
    }

    #[test]
    fn seconds_are_numbers_or_their_text() {
        for value in [json!(1.5), json!("1.5"), json!(" 1.5 ")] {
            assert_eq!(read(value), Ok(Seconds(Duration::from_millis(1500))));
        }
        assert_eq!(read(json!(null)), Ok(Seconds::default()));
        for value in [json!(0), json!(30), json!(1.5)] {
            let seconds: Seconds = read(value.clone()).unwrap();
            assert_eq!(serde_json::to_value(seconds).unwrap(), value);
        }
        for value in [json!(-1), json!("soon"), json!([1]), json!("NaN")] {
            assert!(read::<Seconds>(value).unwrap_err().contains("seconds"));
        }
    }

    #[test]
    fn one_is_a_list_of_one() {
        assert_eq!(read(json!("a")), Ok(List(vec![Text("a".into())])));
        assert_eq!(
            read(json!(["a", 5, true])),
            Ok(List(vec![
                Text("a".into()),
                Text("5".into()),
                Text("true".into())
            ]))
        );
        assert_eq!(read(json!(null)), Ok(List::<u16>(vec![])));
        assert!(read::<List<u16>>(json!("a")).is_err());
    }
}
