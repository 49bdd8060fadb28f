//! One pair of braces of ours, cut into words.

use super::{ESCAPE, Wrong};

/// So deep may parentheses be.
const DEEPEST: usize = 4;

/// What a pair of braces does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Writes a value.
    Show,
    /// `{{#each …}}`: begins a block.
    Open,
    /// `{{else}}`, `{{else if …}}`.
    Else,
    /// `{{/each}}`: ends a block.
    Close,
    /// `{{! … }}`.
    Comment,
}

/// A word between braces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Word<'a> {
    /// A path or the name of a helper, with its place in the tag's source, in bytes.
    Path(&'a str, usize),
    /// A text in quotes, a number, `true`, `false` or `null`.
    Literal,
    /// `(`.
    Begin,
    /// `)`.
    End,
    /// `key=`.
    Key,
    /// A name between the bars of `as |name|`.
    Param(&'a str),
}

/// A pair of braces of ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tag<'a> {
    /// All of it, with the braces.
    pub source: &'a str,
    /// What it does.
    pub kind: Kind,
    /// Its words.
    pub words: Vec<Word<'a>>,
}

impl<'a> Tag<'a> {
    /// The first word where it is a path.
    pub fn first(&self) -> Option<&'a str> {
        match self.words.first() {
            Some(Word::Path(path, _)) => Some(path),
            _ => None,
        }
    }

    /// The tag at the beginning of `text`, which begins with two braces.
    pub fn read(text: &'a str) -> Result<Self, Wrong> {
        if text.starts_with("{{!") {
            return comment(text);
        }
        let triple = text.starts_with("{{{");
        let mut cutter = Cutter {
            text,
            at: if triple { 3 } else { 2 },
        };
        cutter.skip('~');
        cutter.blanks();
        let kind = match cutter.peek() {
            Some('#') => Kind::Open,
            Some('/') => Kind::Close,
            Some('^') => Kind::Else,
            _ => Kind::Show,
        };
        if kind != Kind::Show {
            cutter.at += 1;
        }
        let words = cutter.words(if triple { "}}}" } else { "}}" })?;
        let mut tag = Self {
            source: &text[..cutter.at],
            kind,
            words,
        };
        if kind == Kind::Show && tag.first() == Some("else") {
            tag.kind = Kind::Else;
            tag.words.remove(0);
        }
        if triple && tag.kind != Kind::Show {
            return Err(Wrong::new(tag.source, "it has a brace too many", ESCAPE));
        }
        Ok(tag)
    }
}

fn comment(text: &str) -> Result<Tag<'_>, Wrong> {
    let end = if text.starts_with("{{!--") {
        "--}}"
    } else {
        "}}"
    };
    let Some(at) = text.find(end) else {
        return Err(never_ends(text));
    };
    Ok(Tag {
        source: &text[..at + end.len()],
        kind: Kind::Comment,
        words: Vec::new(),
    })
}

fn never_ends(text: &str) -> Wrong {
    Wrong::new(
        text,
        "the expression never ends",
        format!("End it with `}}}}`. {ESCAPE}"),
    )
}

