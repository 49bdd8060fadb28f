//! A plugin's part of the configuration: values that remember where they were written.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::local_path::missing_of;
use crate::tool::Base;
use crate::weaker::Weaker;
use crate::{Context, Error, LocalPath, Result, wording};

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
    /// Reads a section as each of the plugin's types.
    fits: Vec<fn(&Section) -> Result<()>>,
    /// Settings that protect less than what is usual; `kitchen doctor` tells of those in use.
    pub weaker: &'static [Weaker],
    /// JSON pointers of settings that name files with private keys (`/ssh_key`).
    pub private_keys: &'static [&'static str],
    /// Settings that name something of the workstation, which must be there before a machine is made.
    pub paths: Vec<LocalPath>,
}

/// So many wrong settings of one section are told.
const MOST_WRONG: usize = 20;

impl PluginInfo {
    /// Information of a plugin whose settings are a `T`.
    pub fn of<T: schemars::JsonSchema + DeserializeOwned>(
        name: &'static str,
        summary: &'static str,
    ) -> Self {
        Self {
            name: name.into(),
            summary: summary.into(),
            schema: Arc::new(|| schemars::schema_for!(T)),
            fits: vec![|section| section.parse::<T>().map(drop)],
            weaker: &[],
            private_keys: &[],
            paths: Vec::new(),
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

    /// With settings that name something of the workstation.
    #[must_use]
    pub fn paths(mut self, paths: impl IntoIterator<Item = LocalPath>) -> Self {
        self.paths.extend(paths);
        self
    }

    /// With the keys of every tool, [`Base`].
    #[must_use]
    pub fn with_base(self) -> Self {
        self.with::<Base>().paths(Base::paths())
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
            fits: Vec::new(),
            weaker: &[],
            private_keys: &[],
            paths: Vec::new(),
        }
    }

    /// With the keys of a `T` as well: several plugins have them, or the kitchen itself reads them.
    #[must_use]
    pub fn with<T: schemars::JsonSchema + DeserializeOwned>(mut self) -> Self {
        self.fits.push(|section| section.parse::<T>().map(drop));
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

    /// The settings of `section` that are not what the plugin's types have, each as an error that
    /// names its key. An empty `key:` is as good as none.
    pub fn misfits(&self, section: &Section) -> Vec<Error> {
        let mut found: Vec<Error> = Vec::new();
        let mut section = Cow::Borrowed(section);
        if section.values.values().any(Value::is_null) {
            section.to_mut().values.retain(|_, value| !value.is_null());
        }
        for fits in &self.fits {
            let Err(mut error) = fits(&section) else {
                continue;
            };
            let mut rest = Section::clone(&section);
            loop {
                let key = error.key.clone().unwrap_or_default();
                if !found.iter().any(|other| other.key == error.key) {
                    found.push(error);
                }
                // The first one hides the others.
                let first = key.split('/').nth(1).unwrap_or_default();
                let first = first.replace("~1", "/").replace("~0", "~");
                if found.len() >= MOST_WRONG || rest.values.shift_remove(&first).is_none() {
                    break;
                }
                match fits(&rest) {
                    Ok(()) => break,
                    Err(next) => error = next,
                }
            }
        }
        found
    }

    /// The first thing that is wrong with the settings of `cx` by the plugin's types and its paths.
    pub fn check(&self, cx: &Context) -> Result<()> {
        let wrong = self.misfits(&cx.section).into_iter();
        let missing = missing_of(&self.paths, &cx.section, &cx.root);
        wrong.chain(missing).next().map_or(Ok(()), Err)
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
