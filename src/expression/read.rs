//! A text, checked against what can be named, as a template for Handlebars.

use std::fmt::Write;

use super::names::{Names, Shape, Unknown};
use super::split::{BLOCKS, Piece, split};
use super::tag::{Kind, Tag, Word};
use super::{ESCAPE, Wrong};
use crate::config::nearest;

/// Helpers of Handlebars that make a value of values.
const HELPERS: [&str; 11] = [
    "and", "eq", "gt", "gte", "len", "lookup", "lt", "lte", "ne", "not", "or",
];
/// So many loops may be in each other: more would run for hours in a large cluster.
const LOOPS: usize = 3;

/// A checked text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template {
    /// For Handlebars, in which braces and backslashes that are not ours are `stand_ins`.
    source: String,
    /// In place of `{` and of the backslash.
    stand_ins: [char; 2],
    /// The paths of the expressions as written, with the expressions.
    paths: Vec<(String, String)>,
}

impl Template {
    /// For Handlebars; what it makes goes through [`Template::finished`].
    pub fn source(&self) -> &str {
        &self.source
    }

    /// What Handlebars made, with the braces that were passed on.
    pub fn finished(&self, rendered: &str) -> String {
        let [brace, backslash] = self.stand_ins;
        let restored = rendered.chars().map(|c| match c {
            c if c == brace => '{',
            c if c == backslash => '\\',
            c => c,
        });
        restored.collect()
    }

    /// The expression with `path`, as written.
    pub fn expression(&self, path: &str) -> Option<&str> {
        let found = self.paths.iter().find(|(known, _)| known == path);
        found.map(|(_, expression)| expression.as_str())
    }
}

/// `text`, of which all expressions name what there is. None where nothing in it is ours.
pub fn read(text: &str, names: &Names) -> Result<Option<Template>, Wrong> {
    if !text.contains("{{") {
        return Ok(None);
    }
    let pieces = split(text, names)?;
    if matches!(pieces.as_slice(), [Piece::Text(same)] if same.len() == text.len()) {
        return Ok(None);
    }
    let mut reader = Reader {
        names,
        blocks: Vec::new(),
        template: Template {
            source: String::new(),
            stand_ins: stand_ins(text),
            paths: Vec::new(),
        },
    };
    for piece in &pieces {
        match piece {
            Piece::Text(text) => reader.text(text),
            Piece::Tag(tag) => reader.tag(tag)?,
        }
    }
    Ok(Some(reader.template))
}

/// Two characters that are not in `text`, from those that no standard gives a meaning.
fn stand_ins(text: &str) -> [char; 2] {
    let mut free = ('\u{e000}'..='\u{f8ff}').filter(|c| !text.contains(*c));
    [free.next().unwrap_or('{'), free.next().unwrap_or('\\')]
}

/// A block that is open.
struct Open<'a> {
    /// What its paths begin at; none where that is as outside.
    scope: Option<Shape>,
    /// Names that `as |name|` gave.
    params: Vec<(&'a str, Shape)>,
    /// Whether it is a loop.
    loops: bool,
    /// Whether its `{{else}}` has been.
    turned: bool,
}

struct Reader<'a> {
    names: &'a Names,
    blocks: Vec<Open<'a>>,
    template: Template,
}

/// A path that was followed.
struct Followed {
    shape: Shape,
    /// As Handlebars finds it from here.
    path: String,
}

impl<'a> Reader<'a> {
    fn text(&mut self, text: &str) {
        let [brace, backslash] = self.template.stand_ins;
        self.template.source.extend(text.chars().map(|c| match c {
            '{' => brace,
            '\\' => backslash,
            c => c,
        }));
    }

    fn tag(&mut self, tag: &Tag<'a>) -> Result<(), Wrong> {
        match tag.kind {
            Kind::Show => self.show(tag)?,
            Kind::Open => {
                let source = self.rewritten(tag, &tag.words[1..])?;
                let open = self.open(tag)?;
                self.template.source += &source;
                self.blocks.push(open);
            }
            Kind::Else => {
                let source = self.otherwise(tag)?;
                self.template.source += &source;
            }
            Kind::Close => {
                self.blocks.pop();
                self.template.source += tag.source;
            }
            Kind::Comment => self.template.source += tag.source,
        }
        Ok(())
    }

