//! A plugin's part of the configuration: values that remember where they were written.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::weaker::Weaker;
use crate::{Error, Result, wording};

/// Where a value was written. Lines and columns count from 1.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Origin {
    /// The file.
    pub file: Arc<PathBuf>,
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
}

impl std::fmt::Display for Origin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}:{}", self.file.display(), self.line, self.column)
    }
}

/// A plugin's settings, merged, with the origin of each value that a file gave.
#[derive(Clone, Debug, Default)]
pub struct Section {
    /// The merged settings, in the order of the configuration.
    pub values: Map<String, Value>,
    /// JSON pointer (`/image`, `/env/0`) to the place the value came from.
    pub origins: BTreeMap<String, Origin>,
}

impl Section {
    /// The settings as the plugin's own type. An error names the key at fault.
    pub fn parse<T: DeserializeOwned>(&self) -> Result<T> {
        serde_path_to_error::deserialize(Value::Object(self.values.clone())).map_err(|error| {
            let pointer = pointer_of(error.path());
            let inner = error.into_inner();
            Error::config(pointer, wording::of_value(&inner.to_string()))
        })
    }

    /// A copy with the entries of `over` put over these: maps merge deeply, all else is replaced.
    #[must_use]
    pub fn overlaid(&self, over: &Section) -> Section {
        let mut merged = self.clone();
        merge_maps(&mut merged.values, &over.values);
        merged
            .origins
            .extend(over.origins.iter().map(|(k, v)| (k.clone(), v.clone())));
        merged
    }

    /// The origin of `pointer` or of its nearest parent that has one.
    pub fn origin(&self, pointer: &str) -> Option<&Origin> {
        let mut at = pointer;
        loop {
            if let Some(origin) = self.origins.get(at) {
                return Some(origin);
            }
            at = &at[..at.rfind('/')?];
        }
    }
}

/// Deep merge as everywhere in the configuration: maps merge, all else is replaced by `over`.
fn merge_maps(base: &mut Map<String, Value>, over: &Map<String, Value>) {
    for (key, value) in over {
        match (base.get_mut(key), value) {
            (Some(Value::Object(below)), Value::Object(above)) => merge_maps(below, above),
            _ => {
                base.insert(key.clone(), value.clone());
            }
        }
    }
}

fn pointer_of(path: &serde_path_to_error::Path) -> String {
    use serde_path_to_error::Segment;
    path.iter()
        .map(|segment| match segment {
            Segment::Seq { index } => format!("/{index}"),
            Segment::Map { key } => format!("/{}", key.replace('~', "~0").replace('/', "~1")),
            Segment::Enum { variant } => format!("/{variant}"),
            Segment::Unknown => String::new(),
        })
        .collect()
}

/// What a plugin is called and which keys it knows. Cheap to make: the schema is made when asked for.
#[derive(Clone)]
pub struct PluginInfo {
    /// The name in the configuration (`docker`).
    pub name: Cow<'static, str>,
    /// One line for `kitchen help` and the docs.
    pub summary: Cow<'static, str>,
    schema: Arc<dyn Fn() -> schemars::Schema + Send + Sync>,
    /// Settings that protect less than what is usual; `kitchen doctor` tells of those in use.
    pub weaker: &'static [Weaker],
    /// JSON pointers of settings that name files with private keys (`/ssh_key`).
    pub private_keys: &'static [&'static str],
}

impl PluginInfo {
    /// Information of a plugin whose settings are a `T`.
    pub fn of<T: schemars::JsonSchema>(name: &'static str, summary: &'static str) -> Self {
        Self {
            name: name.into(),
            summary: summary.into(),
            schema: Arc::new(|| schemars::schema_for!(T)),
            weaker: &[],
            private_keys: &[],
        }
    }

    /// With settings that can protect less than what is usual.
    #[must_use]
    pub fn weaker(self, weaker: &'static [Weaker]) -> Self {
        Self { weaker, ..self }
    }

    /// With the pointers of settings that name files with private keys.
    #[must_use]
    pub fn private_keys(self, private_keys: &'static [&'static str]) -> Self {
        Self {
            private_keys,
            ..self
        }
    }

    /// Information of a plugin that tells its schema itself; none: it tells no keys.
    pub fn of_schema(name: &str, summary: &str, schema: Option<Value>) -> Self {
        let schema = schema
            .and_then(|schema| schemars::Schema::try_from(schema).ok())
            .unwrap_or_default();
        Self {
            name: name.to_owned().into(),
            summary: summary.to_owned().into(),
            schema: Arc::new(move || schema.clone()),
            weaker: &[],
            private_keys: &[],
        }
    }

    /// With the keys of a `T` as well: several plugins have them, or the kitchen itself reads them.
    #[must_use]
    pub fn with<T: schemars::JsonSchema>(self) -> Self {
        let own = self.schema;
        Self {
            schema: Arc::new(move || {
                let (mut schema, more) = (own(), schemars::schema_for!(T));
                let more = more.get("properties").and_then(Value::as_object);
                let all = schema.ensure_object();
                let all = all.entry("properties").or_insert_with(|| Map::new().into());
                if let (Some(all), Some(more)) = (all.as_object_mut(), more) {
                    all.extend(more.clone());
                }
                schema
            }),
            ..self
        }
    }

    /// Without these keys, which are other plugins' with the same configuration type.
    #[must_use]
    pub fn without(self, keys: Vec<&'static str>) -> Self {
        let own = self.schema;
        Self {
            schema: Arc::new(move || {
                let mut schema = own();
                let properties = schema.ensure_object().get_mut("properties");
                if let Some(properties) = properties.and_then(Value::as_object_mut) {
                    properties.retain(|key, _| !keys.contains(&key.as_str()));
                }
                schema
            }),
            ..self
        }
    }

    /// JSON Schema of the plugin's section, made from its configuration type.
    pub fn schema(&self) -> schemars::Schema {
        (self.schema)()
    }

    /// The names of the keys that the plugin knows.
    pub fn keys(&self) -> Vec<String> {
        self.schema()
            .get("properties")
            .and_then(Value::as_object)
            .map(|properties| properties.keys().cloned().collect())
            .unwrap_or_default()
    }
}

impl std::fmt::Debug for PluginInfo {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PluginInfo")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}
