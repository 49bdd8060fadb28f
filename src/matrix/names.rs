//! Names of instances, and which platforms a filter lets through.

use super::pattern::Pattern;
use crate::config::{Node, Span, Value};

/// Name of an instance or cluster: `_`, `,` and `/` become `-`, dots vanish (instance.rb,
/// `name_for`).
pub fn joined(suite: &str, platform: &str) -> String {
    format!("{suite}-{platform}")
        .replace(['_', ',', '/'], "-")
        .replace('.', "")
}

/// `includes` and `excludes`: names, or regular expressions between slashes (platform_filter.rb).
#[derive(Clone, Debug, Default)]
pub struct Filter {
    includes: Vec<Pattern>,
    excludes: Vec<Pattern>,
}

/// An entry of a filter that cannot be used.
#[derive(Debug)]
pub struct BadPattern {
    /// What is wrong with it.
    pub message: String,
    /// The entry.
    pub at: crate::config::Span,
}

impl Filter {
    /// The filter of a map that may have `includes` and `excludes`.
    pub fn of(node: &Node) -> Result<Self, BadPattern> {
        let patterns = |key: &str| match node.get(key) {
            Some(list) => patterns(key, list),
            None => Ok(Vec::new()),
        };
        Ok(Self {
            includes: patterns("includes")?,
            excludes: patterns("excludes")?,
        })
    }

    /// The filter of these entries; an error names the one that is no regular expression.
    pub fn new(includes: &[String], excludes: &[String]) -> Result<Self, String> {
        let patterns = |entries: &[String]| {
            let parse = |entry: &String| {
                Pattern::parse(entry)
                    .map_err(|error| format!("`{entry}` is not a regular expression: {error}"))
            };
            entries.iter().map(parse).collect::<Result<Vec<_>, _>>()
        };
        Ok(Self {
            includes: patterns(includes)?,
            excludes: patterns(excludes)?,
        })
    }

    /// Whether the platform passes; `includes` beats `excludes`.
    pub fn lets(&self, platform: &str) -> bool {
        let any = |patterns: &[Pattern]| patterns.iter().any(|pattern| pattern.matches(platform));
        match (self.includes.is_empty(), self.excludes.is_empty()) {
            (false, _) => any(&self.includes),
            (true, false) => !any(&self.excludes),
            (true, true) => true,
        }
    }
}

/// The entries of `includes` and `excludes` of a map that name none of `platforms`: the key, the
/// text and its place.
pub fn strangers<'a>(node: &'a Node, platforms: &[&str]) -> Vec<(&'static str, &'a str, Span)> {
    let entries = ["includes", "excludes"].into_iter().flat_map(|key| {
        let entries = node.get(key).map(|node| match &node.value {
            Value::List(list) => list.as_slice(),
            _ => std::slice::from_ref(node),
        });
        let entries = entries.unwrap_or_default().iter();
        entries.map(move |entry| (key, entry))
    });
    let strange = entries.filter_map(|(key, entry)| {
        let text = entry.as_str()?;
        let pattern = Pattern::parse(text).ok()?;
        let any = platforms.iter().any(|platform| pattern.matches(platform));
        (!any).then_some((key, text, entry.span))
    });
    strange.collect()
}

fn patterns(key: &str, node: &Node) -> Result<Vec<Pattern>, BadPattern> {
    match &node.value {
        Value::List(list) => list.iter().map(|item| pattern(key, item)).collect(),
        _ if node.is_null() => Ok(Vec::new()),
        _ => Ok(vec![pattern(key, node)?]),
    }
}

fn pattern(key: &str, node: &Node) -> Result<Pattern, BadPattern> {
    let bad = |message: String| BadPattern {
        message,
        at: node.span,
    };
    let Some(text) = node.as_str() else {
        return Err(bad(format!(
            "`{key}` holds names of platforms, and not {}",
            node.described()
        )));
    };
    Pattern::parse(text)
        .map_err(|error| bad(format!("`{text}` is not a regular expression: {error}")))
}
