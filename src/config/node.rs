//! A tree of values that remember where they were written.

use banquet_sdk::Section;
use indexmap::IndexMap;
use serde_json::Value as Json;

use super::source::{Sources, Span};

/// A value and its place.
#[derive(Clone, Debug, Default)]
pub struct Node {
    /// The value.
    pub value: Value,
    /// Its place; `line` is 0 for values that no file gave.
    pub span: Span,
}

/// A value.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// Null, a boolean, a number or a string.
    Scalar(Json),
    /// A list.
    List(Vec<Node>),
    /// A map, in the order of the file.
    Map(Map),
}

/// A map, in the order of the file.
pub type Map = IndexMap<String, Entry>;

/// The value of a key, and the key's place.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Entry {
    /// Place of the key.
    pub key: Span,
    /// The value.
    pub node: Node,
}

impl Default for Value {
    fn default() -> Self {
        Self::Scalar(Json::Null)
    }
}

impl PartialEq for Node {
    fn eq(&self, other: &Self) -> bool {
        self.value == other.value
    }
}

impl Node {
    /// A map at `span`.
    pub fn map(map: Map, span: Span) -> Self {
        Self {
            value: Value::Map(map),
            span,
        }
    }

    /// `{key: self}`, both at the place of `self`.
    pub fn under(self, key: &str) -> Self {
        let span = self.span;
        let entry = Entry {
            key: span,
            node: self,
        };
        Self::map(Map::from_iter([(key.to_owned(), entry)]), span)
    }

    /// The map, where it is one.
    pub fn as_map(&self) -> Option<&Map> {
        match &self.value {
            Value::Map(map) => Some(map),
            _ => None,
        }
    }

    /// The map itself, where it is one.
    pub fn into_map(self) -> Option<Map> {
        match self.value {
            Value::Map(map) => Some(map),
            _ => None,
        }
    }

    /// The list, where it is one.
    pub fn as_list(&self) -> Option<&[Node]> {
        match &self.value {
            Value::List(list) => Some(list),
            _ => None,
        }
    }

    /// The string, where it is one.
    pub fn as_str(&self) -> Option<&str> {
        match &self.value {
            Value::Scalar(Json::String(text)) => Some(text),
            _ => None,
        }
    }

    /// Whether it is null.
    pub fn is_null(&self) -> bool {
        matches!(self.value, Value::Scalar(Json::Null))
    }

    /// The value of `key`, where this is a map that has it.
    pub fn get(&self, key: &str) -> Option<&Node> {
        self.as_map()?.get(key).map(|entry| &entry.node)
    }

    /// What kind of value it is, for messages: "a map", "the number 3".
    pub fn described(&self) -> String {
        match &self.value {
            Value::Scalar(Json::Null) => "nothing".into(),
            Value::Scalar(Json::Bool(value)) => format!("the boolean `{value}`"),
            Value::Scalar(Json::Number(value)) => format!("the number {value}"),
            Value::Scalar(value) => match value.as_str() {
                Some(text) => format!("the text `{text}`"),
                None => "a value".into(),
            },
            Value::List(_) => "a list".into(),
            Value::Map(_) => "a map".into(),
        }
    }

    /// The value without places.
    pub fn to_json(&self) -> Json {
        match &self.value {
            Value::Scalar(value) => value.clone(),
            Value::List(list) => Json::Array(list.iter().map(Node::to_json).collect()),
            Value::Map(map) => Json::Object(
                map.iter()
                    .map(|(key, entry)| (key.clone(), entry.node.to_json()))
                    .collect(),
            ),
        }
    }
}

/// The map as a plugin reads it, with the origin of every value.
pub fn section(map: &Map, sources: &Sources) -> Section {
    let mut section = Section::default();
    for (key, entry) in map {
        section.values.insert(key.clone(), entry.node.to_json());
        let pointer = format!("/{}", escaped(key));
        note_origins(&entry.node, pointer, sources, &mut section);
    }
    section
}

fn note_origins(node: &Node, pointer: String, sources: &Sources, section: &mut Section) {
    match &node.value {
        Value::Scalar(_) => {}
        Value::List(list) => {
            for (index, item) in list.iter().enumerate() {
                note_origins(item, format!("{pointer}/{index}"), sources, section);
            }
        }
        Value::Map(map) => {
            for (key, entry) in map {
                let pointer = format!("{pointer}/{}", escaped(key));
                note_origins(&entry.node, pointer, sources, section);
            }
        }
    }
    if let Some(origin) = sources.origin(node.span) {
        section.origins.insert(pointer, origin);
    }
}

/// `key` as a part of a JSON pointer.
pub fn escaped(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}
