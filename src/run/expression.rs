//! Expressions in the user's values, at a moment of the run: the facts of those who live then.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, OnceLock};

use banquet_sdk::{Origin, Peer, Peers, Section};
use handlebars::{Context, Handlebars, RenderErrorReason};
use indexmap::IndexMap;
use serde_json::{Map, Value, json};

use super::job::Job;
use super::{Cause, Failure};
use crate::config::escaped;
use crate::expression::{Names, Template, Wrong, exact, read};
use crate::matrix::{Cluster, Instance};

/// What expressions may name at a moment of the run. Facts of all members are gathered when a text asks
/// for any.
pub(super) struct Expressions {
    names: Names,
    cluster: Option<Arc<Cluster>>,
    peers: Arc<Peers>,
    own: Option<Own>,
    made: OnceLock<Made>,
}

/// The member that the value belongs to.
pub(super) struct Own {
    suite: String,
    platform: String,
    peer: Peer,
}

/// What texts are rendered with.
struct Made {
    engine: Handlebars<'static>,
    facts: Context,
    living: Vec<String>,
}

impl Job<'_> {
    /// What values of `instance`, else of the workstation, may name now.
    pub(super) fn expressions(&self, instance: Option<&Instance>, rolling: bool) -> Expressions {
        let known = self.known();
        let own = instance.map(|instance| {
            let living = known.peer(&instance.suite).cloned();
            let peer = living.or_else(|| Some(self.member(instance).ok()?.peer()));
            Own::of(instance, peer.unwrap_or_default())
        });
        let (cluster, peers) = (self.task.cluster.clone(), known.peers.clone());
        let names = Names::of(cluster.as_deref(), instance, rolling);
        Expressions::new(names, cluster, peers, own)
    }
}

impl Own {
    fn of(instance: &Instance, peer: Peer) -> Self {
        Self {
            suite: instance.suite.clone(),
            platform: instance.platform.clone(),
            peer,
        }
    }
}

impl Made {
    fn new(names: &Names, cluster: Option<&Cluster>, peers: &Peers, own: Option<&Own>) -> Self {
        let mut engine = Handlebars::new();
        engine.set_strict_mode(true);
        engine.register_escape_fn(handlebars::no_escape);
        let mut facts = Map::new();
        if let Some(cluster) = cluster {
            facts.insert("peers".into(), members(names, peers));
            let all = json!({
                "name": cluster.name, "platform": cluster.platform, "multisuite": cluster.multisuite
            });
            facts.insert("cluster".into(), all);
            facts.insert("platform".into(), json!({"name": cluster.platform}));
        }
        if let Some(own) = own {
            facts.insert("instance".into(), told(&own.peer));
            facts.insert("member".into(), told(&own.peer));
            facts.insert("suite".into(), json!({"name": own.suite}));
            facts.insert("platform".into(), json!({"name": own.platform}));
        }
        Self {
            engine,
            facts: Context::from(Value::Object(facts)),
            living: peers.0.iter().map(|peer| peer.suite.clone()).collect(),
        }
    }
}

impl Expressions {
    /// With the living members, and what is known of the member that the value belongs to.
    fn new(
        names: Names,
        cluster: Option<Arc<Cluster>>,
        peers: Arc<Peers>,
        own: Option<Own>,
    ) -> Self {
        Self {
            names,
            cluster,
            peers,
            own,
            made: OnceLock::new(),
        }
    }

    fn made(&self) -> &Made {
        let cluster = self.cluster.as_deref();
        let make = || Made::new(&self.names, cluster, &self.peers, self.own.as_ref());
        self.made.get_or_init(make)
    }

    /// `text` with its expressions replaced. `at` is where it is written.
    pub fn text(&self, text: &str, at: Option<&Origin>) -> Result<String, Failure> {
        let template = read(text, &self.names).map_err(|wrong| failure(wrong, at))?;
        let Some(template) = template else {
            return Ok(text.into());
        };
        let made = self.made();
        made.engine
            .render_template_with_context(template.source(), &made.facts)
            .map(|rendered| template.finished(&rendered))
            .map_err(|error| failure(self.missing(&template, text, error.reason()), at))
    }

    /// `section` with the expressions of all its strings replaced.
    pub fn section(&self, section: &Arc<Section>) -> Result<Arc<Section>, Failure> {
        let mut rendered = Section::clone(section);
        for (key, value) in &mut rendered.values {
            self.value(value, &format!("/{}", escaped(key)), section)?;
        }
        Ok(Arc::new(rendered))
    }

