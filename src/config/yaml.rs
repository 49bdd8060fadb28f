//! YAML text to a tree with positions, read as Ruby's Psych loads it for Test Kitchen: YAML 1.1
//! scalars, merge keys, aliases, the first document only.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use granit_parser::{Event, Options, Parser, ScalarStyle, Tag};
use serde_json::Value as Json;

use super::files;
use super::node::{Entry, Map, Node, Value};
use super::problem::Problem;
use super::scalar;
use super::source::{Source, Span, small};

/// Most values that one file may grow to through aliases.
const VALUES_LIMIT: usize = 1_000_000;

/// How the message about a key ends that is given twice.
const TWICE: &str = " is given twice";

/// Keys at the top that hold multisuites.
const MULTISUITES: [&str; 2] = ["multisuites", "supersuites"];

/// Deepest nesting.
const DEPTH_LIMIT: usize = 200;

/// The first document of `source`, which is file number `file`, or null where there is none.
/// Keys that are given twice are told of among the `warnings`: as errors in a multisuite.
pub fn parse(
    source: &Arc<Source>,
    file: u16,
    warnings: &mut Vec<Problem>,
) -> Result<Node, Problem> {
    if let Some(problem) = files::too_large(&source.shown, source.text.len() as u64) {
        return Err(problem);
    }
    let mut options = Options::default();
    options.emit_comments = false;
    let mut reader = Reader {
        events: Parser::new_from_str_with_options(&source.text, options),
        source,
        file,
        anchors: HashMap::new(),
        values: 0,
        warnings,
    };
    let document = reader.document()?;
    if !warnings.is_empty() {
        refuse_twice(&document, file, warnings);
    }
    Ok(document)
}

/// Of a key that is given twice in a multisuite the value that is lost may be a step's check, or
/// the steps themselves: there it is an error.
fn refuse_twice(document: &Node, file: u16, warnings: &mut [Problem]) {
    let mut keys = HashSet::new();
    let top = document.as_map().into_iter().flatten();
    for (_, entry) in top.filter(|(key, _)| MULTISUITES.contains(&key.as_str())) {
        keys.insert(entry.key);
        spans_of_keys(&entry.node, &mut keys);
    }
    for warning in warnings.iter_mut() {
        let twice = warning.message.ends_with(TWICE);
        let at = warning.place().map(|place| place.span);
        if twice && at.is_some_and(|at| at.file == file && keys.contains(&at)) {
            warning.severity = miette::Severity::Error;
        }
    }
}

fn spans_of_keys(node: &Node, into: &mut HashSet<Span>) {
    match &node.value {
        Value::Scalar(_) => {}
        Value::List(list) => list.iter().for_each(|item| spans_of_keys(item, into)),
        Value::Map(map) => {
            for entry in map.values() {
                into.insert(entry.key);
                spans_of_keys(&entry.node, into);
            }
        }
    }
}

struct Reader<'a> {
    events: Parser<'a, granit_parser::StrInput<'a>>,
    source: &'a Arc<Source>,
    file: u16,
    anchors: HashMap<usize, (Node, usize)>,
    values: usize,
    warnings: &'a mut Vec<Problem>,
}

type Step<'a> = (Event<'a>, Span);

impl<'a> Reader<'a> {
    fn document(&mut self) -> Result<Node, Problem> {
        loop {
            match self.next()? {
                Some((Event::StreamStart | Event::DocumentStart(..), _)) => {}
                Some((Event::StreamEnd | Event::DocumentEnd, _)) | None => {
                    return Ok(Node::default());
                }
                Some(step) => return self.node(step, 0),
            }
        }
    }