    fn show(&mut self, tag: &Tag<'a>) -> Result<(), Wrong> {
        let [Word::Path(path, _)] = tag.words.as_slice() else {
            let helper = tag.first().unwrap_or_default();
            if self.blocks.is_empty() {
                return Err(Wrong::new(
                    tag.source,
                    "nothing can stand behind the fact",
                    ESCAPE,
                ));
            }
            self.helper(tag, helper)?;
            let source = self.rewritten(tag, &tag.words[1..])?;
            self.template.source += &source;
            return Ok(());
        };
        let followed = self.follow(tag, path)?;
        match followed.shape {
            Shape::Text => {
                let source = self.rewritten(tag, &tag.words)?;
                self.template.source += &source;
            }
            // As other Handlebars write lists.
            Shape::Texts => {
                let path = followed.path;
                let _ = write!(
                    self.template.source,
                    "{{{{#each {path}}}}}{{{{this}}}}{{{{#unless @last}}}},{{{{/unless}}}}{{{{/each}}}}"
                );
            }
            Shape::Members => {
                let help = format!(
                    "Go through it: `{{{{#each {path}}}}}{{{{this.address}}}} {{{{/each}}}}`."
                );
                return Err(Wrong::new(tag.source, "it names a list of members", help));
            }
            Shape::Member => {
                let help = format!("Write `{{{{{path}.address}}}}`, or another fact.");
                return Err(Wrong::new(
                    tag.source,
                    "it names a member and no fact",
                    help,
                ));
            }
            _ => return Err(Wrong::new(tag.source, "it names no fact", ESCAPE)),
        }
        Ok(())
    }

    fn open(&self, tag: &Tag<'a>) -> Result<Open<'a>, Wrong> {
        let name = tag.first().unwrap_or_default();
        if !BLOCKS.contains(&name) {
            let near = nearest(name, BLOCKS).map(|near| format!("Did you mean `{near}`? "));
            let help = format!(
                "{}The blocks are {}.",
                near.unwrap_or_default(),
                BLOCKS.join(", ")
            );
            return Err(Wrong::new(
                tag.source,
                format!("there is no block `{name}`"),
                help,
            ));
        }
        let mut open = Open {
            scope: None,
            params: Vec::new(),
            loops: name == "each",
            turned: false,
        };
        asks(tag, 1)?;
        if matches!(name, "if" | "unless") {
            return Ok(open);
        }
        let Some(Word::Path(path, _)) = tag.words.get(1) else {
            let reason = format!("`{name}` needs a path");
            return Err(Wrong::new(
                tag.source,
                reason,
                "Write `{{#each peers.role.ROLE}}`.",
            ));
        };
        let shape = self.follow(tag, path)?.shape;
        let inner = match (name, shape) {
            ("each", Shape::Members) => Shape::Member,
            ("each", Shape::Texts) => Shape::Text,
            ("with", shape) => shape,
            _ => {
                let help =
                    "Write `{{#each peers.role.ROLE}}`, or `{{#with peers.SUITE}}` for one member.";
                return Err(Wrong::new(tag.source, "it goes through no list", help));
            }
        };
        if open.loops && self.blocks.iter().filter(|block| block.loops).count() == LOOPS {
            let reason = format!("loops are nested more than {LOOPS} deep");
            return Err(Wrong::new(tag.source, reason, "Nest fewer loops."));
        }
        open.scope = Some(inner);
        let params = tag.words.iter().filter_map(|word| match word {
            Word::Param(name) => Some(*name),
            _ => None,
        });
        open.params = params.zip([inner, Shape::Text]).collect();
        Ok(open)
    }

    /// `{{else}}` and `{{else if …}}`: the part is as outside of the block.
    fn otherwise(&mut self, tag: &Tag<'a>) -> Result<String, Wrong> {
        let Some(block) = self.blocks.last_mut() else {
            return Err(Wrong::new(tag.source, "it belongs to no block", ESCAPE));
        };
        if block.turned {
            let help = "Leave out all but the last one.";
            return Err(Wrong::new(tag.source, "the block has had its `else`", help));
        }
        block.scope = None;
        block.params.clear();
        block.turned = tag.words.is_empty();
        match tag.first() {
            None => Ok(tag.source.into()),
            Some("if" | "unless") => {
                asks(tag, 1)?;
                self.rewritten(tag, &tag.words[1..])
            }
            Some(_) => {
                let help = "Write `{{else}}` or `{{else if …}}`.";
                Err(Wrong::new(tag.source, "`else` knows `if` alone", help))
            }
        }
    }

    fn helper(&self, tag: &Tag<'_>, name: &str) -> Result<(), Wrong> {
        if HELPERS.contains(&name) {
            return Ok(());
        }
        let near = nearest(name, HELPERS).map(|near| format!("Did you mean `{near}`? "));
        let help = format!(
            "{}The helpers are {}.",
            near.unwrap_or_default(),
            HELPERS.join(", ")
        );
        Err(Wrong::new(
            tag.source,
            format!("there is no helper `{name}`"),
            help,
        ))
    }

    /// The tag's source, with all paths in `words` checked and as Handlebars finds them from here.
    fn rewritten(&mut self, tag: &Tag<'a>, words: &[Word<'a>]) -> Result<String, Wrong> {
        let mut source = String::new();
        let (mut done, mut called) = (0, false);
        for word in words {
            match word {
                Word::Path(path, at) if called => {
                    // `(fact)` alone is the fact in parentheses.
                    self.helper(tag, path)?;
                    source += &tag.source[done..at + path.len()];
                    done = at + path.len();
                }
                Word::Path(path, at) if *path != "as" => {
                    let followed = self.follow(tag, path)?;
                    source += &tag.source[done..*at];
                    source += &followed.path;
                    done = at + path.len();
                    let known = (followed.path, tag.source.to_owned());
                    self.template.paths.push(known);
                }
                _ => {}
            }
            called = *word == Word::Begin;
        }
        Ok(source + &tag.source[done..])
    }

