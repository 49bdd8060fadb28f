//! Bytes, words and the space between them.

use super::{Parse, Parser};

/// Words that are never names.
const KEYWORDS: &[&str] = &[
    "BEGIN", "END", "alias", "and", "begin", "break", "case", "class", "def", "defined?", "do",
    "else", "elsif", "end", "ensure", "false", "for", "if", "in", "module", "next", "nil", "not",
    "or", "redo", "rescue", "retry", "return", "self", "super", "then", "true", "undef", "unless",
    "until", "when", "while", "yield",
];

pub(super) fn is_keyword(word: &str) -> bool {
    KEYWORDS.binary_search(&word).is_ok()
}

pub(super) fn is_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80
}

impl<'a> Parser<'a> {
    pub(super) fn peek(&self) -> Option<u8> {
        self.peek_at(0)
    }

    pub(super) fn peek_at(&self, offset: usize) -> Option<u8> {
        self.source.as_bytes().get(self.pos + offset).copied()
    }

    pub(super) fn rest(&self) -> &'a str {
        &self.source[self.pos..]
    }

    /// The next character, taken.
    pub(super) fn next_char(&mut self) -> Option<char> {
        let c = self.rest().chars().next()?;
        self.pos += c.len_utf8();
        Some(c)
    }

    /// Takes `text` if it is next.
    pub(super) fn eat(&mut self, text: &str) -> bool {
        let found = self.rest().starts_with(text);
        if found {
            self.pos += text.len();
        }
        found
    }

    pub(super) fn expect(&mut self, text: &str) -> Parse<()> {
        match self.eat(text) {
            true => Ok(()),
            false => Err(self.unexpected()),
        }
    }

    /// Whether `word` is next, as a whole.
    pub(super) fn at_word(&self, word: &str) -> bool {
        let Some(after) = self.rest().strip_prefix(word) else {
            return false;
        };
        let label = after.starts_with(':') && !after.starts_with("::");
        let longer = after
            .as_bytes()
            .first()
            .is_some_and(|b| is_name(*b) || b"?!".contains(b));
        !label && !longer
    }

    pub(super) fn eat_word(&mut self, word: &str) -> bool {
        let found = self.at_word(word);
        if found {
            self.pos += word.len();
        }
        found
    }

    /// The `end` of what began at `start`.
    pub(super) fn expect_end(&mut self, start: usize, what: &str) -> Parse<()> {
        match self.eat_word("end") {
            true => Ok(()),
            false if self.peek().is_none() => {
                Err(self.wrong(start, format!("`{what}` without `end`")))
            }
            false => Err(self.unexpected()),
        }
    }

    /// Skips blanks within a line; whether there were any.
    pub(super) fn skip_space(&mut self) -> bool {
        let start = self.pos;
        loop {
            match self.peek() {
                Some(b' ' | b'\t' | b'\x0b' | b'\x0c') => self.pos += 1,
                Some(b'\r') if self.peek_at(1) == Some(b'\n') => self.pos += 1,
                Some(b'\\') if self.peek_at(1) == Some(b'\n') => self.pos += 2,
                Some(b'\\') if self.rest().starts_with("\\\r\n") => self.pos += 3,
                _ => return self.pos > start,
            }
        }
    }

    /// Skips blanks, comments and line ends.
    pub(super) fn skip_lines(&mut self) {
        loop {
            self.skip_space();
            match self.peek() {
                Some(b'\n') => self.line_end(),
                Some(b'#') => self.comment(),
                _ => return,
            }
        }
    }

    /// Skips all that may stand between statements.
    pub(super) fn skip_terminators(&mut self) {
        loop {
            self.skip_lines();
            if self.peek() != Some(b';') {
                return;
            }
            self.pos += 1;
        }
    }

    fn comment(&mut self) {
        self.pos += self.rest().find('\n').unwrap_or(self.rest().len());
    }

    fn line_end(&mut self) {
        let heredoc = self
            .heredocs
            .iter()
            .rev()
            .find(|(line_end, _)| *line_end == self.pos);
        self.pos = heredoc.map_or(self.pos + 1, |(_, end)| *end);
    }

    /// Skips line ends if a method call on what stands before them follows (`.name` on a new line).
    pub(super) fn skip_to_leading_dot(&mut self) {
        let start = self.pos;
        self.skip_space();
        if !matches!(self.peek(), Some(b'\n' | b'#')) {
            self.pos = start;
            return;
        }
        self.skip_lines();
        let rest = self.rest();
        if !(rest.starts_with('.') && !rest.starts_with("..") || rest.starts_with("&.")) {
            self.pos = start;
        }
    }

    /// A name if one is next; a method's may end with `?` or `!`.
    pub(super) fn name(&mut self) -> Option<&'a str> {
        let rest = self.rest();
        let first = *rest.as_bytes().first()?;
        if !is_name(first) || first.is_ascii_digit() {
            return None;
        }
        let bytes = rest.as_bytes();
        let mut len = bytes.iter().take_while(|byte| is_name(**byte)).count();
        if matches!(bytes.get(len), Some(b'?' | b'!')) {
            let after = &rest[len + 1..];
            let assigns = after.starts_with('=')
                && !["==", "=~", "=>"].iter().any(|op| after.starts_with(op));
            // Behind a variable it is the `?` of a condition.
            if !assigns && !self.is_local(&rest[..len]) {
                len += 1;
            }
        }
        self.pos += len;
        Some(&rest[..len])
    }

    /// `name:` or `"name":` where a pair may begin; the name's place is left otherwise.
    pub(super) fn label(&mut self) -> Option<&'a str> {
        let start = self.pos;
        let name = self.name()?;
        if self.peek() == Some(b':') && self.peek_at(1) != Some(b':') {
            self.pos += 1;
            return Some(name);
        }
        self.pos = start;
        None
    }
}