    fn next(&mut self) -> Result<Option<Step<'a>>, Problem> {
        match self.events.next_event() {
            None => Ok(None),
            Some(Ok((event, span))) => {
                let span = self.span(&span);
                Ok(Some((event, span)))
            }
            Some(Err(error)) => Err(self.not_yaml(&error)),
        }
    }

    fn expect_next(&mut self) -> Result<Step<'a>, Problem> {
        self.next()?
            .ok_or_else(|| Problem::error(format!("{} ends too early", self.source.shown)))
    }

    fn span(&self, span: &granit_parser::Span) -> Span {
        let range = span.byte_range().unwrap_or_default();
        let text = &self.source.text.as_bytes()[range.clone()];
        let len = text.trim_ascii_end().len();
        Span {
            file: self.file,
            start: small(range.start),
            len: small(len),
            line: small(self.source.line(span.start.line())),
            column: small(span.start.col() + 1),
        }
    }

    fn not_yaml(&self, error: &granit_parser::ScanError) -> Problem {
        let marker = error.marker();
        let span = Span {
            file: self.file,
            start: small(marker.byte_offset().unwrap_or_default()),
            len: 0,
            line: small(self.source.line(marker.line())),
            column: small(marker.col() + 1),
        };
        let help = match self.tab_before(marker.line()) {
            true => "YAML is indented with spaces: replace the tabs.",
            false => {
                "The text before this place may be the cause: look for a missing quote, \
                      colon or bracket, or a wrong indentation."
            }
        };
        self.problem(
            format!("{} is not YAML: {}", self.source.shown, reason(error)),
            span,
            "here",
        )
        .help(help)
    }

    /// Whether this line or the one before is indented with a tab.
    fn tab_before(&self, line: usize) -> bool {
        let from = line.saturating_sub(2);
        let mut lines = self.source.text.lines().skip(from).take(2);
        lines.any(|line| line.trim_start_matches(' ').starts_with('\t'))
    }

    fn problem(&self, message: impl Into<String>, span: Span, label: &str) -> Problem {
        Problem::error(message).in_source(self.source.clone(), span, label)
    }

    fn node(&mut self, (event, span): Step<'a>, depth: usize) -> Result<Node, Problem> {
        self.count(1, span)?;
        if depth > DEPTH_LIMIT {
            let message = format!("more than {DEPTH_LIMIT} levels of nesting");
            return Err(self.problem(message, span, "too deep"));
        }
        let before = self.values;
        let (node, anchor) = match event {
            Event::Scalar(text, style, anchor, tag) => {
                (self.scalar(&text, style, tag.as_deref(), span)?, anchor)
            }
            Event::SequenceStart(_, anchor, tag) => {
                self.refuse_objects(tag.as_deref(), span)?;
                (self.list(span, depth)?, anchor)
            }
            Event::MappingStart(_, anchor, tag) => {
                self.refuse_objects(tag.as_deref(), span)?;
                (self.map(span, depth)?, anchor)
            }
            Event::Alias(anchor) => return self.alias(anchor, span),
            _ => {
                return Err(self.problem(
                    "YAML that does not belong here".to_owned(),
                    span,
                    "here",
                ));
            }
        };
        if anchor != 0 {
            let size = self.values - before + 1;
            self.anchors.insert(anchor, (node.clone(), size));
        }
        Ok(node)
    }

    /// Keeps a small file with aliases of aliases from filling the memory.
    fn count(&mut self, values: usize, span: Span) -> Result<(), Problem> {
        self.values = self.values.saturating_add(values);
        if self.values <= VALUES_LIMIT {
            return Ok(());
        }
        let message = format!("aliases make this file grow to more than {VALUES_LIMIT} values");
        Err(self
            .problem(message, span, "the limit is passed here")
            .help("Let aliases stand for values that hold fewer aliases themselves."))
    }

    fn alias(&mut self, anchor: usize, span: Span) -> Result<Node, Problem> {
        let size = self.anchors.get(&anchor).map(|(_, size)| *size);
        let Some(size) = size else {
            return Err(self
                .problem(
                    "an alias inside of its own anchor",
                    span,
                    "refers to itself",
                )
                .help("Write the value out where it is needed."));
        };
        self.count(size, span)?;
        Ok(self.anchors[&anchor].0.clone())
    }

    fn scalar(
        &self,
        text: &str,
        style: ScalarStyle,
        tag: Option<&Tag>,
        span: Span,
    ) -> Result<Node, Problem> {
        self.refuse_objects(tag, span)?;
        // The tag `!` says nothing.
        let tag = tag.filter(|tag| !matches!(tag.suffix(), "" | "!"));
        let value = match (style, tag) {
            (ScalarStyle::Plain, None) => scalar::resolve(text).map_err(|refused| {
                self.problem(
                    format!("`{text}` is {} and not text", refused.0),
                    span,
                    "read by YAML's rules",
                )
                .help(format!("Put it in quotes: '{text}'."))
            })?,
            (_, Some(tag)) => tagged(text, tag),
            _ => text.into(),
        };
        Ok(Node {
            value: Value::Scalar(value),
            span,
        })
    }

    fn refuse_objects(&self, tag: Option<&Tag>, span: Span) -> Result<(), Problem> {
        match tag {
            Some(tag) if tag.suffix().starts_with("ruby/") => Err(self
                .problem(
                    format!("the tag !{} makes a Ruby object", tag.suffix()),
                    span,
                    "not plain data",
                )
                .help("Remove the tag: a configuration is plain data.")),
            _ => Ok(()),
        }
    }

    fn list(&mut self, span: Span, depth: usize) -> Result<Node, Problem> {
        let mut list = Vec::new();
        loop {
            match self.expect_next()? {
                (Event::SequenceEnd, _) => break,
                step => list.push(self.node(step, depth + 1)?),
            }
        }
        Ok(Node {
            value: Value::List(list),
            span,
        })
    }

    fn map(&mut self, span: Span, depth: usize) -> Result<Node, Problem> {
        let mut map = Map::new();
        let mut written = HashMap::new();
        loop {
            let (event, key_span) = self.expect_next()?;
            if matches!(event, Event::MappingEnd) {
                break;
            }
            let plain = matches!(&event, Event::Scalar(_, ScalarStyle::Plain, _, None));
            let key = self.node((event, key_span), depth + 1)?;
            let step = self.expect_next()?;
            let is_alias = matches!(step.0, Event::Alias(_));
            let node = self.node(step, depth + 1)?;
            if plain && key.as_str() == Some("<<") && merge_key(&mut map, &node, is_alias) {
                continue;
            }
            let name = self.key_name(&key, plain)?;
            if let Some(first) = written.insert(name.clone(), key.span) {
                self.warn_of_twice(&name, first, key.span);
            }
            let key = key.span;
            map.insert(name, Entry { key, node });
        }
        Ok(Node::map(map, span))
    }

    fn warn_of_twice(&mut self, name: &str, first: Span, second: Span) {
        let message = format!("the key `{name}`{TWICE}");
        let mut problem = self
            .problem(message, second, "this one counts")
            .in_source(self.source.clone(), first, "first given here")
            .help("Remove one of them.");
        problem.severity = miette::Severity::Warning;
        self.warnings.push(problem);
    }

    /// Keys must be text, as in Test Kitchen, which makes symbols of them.
    fn key_name(&self, key: &Node, plain: bool) -> Result<String, Problem> {
        match &key.value {
            Value::Scalar(Json::String(text)) => match text.strip_prefix(':') {
                Some(symbol) if plain && !symbol.is_empty() => {
                    Ok(symbol.trim_matches(['"', '\'']).to_owned())
                }
                _ => Ok(text.clone()),
            },
            other => {
                let written = match other {
                    Value::Scalar(value) => value.to_string(),
                    _ => key.described(),
                };
                Err(self
                    .problem(
                        format!("a key must be text, and {written} is {}", key.described()),
                        key.span,
                        "not text",
                    )
                    .help(format!("Put it in quotes: '{written}'.")))
            }
        }
    }
}

/// What Psych makes of an explicit tag on a scalar.
fn tagged(text: &str, tag: &Tag) -> Json {
    match tag.core_suffix() {
        Some("float") => text.parse::<f64>().map_or_else(|_| text.into(), Json::from),
        Some("int" | "bool" | "null") => scalar::resolve(text).unwrap_or_default(),
        _ => text.into(),
    }
}

/// Psych's merge key: what it brings replaces what was there, and later keys replace it. False
/// where the value is neither a map nor a list of maps: then `<<` is a key like any other.
fn merge_key(map: &mut Map, node: &Node, is_alias: bool) -> bool {
    let mut merge = |from: &Map| {
        for (key, entry) in from {
            map.insert(key.clone(), entry.clone());
        }
    };
    match &node.value {
        Value::Map(from) => merge(from),
        Value::List(list) if !is_alias && list.iter().all(|item| item.as_map().is_some()) => {
            list.iter().rev().filter_map(Node::as_map).for_each(merge);
        }
        _ => return false,
    }
    true
}

fn reason(error: &granit_parser::ScanError) -> String {
    let text = error.kind().to_string();
    text.trim_end_matches('.').to_owned()
}
