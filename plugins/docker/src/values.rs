//! Forms in which people write values: a string or a list, commands, variables, sizes, ports.

use std::collections::{BTreeMap, HashMap};

use bollard::models::{PortBinding, PortMap};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// One text or a list of them; numbers and booleans are taken as they are written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Many(pub Vec<String>);

/// A command: a string is split as a shell would, a list is taken as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Command(pub Vec<String>);

/// Variables: a map, a list of `NAME=value`, or one such string. `NAME` alone takes the
/// workstation's value, as in `docker run --env`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Variables(pub BTreeMap<String, String>);

/// Pairs: a map, a list of `key<separator>value`, or one such string. The separator is `:`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pairs(pub Vec<(String, String)>);

/// Bytes: a number, or a number with `b`, `k`, `m` or `g` (powers of 1024), as in `docker run`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Size(pub i64);

macro_rules! schema {
    ($type:ident, $($schema:tt)*) => {
        impl JsonSchema for $type {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($type).into()
            }
            fn inline_schema() -> bool {
                true
            }
            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!($($schema)*)
            }
        }
    };
}
schema!(Many, {"type": ["string", "number", "array", "null"], "items": {"type": ["string", "number"]}});
schema!(Command, {"type": ["string", "array", "null"], "items": {"type": "string"}});
schema!(Variables, {"type": ["object", "array", "string", "null"]});
schema!(Pairs, {"type": ["object", "array", "string", "null"]});
schema!(Size, {"type": ["integer", "string", "null"]});

/// A single value as text; none where it is a list, a map or nothing.
fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(flag) => Some(flag.to_string()),
        _ => None,
    }
}

fn list(value: &Value) -> Result<Vec<String>, String> {
    match value {
        Value::Null => Ok(Vec::new()),
        Value::Array(values) => values
            .iter()
            .map(|value| scalar(value).ok_or_else(|| format!("{value} is not a string")))
            .collect(),
        single => scalar(single)
            .map(|text| vec![text])
            .ok_or_else(|| format!("{single} is neither a string nor a list of strings")),
    }
}

impl<'de> Deserialize<'de> for Many {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        list(&Value::deserialize(from)?)
            .map(Self)
            .map_err(D::Error::custom)
    }
}

impl<'de> Deserialize<'de> for Command {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        match Value::deserialize(from)? {
            Value::String(line) => shell_words::split(&line)
                .map(Self)
                .map_err(|error| D::Error::custom(format!("'{line}': {error}"))),
            other => list(&other).map(Self).map_err(D::Error::custom),
        }
    }
}

impl<'de> Deserialize<'de> for Variables {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(from)?;
        if let Value::Object(map) = &value {
            let pairs = map
                .iter()
                .map(|(name, value)| (name.clone(), scalar(value).unwrap_or_default()));
            return Ok(Self(pairs.collect()));
        }
        let pairs = list(&value).map_err(D::Error::custom)?;
        let pairs = pairs
            .into_iter()
            .filter_map(|pair| match pair.split_once('=') {
                Some((name, value)) => Some((name.to_owned(), value.to_owned())),
                None => std::env::var(&pair).ok().map(|value| (pair, value)),
            });
        Ok(Self(pairs.collect()))
    }
}

impl<'de> Deserialize<'de> for Pairs {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(from)?;
        if let Value::Object(map) = &value {
            let pairs = map
                .iter()
                .map(|(key, value)| (key.clone(), scalar(value).unwrap_or_default()));
            return Ok(Self(pairs.collect()));
        }
        let pairs = list(&value).map_err(D::Error::custom)?;
        let pairs = pairs.into_iter().map(|pair| match pair.split_once(':') {
            Some((key, value)) => (key.to_owned(), value.to_owned()),
            None => (pair, String::new()),
        });
        Ok(Self(pairs.collect()))
    }
}

impl<'de> Deserialize<'de> for Size {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(from)?;
        let text = scalar(&value).unwrap_or_default();
        size(&text).map(Self).ok_or_else(|| {
            D::Error::custom(format!(
                "{value} is not a size: give bytes, or a number with k, m or g, e.g. 512m"
            ))
        })
    }
}

fn size(text: &str) -> Option<i64> {
    let text = text.trim().to_ascii_lowercase();
    let text = text
        .strip_suffix("ib")
        .or(text.strip_suffix('b'))
        .unwrap_or(&text);
    let (number, shift) = match text.char_indices().last()? {
        (at, 'k') => (&text[..at], 10),
        (at, 'm') => (&text[..at], 20),
        (at, 'g') => (&text[..at], 30),
        (at, 't') => (&text[..at], 40),
        _ => (text, 0),
    };
    let number: f64 = number.trim().parse().ok()?;
    #[allow(clippy::cast_possible_truncation)] // sizes of memory fit
    (number >= 0.0 && number.is_finite()).then(|| {
        (number * f64::from(1_u32 << shift.min(30)) * if shift > 30 { 1024.0 } else { 1.0 }) as i64
    })
}