struct Cutter<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Cutter<'a> {
    fn peek(&self) -> Option<char> {
        self.text[self.at..].chars().next()
    }

    fn skip(&mut self, wanted: char) -> bool {
        let there = self.peek() == Some(wanted);
        if there {
            self.at += wanted.len_utf8();
        }
        there
    }

    fn blanks(&mut self) {
        while let Some(c) = self.peek().filter(char::is_ascii_whitespace) {
            self.at += c.len_utf8();
        }
    }

    /// All words up to `end`, which is taken as well.
    fn words(&mut self, end: &str) -> Result<Vec<Word<'a>>, Wrong> {
        let mut words = Vec::new();
        let mut depth = 0_usize;
        loop {
            self.blanks();
            let rest = &self.text[self.at..];
            let closing = rest.strip_prefix('~').unwrap_or(rest);
            if closing.starts_with(end) {
                self.at += rest.len() - closing.len() + end.len();
                return match depth {
                    0 => Ok(words),
                    _ => Err(never_ends(&self.text[..self.at])),
                };
            }
            match self.peek() {
                None => return Err(never_ends(self.text)),
                Some('(') => {
                    depth += 1;
                    if depth > DEEPEST {
                        return Err(self.wrong("its parentheses are too deep"));
                    }
                    self.at += 1;
                    words.push(Word::Begin);
                }
                Some(')') => {
                    let opened = depth.checked_sub(1);
                    let Some(less) = opened.filter(|_| words.last() != Some(&Word::Begin)) else {
                        return Err(self.wrong("a parenthesis closes that was not opened"));
                    };
                    depth = less;
                    self.at += 1;
                    words.push(Word::End);
                }
                Some(quote @ ('"' | '\'')) => {
                    self.quoted(quote)?;
                    words.push(Word::Literal);
                }
                Some('|') if words.last().is_some_and(is_as) => {
                    words.pop();
                    self.params(&mut words)?;
                }
                Some(_) => words.push(self.path()?),
            }
        }
    }

    fn wrong(&self, reason: &str) -> Wrong {
        let rest = &self.text[self.at..];
        let end = rest
            .find("}}")
            .map_or(self.text.len(), |end| self.at + end + 2);
        Wrong::new(&self.text[..end], reason, ESCAPE)
    }

    fn quoted(&mut self, quote: char) -> Result<(), Wrong> {
        let mut escaped = false;
        let rest = &self.text[self.at + 1..];
        for (index, c) in rest.char_indices() {
            match c {
                _ if escaped => escaped = false,
                '\\' => escaped = true,
                c if c == quote => {
                    self.at += 1 + index + 1;
                    return Ok(());
                }
                _ => {}
            }
        }
        Err(never_ends(self.text))
    }

    /// `|a b|`
    fn params(&mut self, words: &mut Vec<Word<'a>>) -> Result<(), Wrong> {
        let rest = &self.text[self.at + 1..];
        let Some(end) = rest
            .find(['|', '}'])
            .filter(|end| rest[*end..].starts_with('|'))
        else {
            return Err(self.wrong("the names behind `as` never end"));
        };
        let names: Vec<&str> = rest[..end].split_ascii_whitespace().collect();
        let is_name = |name: &&str| name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        if !(1..=2).contains(&names.len()) || !names.iter().all(is_name) {
            return Err(self.wrong("behind `as` stand one or two names"));
        }
        words.extend(names.into_iter().map(Word::Param));
        self.at += 1 + end + 1;
        Ok(())
    }

    fn path(&mut self) -> Result<Word<'a>, Wrong> {
        let start = self.at;
        let mut in_brackets = false;
        while let Some(c) = self.peek() {
            match c {
                '[' if !in_brackets => in_brackets = true,
                ']' if in_brackets => in_brackets = false,
                _ if in_brackets && c != '\n' => {}
                c if is_of_path(c) => {}
                _ => break,
            }
            self.at += c.len_utf8();
        }
        let path = &self.text[start..self.at];
        if path.is_empty() || in_brackets {
            let c = self.peek().unwrap_or(' ');
            return Err(self.wrong(&format!("`{c}` cannot stand in it")));
        }
        if self.skip('=') {
            return Ok(Word::Key);
        }
        let number = path
            .trim_start_matches('-')
            .starts_with(|c: char| c.is_ascii_digit());
        Ok(match path {
            "true" | "false" | "null" => Word::Literal,
            _ if number => Word::Literal,
            path => Word::Path(path, start),
        })
    }
}

fn is_as(word: &Word<'_>) -> bool {
    matches!(word, Word::Path("as", _))
}

/// Whether `c` may stand in a path.
pub fn is_of_path(c: char) -> bool {
    c.is_ascii_alphanumeric() || "-_$:@./".contains(c) || c >= '\u{80}' && !c.is_whitespace()
}
