//! Arguments, lists and pairs.

use super::super::ast::{Kind, Node, Piece};
use super::scan::{is_keyword, is_name};
use super::{Parse, Parser};

/// Keywords that begin a value.
const VALUE_WORDS: &[&str] = &[
    "nil", "true", "false", "self", "not", "defined?", "case", "begin",
];

impl Parser<'_> {
    /// The elements up to `close`, which is taken.
    pub(super) fn list(&mut self, close: &str) -> Parse<Vec<Node>> {
        let mut block_arg = None;
        let list = self.call_list(close, &mut block_arg)?;
        match block_arg {
            None => Ok(list),
            Some(_) => Err(self.unexpected()),
        }
    }

    /// Arguments up to `close`, which is taken.
    pub(super) fn call_list(
        &mut self,
        close: &str,
        block_arg: &mut Option<Node>,
    ) -> Parse<Vec<Node>> {
        let start = self.pos - 1;
        let (no_do, in_list) = (self.no_do, self.in_list);
        (self.no_do, self.in_list) = (false, true);
        let mut args = Args::default();
        let (links, mut longest) = (self.links, self.links);
        loop {
            longest = longest.max(self.links);
            self.links = links;
            self.skip_lines();
            if self.eat(close) {
                break;
            }
            if self.peek().is_none() {
                let open = &self.source[start..=start];
                return Err(self.wrong(start, format!("`{open}` without `{close}`")));
            }
            self.arg(&mut args, block_arg)?;
            self.skip_lines();
            if !self.eat(",") && !self.rest().starts_with(close) {
                return Err(match self.peek() {
                    None => self.wrong(
                        start,
                        format!("`{}` without `{close}`", &self.source[start..=start]),
                    ),
                    Some(_) => self.unexpected(),
                });
            }
        }
        self.links = longest;
        (self.no_do, self.in_list) = (no_do, in_list);
        Ok(args.finish())
    }

    /// Arguments without parentheses.
    pub(super) fn command_args(&mut self, block_arg: &mut Option<Node>) -> Parse<Vec<Node>> {
        let (no_do, in_list) = (self.no_do, self.in_list);
        (self.no_do, self.in_list) = (true, true);
        let mut args = Args::default();
        loop {
            self.arg(&mut args, block_arg)?;
            self.skip_space();
            if !self.eat(",") {
                break;
            }
            self.skip_lines();
        }
        (self.no_do, self.in_list) = (no_do, in_list);
        Ok(args.finish())
    }

    fn arg(&mut self, args: &mut Args, block_arg: &mut Option<Node>) -> Parse<()> {
        let at = self.pos;
        if let Some(label) = self.label() {
            let key = Node {
                kind: Kind::Symbol(vec![Piece::Text(label.into())]),
                at,
            };
            let value = self.pair_value()?;
            args.pairs.push((key, value));
            return Ok(());
        }
        if self.rest().starts_with("**") {
            self.pos += 2;
            let splat = Kind::Splat(Box::new(self.expression()?));
            let nil = Kind::Nil;
            args.pairs
                .push((Node { kind: splat, at }, Node { kind: nil, at }));
            return Ok(());
        }
        if matches!(self.peek(), Some(b'*' | b'&')) {
            let block = self.peek() == Some(b'&');
            self.pos += 1;
            let value = self.expression()?;
            match block {
                true => *block_arg = Some(value),
                false => args.list.push(Node {
                    kind: Kind::Splat(Box::new(value)),
                    at,
                }),
            }
            return Ok(());
        }
        let value = self.expression()?;
        self.skip_space();
        if self.eat("=>") {
            let second = self.pair_value()?;
            args.pairs.push((value, second));
        } else if self.peek() == Some(b':')
            && matches!(self.source.as_bytes()[self.pos - 1], b'"' | b'\'')
        {
            self.pos += 1;
            let Kind::Str(pieces) = value.kind else {
                return Err(self.unexpected());
            };
            let second = self.pair_value()?;
            args.pairs.push((
                Node {
                    kind: Kind::Symbol(pieces),
                    at,
                },
                second,
            ));
        } else {
            args.list.push(value);
        }
        Ok(())
    }

    fn pair_value(&mut self) -> Parse<Node> {
        self.skip_lines();
        if matches!(self.peek(), Some(b',' | b'}' | b')')) {
            return Err(self.beyond(self.pos, "a pair without a value"));
        }
        self.expression()
    }

    /// `{ … }` as a value.
    pub(super) fn hash(&mut self) -> Parse<Kind> {
        let at = self.pos;
        self.pos += 1;
        let mut list = self.list("}")?;
        match (list.pop(), list.is_empty()) {
            (None, _) => Ok(Kind::Hash(Vec::new())),
            (
                Some(Node {
                    kind: kind @ Kind::Hash(_),
                    ..
                }),
                true,
            ) => Ok(kind),
            _ => Err(self.wrong(at, "`{` begins a hash, and this is none")),
        }
    }

    /// Whether an argument without parentheses follows.
    pub(super) fn at_command_argument(&self) -> bool {
        let rest = self.rest();
        let trimmed = rest.trim_start_matches([' ', '\t']);
        if trimmed.len() == rest.len() {
            return false;
        }
        let bytes = trimmed.as_bytes();
        let (Some(&first), second) = (bytes.first(), bytes.get(1).copied().unwrap_or(b' ')) else {
            return false;
        };
        let tight = !second.is_ascii_whitespace() && second != b'=';
        match first {
            b'"' | b'\'' | b'`' | b'@' | b'$' | b'[' | b'(' => true,
            b':' => second != b':' && tight,
            b'-' | b'*' | b'&' | b'/' => {
                tight && second != b'.' && second != first || trimmed.starts_with("->")
            }
            b'%' => b"wWiIqQr([{<|".contains(&second),
            b'!' => second != b'=' && second != b'~',
            b'<' => trimmed.starts_with("<<~") || trimmed.starts_with("<<-"),
            _ if is_name(first) => {
                let len = bytes.iter().take_while(|byte| is_name(**byte)).count();
                let word = &trimmed[..len];
                let label = bytes.get(len) == Some(&b':') && bytes.get(len + 1) != Some(&b':');
                label || !is_keyword(word) || VALUE_WORDS.contains(&word)
            }
            _ => false,
        }
    }
}

#[derive(Default)]
struct Args {
    list: Vec<Node>,
    pairs: Vec<(Node, Node)>,
}

impl Args {
    /// The arguments; pairs without braces are one hash at the end.
    fn finish(mut self) -> Vec<Node> {
        if let Some((first, _)) = self.pairs.first() {
            let at = first.at;
            self.list.push(Node {
                kind: Kind::Hash(self.pairs),
                at,
            });
        }
        self.list
    }
}
