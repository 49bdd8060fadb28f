//! What ends an evaluation before its end, and the errors that Ruby raises.

use std::rc::Rc;

use super::value::{Exception, Value};

/// How many bytes a text may have.
pub const MAX_TEXT: usize = 32 << 20;

/// Why evaluation does not go on here.
#[derive(Debug)]
pub enum Stop {
    /// An error that the program may rescue.
    Raise(Exception),
    /// `break` out of the block or loop.
    Break(Value),
    /// `next` in the block or loop.
    Next(Value),
    /// Only Ruby itself can go on: what this program does not know.
    Beyond(String),
    /// The template takes too much time or memory.
    Limit(&'static str),
}

/// The result of evaluating something.
pub type Eval<T = Value> = Result<T, Stop>;

/// Raises an error.
pub fn raise<T>(class: &str, message: impl Into<String>) -> Eval<T> {
    let class = Rc::from(class);
    Err(Stop::Raise(Exception {
        class,
        message: message.into(),
    }))
}

/// Says that only Ruby knows this.
pub fn beyond<T>(what: impl Into<String>) -> Eval<T> {
    Err(Stop::Beyond(what.into()))
}

/// Raises the error of a value of the wrong class.
pub fn no_conversion<T>(value: &Value, into: &str) -> Eval<T> {
    let verb = match value {
        Value::Nil if into == "Integer" => {
            return raise("TypeError", "no implicit conversion from nil to integer");
        }
        _ => value.described(),
    };
    raise(
        "TypeError",
        format!("no implicit conversion of {verb} into {into}"),
    )
}

/// Raises the error of a wrong number of arguments.
pub fn wrong_count<T>(given: usize, expected: &str) -> Eval<T> {
    raise(
        "ArgumentError",
        format!("wrong number of arguments (given {given}, expected {expected})"),
    )
}

/// The classes of errors and the class above each.
const CLASSES: &[(&str, &str)] = &[
    ("ArgumentError", "StandardError"),
    ("Errno::EACCES", "SystemCallError"),
    ("Errno::EISDIR", "SystemCallError"),
    ("Errno::ENOENT", "SystemCallError"),
    ("Errno::ENOTDIR", "SystemCallError"),
    ("FloatDomainError", "RangeError"),
    ("FrozenError", "RuntimeError"),
    ("IOError", "StandardError"),
    ("IndexError", "StandardError"),
    ("KeyError", "IndexError"),
    ("LoadError", "ScriptError"),
    ("LocalJumpError", "StandardError"),
    ("NameError", "StandardError"),
    ("NoMethodError", "NameError"),
    ("NotImplementedError", "ScriptError"),
    ("RangeError", "StandardError"),
    ("RegexpError", "StandardError"),
    ("RuntimeError", "StandardError"),
    ("ScriptError", "Exception"),
    ("StandardError", "Exception"),
    ("StopIteration", "IndexError"),
    ("SystemCallError", "StandardError"),
    ("TypeError", "StandardError"),
    ("ZeroDivisionError", "StandardError"),
    ("Exception", ""),
];

/// Whether there is such a class of errors.
pub fn is_error_class(name: &str) -> bool {
    CLASSES.iter().any(|(class, _)| *class == name)
}

/// Whether `class` is `ancestor` or below it.
pub fn is_kind_of(class: &str, ancestor: &str) -> bool {
    let mut class = class;
    loop {
        if class == ancestor {
            return true;
        }
        match CLASSES.iter().find(|(name, _)| *name == class) {
            Some((_, parent)) => class = parent,
            None => return false,
        }
    }
}
