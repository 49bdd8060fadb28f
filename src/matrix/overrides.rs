//! The settings that a step changes for its own action.

use banquet_sdk::Section;
use serde_json::Value as Json;

use super::step::{Action, Step};
use super::steps::known_options;
use super::{Instance, Kind, PluginUse, Plugins};
use crate::config::{Entry, Map, Problem, nearest};

/// Keys of a step that hold settings of one kind of plugin.
const CONFIGS: [(&str, Kind); 2] = [
    ("provisioner_config", Kind::Provisioner),
    ("verifier_config", Kind::Verifier),
];

/// The plugin whose settings a step with this action may change.
fn kind_of(word: &str) -> Option<Kind> {
    match word {
        "converge" => Some(Kind::Provisioner),
        "verify" | "setup" => Some(Kind::Verifier),
        "exec" | "wait" => Some(Kind::Transport),
        _ => None,
    }
}

impl Instance {
    /// The instance as `step` sees it: the step's settings are put over those of the plugin that
    /// its action uses. A step that names another plugin brings all of its settings itself.
    #[must_use]
    pub fn for_step(&self, step: &Step) -> Instance {
        let mut instance = self.clone();
        let plugin = match step.action {
            Action::Converge => &mut instance.provisioner,
            Action::Verify | Action::Setup => &mut instance.verifier,
            Action::Exec { .. } | Action::Wait { .. } => &mut instance.transport,
            _ => return instance,
        };
        if !step.overrides.values.is_empty() {
            *plugin = overridden(plugin, &step.overrides);
        }
        instance
    }
}

fn overridden(plugin: &PluginUse, overrides: &Section) -> PluginUse {
    let mut over = Section::default();
    for (key, value) in &overrides.values {
        let lifted = CONFIGS.iter().any(|(config, _)| config == key);
        match value {
            Json::Object(inner) if lifted => {
                over.values.extend(inner.clone());
                lift_origins(overrides, &format!("/{key}"), "", &mut over);
            }
            _ => {
                over.values.insert(key.clone(), value.clone());
                let pointer = format!("/{}", key.replace('~', "~0").replace('/', "~1"));
                lift_origins(overrides, &pointer, &pointer, &mut over);
            }
        }
    }
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

/// What is wrong with the setting `key` of a step on `member`, without its place.
pub fn judge(
    word: &str,
    member: Option<&Instance>,
    settings: &Map,
    key: &str,
    entry: &Entry,
    plugins: &dyn Plugins,
) -> Option<Problem> {
    let of_driver = |member| is_driver_key(member, key, plugins);
    if key.starts_with("driver") || (kind_of(word).is_none() && member.is_some_and(of_driver)) {
        return Some(driver_key(key));
    }
    let Some(kind) = kind_of(word) else {
        return Some(
            Problem::error(format!("`{key}` has no effect on a `{word}` step"))
                .suggest(key, known_options()),
        );
    };
    if let Some((_, config)) = CONFIGS.iter().find(|(config, _)| *config == key) {
        return config_problem(word, key, entry, *config == kind);
    }
    let member = member?;
    let (name, of_member) = plugin_name(member, settings, kind);
    let section = &member.plugin(kind).section.values;
    if of_member && section.contains_key(key) {
        return None;
    }
    let chef = kind == Kind::Provisioner && matches!(key, "attributes" | "run_list");
    match plugins.keys(kind, &name) {
        Some(known) if chef || known.iter().any(|known| known == key) => None,
        _ if !chef && of_driver(member) => Some(driver_key(key)),
        Some(known) => {
            let problem = Problem::warning(format!(
                "{} {name} does not know the key `{key}`",
                kind.key()
            ));
            let known: Vec<&str> = known
                .iter()
                .map(String::as_str)
                .chain(known_options())
                .collect();
            Some(problem.suggest(key, known))
        }
        None if chef => None,
        None => nearest(key, known_options()).map(|near| {
            Problem::warning(format!(
                "`{key}` is taken as a setting of {} {name}",
                kind.key()
            ))
            .help(format!("Did you mean the option `{near}`?"))
        }),
    }
}

/// The plugin that the step uses, and whether it is the member's own.
fn plugin_name(member: &Instance, settings: &Map, kind: Kind) -> (String, bool) {
    let own = &member.plugin(kind).name;
    let config = CONFIGS.iter().find(|(_, config)| *config == kind);
    let named = config
        .and_then(|(key, _)| settings.get(*key)?.node.get("name")?.as_str())
        .unwrap_or(own);
    (named.to_owned(), named == own)
}

fn config_problem(word: &str, key: &str, entry: &Entry, fits: bool) -> Option<Problem> {
    if !fits {
        return Some(
            Problem::error(format!("`{key}` has no effect on a `{word}` step"))
                .help("Put it into a step whose action uses it."),
        );
    }
    entry.node.as_map().is_none().then(|| {
        Problem::error(format!(
            "`{key}` must be a map, and is {}",
            entry.node.described()
        ))
        .help(format!("Write the settings below `{key}:`."))
    })
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