    /// What `path` leads to from here.
    fn follow(&self, tag: &Tag<'_>, path: &str) -> Result<Followed, Wrong> {
        self.followed(path).map_err(|unknown| Wrong {
            outside: unknown.outside,
            ..Wrong::new(tag.source, unknown.reason, unknown.help)
        })
    }

    fn followed(&self, path: &str) -> Result<Followed, Unknown> {
        let same = |shape| Followed {
            shape,
            path: path.to_owned(),
        };
        if let Some(rest) = path.strip_prefix("@root.") {
            return self.steps(Shape::Root, rest).map(same);
        }
        if let Some(local) = path.strip_prefix('@') {
            return self.local(local).map(|()| same(Shape::Text));
        }
        let mut scopes: Vec<Shape> = self.blocks.iter().filter_map(|it| it.scope).collect();
        scopes.insert(0, Shape::Root);
        let mut rest = path;
        let mut ups = 0;
        while let Some(up) = rest.strip_prefix("../") {
            rest = up;
            ups += 1;
        }
        let Some(here) = scopes.len().checked_sub(ups + 1).map(|index| scopes[index]) else {
            return Err(Unknown::new(
                format!("`{path}` leads out of all blocks"),
                "Write `@root.` and the path.",
            ));
        };
        if matches!(path, "this" | ".") {
            return Ok(Followed {
                shape: here,
                path: "this".into(),
            });
        }
        let of_this = ["this.", "this/", "./"];
        if let Some(rest) = of_this.iter().find_map(|start| rest.strip_prefix(start)) {
            return self.steps(here, rest).map(same);
        }
        let first = rest.split(['.', '/']).next().unwrap_or_default();
        let params = self.blocks.iter().rev().flat_map(|block| &block.params);
        if let Some((_, shape)) = params.clone().find(|(name, _)| *name == first && ups == 0) {
            let rest = rest[first.len()..].trim_start_matches(['.', '/']);
            return self.steps(*shape, rest).map(same);
        }
        if scopes.len() > 1 && ups == 0 && Names::begins(rest) {
            return self.steps(Shape::Root, rest).map(|shape| Followed {
                shape,
                path: format!("@root.{rest}"),
            });
        }
        self.steps(here, rest).map(same)
    }

    /// `@index` and its like, in a loop.
    fn local(&self, name: &str) -> Result<(), Unknown> {
        const LOCALS: [&str; 4] = ["first", "index", "key", "last"];
        let loops = self.blocks.iter().any(|block| block.loops);
        match loops && LOCALS.contains(&name.trim_start_matches("../")) {
            true => Ok(()),
            false => Err(Unknown::new(
                format!("there is no `@{name}` here"),
                "In `#each` there are `@first`, `@index` and `@last`.",
            )),
        }
    }

    fn steps(&self, from: Shape, path: &str) -> Result<Shape, Unknown> {
        let words = path_words(path);
        words
            .iter()
            .try_fold(from, |shape, word| self.names.step(shape, word))
    }
}

/// The words behind the first of `tag` must begin with a value.
fn asks(tag: &Tag<'_>, first: usize) -> Result<(), Wrong> {
    match tag.words.get(first) {
        Some(Word::Path(..) | Word::Literal | Word::Begin) => Ok(()),
        _ => {
            let reason = "it does not say what it is about";
            Err(Wrong::new(
                tag.source,
                reason,
                "Write `{{#if peers.SUITE}}`.",
            ))
        }
    }
}

/// The words of a path: `peers.[db.one].address` has three.
fn path_words(path: &str) -> Vec<&str> {
    let mut words = Vec::new();
    let mut rest = path;
    while !rest.is_empty() {
        let end = match rest.strip_prefix('[').and_then(|inner| inner.find(']')) {
            Some(end) => {
                words.push(&rest[1..=end]);
                end + 2
            }
            None => {
                let end = rest.find(['.', '/']).unwrap_or(rest.len());
                words.push(&rest[..end]);
                end
            }
        };
        let next = &rest[end..];
        rest = next.strip_prefix(['.', '/']).unwrap_or_default();
        if rest.is_empty() && !next.is_empty() {
            // It ends with a dot, or goes on without one.
            words.push("");
        }
    }
    words
}
