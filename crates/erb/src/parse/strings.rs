//! Text in quotes, its escapes and insertions, and heredocs.

use super::super::ast::{Kind, Piece};
use super::{Parse, Parser};

/// Pieces being collected.
#[derive(Default)]
struct Pieces {
    list: Vec<Piece>,
    text: String,
}

impl Pieces {
    fn finish(mut self) -> Vec<Piece> {
        if !self.text.is_empty() {
            self.list.push(Piece::Text(self.text));
        }
        self.list
    }

    fn push(&mut self, piece: Piece) {
        if !self.text.is_empty() {
            self.list.push(Piece::Text(std::mem::take(&mut self.text)));
        }
        self.list.push(piece);
    }
}

/// How the backslash is read.
#[derive(Clone, Copy, PartialEq)]
enum Escapes {
    /// Only before itself and the quotes.
    Single,
    /// `\n` and the like, and `#{}`.
    Double,
    /// Kept for the regular expression, and `#{}`.
    Regex,
}

impl Parser<'_> {
    /// One or several strings side by side.
    pub(super) fn quoted_strings(&mut self) -> Parse<Kind> {
        let mut pieces = Vec::new();
        loop {
            let Some(quote @ (b'"' | b'\'')) = self.peek() else {
                return Ok(Kind::Str(pieces));
            };
            self.pos += 1;
            pieces.extend(self.string_pieces(quote, None, quote == b'"')?);
            let end = self.pos;
            self.skip_space();
            if !matches!(self.peek(), Some(b'"' | b'\'')) {
                self.pos = end;
            }
        }
    }

    /// A string up to `close`, which is taken; `nests` opens another level.
    pub(super) fn string_pieces(
        &mut self,
        close: u8,
        nests: Option<u8>,
        double: bool,
    ) -> Parse<Vec<Piece>> {
        let escapes = if double {
            Escapes::Double
        } else {
            Escapes::Single
        };
        self.pieces(close, nests, escapes)
    }

    pub(super) fn regex_pieces(&mut self, close: u8, nests: Option<u8>) -> Parse<Vec<Piece>> {
        self.pieces(close, nests, Escapes::Regex)
    }

    fn pieces(&mut self, close: u8, nests: Option<u8>, escapes: Escapes) -> Parse<Vec<Piece>> {
        let start = self.pos - 1;
        let mut pieces = Pieces::default();
        let mut level = 0;
        loop {
            let Some(byte) = self.peek() else {
                return Err(self.wrong(start, "this text has no end"));
            };
            if byte == close && level == 0 {
                self.pos += 1;
                return Ok(pieces.finish());
            }
            if byte == close {
                level -= 1;
            } else if Some(byte) == nests {
                level += 1;
            }
            match byte {
                b'\\' => self.escape(&mut pieces.text, close, nests, escapes)?,
                b'#' if escapes != Escapes::Single => self.insertion(&mut pieces)?,
                _ => pieces.text.extend(self.next_char()),
            }
        }
    }

    /// `#{…}`, or a plain `#`.
    fn insertion(&mut self, pieces: &mut Pieces) -> Parse<()> {
        let start = self.pos;
        self.pos += 1;
        match self.peek() {
            Some(b'{') => {
                self.pos += 1;
                let code = self.deeper(|parser| parser.body(&["}"]))?;
                if self.peek().is_none() {
                    return Err(self.wrong(start, "`#{` without `}`"));
                }
                self.expect("}")?;
                pieces.push(Piece::Code(code));
                Ok(())
            }
            Some(b'@' | b'$') => Err(self.beyond(start, "an insertion without braces")),
            _ => {
                pieces.text.push('#');
                Ok(())
            }
        }
    }

    fn escape(
        &mut self,
        text: &mut String,
        close: u8,
        nests: Option<u8>,
        escapes: Escapes,
    ) -> Parse<()> {
        self.pos += 1;
        let Some(c) = self.next_char() else {
            text.push('\\');
            return Ok(());
        };
        let ends = c == close as char || nests.is_some_and(|open| c == open as char);
        match escapes {
            Escapes::Single => {
                if !ends && c != '\\' {
                    text.push('\\');
                }
                text.push(c);
            }
            Escapes::Regex => {
                if !(ends && c == '/') {
                    text.push('\\');
                }
                text.push(c);
            }
            Escapes::Double => return self.double_escape(text, c),
        }
        Ok(())
    }

    fn double_escape(&mut self, text: &mut String, c: char) -> Parse<()> {
        let at = self.pos - c.len_utf8() - 1;
        let plain = match c {
            'n' => '\n',
            't' => '\t',
            'r' => '\r',
            's' => ' ',
            'e' => '\u{1b}',
            'a' => '\u{7}',
            'b' => '\u{8}',
            'f' => '\u{c}',
            'v' => '\u{b}',
            '\n' => return Ok(()),
            'u' => return self.unicode(text, at),
            'x' => self.code_point(at, 16, 2)?,
            '0'..='7' => {
                self.pos -= 1;
                self.code_point(at, 8, 3)?
            }
            'c' | 'C' | 'M' => return Err(self.beyond(at, "a control escape")),
            other => other,
        };
        text.push(plain);
        Ok(())
    }

    fn unicode(&mut self, text: &mut String, at: usize) -> Parse<()> {
        if !self.eat("{") {
            let start = self.pos;
            let c = self.code_point(at, 16, 4)?;
            if self.pos - start < 4 {
                return Err(self.wrong(at, "invalid Unicode escape"));
            }
            text.push(c);
            return Ok(());
        }
        loop {
            self.skip_space();
            if self.eat("}") {
                return Ok(());
            }
            text.push(self.code_point(at, 16, 6)?);
        }
    }

    fn code_point(&mut self, at: usize, radix: u32, most: usize) -> Parse<char> {
        let digit = |byte: &u8| (*byte as char).is_digit(radix);
        let len = self.rest().bytes().take(most).take_while(digit).count();
        let code = u32::from_str_radix(&self.rest()[..len], radix);
        self.pos += len;
        match code.ok().map(|code| (code, char::from_u32(code))) {
            // A byte that is no character by itself.
            Some((0x80.., Some(_))) if most < 4 => Err(self.beyond(at, "a string of bytes")),
            Some((_, Some(c))) => Ok(c),
            _ => Err(self.wrong(at, "invalid escape")),
        }
    }

    /// The words of `%w(…)`.
    pub(super) fn words(
        &mut self,
        close: u8,
        nests: Option<u8>,
        double: bool,
    ) -> Parse<Vec<Vec<Piece>>> {
        let start = self.pos - 1;
        let mut words = Vec::new();
        let mut word = Pieces::default();
        let mut level = 0;
        loop {
            let Some(byte) = self.peek() else {
                return Err(self.wrong(start, "this list has no end"));
            };
            let ends = byte == close && level == 0;
            if ends || byte.is_ascii_whitespace() {
                self.pos += 1;
                let pieces = std::mem::take(&mut word).finish();
                words.extend((!pieces.is_empty()).then_some(pieces));
                if ends {
                    return Ok(words);
                }
                continue;
            }
            if byte == close {
                level -= 1;
            } else if Some(byte) == nests {
                level += 1;
            }
            match byte {
                b'\\' if self.peek_at(1).is_some_and(|b| b.is_ascii_whitespace()) => {
                    self.pos += 1;
                    word.text.extend(self.next_char());
                }
                b'\\' => {
                    let escapes = if double {
                        Escapes::Double
                    } else {
                        Escapes::Single
                    };
                    self.escape(&mut word.text, close, nests, escapes)?;
                }
                b'#' if double => self.insertion(&mut word)?,
                _ => word.text.extend(self.next_char()),
            }
        }
    }

    /// `<<~NAME` and its like: the body begins on the next line.
    pub(super) fn heredoc(&mut self) -> Parse<Kind> {
        let start = self.pos;
        if !self.eat("<<") {
            return Err(self.unexpected());
        }
        let squiggly = self.eat("~");
        let indented = squiggly || self.eat("-");
        let quote = self.peek().filter(|byte| matches!(byte, b'"' | b'\''));
        self.pos += usize::from(quote.is_some());
        let Some(name) = self.name() else {
            self.pos = start;
            return Err(self.unexpected());
        };
        if quote.is_some() {
            self.pos += 1;
        }
        let line_end = self.pos + self.rest().find('\n').unwrap_or(self.rest().len());
        let behind = self.heredocs.iter().rev().find(|(end, _)| *end == line_end);
        let begin = behind.map_or(line_end + 1, |(_, end)| *end);
        let (lines, end) = self.heredoc_lines(begin, name, indented, start)?;
        self.heredocs.push((line_end, end));
        let indent = if squiggly { common_indent(&lines) } else { 0 };
        if quote == Some(b'\'') {
            let text = lines.iter().map(|line| unindented(line, indent)).collect();
            return Ok(Kind::Str(vec![Piece::Text(text)]));
        }
        let resume = std::mem::replace(&mut self.pos, begin);
        let pieces = self.heredoc_pieces(begin + lines.concat().len(), indent)?;
        self.pos = resume;
        Ok(Kind::Str(pieces))
    }

    /// The text up to byte `end`, without `indent` blanks at the start of each line.
    fn heredoc_pieces(&mut self, end: usize, indent: usize) -> Parse<Vec<Piece>> {
        let mut pieces = Pieces::default();
        let mut at_start = true;
        while self.pos < end {
            if std::mem::take(&mut at_start) {
                let line = &self.source[self.pos..end];
                self.pos += line.len() - unindented(line, indent).len();
                continue;
            }
            match self.peek() {
                Some(b'\\') => self.escape(&mut pieces.text, 0, None, Escapes::Double)?,
                Some(b'#') => self.insertion(&mut pieces)?,
                byte => {
                    at_start = byte == Some(b'\n');
                    pieces.text.extend(self.next_char());
                }
            }
        }
        Ok(pieces.finish())
    }

    fn heredoc_lines(
        &self,
        begin: usize,
        name: &str,
        indented: bool,
        start: usize,
    ) -> Parse<(Vec<String>, usize)> {
        let mut lines = Vec::new();
        let mut at = begin;
        for line in self
            .source
            .get(begin..)
            .unwrap_or_default()
            .split_inclusive('\n')
        {
            at += line.len();
            let word = line.trim_end_matches(['\n', '\r']);
            let word = if indented { word.trim_start() } else { word };
            if word == name {
                return Ok((lines, at));
            }
            lines.push(line.to_owned());
        }
        Err(self.wrong(start, format!("heredoc without `{name}` at its end")))
    }
}

/// How many blanks all lines begin with.
fn common_indent(lines: &[String]) -> usize {
    let filled = lines.iter().filter(|line| !line.trim().is_empty());
    filled.map(|line| indent(line)).min().unwrap_or(0)
}

fn indent(line: &str) -> usize {
    line.len() - line.trim_start_matches([' ', '\t']).len()
}

fn unindented(line: &str, by: usize) -> &str {
    &line[by.min(indent(line))..]
}
