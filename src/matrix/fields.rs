//! The keys of a step, taken one by one; what is left over are settings of a plugin.

use std::time::Duration;

use banquet_sdk::wording::first_command;
use serde_json::Value as Json;

use super::duration;
use super::step::TimeLimit;
use crate::config::{Entry, Map, Node, Problem, Problems, Sources, Value};

/// The keys of one map. A value of the wrong kind is told, and then counts as not given.
pub struct Fields<'a, 'p> {
    map: &'a Map,
    /// In the order in which they were asked for, each once.
    taken: Vec<&'static str>,
    sources: &'p Sources,
    problems: &'p mut Problems,
}

impl<'a, 'p> Fields<'a, 'p> {
    /// All keys of `map`.
    pub fn new(map: &'a Map, sources: &'p Sources, problems: &'p mut Problems) -> Self {
        Self {
            map,
            taken: Vec::new(),
            sources,
            problems,
        }
    }

    /// The value of `key`.
    pub fn take(&mut self, key: &'static str) -> Option<&'a Node> {
        if !self.taken.contains(&key) {
            self.taken.push(key);
        }
        self.map.get(key).map(|entry| &entry.node)
    }

    /// Text; numbers and booleans count as text.
    pub fn text(&mut self, key: &'static str) -> Option<String> {
        let node = self.take(key)?;
        match &node.value {
            // An empty check holds always.
            Value::Scalar(Json::String(text)) if text.trim().is_empty() => {
                self.wrong(key, node, "text that is not empty")
            }
            Value::Scalar(Json::String(text)) => Some(text.clone()),
            Value::Scalar(value @ (Json::Number(_) | Json::Bool(_))) => Some(value.to_string()),
            _ => self.wrong(key, node, "text"),
        }
    }

    /// A command of a shell, that does something.
    pub fn command(&mut self, key: &'static str) -> Option<String> {
        let command = self.text(key)?;
        if first_command(&command).is_some() {
            return Some(command);
        }
        let node = self.take(key)?;
        self.wrong(key, node, "a command, and this is a comment")
    }

    /// `true` or `false`; not given is `false`.
    pub fn flag(&mut self, key: &'static str) -> bool {
        let Some(node) = self.take(key) else {
            return false;
        };
        match &node.value {
            Value::Scalar(Json::Bool(value)) => *value,
            _ => self.wrong(key, node, "`true` or `false`").unwrap_or(false),
        }
    }

    /// A whole number that a `T` can hold.
    pub fn number<T: TryFrom<i64>>(&mut self, key: &'static str) -> Option<T> {
        let node = self.take(key)?;
        let number = match &node.value {
            Value::Scalar(Json::Number(number)) => number.as_i64(),
            _ => None,
        };
        match number.and_then(|number| T::try_from(number).ok()) {
            Some(number) => Some(number),
            None => self.wrong(key, node, "a whole number in its range"),
        }
    }

    /// A length of time.
    pub fn duration(&mut self, key: &'static str) -> Option<Duration> {
        let node = self.take(key)?;
        match duration::of(node) {
            Some(duration) => Some(duration),
            None => self.wrong(key, node, "a length of time such as `500ms`, `30s`, `2m`"),
        }
    }

    /// A length of time that is to pass: nothing happens in none.
    pub fn span(&mut self, key: &'static str) -> Option<Duration> {
        let length = self.duration(key)?;
        if !length.is_zero() {
            return Some(length);
        }
        let node = self.take(key)?;
        self.wrong(key, node, "a length of time above 0")
    }

    /// The length of time at `key` as a limit that tells where it is set.
    pub fn limit(&mut self, key: &'static str) -> Option<TimeLimit> {
        let length = self.span(key)?;
        let place = self.sources.place(self.map.get(key)?.node.span);
        let place = place.map(|place| format!(", {}", place.shown()));
        let from = format!("`{key}`{}", place.unwrap_or_default());
        Some(TimeLimit::new(length, from))
    }

    /// A regular expression, as text.
    pub fn pattern(&mut self, key: &'static str) -> Option<String> {
        let text = self.text(key)?;
        // An expression is only known to be a pattern once it is evaluated.
        if text.contains("{{") {
            return Some(text);
        }
        match fancy_regex::Regex::new(&text) {
            Ok(_) => Some(text),
            Err(error) => {
                let node = self.take(key)?;
                let message = format!("`{text}` is not a regular expression: {error}");
                self.tell(Problem::error(message), node, "here")
            }
        }
    }

    /// A list of texts; one text is a list as well.
    pub fn words(&mut self, key: &'static str) -> Option<Vec<String>> {
        let node = self.take(key)?;
        let list = match node.as_list() {
            Some(list) => list.iter().map(Node::as_str).collect::<Option<Vec<_>>>(),
            None => node.as_str().map(|one| one.split([' ', ',']).collect()),
        };
        match list {
            Some(list) => Some(
                list.into_iter()
                    .filter(|word| !word.is_empty())
                    .map(str::to_owned)
                    .collect(),
            ),
            None => self.wrong(key, node, "a list of words"),
        }
    }

    /// A map inside of this one.
    pub fn inner(&mut self, key: &'static str) -> Option<Fields<'a, '_>> {
        let node = self.take(key)?;
        match node.as_map() {
            Some(map) => Some(Fields::new(map, self.sources, self.problems)),
            None => self.wrong(key, node, "a map"),
        }
    }

    /// The keys that were not taken.
    pub fn rest(&self) -> Map {
        self.map
            .iter()
            .filter(|(key, _)| !self.taken.contains(&key.as_str()))
            .map(|(key, entry)| (key.clone(), entry.clone()))
            .collect()
    }

    /// Tells that what was not taken means nothing here.
    pub fn finish(self, what: &str) {
        for (key, entry) in self.rest() {
            let problem = unknown(what, &key, &entry, self.sources);
            self.problems
                .push(problem.suggest(&key, self.taken.iter().copied()));
        }
    }

    /// Tells that `key` must be `expected`.
    pub fn wrong<T>(&mut self, key: &str, node: &Node, expected: &str) -> Option<T> {
        let message = format!("`{key}` must be {expected}, and is {}", node.described());
        self.tell(Problem::error(message), node, "here")
    }

    fn tell<T>(&mut self, problem: Problem, node: &Node, label: &str) -> Option<T> {
        let known = self
            .map
            .values()
            .find(|entry| std::ptr::eq(&entry.node, node));
        let span = match known {
            Some(entry) if node.is_null() => entry.key,
            _ => node.span,
        };
        self.problems.push(problem.at(self.sources, span, label));
        None
    }
}

/// An error about a key that means nothing in `what`.
pub fn unknown(what: &str, key: &str, entry: &Entry, sources: &Sources) -> Problem {
    Problem::error(format!("unknown key `{key}` in {what}")).at(
        sources,
        entry.key,
        "means nothing here",
    )
}
