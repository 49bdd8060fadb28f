//! What bears the labels of a project, by asking every driver.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use banquet_sdk::{Context, Driver, Error, Identity, Orphan, Section};
use futures::future::join_all;
use tokio::time::Instant;

use crate::matrix::{Instance, Kind, Matrix};
use crate::plan::{Strays, context, context_of};
use crate::registry::{Registry, Unknown};
use crate::state::Project;

/// What a plugin that heeds its deadline has to say why it missed it, which names more than the plugin.
pub const LAST_WORD: Duration = Duration::from_millis(500);

/// A driver with settings, and what it is asked with.
pub struct Asked {
    /// Its name.
    pub name: String,
    /// The driver.
    pub driver: Arc<dyn Driver>,
    /// The instances that are configured so; none where the configuration does not use it.
    instances: Vec<String>,
    cx: Context,
}

/// Something that bears the project's labels.
pub struct Thing {
    /// What the driver says of it.
    pub orphan: Orphan,
    /// The driver that listed it.
    pub asked: Arc<Asked>,
    /// Whether no driver lists it: there is a state of it.
    pub noted: bool,
}

/// A driver that could not be asked.
pub struct Silent {
    /// Its name.
    pub driver: String,
    /// Why.
    pub error: Error,
    /// Whether the configuration uses it.
    pub used: bool,
}

/// What there is.
#[derive(Default)]
pub struct Survey {
    /// What bears the project's labels, in the order of the drivers.
    pub things: Vec<Thing>,
    /// Who did not say.
    pub silent: Vec<Silent>,
}

impl Silent {
    fn unknown(unknown: &Unknown, used: bool) -> Self {
        Self {
            driver: unknown.name.clone(),
            error: Error::config("", unknown.to_string()).hint(unknown.hint()),
            used,
        }
    }
}

impl Asked {
    /// What the driver is told where `identity` is what it is about. The call ends within `limit`.
    pub fn context(&self, identity: &Identity, limit: Duration) -> Context {
        let mut cx = self.cx.clone();
        cx.tests_name.clone_from(&identity.suite);
        cx.tests_names = vec![identity.suite.clone()];
        cx.identity = identity.clone();
        cx.deadline = Some(Instant::now() + limit);
        cx
    }

    /// What the driver lists of this project; at most `limit` long.
    pub async fn list(&self, limit: Duration) -> banquet_sdk::Result<Vec<Orphan>> {
        let cx = self.context(&self.cx.identity, limit);
        let what = format!("asking driver {} what there is", self.name);
        // A driver that heeds its deadline says what it waited for.
        let listing = tokio::time::timeout(limit + LAST_WORD, self.driver.orphans(&cx)).await;
        let mut orphans = listing.unwrap_or_else(|_| Err(Error::timeout(what, limit)))?;
        // Whatever the driver, labels may be anybody's.
        orphans.retain(|it| it.identity.project == cx.identity.project && it.identity.is_sound());
        Ok(orphans)
    }
}

/// Asks every driver of the registry with the settings of the configuration, or with none where
/// the configuration does not use it or only states name it, all at once, each at most `limit` long.
pub async fn survey(
    project: &Project,
    matrix: &Matrix,
    strays: &Strays,
    registry: &Registry,
    limit: Duration,
) -> Survey {
    let mut survey = Survey::default();
    let askers = askers(project, matrix, strays, registry, &mut survey.silent);
    let answers = join_all(askers.iter().map(|asked| asked.list(limit))).await;
    for (asked, answer) in askers.iter().zip(answers) {
        match answer {
            Ok(orphans) => orphans
                .into_iter()
                .for_each(|orphan| add(&mut survey.things, orphan, asked)),
            Err(error) => survey.silent.push(Silent {
                driver: asked.name.clone(),
                error,
                used: !asked.instances.is_empty(),
            }),
        }
    }
    for stray in strays.members() {
        add_noted(&mut survey.things, project, stray, &askers);
    }
    survey
}

