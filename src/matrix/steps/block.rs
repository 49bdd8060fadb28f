//! Steps that belong together.

use super::super::build::filter;
use super::super::fields::Fields;
use super::super::names::Filter;
use super::Reader;
use super::names::{is_pattern, meant};
use super::options::options;
use super::parsed::{Body, Kind, Parsed};
use crate::config::{Map, Node, Span};

/// Keys of `rolling` that are not those of its step.
const OF_ROLLING: [&str; 2] = ["max_unavailable", "wait"];

impl Reader<'_> {
    /// `concurrent`, `steps`, or `during` beside `steps`.
    pub(super) fn block(&mut self, map: &Map, node: &Node) -> Option<Parsed> {
        let keys = ["concurrent", "during", "steps"].map(|key| map.contains_key(key));
        let own: &[&'static str] = match keys[0] {
            true => &["concurrent"],
            false => &["during", "steps"],
        };
        let kind = match keys {
            [true, false, false] => Kind::Concurrent(self.steps_at("concurrent", map, node)?),
            [false, false, true] => Kind::Sequence(self.steps_at("steps", map, node)?),
            [false, true, true] => {
                let steps = self.steps_at("steps", map, node)?;
                let outer = std::mem::replace(&mut self.beside, true);
                let beside = self.steps_at("during", map, node);
                self.beside = outer;
                Kind::During(beside?, steps)
            }
            [false, true, false] => {
                let span = map.get("during").map_or(node.span, |entry| entry.key);
                return self.tell(
                    "`during` without `steps`".into(),
                    span,
                    "write what happens meanwhile below `steps:`",
                );
            }
            _ => {
                let span = map.get("concurrent").map_or(node.span, |entry| entry.key);
                return self.tell(
                    "`concurrent` beside `steps` or `during`".into(),
                    span,
                    "put the `concurrent` block among the `steps`",
                );
            }
        };
        self.whole(map, node, own, kind)
    }

    /// A block of this kind with the options in `map`.
    fn whole(
        &mut self,
        map: &Map,
        node: &Node,
        keys: &[&'static str],
        kind: Kind,
    ) -> Option<Parsed> {
        let filter = filter(node, self.sources, self.problems)?;
        let mut fields = Fields::new(map, self.sources, self.problems);
        let options = options(&mut fields);
        for key in keys.iter().copied() {
            fields.take(key);
        }
        fields.finish("a block");
        let options = match options {
            Ok(options) => options,
            Err(wrong) => return self.incomplete(&wrong, node.span),
        };
        let origin = self.sources.origin(node.span);
        let body = Body::Block {
            options: Box::new(options),
            origin,
            kind,
        };
        Some(Parsed { filter, body })
    }

    /// The steps below `key`; `during` may have a single one.
    fn steps_at(&mut self, key: &str, map: &Map, node: &Node) -> Option<Vec<Parsed>> {
        let value = &map.get(key)?.node;
        if key == "during" && (value.as_map().is_some() || value.as_str().is_some()) {
            return Some(vec![self.node(value)?]);
        }
        match value.as_list() {
            Some(list) if !list.is_empty() => Some(self.list(list)),
            list => {
                let span = if value.is_null() {
                    node.span
                } else {
                    value.span
                };
                let is = match list {
                    Some(_) => "empty".into(),
                    None => value.described().to_string(),
                };
                self.tell(
                    format!("`{key}` must be a list of steps, and is {is}"),
                    span,
                    "write the steps below it, each as `- ACTION SUITE`",
                )
            }
        }
    }

    /// `rolling: {step: "converge web*", max_unavailable: 1, wait: {port: 80}}`: a turn for each
    /// suite that may be meant.
    pub(super) fn rolling(&mut self, map: &Map, node: &Node) -> Option<Parsed> {
        let entry = map.get("rolling")?;
        let step = entry.node.get("step").and_then(Node::as_str);
        let (Some(inner), Some((word, name))) = (
            entry.node.as_map(),
            step.and_then(|text| text.trim().split_once(char::is_whitespace)),
        ) else {
            return self.tell(
                "`rolling` names no step".into(),
                entry.key,
                "write `rolling: {step: \"converge web*\"}`",
            );
        };
        let (name, span) = (name.trim(), entry.key);
        if !self.is_known(name, word, span) {
            return None;
        }
        let mut fields = Fields::new(inner, self.sources, self.problems);
        let max_unavailable = fields.number::<u16>("max_unavailable").unwrap_or(1);
        if max_unavailable == 0 {
            return self.tell(
                "`max_unavailable` must be 1 or more".into(),
                span,
                "leave it out for one member after the other",
            );
        }
        let instances: Vec<_> = self.suites.instances.iter().map(AsRef::as_ref).collect();
        let suites: Vec<String> = meant(name, &instances)
            .into_iter()
            .map(str::to_owned)
            .collect();
        let mut turns = Vec::with_capacity(suites.len());
        for suite in suites {
            self.rolling = true;
            let turn = self.turn(word, &suite, inner, span);
            self.rolling = false;
            turns.push((suite, turn?));
        }
        if turns.is_empty() && is_pattern(name) {
            return self.tell(
                format!("`{name}` matches no suite"),
                span,
                &self.known_suites(),
            );
        }
        let kind = Kind::Rolling {
            name: name.into(),
            turns,
            max_unavailable: max_unavailable.into(),
            span,
        };
        self.whole(map, node, &["rolling"], kind)
    }

    /// The step for one suite, and what is waited for then.
    fn turn(&mut self, word: &str, suite: &str, inner: &Map, span: Span) -> Option<Parsed> {
        let mut own = inner.clone();
        OF_ROLLING
            .iter()
            .for_each(|key| drop(own.shift_remove(*key)));
        let value = &inner.get("step")?.node;
        let mut steps = vec![self.step(
            &format!("{word} {suite}"),
            value.span,
            value,
            &own,
            &OF_ROLLING,
        )?];
        if let Some(wait) = inner.get("wait") {
            let Some(map) = wait.node.as_map() else {
                let message = format!("`wait` must be a map, and is {}", wait.node.described());
                return self.tell(message, wait.key, "write `wait: {http: \":80/health\"}`");
            };
            steps.push(self.step(&format!("wait {suite}"), span, &wait.node, map, &[])?);
        }
        let body = Body::Block {
            options: Box::new(super::super::step::StepOptions {
                name: Some(suite.to_owned()),
                ..Default::default()
            }),
            origin: self.sources.origin(span),
            kind: Kind::Sequence(steps),
        };
        Some(Parsed {
            filter: Filter::default(),
            body,
        })
    }
}
