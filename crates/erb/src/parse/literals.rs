//! Numbers, symbols, regular expressions and words in percent signs.

use super::super::ast::{Kind, Node, Piece};
use super::{Parse, Parser};

impl Parser<'_> {
    pub(super) fn number(&mut self) -> Parse<Kind> {
        let at = self.pos;
        let negative = self.eat("-");
        let radix = match self.rest().get(..2).map(str::to_ascii_lowercase).as_deref() {
            Some("0x") => 16,
            Some("0b") => 2,
            Some("0o") => 8,
            _ => 10,
        };
        if radix != 10 {
            self.pos += 2;
        }
        let digits = self.digits(radix);
        let octal = radix == 10 && digits.len() > 1 && digits.starts_with('0');
        let fraction = radix == 10
            && self.peek() == Some(b'.')
            && self.peek_at(1).is_some_and(|byte| byte.is_ascii_digit());
        let mut text = digits;
        if fraction {
            self.pos += 1;
            text = format!("{text}.{}", self.digits(10));
        }
        let exponent = radix == 10 && self.at_exponent();
        if exponent {
            self.pos += 1;
            let sign = if self.eat("-") { "-" } else { "" };
            self.eat("+");
            text = format!("{text}e{sign}{}", self.digits(10));
        }
        if self.peek().is_some_and(super::scan::is_name) {
            return Err(self.unexpected());
        }
        if negative {
            text.insert(0, '-');
        }
        if fraction || exponent {
            return text.parse().map(Kind::Float).map_err(|_| self.unexpected());
        }
        let radix = if octal { 8 } else { radix };
        i64::from_str_radix(&text, radix)
            .map(Kind::Int)
            .map_err(|_| self.beyond(at, "a number this large"))
    }

    fn at_exponent(&self) -> bool {
        let digit = |offset| {
            self.peek_at(offset)
                .is_some_and(|byte: u8| byte.is_ascii_digit())
        };
        matches!(self.peek(), Some(b'e' | b'E'))
            && (digit(1) || matches!(self.peek_at(1), Some(b'-' | b'+')) && digit(2))
    }

    fn digits(&mut self, radix: u32) -> String {
        let start = self.pos;
        let digit = |byte: u8| byte == b'_' || (byte as char).is_digit(radix);
        while self.peek().is_some_and(digit) {
            self.pos += 1;
        }
        self.source[start..self.pos].replace('_', "")
    }

    pub(super) fn symbol(&mut self) -> Parse<Kind> {
        self.pos += 1;
        match self.peek() {
            Some(quote @ (b'"' | b'\'')) => {
                self.pos += 1;
                Ok(Kind::Symbol(self.string_pieces(
                    quote,
                    None,
                    quote == b'"',
                )?))
            }
            _ => {
                let name = match self.name() {
                    Some(name) => name,
                    None => self.operator_name().ok_or_else(|| self.unexpected())?,
                };
                Ok(Kind::Symbol(vec![Piece::Text(name.into())]))
            }
        }
    }

    fn operator_name(&mut self) -> Option<&'static str> {
        const NAMES: &[&str] = &[
            "[]", "<=>", "===", "==", "=~", "<<", "<=", ">=", "+", "-", "**", "*", "/", "%", "<",
            ">", "!", "&", "|",
        ];
        NAMES.iter().copied().find(|name| self.eat(name))
    }

    pub(super) fn regex(&mut self) -> Parse<Kind> {
        self.pos += 1;
        self.regex_rest(b'/', None)
    }

    fn regex_rest(&mut self, close: u8, open: Option<u8>) -> Parse<Kind> {
        let pieces = self.regex_pieces(close, open)?;
        let flags = self
            .rest()
            .bytes()
            .take_while(u8::is_ascii_lowercase)
            .count();
        let text = self.rest()[..flags].to_owned();
        if let Some(flag) = text.chars().find(|flag| !"imxu".contains(*flag)) {
            return Err(self.beyond(self.pos, &format!("the flag `{flag}`")));
        }
        self.pos += flags;
        Ok(Kind::Regex(pieces, text))
    }

    /// `%w(…)` and its like.
    pub(super) fn percent_literal(&mut self) -> Parse<Kind> {
        let at = self.pos;
        self.pos += 1;
        let kind = match self.peek() {
            Some(letter) if letter.is_ascii_alphabetic() => {
                self.pos += 1;
                letter
            }
            _ => b'Q',
        };
        let Some(open) = self.peek().filter(|open| open.is_ascii_punctuation()) else {
            return Err(self.unexpected());
        };
        self.pos += 1;
        let (close, nests) = match open {
            b'(' => (b')', Some(open)),
            b'[' => (b']', Some(open)),
            b'{' => (b'}', Some(open)),
            b'<' => (b'>', Some(open)),
            other => (other, None),
        };
        Ok(match kind {
            b'q' => Kind::Str(self.string_pieces(close, nests, false)?),
            b'Q' => Kind::Str(self.string_pieces(close, nests, true)?),
            b's' => Kind::Symbol(self.string_pieces(close, nests, false)?),
            b'r' => self.regex_rest(close, nests)?,
            b'w' | b'W' | b'i' | b'I' => {
                let words = self.words(close, nests, kind.is_ascii_uppercase())?;
                let symbols = kind.eq_ignore_ascii_case(&b'i');
                let node = |pieces| Node {
                    kind: if symbols {
                        Kind::Symbol(pieces)
                    } else {
                        Kind::Str(pieces)
                    },
                    at,
                };
                Kind::Array(words.into_iter().map(node).collect())
            }
            b'x' => return Err(self.beyond(at, "a shell command in `%x`")),
            _ => {
                self.pos = at;
                return Err(self.unexpected());
            }
        })
    }
}
