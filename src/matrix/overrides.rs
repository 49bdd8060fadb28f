//! The settings that a step changes for its own action, and what is wrong with them.

use banquet_sdk::Section;
use serde_json::Value as Json;

use super::step::{Action, Step};
use super::steps::OPTIONS;
use super::steps::reference::Form;
use super::{Instance, Kind, PluginUse, Plugins};
use crate::config::{Entry, Map, Node, Problem, Sources, nearest};

/// Keys of a step that hold settings of one kind of plugin: as everywhere in the file, and as the
/// RFC has them.
const CONFIGS: [(&str, Kind); 5] = [
    ("provisioner", Kind::Provisioner),
    ("provisioner_config", Kind::Provisioner),
    ("verifier", Kind::Verifier),
    ("verifier_config", Kind::Verifier),
    ("transport", Kind::Transport),
];

/// Keys of Chef that every `converge` has.
const OF_CHEF: [&str; 2] = ["attributes", "run_list"];

/// The kinds of plugins whose settings a step with this action may change. Keys of the step itself
/// are settings of the first.
fn kinds_of(word: &str) -> &'static [Kind] {
    match word {
        "converge" => &[Kind::Provisioner, Kind::Transport],
        "verify" | "setup" => &[Kind::Verifier, Kind::Transport],
        "exec" | "wait" => &[Kind::Transport],
        _ => &[],
    }
}

/// The kind of plugin whose settings the key holds.
fn config_of(key: &str) -> Option<Kind> {
    let found = CONFIGS.iter().find(|(config, _)| *config == key);
    found.map(|(_, kind)| *kind)
}

impl Instance {
    /// The instance as `step` sees it: the step's settings are put over those of the plugins that
    /// its action uses. A step that names another plugin brings all of its settings itself.
    #[must_use]
    pub fn for_step(&self, step: &Step) -> Instance {
        let mut instance = self.clone();
        let kinds: &[Kind] = match step.action {
            Action::Converge => kinds_of("converge"),
            Action::Verify | Action::Setup => kinds_of("verify"),
            Action::Exec { .. } | Action::Wait { .. } => kinds_of("exec"),
            _ => &[],
        };
        for (at, kind) in kinds.iter().enumerate() {
            let over = overrides_of(*kind, at == 0, &step.overrides);
            if over.values.is_empty() {
                continue;
            }
            let plugin = match kind {
                Kind::Driver => &mut instance.driver,
                Kind::Transport => &mut instance.transport,
                Kind::Provisioner => &mut instance.provisioner,
                Kind::Verifier => &mut instance.verifier,
            };
            *plugin = overridden(plugin, over);
        }
        instance
    }
}

/// What a step says of the plugin of this kind; `first` where the step's own keys are settings of
/// that plugin.
fn overrides_of(kind: Kind, first: bool, overrides: &Section) -> Section {
    let mut over = Section::default();
    for (key, value) in &overrides.values {
        match (config_of(key), value) {
            (Some(of), Json::Object(inner)) if of == kind => {
                over.values.extend(inner.clone());
                lift_origins(overrides, &format!("/{key}"), "", &mut over);
            }
            (Some(of), Json::String(_)) if of == kind => {
                over.values.insert("name".into(), value.clone());
                lift_origins(overrides, &format!("/{key}"), "/name", &mut over);
            }
            (None, _) if first => {
                over.values.insert(key.clone(), value.clone());
                let pointer = format!("/{}", key.replace('~', "~0").replace('/', "~1"));
                lift_origins(overrides, &pointer, &pointer, &mut over);
            }
            _ => {}
        }
    }
    over
}

fn overridden(plugin: &PluginUse, mut over: Section) -> PluginUse {
    let named = over.values.shift_remove("name");
    let name = named.and_then(|name| name.as_str().map(str::to_owned));
    match name {
        Some(name) if name != plugin.name => PluginUse {
            name,
            named: true,
            section: over.into(),
        },
        _ => PluginUse {
            section: plugin.section.overlaid(&over).into(),
            ..plugin.clone()
        },
    }
}

