//! A value of one class made of another: numbers, blocks.

use std::rc::Rc;

use super::super::ast::{Block, Call, Kind, Node, Param};
use super::super::machine::Machine;
use super::super::stop::{Eval, beyond, no_conversion, raise};
use super::super::value::{Proc, Scope, Value};

/// `Integer(value)`.
pub fn to_integer(value: &Value) -> Eval<i64> {
    match value {
        Value::Int(number) => Ok(*number),
        Value::Float(number) => Ok(*number as i64),
        Value::Nil => raise("TypeError", "can't convert nil into Integer"),
        Value::Str(text) => {
            let written = text.borrow().trim().replace('_', "");
            let (sign, digits) = match written.strip_prefix('-') {
                Some(digits) => ("-", digits),
                None => ("", written.strip_prefix('+').unwrap_or(&written)),
            };
            let lower = digits.to_ascii_lowercase();
            let (radix, digits) = match lower.get(..2) {
                Some("0x") => (16, &lower[2..]),
                Some("0b") => (2, &lower[2..]),
                Some("0o") => (8, &lower[2..]),
                _ if lower.len() > 1 && lower.starts_with('0') => (8, &lower[1..]),
                _ => (10, lower.as_str()),
            };
            let plain = digits.chars().all(|c| c.is_digit(radix));
            match i64::from_str_radix(&format!("{sign}{digits}"), radix) {
                Ok(number) if plain => Ok(number),
                _ if plain && !digits.is_empty() => beyond("a number this large"),
                _ => raise(
                    "ArgumentError",
                    format!("invalid value for Integer(): {}", value.inspect()),
                ),
            }
        }
        other => raise(
            "TypeError",
            format!("can't convert {} into Integer", other.described()),
        ),
    }
}

/// `Float(value)`.
pub fn to_float(value: &Value) -> Eval<f64> {
    match value {
        Value::Int(number) => Ok(*number as f64),
        Value::Float(number) => Ok(*number),
        Value::Str(text) => {
            let text = text.borrow();
            let digits = |c: char| c.is_ascii_digit() || "+-.eE_ ".contains(c);
            match text.trim().replace('_', "").parse() {
                Ok(number) if text.chars().all(digits) => Ok(number),
                _ => raise(
                    "ArgumentError",
                    format!("invalid value for Float(): {}", value.inspect()),
                ),
            }
        }
        Value::Nil => raise("TypeError", "can't convert nil into Float"),
        other => no_conversion(other, "Float"),
    }
}

/// The block that `&value` passes.
pub fn to_proc(machine: &mut Machine, value: &Value) -> Eval<Option<Rc<Proc>>> {
    match value {
        Value::Nil => Ok(None),
        Value::Proc(proc) => Ok(Some(proc.clone())),
        // `&:name` is a block that calls the method on what it gets.
        Value::Symbol(name) => {
            let at = machine.at;
            let it: Rc<str> = "it".into();
            let node = |kind| Node { kind, at };
            let call = Call {
                receiver: Some(node(Kind::Local(it.clone()))),
                name: name.clone(),
                args: Vec::new(),
                block_arg: None,
                block: None,
                safe: false,
                bare: true,
            };
            let block = Block {
                params: vec![Param::Name(it, None)],
                first_only: false,
                body: node(Kind::Call(Box::new(call))),
                lambda: false,
            };
            Ok(Some(Rc::new(Proc {
                block: Rc::new(block),
                scope: Rc::new(Scope::default()),
            })))
        }
        _ => beyond("such a block"),
    }
}
