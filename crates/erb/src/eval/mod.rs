//! Evaluates a program: variables, control flow, calls.

mod calls;
mod control;
mod variables;

use std::rc::Rc;

use super::ast::{Kind, Node, Piece};
use super::environment::Environment;
use super::machine::{Evaluator, Machine};
use super::methods;
use super::stop::{Eval, beyond, no_conversion, raise};
use super::template::Program;
use super::value::Value;
use variables::lookup;

/// How deep blocks may call each other.
const CALLS: usize = 60;
/// How many nodes may wait for each other: each takes up to 8 KiB of a stack of at least 2 MiB.
const NODES: usize = 200;

/// An evaluation of `program`, made of the template of `file`.
pub fn machine<'a>(
    program: &'a Program,
    template: &str,
    file: &str,
    environment: &'a Environment,
) -> Machine<'a> {
    let evaluator = Evaluator {
        block: |machine, block, args| machine.run_proc(block, args),
        method: methods::call,
    };
    Machine::new(program, template, file, environment, evaluator)
}

impl Machine<'_> {
    /// The value of `node`.
    pub fn eval(&mut self, node: &Node) -> Eval {
        self.charge(0)?;
        self.at = node.at;
        if self.nodes >= NODES {
            return beyond("code nested this deeply");
        }
        self.nodes += 1;
        let value = self.eval_kind(node);
        self.nodes -= 1;
        value
    }

    fn eval_kind(&mut self, node: &Node) -> Eval {
        Ok(match &node.kind {
            Kind::Local(name) => self.local(name),
            Kind::Instance(name) => lookup(&self.instances, name),
            Kind::Global(name) => return self.global(name),
            Kind::Const(outer, name) => return self.constant(outer.as_deref(), name),
            Kind::Assign(target, value) => {
                let value = self.eval(value)?;
                self.assign(target, value.clone())?;
                value
            }
            Kind::OpAssign(target, operator, value) => {
                return self.op_assign(target, operator, value);
            }
            Kind::MultiAssign(targets, value) => {
                let value = self.eval(value)?;
                self.assign_all(targets, &value)?;
                value
            }
            Kind::And(left, right) => match self.eval(left)? {
                left if left.truthy() => self.eval(right)?,
                left => left,
            },
            Kind::Or(left, right) => match self.eval(left)? {
                left if left.truthy() => left,
                _ => self.eval(right)?,
            },
            Kind::Not(inner) => Value::Bool(!self.eval(inner)?.truthy()),
            Kind::Call(call) => self.eval_call(call, node.at)?,
            Kind::Defined(inner) => self.defined(inner),
            Kind::Lambda(block) => Value::Proc(self.proc(block)),
            Kind::Text(number) => {
                let (text, start) = &self.program.texts[*number];
                self.charge(text.len())?;
                self.output.text(text, *start)?;
                Value::Nil
            }
            Kind::Insert(inner) => {
                let text = self.eval(inner)?.to_text();
                self.charge(text.len())?;
                self.output.insert(&text, self.program.place(node.at))?;
                Value::Nil
            }
            Kind::If(..)
            | Kind::While { .. }
            | Kind::For(..)
            | Kind::Case(..)
            | Kind::Begin { .. }
            | Kind::Sequence(_)
            | Kind::Break(_)
            | Kind::Next(_) => return self.flow(&node.kind),
            literal => return self.literal(literal),
        })
    }

    fn literal(&mut self, kind: &Kind) -> Eval {
        Ok(match kind {
            Kind::Bool(value) => Value::Bool(*value),
            Kind::Main => Value::Main,
            Kind::Int(number) => Value::Int(*number),
            Kind::Float(number) => Value::Float(*number),
            Kind::Str(pieces) => Value::str(self.pieces(pieces)?),
            Kind::Symbol(pieces) => Value::Symbol(self.pieces(pieces)?.into()),
            Kind::Regex(pieces, flags) => return self.regex(pieces, flags),
            Kind::Array(nodes) => {
                let values = self.values(nodes)?;
                self.array(values)
            }
            Kind::Hash(pairs) => self.pairs(pairs)?,
            Kind::Range(first, last, excluded) => {
                self.range(first.as_deref(), last.as_deref(), *excluded)?
            }
            Kind::Splat(_) => return beyond("`*` here"),
            _ => Value::Nil,
        })
    }

    /// A map of these pairs; `**` spreads another one.
    fn pairs(&mut self, pairs: &[(Node, Node)]) -> Eval {
        let mut map = Vec::new();
        for (key, value) in pairs {
            if let Kind::Splat(inner) = &key.kind {
                match self.eval(inner)? {
                    Value::Hash(other) => {
                        for (key, value) in other.borrow().iter() {
                            self.charge(map.len())?;
                            methods::pairs::insert(&mut map, key.clone(), value.clone());
                        }
                    }
                    other => return no_conversion(&other, "Hash"),
                }
                continue;
            }
            let (key, value) = (self.eval(key)?, self.eval(value)?);
            self.charge(map.len())?;
            methods::pairs::insert(&mut map, key, value);
        }
        Ok(self.hash(map))
    }

    fn pieces(&mut self, pieces: &[Piece]) -> Eval<String> {
        let mut text = String::new();
        for piece in pieces {
            match piece {
                Piece::Text(piece) => text.push_str(piece),
                Piece::Code(code) => text.push_str(&self.eval(code)?.to_text()),
            }
            self.charge(text.len())?;
        }
        Ok(text)
    }

    fn regex(&mut self, pieces: &[Piece], flags: &str) -> Eval {
        let source = self.pieces(pieces)?;
        self.charge(64 * source.len())?;
        methods::regex::compile(&source, flags)
    }

    /// Values of a list, `*` spread.
    fn values(&mut self, nodes: &[Node]) -> Eval<Vec<Value>> {
        let mut values = Vec::with_capacity(nodes.len());
        for node in nodes {
            match &node.kind {
                Kind::Splat(inner) => {
                    let value = self.eval(inner)?;
                    values.extend(methods::lists::listed(self, &value)?);
                }
                _ => values.push(self.eval(node)?),
            }
        }
        Ok(values)
    }

    fn range(&mut self, first: Option<&Node>, last: Option<&Node>, excluded: bool) -> Eval {
        let mut end = |node: Option<&Node>| node.map_or(Ok(Value::Nil), |node| self.eval(node));
        let (first, last) = (end(first)?, end(last)?);
        match (&first, &last) {
            (Value::Int(_) | Value::Nil, Value::Int(_) | Value::Nil)
            | (Value::Str(_), Value::Str(_)) => Ok(Value::Range(Rc::new((first, last, excluded)))),
            (
                Value::Int(_) | Value::Str(_) | Value::Nil,
                Value::Int(_) | Value::Str(_) | Value::Nil,
            ) => raise("ArgumentError", "bad value for range"),
            _ => beyond("a range of such values"),
        }
    }
}
