//! Shapes and keys: what can be said to be wrong before anything is merged.

use std::collections::HashSet;

use banquet_sdk::outside::names::is_harmful;
use banquet_sdk::{Origin, Section};

use super::legacy::{CHEF_DATA, CHEF_PATHS};
use super::node::{Map, Node};
use super::problem::{Problem, Problems};
use super::source::{Sources, Span};

/// Sections that name a plugin.
const PLUGINS: [&str; 4] = ["driver", "provisioner", "verifier", "transport"];

/// Keys that stand at the top, on a platform and on a suite.
const ANYWHERE: [&str; 8] = [
    "driver",
    "driver_config",
    "driver_plugin",
    "provisioner",
    "verifier",
    "transport",
    "busser",
    "lifecycle",
];

/// Which keys a level knows.
#[derive(Clone, Copy)]
pub enum Keys {
    /// The top of a file.
    Top,
    /// A platform.
    Platform,
    /// A suite.
    Suite,
    /// A multisuite.
    Multisuite,
}

impl Keys {
    fn level(self) -> &'static str {
        match self {
            Keys::Top => "at the top level",
            Keys::Platform => "of a platform",
            Keys::Suite => "of a suite",
            Keys::Multisuite => "of a multisuite",
        }
    }

    /// The names of the keys.
    pub fn known(self) -> Vec<&'static str> {
        let own: &[&str] = match self {
            Keys::Top => &[
                "platforms",
                "suites",
                "multisuites",
                "supersuites",
                "kitchen",
                "report",
                "secrets",
            ],
            Keys::Platform => &["name", "os_type", "shell_type"],
            Keys::Suite => &["name", "includes", "excludes", "roles"],
            Keys::Multisuite => return vec!["name", "includes", "excludes", "steps", "create"],
        };
        let mut known = [own, &ANYWHERE].concat();
        match self {
            Keys::Platform => known.extend(CHEF_DATA),
            Keys::Suite => known.extend(CHEF_DATA.iter().chain(&CHEF_PATHS)),
            _ => {}
        }
        known
    }
}

/// Tells of the keys of `map` that nothing reads: on a multisuite, which is no file of Test Kitchen,
/// an error. Keys that begin with `x-`, `_` or `.` hold anchors and are left alone.
pub fn keys_of(map: &Map, level: Keys, sources: &Sources, problems: &mut Problems) {
    let known = level.known();
    for (key, entry) in map {
        let anchors = key.starts_with("x-") || key.starts_with(['_', '.']);
        if !anchors && !known.contains(&key.as_str()) {
            let message = format!("unknown key `{key}` {}", level.level());
            let problem = match level {
                Keys::Multisuite => Problem::error(message),
                _ => Problem::warning(message),
            };
            problems.push(
                problem
                    .at(sources, entry.key, "nothing reads this")
                    .suggest(key, known.iter().copied()),
            );
        }
    }
}

/// Warns of unknown keys at the top and on platforms and suites.
pub fn keys(tree: &Map, sources: &Sources, problems: &mut Problems) {
    keys_of(tree, Keys::Top, sources, problems);
    for (list, level) in [("platforms", Keys::Platform), ("suites", Keys::Suite)] {
        for item in items(tree, list) {
            if let Some(map) = item.as_map() {
                keys_of(map, level, sources, problems);
            }
        }
    }
}

/// Checks that lists are lists, that maps are maps and that all have names.
pub fn shapes(tree: &Map, sources: &Sources, problems: &mut Problems) {
    sections(tree, sources, problems);
    for (list, one) in [("platforms", "platform"), ("suites", "suite")] {
        let Some(entry) = tree.get(list) else {
            continue;
        };
        if entry.node.as_list().is_none() {
            let message = format!("`{list}` must be a list, and is {}", entry.node.described());
            problems.push(
                Problem::error(message)
                    .at(sources, place_of(&entry.node, entry.key), "not a list")
                    .help(format!("Write each {one} as an item: `- name: …`.")),
            );
            continue;
        }
        for item in items(tree, list) {
            named_item(item, one, sources, problems);
            if let Some(map) = item.as_map() {
                sections(map, sources, problems);
            }
        }
    }
}

