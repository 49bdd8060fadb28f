//! Expressions in the user's values: `{{peers.db.address}}`, `{{platform}}`.

use std::sync::Arc;

use banquet_sdk::{Origin, Peers, Section};
use handlebars::Handlebars;
use serde_json::{Map, Value, json};

use super::{Cause, Failure};
use crate::matrix::Instance;

/// What expressions may name at a moment of the run.
pub(super) struct Expressions {
    engine: Handlebars<'static>,
    facts: Value,
}

impl Expressions {
    /// With the living members, and what is said of `instance` where the value is one member's.
    pub fn new(peers: &Peers, cluster: Option<&str>, instance: Option<&Instance>) -> Self {
        let mut engine = Handlebars::new();
        engine.set_strict_mode(true);
        engine.register_escape_fn(handlebars::no_escape);
        let mut members: Map<String, Value> = peers
            .0
            .iter()
            .map(|peer| (peer.suite.clone(), json!(peer)))
            .collect();
        // A suite that is called `role` is meant by that name, as before there were roles.
        members.entry("role").or_insert_with(|| roles(peers));
        let mut facts = json!({ "peers": members });
        if let Some(cluster) = cluster {
            facts["cluster"] = json!(cluster);
        }
        if let Some(instance) = instance {
            facts["instance"] = json!(instance.name);
            facts["suite"] = json!(instance.suite);
            facts["platform"] = json!(instance.platform);
        }
        Self { engine, facts }
    }

    /// `text` with its expressions replaced. `at` is where it is written.
    pub fn text(&self, text: &str, at: Option<&Origin>) -> Result<String, Failure> {
        if !text.contains("{{") {
            return Ok(text.into());
        }
        self.engine
            .render_template(text, &self.facts)
            .map_err(|error| self.failure(text, at, &error))
    }

    /// `section` with the expressions of all its strings replaced.
    pub fn section(&self, section: &Arc<Section>) -> Result<Arc<Section>, Failure> {
        let mut rendered = Section::clone(section);
        for (key, value) in &mut rendered.values {
            self.value(value, &format!("/{key}"), section)?;
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
                    self.value(item, &format!("{pointer}/{key}"), section)?;
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn failure(&self, text: &str, at: Option<&Origin>, error: &handlebars::RenderError) -> Failure {
        let place = at.map(|at| format!(" ({at})")).unwrap_or_default();
        let known = self.facts["peers"]
            .as_object()
            .into_iter()
            .flatten()
            .filter(|(_, peer)| peer.get("suite").is_some());
        let known: Vec<&str> = known.map(|(name, _)| name.as_str()).collect();
        let living = match known.as_slice() {
            [] => "No member is alive.".into(),
            known => format!("The living members are {}.", known.join(", ")),
        };
        Failure::new(
            Cause::Config,
            format!("the expression in {text:?}{place} cannot be read: {}", error.reason()),
        )
        .hint(living)
        .hint("Members are written `{{peers.SUITE.address}}`, also `.hostname`, `.instance`, `.platform`.")
    }
}

/// The living members of each role, in order: `{{#each peers.role.web}}{{this.address}} {{/each}}`.
fn roles(peers: &Peers) -> Value {
    let mut roles = Map::new();
    for peer in &peers.0 {
        for role in &peer.roles {
            let list = roles.entry(role.as_str()).or_insert_with(|| json!([]));
            if let Value::Array(list) = list {
                list.push(json!(peer));
            }
        }
    }
    Value::Object(roles)
}

/// Whether any value of `section` holds one.
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
mod tests {
    use banquet_sdk::Peer;

    use super::*;

    fn expressions() -> Expressions {
        let peer = |suite: &str, address: &str| Peer {
            suite: suite.into(),
            address: Some(address.into()),
            roles: vec!["store".into()],
            ..Peer::default()
        };
        let peers = Peers(vec![peer("db", "10.0.0.2"), peer("web-1", "10.0.0.3")]);
        Expressions::new(&peers, Some("app-host"), None)
    }

    #[test]
    fn members_are_named_by_suite() {
        let found = expressions().text(
            "{{peers.db.address}} {{peers.web-1.address}} {{cluster}}",
            None,
        );
        assert_eq!(found, Ok("10.0.0.2 10.0.0.3 app-host".into()));
    }

    #[test]
    fn members_are_listed_by_role() {
        let text = "{{#each peers.role.store}}server {{this.suite}} {{this.address}};{{/each}}";
        let found = expressions().text(text, None);
        assert_eq!(
            found,
            Ok("server db 10.0.0.2;server web-1 10.0.0.3;".into())
        );
        assert!(
            expressions()
                .text("{{#each peers.role.x}}{{/each}}", None)
                .is_err()
        );
    }

    #[test]
    fn an_unknown_name_tells_the_place_and_the_members() {
        let at = Origin {
            file: Arc::new("kitchen.yml".into()),
            line: 7,
            column: 3,
        };
        let failure = expressions()
            .text("{{peers.dv.address}}", Some(&at))
            .unwrap_err();
        assert!(
            failure.message.contains("kitchen.yml:7:3"),
            "{}",
            failure.message
        );
        assert_eq!(failure.hints[0], "The living members are db, web-1.");
    }

    #[test]
    fn every_string_of_a_section_is_rendered() {
        let mut section = Section::default();
        section
            .values
            .insert("a".into(), json!({"b": ["{{peers.db.address}}", 1]}));
        let rendered = expressions().section(&Arc::new(section)).unwrap();
        assert_eq!(rendered.values["a"], json!({"b": ["10.0.0.2", 1]}));
    }
}