/// What `docker run -p` takes, `[[address:]host:]container[/protocol]` with ranges, as the API has
/// it: exposed ports and their bindings. The error says which mapping is wrong.
pub fn ports(mappings: &[String]) -> Result<(Vec<String>, PortMap), String> {
    let mut bindings: PortMap = HashMap::new();
    for mapping in mappings {
        let wrong = || {
            format!(
                "'{mapping}' is not a port mapping: write [[ADDRESS:]HOST:]CONTAINER[/PROTOCOL]"
            )
        };
        let (ports, protocol) = mapping.split_once('/').unwrap_or((mapping, "tcp"));
        let mut parts = ports.rsplitn(3, ':');
        let inside = range(parts.next().unwrap_or_default()).ok_or_else(wrong)?;
        let outside = match parts.next() {
            None | Some("") => None,
            Some(host) => Some(range(host).ok_or_else(wrong)?),
        };
        let address = parts
            .next()
            .map(|address| address.trim_matches(['[', ']']).to_owned());
        // A range outside for one port inside lets the engine choose within it.
        let chooses = inside.len() == 1 && outside.as_ref().is_some_and(|range| range.len() > 1);
        if outside
            .as_ref()
            .is_some_and(|range| !chooses && range.len() != inside.len())
        {
            return Err(format!("'{mapping}' maps ranges of different length"));
        }
        for (index, port) in inside.clone().enumerate() {
            let host = outside.as_ref().map(|range| match chooses {
                true => format!("{}-{}", range.start, range.end - 1),
                false => (range.start + u32::try_from(index).unwrap_or(0)).to_string(),
            });
            bindings
                .entry(format!("{port}/{protocol}"))
                .or_default()
                .get_or_insert_default()
                .push(PortBinding {
                    host_ip: address.clone(),
                    host_port: Some(host.unwrap_or_default()),
                });
        }
    }
    let mut exposed: Vec<String> = bindings.keys().cloned().collect();
    exposed.sort();
    Ok((exposed, bindings))
}

/// `80` or `80-82`.
fn range(text: &str) -> Option<std::ops::Range<u32>> {
    let port = |text: &str| text.parse::<u16>().ok().map(u32::from);
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let (first, last) = (port(first)?, port(last)?);
    (first <= last).then_some(first..last + 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read<T: serde::de::DeserializeOwned>(value: Value) -> Result<T, String> {
        serde_json::from_value(value).map_err(|error| error.to_string())
    }

    #[test]
    fn one_or_many() {
        assert_eq!(read(json!("a")), Ok(Many(vec!["a".into()])));
        assert_eq!(read(json!(80)), Ok(Many(vec!["80".into()])));
        assert_eq!(
            read(json!(["a", 80])),
            Ok(Many(vec!["a".into(), "80".into()]))
        );
        assert_eq!(read(json!(null)), Ok(Many::default()));
        assert!(read::<Many>(json!({"a": 1})).is_err());
    }

    #[test]
    fn a_command_is_split_as_a_shell_would() {
        assert_eq!(
            read(json!("sh -c 'sleep 1; true'")),
            Ok(Command(vec![
                "sh".into(),
                "-c".into(),
                "sleep 1; true".into()
            ]))
        );
        assert_eq!(read(json!(["a b"])), Ok(Command(vec!["a b".into()])));
        assert!(read::<Command>(json!("sh -c 'open")).is_err());
    }

    #[test]
    fn variables_in_every_form() {
        let wanted = Variables(BTreeMap::from([("A".into(), "1=2".into())]));
        assert_eq!(read(json!({"A": "1=2"})), Ok(wanted.clone()));
        assert_eq!(read(json!(["A=1=2"])), Ok(wanted.clone()));
        assert_eq!(read(json!("A=1=2")), Ok(wanted));
        assert_eq!(read(json!(["BANQUET_NOT_SET"])), Ok(Variables::default()));
    }

    #[test]
    fn sizes() {
        for (text, bytes) in [
            ("1024", 1024),
            ("512m", 512 << 20),
            ("1.5G", 3 << 29),
            ("2KB", 2048),
            ("1GiB", 1 << 30),
            ("1t", 1 << 40),
        ] {
            assert_eq!(size(text), Some(bytes), "{text}");
        }
        for text in ["", "m", "-1", "much"] {
            assert_eq!(size(text), None, "{text}");
        }
        assert_eq!(read(json!(4096)), Ok(Size(4096)));
    }

    fn bound(mapping: &str) -> Vec<(String, Option<String>, String)> {
        let (exposed, bindings) = ports(&[mapping.to_owned()]).unwrap();
        let flat = exposed.into_iter().flat_map(|port| {
            let all = bindings[&port].clone().unwrap();
            all.into_iter()
                .map(move |b| (port.clone(), b.host_ip, b.host_port.unwrap()))
        });
        flat.collect()
    }

    #[test]
    fn port_mappings() {
        let tcp = |port: &str, ip: Option<&str>, host: &str| {
            vec![(format!("{port}/tcp"), ip.map(String::from), host.to_owned())]
        };
        assert_eq!(bound("80"), tcp("80", None, ""));
        assert_eq!(bound("8080:80"), tcp("80", None, "8080"));
        assert_eq!(
            bound("127.0.0.1:8080:80"),
            tcp("80", Some("127.0.0.1"), "8080")
        );
        assert_eq!(bound("[::1]:8080:80"), tcp("80", Some("::1"), "8080"));
        assert_eq!(bound("127.0.0.1::80"), tcp("80", Some("127.0.0.1"), ""));
        assert_eq!(bound("8000-8010:80"), tcp("80", None, "8000-8010"));
        assert_eq!(
            bound("53:53/udp"),
            vec![("53/udp".into(), None, "53".into())]
        );
        assert_eq!(bound("8080-8081:80-81").len(), 2);
        for wrong in ["", "x", "70000", "80:x", "1-3:1-2", "9-8"] {
            assert!(ports(&[wrong.into()]).is_err(), "{wrong}");
        }
    }
}