/// An item of a list must be a map with a name that is text.
pub fn named_item(item: &Node, one: &str, sources: &Sources, problems: &mut Problems) {
    let Some(map) = item.as_map() else {
        let message = format!(
            "a {one} must be a map with a `name`, and is {}",
            item.described()
        );
        problems.push(
            Problem::error(message)
                .at(sources, item.span, "not a map")
                .help("Write `- name: …`."),
        );
        return;
    };
    let Some(name) = map.get("name") else {
        problems.push(
            Problem::error(format!("a {one} without a `name`"))
                .at(sources, item.span, "no name here")
                .help("Add `name: …`."),
        );
        return;
    };
    let Some(text) = name.node.as_str() else {
        let message = format!(
            "the name of a {one} must be text, and is {}",
            name.node.described()
        );
        problems.push(
            Problem::error(message)
                .at(sources, place_of(&name.node, name.key), "not text")
                .help("Put it in quotes."),
        );
        return;
    };
    // Names stand in files, labels, hosts files and on terminals.
    if let Some(harmful) = text.chars().find(|character| is_harmful(*character)) {
        let message = format!(
            "the name of a {one} holds the control character U+{:04X}",
            u32::from(harmful)
        );
        problems.push(
            Problem::error(message)
                .at(sources, name.node.span, "in this name")
                .help("Write the name anew, without line breaks and invisible characters."),
        );
    }
}

fn sections(map: &Map, sources: &Sources, problems: &mut Problems) {
    for key in PLUGINS.into_iter().chain(["driver_config", "lifecycle"]) {
        let Some(entry) = map.get(key) else {
            continue;
        };
        if super::named_map(&entry.node, "name").is_none() {
            let message = format!(
                "`{key}` must be a map or a name, and is {}",
                entry.node.described()
            );
            problems.push(
                Problem::error(message)
                    .at(sources, place_of(&entry.node, entry.key), "neither")
                    .help(format!("Write `{key}: NAME`, or a map with a `name`.")),
            );
            continue;
        }
        let name = entry.node.get("name").filter(|name| !name.is_null());
        if let Some(name) = name.filter(|name| name.as_str().is_none() && key != "lifecycle") {
            let message = format!(
                "the name of a {key} must be text, and is {}",
                name.described()
            );
            problems.push(Problem::error(message).at(sources, name.span, "not text"));
        }
    }
}

fn place_of(node: &Node, key: Span) -> Span {
    match node.is_null() {
        true => key,
        false => node.span,
    }
}

/// The items of the list `key`, none where it is no list.
pub fn items<'a>(tree: &'a Map, key: &str) -> &'a [Node] {
    tree.get(key)
        .and_then(|entry| entry.node.as_list())
        .unwrap_or_default()
}

/// Warns of the keys of a plugin's `section` that are not in `known`. `what` names the plugin in
/// the message: "driver docker". Keys in `foreign` were written for another plugin. What is in `told`
/// is not told again: instances share what the file says once, and the nearest spelling takes long.
pub fn unknown_keys(
    what: &str,
    section: &Section,
    known: &[String],
    foreign: &HashSet<String>,
    sources: &Sources,
    told: &mut HashSet<(String, Option<Origin>)>,
) -> Vec<Problem> {
    let keys = section.values.keys();
    let unknown = keys.filter(|key| !known.contains(key) && !foreign.contains(*key));
    unknown
        .filter_map(|key| {
            let message = format!("{what} does not know the key `{key}`");
            let origin = section.origin(&format!("/{}", super::node::escaped(key)));
            if !told.insert((message.clone(), origin.cloned())) {
                return None;
            }
            let problem = Problem::warning(message);
            let problem = match origin {
                Some(origin) => problem.at_origin(sources, origin, "nothing reads this"),
                None => problem,
            };
            Some(problem.suggest(key, known.iter().map(String::as_str)))
        })
        .collect()
}
