//! Blocks and lambdas with their parameters.

use std::rc::Rc;

use super::super::ast::{Block, Kind, Node, Param};
use super::{Parse, Parser};

impl Parser<'_> {
    /// The block behind a call, if there is one.
    pub(super) fn block(&mut self) -> Parse<Option<Rc<Block>>> {
        let end = self.pos;
        self.skip_space();
        let start = self.pos;
        if self.peek() == Some(b'{') {
            self.pos += 1;
            return self
                .deeper(|parser| parser.block_body("}", start))
                .map(Some);
        }
        if !self.no_do && self.eat_word("do") {
            return self
                .deeper(|parser| parser.block_body("end", start))
                .map(Some);
        }
        self.pos = end;
        Ok(None)
    }

    fn block_body(&mut self, close: &str, start: usize) -> Parse<Rc<Block>> {
        self.locals.push(Vec::new());
        self.skip_space();
        let (params, first_only) = match self.eat("|") {
            true => self.params("|")?,
            false => (Vec::new(), false),
        };
        let block = self.block_rest(close, start, params)?;
        Ok(Rc::new(Block {
            first_only,
            ..block
        }))
    }

    /// The body of a block whose scope is open and whose parameters are read.
    fn block_rest(&mut self, close: &str, start: usize, params: Vec<Param>) -> Parse<Block> {
        let body = match close {
            "end" => self.body_with_rescue(start)?,
            _ => self.body(&[close])?,
        };
        self.locals.pop();
        let shown = if close == "end" { "do" } else { "{" };
        if self.peek().is_none() {
            return Err(self.wrong(start, format!("`{shown}` without `{close}`")));
        }
        self.expect(close)?;
        Ok(Block {
            params,
            first_only: false,
            body,
            lambda: false,
        })
    }

    /// Parameters up to `close`, which is taken; whether a comma stands at their end.
    fn params(&mut self, close: &str) -> Parse<(Vec<Param>, bool)> {
        let mut params = Vec::new();
        let mut comma = false;
        loop {
            self.skip_lines();
            if self.eat(close) {
                return Ok((params, comma));
            }
            if self.eat(";") {
                return Err(self.beyond(self.pos, "variables of a block"));
            }
            params.push(self.param(close)?);
            self.skip_lines();
            comma = self.eat(",");
            if !comma && !self.rest().starts_with(close) {
                return Err(self.unexpected());
            }
        }
    }

    fn param(&mut self, close: &str) -> Parse<Param> {
        if self.eat("(") {
            return Ok(Param::Group(self.deeper(|parser| parser.params(")"))?.0));
        }
        let at = self.pos;
        let rest = self.eat("*");
        let Some(name) = self.name() else {
            return Err(match self.peek() {
                Some(b'*' | b'&' | b',' | b'|') => self.beyond(at, "such parameters"),
                _ => self.unexpected(),
            });
        };
        self.declare(name);
        if rest {
            return Ok(Param::Rest(name.into()));
        }
        if self.peek() == Some(b':') {
            return Err(self.beyond(at, "named parameters"));
        }
        self.skip_space();
        if !self.eat("=") {
            return Ok(Param::Name(name.into(), None));
        }
        self.skip_space();
        let in_list = std::mem::replace(&mut self.in_list, true);
        let default = match close {
            "|" => self.below_bar()?,
            _ => self.expression()?,
        };
        self.in_list = in_list;
        Ok(Param::Name(name.into(), Some(default)))
    }

    /// `->(x) { … }`.
    pub(super) fn arrow_lambda(&mut self) -> Parse<Node> {
        let at = self.pos;
        self.pos += 2;
        self.skip_space();
        self.locals.push(Vec::new());
        let mut params = Vec::new();
        if self.eat("(") {
            params = self.params(")")?.0;
        } else if self.peek() != Some(b'{') && !self.at_word("do") {
            return Err(self.beyond(at, "parameters without parentheses"));
        }
        self.skip_space();
        let start = self.pos;
        let close = match self.eat("{") {
            true => "}",
            false if self.eat_word("do") => "end",
            false => return Err(self.unexpected()),
        };
        let block = self.deeper(|parser| parser.block_rest(close, start, params))?;
        let block = Block {
            lambda: true,
            ..block
        };
        Ok(Node {
            kind: Kind::Lambda(Rc::new(block)),
            at,
        })
    }

    /// `lambda { … }` and `proc { … }`, whose word is read.
    pub(super) fn lambda_call(&mut self, word: &str, at: usize) -> Parse<Node> {
        let Some(block) = self.block()? else {
            return Err(self.beyond(at, &format!("`{word}` without a block")));
        };
        let lambda = word == "lambda";
        let block = match Rc::try_unwrap(block) {
            Ok(block) => Rc::new(Block { lambda, ..block }),
            Err(block) => block,
        };
        Ok(Node {
            kind: Kind::Lambda(block),
            at,
        })
    }
}
