//! Conditions, choices, loops and `begin`.

use std::rc::Rc;

use super::super::ast::{Kind, Node, Rescue};
use super::{Parse, Parser, boxed};

impl Parser<'_> {
    /// What stands between a keyword and its body; `do` belongs to the keyword.
    fn header(&mut self) -> Parse<Box<Node>> {
        self.skip_lines();
        let (no_do, in_list) = (self.no_do, self.in_list);
        (self.no_do, self.in_list) = (true, false);
        let node = self.expression_statement();
        (self.no_do, self.in_list) = (no_do, in_list);
        node.map(Box::new)
    }

    /// `then` or a line's end.
    fn then(&mut self) -> Parse<()> {
        let start = self.pos;
        self.skip_terminators();
        let then = self.eat_word("then");
        match then || self.pos > start && self.separated_since(start) {
            true => Ok(()),
            false => Err(self.unexpected()),
        }
    }

    fn separated_since(&self, start: usize) -> bool {
        self.source[start..self.pos].contains(['\n', ';'])
    }

    /// `if` (`expected`) or `unless`, whose word is read.
    pub(super) fn if_expression(&mut self, start: usize, expected: bool) -> Parse<Kind> {
        let condition = self.header()?;
        self.then()?;
        let body = Box::new(self.body(&["elsif", "else", "end"])?);
        let at = self.pos;
        let otherwise = if expected && self.eat_word("elsif") {
            let kind = self.deeper(|parser| parser.if_expression(start, true))?;
            Box::new(Node { kind, at })
        } else {
            let otherwise = match self.eat_word("else") {
                true => Box::new(self.body(&["end"])?),
                false => boxed(Kind::Nil, at),
            };
            self.expect_end(start, if expected { "if" } else { "unless" })?;
            otherwise
        };
        Ok(match expected {
            true => Kind::If(condition, body, otherwise),
            false => Kind::If(condition, otherwise, body),
        })
    }

    /// `case`, whose word is read.
    pub(super) fn case_expression(&mut self, start: usize) -> Parse<Kind> {
        self.skip_space();
        let subject = match self.peek() {
            Some(b'\n' | b';' | b'#') => None,
            _ if self.at_word("when") => None,
            _ => Some(self.header()?),
        };
        self.skip_terminators();
        let mut arms = Vec::new();
        while self.eat_word("when") {
            let mut values = Vec::new();
            loop {
                self.skip_lines();
                let in_list = std::mem::replace(&mut self.in_list, true);
                let at = self.pos;
                let value = match self.eat("*") {
                    true => Node {
                        kind: Kind::Splat(Box::new(self.expression()?)),
                        at,
                    },
                    false => self.expression()?,
                };
                self.in_list = in_list;
                values.push(value);
                self.skip_space();
                if !self.eat(",") {
                    break;
                }
            }
            self.then()?;
            arms.push((values, self.body(&["when", "else", "end"])?));
        }
        if arms.is_empty() {
            return Err(match self.at_word("in") {
                true => self.beyond(self.pos, "pattern matching"),
                false => self.unexpected(),
            });
        }
        let otherwise = match self.eat_word("else") {
            true => self.body(&["end"])?,
            false => Node {
                kind: Kind::Nil,
                at: self.pos,
            },
        };
        self.expect_end(start, "case")?;
        Ok(Kind::Case(subject, arms, Box::new(otherwise)))
    }

    /// `while` or `until`, whose word is read.
    pub(super) fn while_loop(&mut self, start: usize, ends_on: bool) -> Parse<Kind> {
        let condition = self.header()?;
        self.skip_space();
        self.eat_word("do");
        let body = Box::new(self.body(&["end"])?);
        self.expect_end(start, if ends_on { "until" } else { "while" })?;
        Ok(Kind::While {
            condition,
            ends_on,
            body,
            body_first: false,
        })
    }

    /// `for x in list`, whose word is read.
    pub(super) fn for_loop(&mut self, start: usize) -> Parse<Kind> {
        let mut names = Vec::new();
        loop {
            self.skip_space();
            let Some(name) = self.name() else {
                return Err(self.unexpected());
            };
            self.declare(name);
            names.push(Rc::from(name));
            self.skip_space();
            if !self.eat(",") {
                break;
            }
        }
        if !self.eat_word("in") {
            return Err(self.unexpected());
        }
        let list = self.header()?;
        self.skip_space();
        self.eat_word("do");
        let body = Box::new(self.body(&["end"])?);
        self.expect_end(start, "for")?;
        Ok(Kind::For(names, list, body))
    }

    /// `begin`, whose word is read.
    pub(super) fn begin_block(&mut self, start: usize) -> Parse<Kind> {
        let node = self.body_with_rescue(start)?;
        self.expect_end(start, "begin")?;
        Ok(match node.kind {
            kind @ Kind::Begin { .. } => kind,
            _ => Kind::Begin {
                body: Box::new(node),
                rescues: Vec::new(),
                otherwise: None,
                ensure: None,
            },
        })
    }

    /// Statements up to `end` (left there), perhaps with `rescue`, `else` and `ensure`.
    pub(super) fn body_with_rescue(&mut self, at: usize) -> Parse<Node> {
        let body = self.body(&["rescue", "else", "ensure", "end"])?;
        let mut rescues = Vec::new();
        while self.eat_word("rescue") {
            rescues.push(self.rescue()?);
        }
        let mut otherwise = None;
        if !rescues.is_empty() && self.eat_word("else") {
            otherwise = Some(Box::new(self.body(&["ensure", "end"])?));
        }
        let mut ensure = None;
        if self.eat_word("ensure") {
            ensure = Some(Box::new(self.body(&["end"])?));
        }
        if rescues.is_empty() && ensure.is_none() {
            return Ok(body);
        }
        Ok(Node {
            kind: Kind::Begin {
                body: Box::new(body),
                rescues,
                otherwise,
                ensure,
            },
            at,
        })
    }

    fn rescue(&mut self) -> Parse<Rescue> {
        let mut classes = Vec::new();
        self.skip_space();
        while !matches!(self.peek(), None | Some(b'\n' | b';' | b'#' | b'='))
            && !self.at_word("then")
        {
            classes.push(self.primary_with_calls()?);
            self.skip_space();
            if self.eat(",") {
                self.skip_lines();
            }
        }
        let mut name = None;
        if self.eat("=>") {
            self.skip_space();
            let Some(found) = self.name() else {
                return Err(self.unexpected());
            };
            self.declare(found);
            name = Some(Rc::from(found));
        }
        self.then()?;
        let body = self.body(&["rescue", "else", "ensure", "end"])?;
        Ok(Rescue {
            classes,
            name,
            body,
        })
    }

    /// The value behind `break` or `next`.
    pub(super) fn jump_value(&mut self) -> Parse<Box<Node>> {
        let at = self.pos;
        match self.at_command_argument() {
            true => {
                self.skip_space();
                self.expression().map(Box::new)
            }
            false => Ok(boxed(Kind::Nil, at)),
        }
    }
}