/// Copies the origins at and below `from`, as `to`.
fn lift_origins(source: &Section, from: &str, to: &str, into: &mut Section) {
    for (pointer, origin) in &source.origins {
        match pointer.strip_prefix(from) {
            Some(rest) if rest.is_empty() || rest.starts_with('/') => {
                let pointer = format!("{to}{rest}");
                if !pointer.is_empty() {
                    into.origins.insert(pointer, origin.clone());
                }
            }
            _ => {}
        }
    }
}

/// A step whose keys are judged.
pub struct Keyed<'a> {
    /// Its action.
    pub form: &'a Form,
    /// Keys beside those of the action: of `rolling`, in which the step is written.
    pub further: &'a [&'a str],
    /// The instances that it may act on.
    pub members: Vec<&'a Instance>,
    /// The keys that are no options.
    pub settings: &'a Map,
    /// For the keys that they know.
    pub plugins: &'a dyn Plugins,
    /// For the places.
    pub sources: &'a Sources,
}

impl Keyed<'_> {
    /// All that is wrong with the keys.
    pub fn problems(&self) -> Vec<Problem> {
        let mut found = Vec::new();
        for (key, entry) in self.settings {
            match config_of(key) {
                // An option that was not read, since another is wrong.
                None if self.own().any(|own| own == key) => {}
                None => found.extend(self.key(key, entry)),
                Some(kind) => self.config(kind, key, entry, &mut found),
            }
        }
        found
    }

    /// The keys that the action has whatever the plugins are.
    fn own(&self) -> impl Iterator<Item = &str> {
        let own = self.form.keys.iter().chain(self.further).copied();
        own.chain(OPTIONS)
    }

    /// A key beside `step:` that is no option.
    fn key(&self, key: &str, entry: &Entry) -> Option<Problem> {
        let word = self.form.word;
        let kind = kinds_of(word).first();
        let of_driver = || {
            let mut members = self.members.iter();
            members.any(|member| is_driver_key(member, key, self.plugins))
        };
        if key.starts_with("driver") || (kind.is_none() && of_driver()) {
            return Some(self.at(driver_key(key), entry));
        }
        let Some(kind) = kind else {
            let problem = Problem::error(format!("`{key}` has no effect on a `{word}` step"));
            return Some(self.at(problem, entry).suggest(key, self.own()));
        };
        if *kind == Kind::Provisioner && OF_CHEF.contains(&key) {
            return None;
        }
        for name in self.names(*kind) {
            let known = self.plugins.keys(*kind, &name);
            let is_known = known.as_ref().map(|known| known.iter().any(|it| it == key));
            if is_known.unwrap_or_else(|| self.has(*kind, &name, key)) {
                continue;
            }
            if of_driver() {
                return Some(self.at(driver_key(key), entry));
            }
            let Some(known) = known else {
                let Some(near) = nearest(key, self.own()) else {
                    continue;
                };
                let message = format!("`{key}` is taken as a setting of {} {name}", kind.key());
                let problem = Problem::warning(message);
                let help = format!("Did you mean the option `{near}`?");
                return Some(self.at(problem, entry).help(help));
            };
            let message = format!(
                "{} {name} does not know the key `{key}`, nor is it an option of a `{word}` step",
                kind.key()
            );
            let mut all: Vec<&str> = self.own().collect();
            all.extend(known.iter().map(String::as_str));
            return Some(
                self.at(Problem::error(message), entry)
                    .suggest(key, once(all)),
            );
        }
        None
    }

    /// The settings below `verifier:` and its like.
    fn config(&self, kind: Kind, key: &str, entry: &Entry, found: &mut Vec<Problem>) {
        let word = self.form.word;
        if !kinds_of(word).contains(&kind) {
            let problem = Problem::error(format!("`{key}` has no effect on a `{word}` step"));
            let help = "Put it into a step whose action uses it.";
            found.push(self.at(problem, entry).help(help));
            return;
        }
        let twice = CONFIGS
            .iter()
            .find(|(other, of)| *of == kind && *other != key && self.settings.contains_key(*other));
        if let Some((other, _)) = twice.filter(|_| key.ends_with("_config")) {
            let problem = Problem::error(format!("both `{other}` and `{key}` in a step"));
            let first = self.settings.get(*other).map(|entry| entry.key);
            let problem =
                self.at(problem, entry)
                    .at(self.sources, first.unwrap_or_default(), "the same");
            found.push(problem.help(format!("Put all of it below `{other}:`.")));
            return;
        }
        if entry.node.as_str().is_some() {
            return;
        }
        let Some(map) = entry.node.as_map() else {
            found.push(self.no_config(key, entry));
            return;
        };
        let name = map.get("name").map(|name| &name.node);
        if let Some(name) = name.filter(|name| name.as_str().is_none()) {
            let message = format!(
                "the name of a {} must be text, and is {}",
                kind.key(),
                name.described()
            );
            let problem = Problem::error(message);
            found.push(problem.at(self.sources, name.span, "not text"));
            return;
        }
        for (inner, entry) in map.iter().filter(|(inner, _)| *inner != "name") {
            found.extend(self.inner(kind, inner, entry));
        }
    }

    fn no_config(&self, key: &str, entry: &Entry) -> Problem {
        let is = entry.node.described();
        let problem = Problem::error(format!("`{key}` must be a name or a map, and is {is}"));
        let help = format!("Write the settings below `{key}:`.");
        self.at(problem, entry).help(help)
    }

    /// A key below `verifier:` and its like that its plugin does not read.
    fn inner(&self, kind: Kind, key: &str, entry: &Entry) -> Option<Problem> {
        for name in self.names(kind) {
            let Some(known) = self.plugins.keys(kind, &name) else {
                continue;
            };
            let chef = kind == Kind::Provisioner && OF_CHEF.contains(&key);
            if chef || known.iter().any(|known| known == key) {
                continue;
            }
            let what = kind.key();
            let problem = Problem::error(format!("{what} {name} does not know the key `{key}`"));
            let problem = problem.at(self.sources, entry.key, "nothing reads this");
            let known = known.iter().map(String::as_str).collect();
            return Some(problem.suggest(key, once(known)));
        }
        None
    }

    fn at(&self, problem: Problem, entry: &Entry) -> Problem {
        problem.at(self.sources, entry.key, "here")
    }

    /// The plugins of this kind that the step uses, by name.
    fn names(&self, kind: Kind) -> Vec<String> {
        let name = |node: &Node| match node.as_str() {
            Some(name) => Some(name.to_owned()),
            None => node.get("name")?.as_str().map(str::to_owned),
        };
        let mut configs = CONFIGS.iter().filter(|(_, of)| *of == kind);
        let named = configs.find_map(|(key, _)| name(&self.settings.get(*key)?.node));
        if let Some(named) = named {
            return vec![named];
        }
        let members = self.members.iter();
        let mut names: Vec<_> = members.map(|it| it.plugin(kind).name.clone()).collect();
        names.sort();
        names.dedup();
        names
    }

    /// Whether a member sets the key of its plugin as well.
    fn has(&self, kind: Kind, name: &str, key: &str) -> bool {
        let mut plugins = self.members.iter().map(|member| member.plugin(kind));
        plugins.any(|it| it.name == name && it.section.values.contains_key(key))
    }
}

/// Each key once, in order.
fn once(keys: Vec<&str>) -> Vec<&str> {
    let mut seen = Vec::with_capacity(keys.len());
    for key in keys {
        if !seen.contains(&key) {
            seen.push(key);
        }
    }
    seen
}

fn is_driver_key(member: &Instance, key: &str, plugins: &dyn Plugins) -> bool {
    let driver = &member.driver;
    driver.section.values.contains_key(key)
        || plugins
            .keys(Kind::Driver, &driver.name)
            .is_some_and(|keys| keys.iter().any(|known| known == key))
}

fn driver_key(key: &str) -> Problem {
    Problem::error(format!("the driver's key `{key}` in a step")).help(
        "A driver is configured for all steps: put it into `driver:` of the suite or platform.",
    )
}
