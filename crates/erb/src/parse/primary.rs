//! Values, and the calls and indexes behind them.

use std::rc::Rc;

use super::super::ast::{Call, Kind, Node};
use super::super::template::{INSERT, TEXT, TEXT_END};
use super::scan::{is_keyword, is_name};
use super::{Parse, Parser};

/// Words that define things or steer control flow in ways that templates hardly need.
const BEYOND: &[&str] = &[
    "BEGIN", "END", "alias", "class", "def", "module", "redo", "retry", "return", "super", "undef",
    "yield",
];

impl Parser<'_> {
    /// A value with all calls on it.
    pub(super) fn primary_with_calls(&mut self) -> Parse<Node> {
        let mut node = self.primary()?;
        loop {
            // A bracket behind a space would begin an argument; a variable has none.
            let spaced = self.peek() == Some(b' ');
            if self.peek() == Some(b'[') {
                node = self.index(node)?;
                continue;
            }
            if spaced && matches!(node.kind, Kind::Local(_) | Kind::Instance(_)) {
                let end = self.pos;
                self.skip_space();
                if self.peek() == Some(b'[') {
                    node = self.index(node)?;
                    continue;
                }
                self.pos = end;
            }
            let end = self.pos;
            self.skip_to_leading_dot();
            self.skip_space();
            let rest = self.rest();
            let safe = rest.starts_with("&.");
            if safe || (rest.starts_with('.') && !rest.starts_with("..")) {
                self.link()?;
                self.pos += if safe { 2 } else { 1 };
                node = self.method_call(node, safe)?;
            } else if rest.starts_with("::") && self.pos == end {
                self.link()?;
                self.pos += 2;
                node = self.scoped(node)?;
            } else {
                self.pos = end;
                return Ok(node);
            }
        }
    }

    fn index(&mut self, receiver: Node) -> Parse<Node> {
        let at = receiver.at;
        self.link()?;
        self.pos += 1;
        let args = self.list("]")?;
        Ok(super::operators::call(receiver, "[]", args, at))
    }

    fn method_call(&mut self, receiver: Node, safe: bool) -> Parse<Node> {
        self.skip_lines();
        let at = self.pos;
        let name = match self.peek() {
            Some(b'(') => "call",
            _ => self.name().ok_or_else(|| self.unexpected())?,
        };
        self.finish_call(Some(receiver), name.into(), at, safe)
    }

    fn scoped(&mut self, node: Node) -> Parse<Node> {
        let at = self.pos;
        let Some(name) = self.name() else {
            return Err(self.unexpected());
        };
        let constant =
            name.starts_with(|c: char| c.is_ascii_uppercase()) && self.peek() != Some(b'(');
        match constant {
            true => Ok(Node {
                kind: Kind::Const(Some(Box::new(node)), name.into()),
                at,
            }),
            false => self.finish_call(Some(node), name.into(), at, false),
        }
    }

    /// Arguments and block of a call whose name is read.
    pub(super) fn finish_call(
        &mut self,
        receiver: Option<Node>,
        name: Rc<str>,
        at: usize,
        safe: bool,
    ) -> Parse<Node> {
        let mut call = Call {
            receiver,
            name,
            args: Vec::new(),
            block_arg: None,
            block: None,
            safe,
            bare: false,
        };
        if self.peek() == Some(b'(') {
            self.pos += 1;
            call.args = self.call_list(")", &mut call.block_arg)?;
        } else if self.at_command_argument() {
            self.skip_space();
            call.args = self.command_args(&mut call.block_arg)?;
        } else {
            call.bare = true;
        }
        call.block = self.block()?;
        call.bare &= call.block.is_none();
        Ok(Node {
            kind: Kind::Call(Box::new(call)),
            at,
        })
    }

    fn primary(&mut self) -> Parse<Node> {
        let at = self.pos;
        let Some(byte) = self.peek() else {
            return Err(self.unexpected());
        };
        let kind = match byte {
            b'-' if self.rest().starts_with("->") => return self.arrow_lambda(),
            b'0'..=b'9' | b'-' => self.number()?,
            b'"' | b'\'' => self.quoted_strings()?,
            b'`' => return Err(self.beyond(at, "a shell command in backticks")),
            b'%' => self.percent_literal()?,
            b'/' => self.regex()?,
            b':' => self.symbol()?,
            b'[' => {
                self.pos += 1;
                Kind::Array(self.list("]")?)
            }
            b'{' => self.hash()?,
            b'(' => self.parentheses()?,
            b'@' | b'$' => self.sigil()?,
            b'<' => self.heredoc()?,
            b'?' => return Err(self.beyond(at, "a character literal")),
            b if is_name(b) => return self.word(),
            _ => self.mark()?,
        };
        Ok(Node { kind, at })
    }

    fn parentheses(&mut self) -> Parse<Kind> {
        let start = self.pos;
        self.pos += 1;
        let node = self.body(&[")"])?;
        if self.peek().is_none() {
            return Err(self.wrong(start, "`(` without `)`"));
        }
        self.pos += 1;
        // Kept apart from what stands in them: `(a) = 1` and `(-2).abs` are not what they hold.
        Ok(Kind::Sequence(vec![node]))
    }

    fn sigil(&mut self) -> Parse<Kind> {
        let start = self.pos;
        let global = self.peek() == Some(b'$');
        self.pos += 1;
        if !global && self.peek() == Some(b'@') {
            return Err(self.beyond(start, "a class variable"));
        }
        let name: Rc<str> = match (self.peek(), self.name()) {
            (_, Some(name)) => name.into(),
            (Some(b'0'..=b'9'), None) if global => {
                let digits = self.rest().bytes().take_while(u8::is_ascii_digit).count();
                self.pos += digits;
                self.source[start + 1..self.pos].into()
            }
            (Some(byte), None) if global && b":~!?&'`".contains(&byte) => {
                self.pos += 1;
                (byte as char).to_string().into()
            }
            _ => return Err(self.unexpected()),
        };
        Ok(if global {
            Kind::Global(name)
        } else {
            Kind::Instance(name)
        })
    }

    /// A text of the template, or an insertion.
    fn mark(&mut self) -> Parse<Kind> {
        if self.eat(TEXT.encode_utf8(&mut [0; 4])) {
            let digits = self.rest().bytes().take_while(u8::is_ascii_digit).count();
            let number = self.rest()[..digits].parse().ok();
            self.pos += digits;
            let ended = self.eat(TEXT_END.encode_utf8(&mut [0; 4]));
            return number
                .filter(|_| ended)
                .map(Kind::Text)
                .ok_or_else(|| self.unexpected());
        }
        if self.eat(INSERT.encode_utf8(&mut [0; 4])) {
            let at = self.pos;
            let kind = self.parentheses()?;
            return Ok(Kind::Insert(Box::new(Node { kind, at })));
        }
        Err(self.unexpected())
    }

    /// A keyword, variable, constant or call.
    fn word(&mut self) -> Parse<Node> {
        let at = self.pos;
        let Some(name) = self.name() else {
            return Err(self.unexpected());
        };
        if is_keyword(name) || name == "defined?" {
            self.pos = at;
            return self.keyword(name);
        }
        let kind = match name {
            "__FILE__" => Kind::Global("__FILE__".into()),
            "__LINE__" => return Err(self.beyond(at, "`__LINE__`")),
            "_1" | "_2" | "_3" => return Err(self.beyond(at, "a numbered parameter")),
            "lambda" | "proc" => return self.lambda_call(name, at),
            _ if self.is_local(name) && self.peek() != Some(b'(') => Kind::Local(name.into()),
            _ if name.starts_with(|c: char| c.is_ascii_uppercase()) && !self.constant_is_call() => {
                Kind::Const(None, name.into())
            }
            _ => return self.finish_call(None, name.into(), at, false),
        };
        Ok(Node { kind, at })
    }

    /// `Integer "4"`, `Integer("4")`: a method in spite of its capital.
    fn constant_is_call(&self) -> bool {
        self.peek() == Some(b'(')
            || (self.peek() == Some(b' ') && matches!(self.peek_at(1), Some(b'"' | b'\'')))
    }

    fn keyword(&mut self, word: &str) -> Parse<Node> {
        let at = self.pos;
        if BEYOND.contains(&word) {
            return Err(self.beyond(at, &format!("`{word}`")));
        }
        self.deeper(|parser| parser.known_keyword(word, at))
    }

    fn known_keyword(&mut self, word: &str, at: usize) -> Parse<Node> {
        self.pos += word.len();
        let kind = match word {
            "nil" => Kind::Nil,
            "true" => Kind::Bool(true),
            "false" => Kind::Bool(false),
            "self" => Kind::Main,
            "if" => self.if_expression(at, true)?,
            "unless" => self.if_expression(at, false)?,
            "case" => self.case_expression(at)?,
            "while" => self.while_loop(at, false)?,
            "until" => self.while_loop(at, true)?,
            "for" => self.for_loop(at)?,
            "begin" => self.begin_block(at)?,
            "not" => {
                self.skip_space();
                Kind::Not(Box::new(self.expression()?))
            }
            "defined?" => Kind::Defined(Box::new(Node {
                kind: self.parentheses()?,
                at,
            })),
            "break" => Kind::Break(self.jump_value()?),
            "next" => Kind::Next(self.jump_value()?),
            _ => {
                self.pos = at;
                return Err(self.unexpected());
            }
        };
        Ok(Node { kind, at })
    }
}
