//! Ruby's grammar, as far as kitchen files need it: a program becomes a tree. What is beyond is
//! told apart from what is wrong, so that Ruby itself can be asked. Called by the module's root.

mod args;
mod blocks;
mod control;
mod literals;
mod operators;
mod primary;
mod scan;
mod strings;

use super::ast::{Kind, Node};

/// How deep code may be nested.
const DEPTH: usize = 60;
/// How many operators, calls and conditions may follow each other in one statement: each holds what
/// stands before it, as a bracket would.
const LINKS: usize = 1000;

/// Why a program cannot be read.
#[derive(Debug)]
pub struct ParseError {
    /// What is wrong or not known, a fragment.
    pub message: String,
    /// Byte of the program.
    pub at: usize,
    /// Ruby may well know it.
    pub beyond: bool,
}

type Parse<T> = Result<T, ParseError>;

/// The tree of a program.
pub fn parse(source: &str) -> Parse<Node> {
    let mut parser = Parser {
        source,
        pos: 0,
        locals: vec![Vec::new()],
        depth: 0,
        links: 0,
        no_do: false,
        in_list: false,
        heredocs: Vec::new(),
    };
    let program = parser.statements(&[])?;
    match parser.peek() {
        None => Ok(program),
        Some(_) => Err(parser.unexpected()),
    }
}

struct Parser<'a> {
    source: &'a str,
    pos: usize,
    /// Names of variables, by scope; blocks see the scopes around them.
    locals: Vec<Vec<String>>,
    depth: usize,
    /// Links on the longest way from the statement to what is read.
    links: usize,
    /// `do` belongs to something further out.
    no_do: bool,
    /// A comma ends the value.
    in_list: bool,
    /// Line ends behind which a heredoc's body lies, and where it ends.
    heredocs: Vec<(usize, usize)>,
}

impl Parser<'_> {
    /// Statements up to a closing word or bracket of `until`, which is left there.
    fn statements(&mut self, until: &[&str]) -> Parse<Node> {
        let at = self.pos;
        let mut list = Vec::new();
        let (start, mut longest) = (self.links, self.links);
        loop {
            longest = longest.max(self.links);
            self.links = start;
            self.skip_terminators();
            if self.peek().is_none() || self.closes(until) {
                break;
            }
            list.push(self.statement()?);
            self.skip_space();
            let ended = matches!(self.peek(), None | Some(b'\n' | b';' | b'#' | b'\r'));
            if !ended && !self.closes(until) {
                return Err(self.unexpected());
            }
        }
        self.links = longest;
        Ok(match list.len() {
            1 => list.remove(0),
            _ => Node {
                kind: Kind::Sequence(list),
                at,
            },
        })
    }

    fn closes(&self, until: &[&str]) -> bool {
        until.iter().any(|word| match word.as_bytes()[0] {
            b'a'..=b'z' => self.at_word(word),
            bracket => self.peek() == Some(bracket),
        })
    }

    /// A block of statements in which `do` means what it says again.
    fn body(&mut self, until: &[&str]) -> Parse<Node> {
        let (no_do, in_list) = (self.no_do, self.in_list);
        (self.no_do, self.in_list) = (false, false);
        let body = self.statements(until);
        (self.no_do, self.in_list) = (no_do, in_list);
        body
    }

    fn declare(&mut self, name: &str) {
        if let Some(scope) = self.locals.last_mut()
            && !scope.iter().any(|known| known == name)
        {
            scope.push(name.into());
        }
    }

    fn is_local(&self, name: &str) -> bool {
        self.locals.iter().flatten().any(|known| known == name)
    }

    /// Runs `parse` one level deeper.
    fn deeper<T>(&mut self, parse: impl FnOnce(&mut Self) -> Parse<T>) -> Parse<T> {
        self.depth += 1;
        if self.depth > DEPTH {
            return Err(self.beyond(self.pos, "code nested this deeply"));
        }
        let result = parse(self);
        self.depth -= 1;
        result
    }

    /// Counts a node that holds all that was read of its statement.
    fn link(&mut self) -> Parse<()> {
        self.links += 1;
        match self.links > LINKS {
            true => Err(self.beyond(self.pos, "code nested this deeply")),
            false => Ok(()),
        }
    }

    fn beyond(&self, at: usize, what: &str) -> ParseError {
        ParseError {
            message: what.into(),
            at,
            beyond: true,
        }
    }

    fn wrong(&self, at: usize, message: impl Into<String>) -> ParseError {
        ParseError {
            message: message.into(),
            at,
            beyond: false,
        }
    }

    fn unexpected(&self) -> ParseError {
        let rest = &self.source[self.pos..];
        let word: String = rest
            .chars()
            .take_while(|c| c.is_alphanumeric() || *c == '_')
            .collect();
        let shown = match (word.is_empty(), rest.chars().next()) {
            (false, _) => format!("`{word}`"),
            (true, Some(super::template::TEXT | super::template::INSERT)) => {
                "end of the tag".into()
            }
            (true, Some('\n')) => "end of the line".into(),
            (true, Some(c)) => format!("`{c}`"),
            (true, None) => "end of the template".into(),
        };
        self.wrong(self.pos, format!("unexpected {shown}"))
    }
}

fn boxed(kind: Kind, at: usize) -> Box<Node> {
    Box::new(Node { kind, at })
}

#[cfg(test)]
mod tests;
