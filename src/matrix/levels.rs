//! What applies to a suite on a platform: the common section, the platform's and the suite's,
//! merged as in Test Kitchen (data_munger.rb).

use std::collections::HashMap;
use std::sync::Arc;

use banquet_sdk::Section;

use super::plugins::Plugins;
use super::settings::{Layered, Settings, append, name_of};
use super::{Kind, PluginUse};
use crate::config::{self, Config, Map, Node, Problem, Sources};

/// A suite or platform.
#[derive(Clone, Debug)]
pub struct Item<'a> {
    /// Its name.
    pub name: &'a str,
    /// All that is written about it.
    pub node: &'a Node,
    /// Index of the first item of this name.
    pub first: usize,
    /// The first item of this name: its sections count for all of them.
    pub sections: &'a Node,
}

/// The items of a list of named maps.
pub fn items<'a>(tree: &'a Map, key: &str) -> Vec<Item<'a>> {
    let mut known = HashMap::new();
    let named = config::items(tree, key).iter().filter_map(|node| {
        let name = node.get("name")?.as_str()?;
        Some((name, node))
    });
    named
        .enumerate()
        .map(|(index, (name, node))| {
            let (first, sections) = *known.entry(name).or_insert((index, node));
            Item {
                name,
                node,
                first,
                sections,
            }
        })
        .collect()
}

/// Merges sections and keeps what it merged: most instances share most of theirs.
pub struct Levels<'a> {
    config: &'a Config,
    plugins: &'a dyn Plugins,
    sections: HashMap<(Kind, Level), Option<Arc<Map>>>,
    plugin_uses: HashMap<PluginKey, PluginUse>,
    own_transports: HashMap<String, Option<String>>,
    lifecycles: HashMap<(Option<usize>, Option<usize>), Arc<Section>>,
}

/// Where a section stands; platforms and suites by their index.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Level {
    Common,
    Platform(usize),
    Suite(usize),
}

/// Kind, platform and suite where these have the section, and the name where none gives one.
type PluginKey = (Kind, Option<usize>, Option<usize>, String);

impl<'a> Levels<'a> {
    /// For the sections of `config`.
    pub fn new(config: &'a Config, plugins: &'a dyn Plugins) -> Self {
        Self {
            config,
            plugins,
            sections: HashMap::new(),
            plugin_uses: HashMap::new(),
            own_transports: HashMap::new(),
            lifecycles: HashMap::new(),
        }
    }

    /// The files of the configuration.
    pub fn sources(&self) -> &'a Sources {
        &self.config.sources
    }

    /// The plugin of `kind` and its settings. `driver` is the driver's name, for the default of
    /// the transport.
    pub fn plugin(
        &mut self,
        kind: Kind,
        suite: &Item<'_>,
        platform: &Item<'_>,
        driver: Option<&str>,
    ) -> Result<PluginUse, Problem> {
        let section = kind.key();
        let default = self.default_name(kind, platform.name, driver);
        let key = (
            kind,
            platform.sections.get(section).map(|_| platform.first),
            suite.sections.get(section).map(|_| suite.first),
            default,
        );
        if let Some(known) = self.plugin_uses.get(&key) {
            return Ok(known.clone());
        }
        let config = self.config;
        let common = config.tree.get(section).map(|entry| &entry.node);
        let levels = [
            common.and_then(|node| self.section((kind, Level::Common), node)),
            platform
                .sections
                .get(section)
                .and_then(|node| self.section((kind, Level::Platform(platform.first)), node)),
            suite
                .sections
                .get(section)
                .and_then(|node| self.section((kind, Level::Suite(suite.first)), node)),
        ];
        let levels = levels.into_iter().flatten().collect();
        let made = plugin_use(kind, levels, &key.3, &config.sources)?;
        self.plugin_uses.insert(key, made.clone());
        Ok(made)
    }

    /// The section `node` as a map, which all that need it share.
    fn section(&mut self, at: (Kind, Level), node: &Node) -> Option<Arc<Map>> {
        let made = self.sections.entry(at).or_insert_with(|| {
            let map = config::named_map(node, "name")?;
            Some(Arc::new(map.into_owned()))
        });
        made.clone()
    }

    /// Test Kitchen's defaults, but a driver that brings its own transport is reached by that.
    fn default_name(&mut self, kind: Kind, platform: &str, driver: Option<&str>) -> String {
        let usual = || kind.default_name(platform).to_owned();
        let Some(driver) = driver.filter(|_| kind == Kind::Transport) else {
            return usual();
        };
        if let Some(own) = self.own_transports.get(driver) {
            return own.clone().unwrap_or_else(usual);
        }
        let own = self.plugins.own_transport(driver);
        self.own_transports.insert(driver.to_owned(), own.clone());
        own.unwrap_or_else(usual)
    }

    /// The lifecycle hooks: the common ones, then the platform's, then the suite's.
    pub fn lifecycle(
        &mut self,
        suite: &Item<'_>,
        platform: &Item<'_>,
    ) -> Result<Arc<Section>, Problem> {
        const KEY: &str = "lifecycle";
        let key = (
            platform.sections.get(KEY).map(|_| platform.first),
            suite.sections.get(KEY).map(|_| suite.first),
        );
        if let Some(known) = self.lifecycles.get(&key) {
            return Ok(known.clone());
        }
        let mut merged = Map::new();
        let levels = [
            self.config.tree.get(KEY).map(|entry| &entry.node),
            platform.sections.get(KEY),
            suite.sections.get(KEY),
        ];
        for (hook, entry) in levels
            .into_iter()
            .flatten()
            .filter_map(Node::as_map)
            .flatten()
        {
            append(&mut merged, hook, entry);
        }
        let section = Arc::new(config::section(&merged, &self.config.sources));
        self.lifecycles.insert(key, section.clone());
        Ok(section)
    }
}

/// The plugin that the strongest level names, and its settings.
fn plugin_use(
    kind: Kind,
    levels: Vec<Arc<Map>>,
    default: &str,
    sources: &Sources,
) -> Result<PluginUse, Problem> {
    let chosen = levels.iter().rev().find_map(|level| name_of(level));
    let (named, name) = (chosen.is_some(), chosen.unwrap_or(default).to_owned());
    let layered = Layered {
        kind,
        name: name.clone(),
        levels,
    };
    Ok(PluginUse {
        name,
        named,
        section: Settings::new(layered, sources)?,
    })
}
