//! A text, split into what is ours and what is passed on as it is.

use super::names::Names;
use super::tag::{Kind, Tag, Word, is_of_path};
use super::{ESCAPE, Wrong};

/// Blocks of ours.
pub const BLOCKS: [&str; 4] = ["each", "if", "unless", "with"];
/// So deep may blocks be.
const DEEPEST: usize = 8;

/// A part of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece<'a> {
    /// Passed on as it is.
    Text(&'a str),
    /// Ours.
    Tag(Tag<'a>),
}

/// The pieces of `text`, in order. Blocks of ours are closed in them and not too deep.
pub fn split<'a>(text: &'a str, names: &Names) -> Result<Vec<Piece<'a>>, Wrong> {
    let mut pieces = Vec::new();
    let mut open: Vec<Tag<'a>> = Vec::new();
    let (mut start, mut at) = (0, 0);
    while let Some(found) = text[at..].find("{{") {
        let braces = at + found;
        let inside = !open.is_empty();
        let Some(begin) = begin(text, braces, inside, names) else {
            at = braces + run(&text[braces..]);
            continue;
        };
        let backslashes =
            text[start..begin].len() - text[start..begin].trim_end_matches('\\').len();
        if backslashes > 0 {
            // One backslash is the escape, of several the last one makes the others text.
            pieces.push(Piece::Text(&text[start..begin - 1]));
            start = begin;
        }
        if backslashes == 1 {
            at = begin + 2;
            continue;
        }
        let tag = Tag::read(&text[begin..])?;
        pieces.push(Piece::Text(&text[start..begin]));
        at = begin + tag.source.len();
        start = at;
        follow(&tag, &mut open)?;
        pieces.push(Piece::Tag(tag));
    }
    if let Some(tag) = open.last() {
        let name = tag.first().unwrap_or_default();
        let help = format!("End it with `{{{{/{name}}}}}`. {ESCAPE}");
        return Err(Wrong::new(tag.source, "the block never ends", help));
    }
    pieces.push(Piece::Text(&text[start..]));
    pieces.retain(|piece| !matches!(piece, Piece::Text("")));
    Ok(pieces)
}

/// The members that `text` names whatever is so, each with the first expression that does: outside
/// of blocks, which may ask before.
pub fn peers(text: &str, names: &Names) -> Vec<(String, String)> {
    let mut found: Vec<(String, String)> = Vec::new();
    if !text.contains("{{") {
        return found;
    }
    let mut depth = 0_usize;
    // What is wrong with it is told elsewhere.
    for piece in split(text, names).unwrap_or_default() {
        let Piece::Tag(tag) = piece else { continue };
        match tag.kind {
            Kind::Open => depth += 1,
            Kind::Close => depth = depth.saturating_sub(1),
            Kind::Show if depth == 0 => {
                let paths = tag.words.iter().filter_map(|word| match word {
                    Word::Path(path, _) => path.strip_prefix("peers."),
                    _ => None,
                });
                let named = paths.filter_map(|rest| {
                    let is = |member: &&String| {
                        let rest = rest.strip_prefix(&format!("[{member}]"));
                        rest.is_some_and(|rest| rest.starts_with('.'))
                    };
                    let bare = rest.split_once('.').map(|(name, _)| name);
                    let mut members = names.members.iter();
                    members.find(|member| bare == Some(member.as_str()) || is(member))
                });
                for member in named {
                    if !found.iter().any(|(known, _)| known == member) {
                        found.push((member.clone(), tag.source.to_owned()));
                    }
                }
            }
            Kind::Show | Kind::Else | Kind::Comment => {}
        }
    }
    found
}

/// Where the expression of ours begins that has its braces at `braces`; none where they are not
/// ours. Of more braces than two, those before the last two are text.
fn begin(text: &str, braces: usize, inside: bool, names: &Names) -> Option<usize> {
    let rest = &text[braces..];
    let many = run(rest);
    let triple = many >= 3 && {
        let from = braces + many - 3;
        let end = text[from..].find("}}");
        end.is_some_and(|end| text[from + end..].starts_with("}}}"))
    };
    let begin = braces + many - if triple { 3 } else { 2 };
    let inner = text[braces + many..].trim_start_matches('~').trim_start();
    let ours = inside || names.owns(subject(inner));
    ours.then_some(begin)
}

/// How many braces `text` begins with.
fn run(text: &str) -> usize {
    text.len() - text.trim_start_matches('{').len()
}

/// The path that an expression is about: the first word, or what a block is over.
fn subject(inner: &str) -> &str {
    let Some(block) = inner.strip_prefix('#') else {
        return word(inner);
    };
    let name = word(block);
    if !BLOCKS.contains(&name) {
        return "";
    }
    let mut rest = block[name.len()..].trim_start();
    while let Some(call) = rest.strip_prefix('(') {
        let call = call.trim_start();
        rest = call[word(call).len()..].trim_start();
    }
    word(rest)
}

fn word(text: &str) -> &str {
    let end = text
        .find(|c| !is_of_path(c) && c != '[')
        .unwrap_or(text.len());
    &text[..end]
}

/// Notes blocks that begin and end.
fn follow<'a>(tag: &Tag<'a>, open: &mut Vec<Tag<'a>>) -> Result<(), Wrong> {
    match tag.kind {
        Kind::Open => {
            open.push(tag.clone());
            if open.len() > DEEPEST {
                let reason = format!("blocks are nested more than {DEEPEST} deep");
                return Err(Wrong::new(tag.source, reason, "Nest fewer blocks."));
            }
        }
        Kind::Close => {
            let opened = open.pop();
            let opened = opened.as_ref().and_then(Tag::first);
            if opened != tag.first() || !matches!(tag.words.as_slice(), [Word::Path(..)]) {
                let opened = opened.unwrap_or_default();
                let reason = format!("it ends the block `{opened}`");
                let help = format!("Write `{{{{/{opened}}}}}`.");
                return Err(Wrong::new(tag.source, reason, help));
            }
        }
        Kind::Show | Kind::Else | Kind::Comment => {}
    }
    Ok(())
}
