//! Ruby's own methods, a file a class. Each answers `None` for a name that it does not have.

mod arguments;
pub mod array;
mod chance;
mod constants;
pub mod convert;
mod enumerator;
mod env;
mod exception;
mod file;
mod format;
mod glob;
pub mod hash;
pub mod kernel;
mod letters;
pub mod lists;
mod number;
mod object;
pub mod pairs;
mod range;
pub mod regex;
mod string;
mod time;

use std::rc::Rc;

pub use constants::{constant, is_namespace, is_special_global};

use super::machine::{Blk, Machine};
use super::stop::Eval;
use super::value::{Proc, Value};

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