    fn value(&self, value: &mut Value, pointer: &str, section: &Section) -> Result<(), Failure> {
        match value {
            Value::String(text) => *text = self.text(text, section.origin(pointer))?,
            Value::Array(list) => {
                for (index, item) in list.iter_mut().enumerate() {
                    self.value(item, &format!("{pointer}/{index}"), section)?;
                }
            }
            Value::Object(map) => {
                for (key, item) in map {
                    self.value(item, &format!("{pointer}/{}", escaped(key)), section)?;
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// Why a fact that can be named has no value now.
    fn missing(&self, template: &Template, text: &str, reason: &RenderErrorReason) -> Wrong {
        let path = match reason {
            RenderErrorReason::MissingVariable(Some(path)) => path.as_str(),
            _ => "",
        };
        let expression = template.expression(path).unwrap_or(text).to_owned();
        let words: Vec<&str> = path
            .trim_start_matches("@root.")
            .split(['.', '/'])
            .collect();
        let living = living(&self.made().living);
        let (reason, help) = match words.as_slice() {
            ["peers", suite, fact, ..] if *suite != "role" => {
                let suite = suite.trim_matches(['[', ']']);
                match self.made().living.iter().any(|living| living == suite) {
                    true => (format!("`{suite}` has no {fact}"), not_told(fact)),
                    false => (format!("`{suite}` is not alive"), living),
                }
            }
            ["instance" | "member", fact, ..] => {
                (format!("the instance has no {fact}"), not_told(fact))
            }
            _ => ("it has no value now".into(), living),
        };
        Wrong {
            expression,
            reason,
            help,
            outside: false,
        }
    }
}

/// Which members can be named, for who names another.
pub(super) fn living(names: &[impl AsRef<str>]) -> String {
    let names: Vec<&str> = names.iter().map(AsRef::as_ref).collect();
    match names.is_empty() {
        true => "No member is alive.".into(),
        false => format!("The living members are {}.", names.join(", ")),
    }
}

fn not_told(fact: &str) -> String {
    format!("The machine's driver does not tell its {fact}, or the machine is not made yet.")
}

fn failure(wrong: Wrong, at: Option<&Origin>) -> Failure {
    let place = at.map(|at| exact(at, &wrong.expression));
    let place = place.map(|at| format!("{at}: ")).unwrap_or_default();
    Failure::new(Cause::Config, format!("{place}{wrong}")).hint(wrong.help)
}

/// The facts of a member that have a value.
fn told(peer: &Peer) -> Value {
    let mut facts = json!(peer);
    if let Value::Object(facts) = &mut facts {
        facts.retain(|_, fact| !fact.is_null());
    }
    facts
}

/// The living members by suite, null for those that do not live, and those of each role, in order:
/// `{{#each peers.role.web}}{{this.address}} {{/each}}`.
fn members(names: &Names, peers: &Peers) -> Value {
    let living = peers.0.iter().map(|peer| (peer.suite.as_str(), peer));
    let living: HashMap<&str, &Peer> = living.collect();
    let of = |suite: &String| {
        living
            .get(suite.as_str())
            .map_or(Value::Null, |it| told(it))
    };
    let all = names.members.iter();
    let mut members: Map<String, Value> = all.map(|suite| (suite.clone(), of(suite))).collect();
    let roles = names.roles.iter().map(|role| (role.clone(), Vec::new()));
    let mut roles: IndexMap<String, Vec<Value>> = roles.collect();
    for peer in &peers.0 {
        let own: HashSet<&String> = peer.roles.iter().collect();
        for role in own {
            if let Some(having) = roles.get_mut(role) {
                having.push(told(peer));
            }
        }
    }
    let roles = roles.into_iter();
    let roles = roles.map(|(role, having)| (role, Value::Array(having)));
    // A suite that is called `role` is meant by that name, as before there were roles.
    members
        .entry("role")
        .or_insert_with(|| Value::Object(roles.collect()));
    Value::Object(members)
}

/// Whether any value of `section` may hold one.
pub(super) fn has_expressions(section: &Section) -> bool {
    section.values.values().any(has_expression)
}

fn has_expression(value: &Value) -> bool {
    match value {
        Value::String(text) => text.contains("{{"),
        Value::Array(list) => list.iter().any(has_expression),
        Value::Object(map) => map.values().any(has_expression),
        _ => false,
    }
}

#[cfg(test)]
#[path = "expression_tests.rs"]
mod tests;
