//! Statements and expressions with operators, the loosest first.

use std::rc::Rc;

use super::super::ast::{Call, Kind, Node, Target};
use super::{Parse, Parser, boxed};

/// Binary operators, the loosest first; longer ones before those they begin with.
const LEVELS: &[&[&str]] = &[
    &["||"],
    &["&&"],
    &["<=>", "===", "==", "=~", "!=", "!~"],
    &["<=", "<", ">=", ">"],
    &["|", "^"],
    &["&"],
    &["<<", ">>"],
    &["+", "-"],
    &["*", "/", "%"],
];

/// The first of the levels that bind tighter than `|`.
const BELOW_BAR: usize = 5;

/// Operators that make an assignment with `=` behind them.
const ASSIGNING: &[&str] = &[
    "||", "&&", "**", "<<", ">>", "+", "-", "*", "/", "%", "|", "&", "^",
];

impl Parser<'_> {
    /// A statement with what stands behind it (`… if x`).
    pub(super) fn statement(&mut self) -> Parse<Node> {
        let at = self.pos;
        let mut node = self.deeper(Self::expression_statement)?;
        loop {
            self.skip_space();
            let nil = || boxed(Kind::Nil, at);
            let kind = if self.eat_word("if") {
                Kind::If(self.condition()?, Box::new(node), nil())
            } else if self.eat_word("unless") {
                Kind::If(self.condition()?, nil(), Box::new(node))
            } else if self.at_word("while") || self.at_word("until") {
                let ends_on = self.at_word("until");
                self.pos += 5;
                let condition = self.condition()?;
                let body_first = matches!(node.kind, Kind::Begin { .. });
                Kind::While {
                    condition,
                    ends_on,
                    body: Box::new(node),
                    body_first,
                }
            } else if self.eat_word("rescue") {
                self.rescued(node, Self::expression_statement)?
            } else {
                return Ok(node);
            };
            self.link()?;
            node = Node { kind, at };
        }
    }

    fn condition(&mut self) -> Parse<Box<Node>> {
        self.skip_lines();
        Ok(Box::new(self.expression_statement()?))
    }

    /// `node rescue value`.
    fn rescued(&mut self, node: Node, value: fn(&mut Self) -> Parse<Node>) -> Parse<Kind> {
        self.skip_lines();
        let body = value(self)?;
        let rescue = super::super::ast::Rescue {
            classes: Vec::new(),
            name: None,
            body,
        };
        Ok(Kind::Begin {
            body: Box::new(node),
            rescues: vec![rescue],
            otherwise: None,
            ensure: None,
        })
    }

    /// An expression with `and`, `or` and `not`.
    pub(super) fn expression_statement(&mut self) -> Parse<Node> {
        let at = self.pos;
        let mut left = self.not_expression()?;
        loop {
            self.skip_space();
            let and = self.at_word("and");
            if !and && !self.at_word("or") {
                return Ok(left);
            }
            self.pos += if and { 3 } else { 2 };
            self.skip_lines();
            let (left_side, right) = (Box::new(left), Box::new(self.not_expression()?));
            let kind = match and {
                true => Kind::And(left_side, right),
                false => Kind::Or(left_side, right),
            };
            self.link()?;
            left = Node { kind, at };
        }
    }

    fn not_expression(&mut self) -> Parse<Node> {
        let at = self.pos;
        if self.eat_word("not") {
            self.skip_space();
            let node = self.deeper(Self::not_expression)?;
            return Ok(Node {
                kind: Kind::Not(Box::new(node)),
                at,
            });
        }
        if self.peek() == Some(b'*') {
            let first = self.one_of_targets()?;
            self.skip_space();
            return self.multiple_assignment(first, at);
        }
        let first = self.expression()?;
        if matches!(
            first.kind,
            Kind::Local(_) | Kind::Instance(_) | Kind::Call(_)
        ) {
            self.skip_space();
            if self.peek() == Some(b',') {
                let first = Target::One(self.target(first)?);
                return self.multiple_assignment(first, at);
            }
        }
        Ok(first)
    }

    /// `a, b = …`, whose first target is read.
    fn multiple_assignment(&mut self, first: Target, at: usize) -> Parse<Node> {
        let mut targets = vec![first];
        self.further_targets(&mut targets)?;
        if self.peek() != Some(b'=') || self.peek_at(1) == Some(b'=') {
            return Err(self.unexpected());
        }
        self.pos += 1;
        let value = self.assigned_values()?;
        Ok(Node {
            kind: Kind::MultiAssign(targets, Box::new(value)),
            at,
        })
    }

    fn further_targets(&mut self, targets: &mut Vec<Target>) -> Parse<()> {
        while self.eat(",") {
            self.skip_lines();
            let target = self.deeper(Self::one_of_targets)?;
            targets.push(target);
            self.skip_space();
        }
        Ok(())
    }

    fn one_of_targets(&mut self) -> Parse<Target> {
        if self.eat("(") {
            self.skip_space();
            let mut targets = vec![self.one_of_targets()?];
            self.skip_space();
            self.further_targets(&mut targets)?;
            self.expect(")")?;
            return Ok(Target::Group(targets));
        }
        let rest = self.eat("*");
        let node = self.primary_with_calls()?;
        let node = self.target(node)?;
        Ok(match rest {
            true => Target::Rest(node),
            false => Target::One(node),
        })
    }

    /// An expression without `and`, `or`, `not`.
    pub(super) fn expression(&mut self) -> Parse<Node> {
        self.deeper(Self::ternary)
    }

    fn ternary(&mut self) -> Parse<Node> {
        let condition = self.range()?;
        let at = condition.at;
        self.skip_space();
        if !self.eat("?") {
            return Ok(condition);
        }
        self.skip_lines();
        let yes = self.expression()?;
        self.skip_lines();
        self.expect(":")?;
        self.skip_lines();
        let no = self.expression()?;
        Ok(Node {
            kind: Kind::If(Box::new(condition), Box::new(yes), Box::new(no)),
            at,
        })
    }

    fn range(&mut self) -> Parse<Node> {
        let at = self.pos;
        let left = match self.rest().starts_with("..") {
            true => None,
            false => Some(Box::new(self.binary(0)?)),
        };
        self.skip_space();
        let excluded = self.rest().starts_with("...");
        if !excluded && !self.rest().starts_with("..") {
            return left.map(|node| *node).ok_or_else(|| self.unexpected());
        }
        self.pos += if excluded { 3 } else { 2 };
        self.skip_space();
        let open =
            matches!(self.peek(), None | Some(b')' | b']' | b'\n' | b';')) || self.at_word("then");
        let right = match open {
            true => None,
            false => Some(Box::new(self.binary(0)?)),
        };
        Ok(Node {
            kind: Kind::Range(left, right, excluded),
            at,
        })
    }

    /// A value in a place where `|` ends it.
    pub(super) fn below_bar(&mut self) -> Parse<Node> {
        self.binary(BELOW_BAR)
    }

    fn binary(&mut self, level: usize) -> Parse<Node> {
        let Some(operators) = LEVELS.get(level) else {
            return self.unary();
        };
        let mut left = self.binary(level + 1)?;
        loop {
            self.skip_space();
            let Some(operator) = operators.iter().find(|op| self.at_operator(op)) else {
                return Ok(left);
            };
            let at = self.pos;
            self.pos += operator.len();
            self.skip_lines();
            let right = self.binary(level + 1)?;
            let place = if *operator == "||" || *operator == "&&" {
                left.at
            } else {
                at
            };
            self.link()?;
            left = Node {
                kind: operation(operator, left, right, at),
                at: place,
            };
        }
    }

    fn at_operator(&self, operator: &str) -> bool {
        let Some(after) = self.rest().strip_prefix(operator) else {
            return false;
        };
        let next = after.as_bytes().first();
        match operator {
            "|" | "&"
                if after.starts_with(operator) || (operator == "&" && next == Some(&b'.')) =>
            {
                false
            }
            "*" if next == Some(&b'*') => false,
            "<" if matches!(next, Some(b'<' | b'=')) => false,
            "<=" if next == Some(&b'>') => false,
            ">" if matches!(next, Some(b'>' | b'=')) => false,
            _ if ASSIGNING.contains(&operator) => {
                next != Some(&b'=') || after.starts_with("==") || after.starts_with("=~")
            }
            _ => true,
        }
    }

    fn unary(&mut self) -> Parse<Node> {
        let at = self.pos;
        match self.peek() {
            Some(b'!') if self.peek_at(1) != Some(b'~') => {
                self.pos += 1;
                self.skip_space();
                let node = self.deeper(Self::unary)?;
                return Ok(Node {
                    kind: Kind::Not(Box::new(node)),
                    at,
                });
            }
            Some(b'-') if self.peek_at(1) != Some(b'>') => {
                if self.peek_at(1).is_some_and(|byte| byte.is_ascii_digit()) {
                    return self.power();
                }
                self.pos += 1;
                self.skip_space();
                let node = self.deeper(Self::unary)?;
                return Ok(call(node, "-@", Vec::new(), at));
            }
            Some(sign @ (b'+' | b'~')) => {
                self.pos += 1;
                self.skip_space();
                let node = self.deeper(Self::unary)?;
                let name = if sign == b'~' { "~" } else { "+@" };
                return Ok(call(node, name, Vec::new(), at));
            }
            Some(b'&') => return Err(self.unexpected()),
            _ => {}
        }
        if self.at_word("defined?") && !self.rest().starts_with("defined?(") {
            self.pos += "defined?".len();
            self.skip_space();
            let node = self.deeper(Self::unary)?;
            return Ok(Node {
                kind: Kind::Defined(Box::new(node)),
                at,
            });
        }
        self.power()
    }

    fn power(&mut self) -> Parse<Node> {
        let base = self.operand()?;
        self.skip_space();
        if !self.rest().starts_with("**") || !self.at_operator("**") {
            return Ok(base);
        }
        let at = self.pos;
        self.pos += 2;
        self.skip_lines();
        let exponent = self.deeper(Self::unary)?;
        // The sign comes last: -2 ** 2 is -4.
        Ok(match base.kind {
            Kind::Int(number) if number < 0 => {
                let base = Node {
                    kind: Kind::Int(-number),
                    at,
                };
                call(call(base, "**", vec![exponent], at), "-@", Vec::new(), at)
            }
            _ => call(base, "**", vec![exponent], at),
        })
    }

    /// A value, or an assignment where the value can be assigned to.
    fn operand(&mut self) -> Parse<Node> {
        let node = self.primary_with_calls()?;
        let at = node.at;
        let end = self.pos;
        self.skip_space();
        let rest = self.rest();
        if rest.starts_with('=') && !["==", "=~", "=>"].iter().any(|op| rest.starts_with(op)) {
            let target = self.target(node)?;
            self.pos += 1;
            let value = self.assigned_values()?;
            return Ok(Node {
                kind: Kind::Assign(Box::new(target), Box::new(value)),
                at,
            });
        }
        let assigning = ASSIGNING.iter().find(|op| {
            rest.strip_prefix(**op)
                .is_some_and(|r| r.starts_with('=') && !r.starts_with("==") && !r.starts_with("=~"))
        });
        if let Some(operator) = assigning {
            let target = self.target(node)?;
            self.pos += operator.len() + 1;
            let value = self.assigned_values()?;
            return Ok(Node {
                kind: Kind::OpAssign(Box::new(target), Rc::from(*operator), Box::new(value)),
                at,
            });
        }
        self.pos = end;
        Ok(node)
    }

    /// What can be assigned to.
    fn target(&mut self, node: Node) -> Parse<Node> {
        let Node { kind, at } = node;
        let kind = match kind {
            Kind::Call(call) if call.bare && call.receiver.is_none() => {
                self.declare(&call.name);
                Kind::Local(call.name)
            }
            Kind::Call(call)
                if call.receiver.is_some() && (call.name.as_ref() == "[]" || call.bare) =>
            {
                Kind::Call(call)
            }
            Kind::Local(_) | Kind::Instance(_) | Kind::Global(_) | Kind::Const(None, _) => kind,
            Kind::Splat(_) => return Err(self.beyond(at, "`*` among the targets of an assignment")),
            _ => return Err(self.wrong(at, "cannot be assigned to")),
        };
        Ok(Node { kind, at })
    }

    /// The right side of an assignment: one value, or several that make an array.
    fn assigned_values(&mut self) -> Parse<Node> {
        self.skip_lines();
        let at = self.pos;
        let splat = self.peek() == Some(b'*');
        let first = match splat {
            true => self.splat()?,
            false => self.expression()?,
        };
        self.skip_space();
        if !splat && (self.peek() != Some(b',') || self.in_list) {
            if !self.in_list && self.at_word("rescue") {
                self.pos += "rescue".len();
                let kind = self.rescued(first, Self::expression)?;
                return Ok(Node { kind, at });
            }
            return Ok(first);
        }
        let mut values = vec![first];
        while self.eat(",") {
            self.skip_lines();
            values.push(match self.peek() {
                Some(b'*') => self.splat()?,
                _ => self.expression()?,
            });
            self.skip_space();
        }
        Ok(Node {
            kind: Kind::Array(values),
            at,
        })
    }

    fn splat(&mut self) -> Parse<Node> {
        let at = self.pos;
        self.pos += 1;
        Ok(Node {
            kind: Kind::Splat(Box::new(self.expression()?)),
            at,
        })
    }
}

fn operation(operator: &str, left: Node, right: Node, at: usize) -> Kind {
    match operator {
        "||" => Kind::Or(Box::new(left), Box::new(right)),
        "&&" => Kind::And(Box::new(left), Box::new(right)),
        "!=" => Kind::Not(Box::new(call(left, "==", vec![right], at))),
        "!~" => Kind::Not(Box::new(call(left, "=~", vec![right], at))),
        _ => call(left, operator, vec![right], at).kind,
    }
}

/// A call of an operator.
pub(super) fn call(receiver: Node, name: &str, args: Vec<Node>, at: usize) -> Node {
    let call = Call {
        receiver: Some(receiver),
        name: name.into(),
        args,
        block_arg: None,
        block: None,
        safe: false,
        bare: false,
    };
    Node {
        kind: Kind::Call(Box::new(call)),
        at,
    }
}