/// A state that the configuration has no instance for is a thing of its own where no driver lists
/// the machine: it may be one that drivers do not label, at an endpoint that only the state has.
fn add_noted(things: &mut Vec<Thing>, project: &Project, stray: &Instance, askers: &[Arc<Asked>]) {
    let listed = |thing: &Thing| thing.orphan.identity.instance == stray.name;
    let made =
        |it: &&Arc<Asked>| it.name == stray.driver.name && it.instances.contains(&stray.name);
    if !things.iter().any(listed)
        && let Some(asked) = askers.iter().find(made)
    {
        let identity = context(project, stray, Arc::default(), "").identity;
        things.push(Thing {
            orphan: Orphan::new(identity, format!("state of {}", stray.name)),
            asked: asked.clone(),
            noted: true,
        });
    }
}

/// Drivers as the configuration has them, first; then all others.
fn askers(
    project: &Project,
    matrix: &Matrix,
    strays: &Strays,
    registry: &Registry,
    silent: &mut Vec<Silent>,
) -> Vec<Arc<Asked>> {
    let mut used: BTreeMap<(&str, String), Vec<&Instance>> = BTreeMap::new();
    for instance in matrix.instances.iter().chain(strays.members()) {
        let settings = serde_json::to_string(&instance.driver.section.values).unwrap_or_default();
        let key = (instance.driver.name.as_str(), settings);
        used.entry(key).or_default().push(instance);
    }
    let mut askers = Vec::new();
    let mut named = Vec::new();
    for ((name, _), instances) in used {
        let first = instances[0];
        match registry.driver(name) {
            Ok(driver) => askers.push(Arc::new(Asked {
                name: name.to_owned(),
                driver,
                instances: instances.iter().map(|it| it.name.clone()).collect(),
                cx: configured(project, first, registry),
            })),
            Err(unknown) if !named.contains(&name) => silent.push(Silent::unknown(&unknown, true)),
            Err(_) => {}
        }
        named.push(name);
    }
    for name in registry.names(Kind::Driver) {
        if named.contains(&name.as_str()) {
            continue;
        }
        match registry.driver(&name) {
            Ok(driver) => askers.push(Arc::new(Asked {
                name,
                driver,
                instances: Vec::new(),
                cx: unconfigured(project),
            })),
            Err(unknown) => silent.push(Silent::unknown(&unknown, false)),
        }
    }
    askers
}

fn configured(project: &Project, instance: &Instance, registry: &Registry) -> Context {
    let mut cx = context(project, instance, instance.driver.section.clone(), "");
    let transport = registry.transport(&instance.transport.name).ok();
    cx.transport = transport.map(|it| (it.clone(), instance.transport.section.clone()));
    cx
}

fn unconfigured(project: &Project) -> Context {
    let nobody = Identity {
        project: project.id.clone(),
        cluster: None,
        instance: String::new(),
        suite: String::new(),
        platform: String::new(),
        run: String::new(),
    };
    context_of(project, nobody, Arc::new(Section::default()))
}

/// What two list, since they are one driver under two names or with two settings, is listed once;
/// the one that has the instance's own settings is the one to remove it. It is kept to be used again
/// where the settings of one of them would.
fn add(things: &mut Vec<Thing>, orphan: Orphan, asked: &Arc<Asked>) {
    match things
        .iter_mut()
        .find(|thing| is_same(&thing.orphan, &orphan))
    {
        None => things.push(Thing {
            orphan,
            asked: asked.clone(),
            noted: false,
        }),
        Some(thing) => {
            thing.orphan.cache |= orphan.cache;
            if asked.instances.contains(&orphan.identity.instance) {
                thing.asked = asked.clone();
            }
        }
    }
}

/// Whether two lists mean the same thing; what has aged meanwhile still is the same.
pub fn is_same(one: &Orphan, other: &Orphan) -> bool {
    (&one.identity, &one.resource, &one.names) == (&other.identity, &other.resource, &other.names)
}
