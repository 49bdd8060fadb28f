//! The merged settings of a plugin, in the form that plugins read once somebody asks for them:
//! `list` and its like only want names, and a project may have thousands of instances.

use std::collections::HashSet;
use std::fmt;
use std::ops::Deref;
use std::sync::{Arc, OnceLock};

use banquet_sdk::Section;

use super::Kind;
use crate::config::{self, Entry, Map, Node, Problem, Sources, Value};

/// What the levels of a configuration say of a plugin, the weakest first. As in Test Kitchen
/// (data_munger.rb, MergeResolver), levels that name another plugin than the one chosen count as
/// well.
pub(super) struct Layered {
    pub kind: Kind,
    /// Name of the plugin that is chosen.
    pub name: String,
    pub levels: Vec<Arc<Map>>,
}

/// The key that is joined and not replaced.
const RUN_LIST: &str = "run_list";

impl Layered {
    /// All levels as one.
    fn merged(&self, sources: &Sources) -> Result<Merged, Problem> {
        let mut merged = Merged::default();
        for level in &self.levels {
            let another = name_of(level).is_some_and(|other| other != self.name);
            for (key, entry) in level.iter() {
                match key.as_str() {
                    key if self.is_ours(key) => continue,
                    RUN_LIST if self.kind == Kind::Provisioner => {
                        append(&mut merged.map, key, entry);
                    }
                    _ => config::merge_entry(&mut merged.map, key, entry, sources)?,
                }
                match another {
                    true => merged.foreign.insert(key.clone()),
                    false => merged.foreign.remove(key),
                };
            }
        }
        Ok(merged)
    }

    fn is_ours(&self, key: &str) -> bool {
        key == "name" || self.kind.kitchen_keys().contains(&key)
    }

    /// Whether the levels may be at odds: only where something is put over a map.
    fn may_fail(&self) -> bool {
        let mut levels = self.levels.as_slice();
        while let [level, above @ ..] = levels {
            levels = above;
            let is_map = |entry: &Entry| matches!(entry.node.value, Value::Map(_));
            let mut maps = level.iter().filter(|(_, entry)| is_map(entry));
            if maps.any(|(key, _)| above.iter().any(|it| it.contains_key(key))) {
                return true;
            }
        }
        false
    }
}

/// The plugin that a level names.
pub(super) fn name_of(level: &Map) -> Option<&str> {
    level.get("name")?.node.as_str()
}

/// Settings in the form of the configuration.
#[derive(Default)]
struct Merged {
    map: Map,
    foreign: HashSet<String>,
}

/// A section that is made when it is first read. Not `Clone`, so that `.clone()` gives the section;
/// [`Settings::share`] gives the same settings again.
pub struct Settings(Arc<Lazy>);

struct Lazy {
    section: OnceLock<Arc<Section>>,
    merged: OnceLock<Merged>,
    layered: Layered,
    sources: Sources,
}

impl Settings {
    /// The section that `layered` makes. Levels that are at odds are told now, all else is left for
    /// later.
    pub(super) fn new(layered: Layered, sources: &Sources) -> Result<Self, Problem> {
        let merged = match layered.may_fail() {
            true => OnceLock::from(layered.merged(sources)?),
            false => OnceLock::new(),
        };
        Ok(Self(Arc::new(Lazy {
            section: OnceLock::new(),
            merged,
            layered,
            sources: sources.clone(),
        })))
    }

    /// The same settings for another owner.
    pub(super) fn share(&self) -> Self {
        Self(self.0.clone())
    }

    /// Keys that were last written beside the name of another plugin. They count, as in Test
    /// Kitchen, but nobody expects this plugin to know them.
    pub fn foreign(&self) -> &HashSet<String> {
        &self.merged().foreign
    }

    /// The run list, joined, as the configuration has it.
    pub(super) fn run_list(&self) -> Vec<Node> {
        let mut joined = Vec::new();
        for level in &self.0.layered.levels {
            if let Some(entry) = level.get(RUN_LIST) {
                flatten(&entry.node, &mut joined);
            }
        }
        joined
    }

    fn merged(&self) -> &Merged {
        let make = || {
            let merged = self.0.layered.merged(&self.0.sources);
            // What could fail was merged at once.
            merged.unwrap_or_default()
        };
        self.0.merged.get_or_init(make)
    }
}

impl From<Section> for Settings {
    fn from(section: Section) -> Self {
        Self(Arc::new(Lazy {
            section: OnceLock::from(Arc::new(section)),
            merged: OnceLock::from(Merged::default()),
            layered: Layered {
                kind: Kind::Driver,
                name: String::new(),
                levels: Vec::new(),
            },
            sources: Sources::default(),
        }))
    }
}

impl Deref for Settings {
    type Target = Arc<Section>;

    fn deref(&self) -> &Arc<Section> {
        let make = || Arc::new(config::section(&self.merged().map, &self.0.sources));
        self.0.section.get_or_init(make)
    }
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&**self, f)
    }
}

/// Puts the items of `entry` behind those that `map` has under `key`; nothing adds nothing, and
/// lists in lists are flattened.
pub(super) fn append(map: &mut Map, key: &str, entry: &Entry) {
    let there = map.entry(key.to_owned()).or_insert_with(|| Entry {
        key: entry.key,
        node: Node {
            value: Value::List(Vec::new()),
            span: entry.node.span,
        },
    });
    if let Value::List(list) = &mut there.node.value {
        flatten(&entry.node, list);
    }
}

fn flatten(node: &Node, into: &mut Vec<Node>) {
    match &node.value {
        Value::List(list) => list.iter().for_each(|item| flatten(item, into)),
        _ if node.is_null() => {}
        _ => into.push(node.clone()),
    }
}
