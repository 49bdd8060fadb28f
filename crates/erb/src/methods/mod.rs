//! Ruby's own methods, a file a class. Each answers `None` for a name that it does not have.

pub mod array;
mod constants;
mod enumerator;
mod env;
mod exception;
mod file;
mod format;
mod glob;
pub mod hash;
pub mod kernel;
mod number;
mod object;
mod range;
pub mod regex;
mod string;
mod time;

use std::rc::Rc;

pub use constants::{constant, is_namespace, is_special_global};

use super::ast::{Block, Call, Kind, Node, Param};
use super::eval::Machine;
use super::stop::{Eval, beyond, no_conversion, raise, wrong_count};
use super::value::{Proc, Scope, Value};

/// A call's block, if it has one.
pub type Blk<'a> = Option<&'a Rc<Proc>>;

/// Calls a method of `receiver`.
pub fn call(
    machine: &mut Machine,
    receiver: &Value,
    name: &str,
    args: &[Value],
    block: Blk,
) -> Eval {
    machine.charge(0)?;
    let found = match receiver {
        Value::Str(text) => {
            let now = text.borrow().clone();
            match string::call(machine, &now, name, args, block)? {
                None => string::edit::call(machine, text, name, args, block)?,
                found => found,
            }
        }
        Value::Symbol(text) => string::of_symbol(machine, text, name, args)?,
        Value::Int(_) | Value::Float(_) => number::call(machine, receiver, name, args, block)?,
        Value::Array(list) => array::call(machine, list, name, args, block)?,
        Value::Hash(map) => hash::call(machine, map, name, args, block)?,
        Value::Range(range) => range::call(machine, range, name, args, block)?,
        Value::Regex(pattern) => regex::of_pattern(machine, pattern, name, args)?,
        Value::Found(found) => regex::of_found(machine, found, name, args)?,
        Value::Time(time) => time::of_time(machine, time, name, args)?,
        Value::Exception(exception) => exception::call(exception, name, args)?,
        Value::Enumerator(waiting) => enumerator::call(machine, waiting, name, args, block)?,
        Value::Proc(proc) => of_proc(machine, proc, name, args)?,
        Value::Const("ENV") => env::call(machine, name, args, block)?,
        Value::Const(constant) => constants::call(machine, constant, name, args, block)?,
        Value::ErrorClass(class) => exception::of_class(class, name, args)?,
        Value::Nil | Value::Bool(_) | Value::Main => None,
    };
    match found {
        Some(value) => Ok(value),
        None => object::call(machine, receiver, name, args, block),
    }
}

fn of_proc(
    machine: &mut Machine,
    proc: &Rc<Proc>,
    name: &str,
    args: &[Value],
) -> Eval<Option<Value>> {
    match name {
        "call" | "()" | "[]" | "yield" | "===" => machine.yield_to(proc, args).map(Some),
        "to_proc" => Ok(Some(Value::Proc(proc.clone()))),
        _ => Ok(None),
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

/// A text that a method needs.
fn text(value: &Value) -> Eval<String> {
    match value {
        Value::Str(text) => Ok(text.borrow().clone()),
        other => no_conversion(other, "String"),
    }
}

/// A whole number that a method needs.
fn int(value: &Value) -> Eval<i64> {
    match value {
        Value::Int(number) => Ok(*number),
        Value::Float(number) => Ok(*number as i64),
        other => no_conversion(other, "Integer"),
    }
}

/// A count or length that a method needs.
fn count(value: &Value) -> Eval<usize> {
    let number = int(value)?;
    usize::try_from(number).or_else(|_| raise("ArgumentError", "negative argument"))
}

/// Refuses a number of arguments outside of `least..=most`.
fn arity(args: &[Value], least: usize, most: usize) -> Eval<()> {
    if (least..=most).contains(&args.len()) {
        return Ok(());
    }
    let expected = match least == most {
        true => least.to_string(),
        false => format!("{least}..{most}"),
    };
    wrong_count(args.len(), &expected)
}

/// The only argument.
fn one(args: &[Value]) -> Eval<&Value> {
    arity(args, 1, 1)?;
    Ok(&args[0])
}

/// The block of a method that is of no use without one.
fn need<'a>(block: Blk<'a>, name: &str) -> Eval<&'a Rc<Proc>> {
    block.map_or_else(|| beyond(format!("`{name}` without a block")), Ok)
}

/// Where an index counts from: negative ones from the end.
fn index(number: i64, len: usize) -> Option<usize> {
    let len = i64::try_from(len).ok()?;
    let from_start = if number < 0 { number + len } else { number };
    usize::try_from(from_start).ok()
}

/// First and behind-last position that `[]` with these arguments means in something of `len`.
fn slice(args: &[Value], len: usize) -> Eval<Option<(usize, usize)>> {
    let (start, end) = match args {
        [Value::Range(range)] => {
            let first = if matches!(range.0, Value::Nil) {
                0
            } else {
                int(&range.0)?
            };
            let Some(start) = index(first, len) else {
                return Ok(None);
            };
            let last = if matches!(range.1, Value::Nil) {
                -1
            } else {
                int(&range.1)?
            };
            let excluded = range.2 && !matches!(range.1, Value::Nil);
            let last = if last < 0 {
                last + i64::try_from(len).unwrap_or(i64::MAX)
            } else {
                last
            };
            let behind = if excluded {
                last
            } else {
                last.saturating_add(1)
            };
            (start, usize::try_from(behind).unwrap_or(0))
        }
        [start, wanted] => {
            let wanted = int(wanted)?;
            let (Some(start), Ok(wanted)) = (index(int(start)?, len), usize::try_from(wanted))
            else {
                return Ok(None);
            };
            (start, start.saturating_add(wanted))
        }
        _ => return wrong_count(args.len(), "1..2"),
    };
    let end = end.min(len);
    Ok((start <= len).then(|| (start, end.max(start))))
}

/// The error of arguments that a method does not take.
fn wrong(args: &[Value], name: &str) -> Eval {
    beyond(format!("`{name}` with {} arguments", args.len()))
}
