//! What a program calls without a receiver.

use super::super::machine::{Blk, Machine};
use super::super::stop::{Eval, Stop, beyond, raise};
use super::super::value::{Exception, Value};
use super::arguments::{need, one, text, wrong};
use super::chance::random;
use super::convert::{to_float, to_integer};
use super::format;

/// Libraries whose loading changes no text: their classes are known here, or are asked for by
/// name when they are used.
const LIBRARIES: &[&str] = &[
    "English",
    "bundler",
    "date",
    "digest",
    "erb",
    "etc",
    "fileutils",
    "json",
    "kitchen",
    "kitchen-sync",
    "kitchen/sync",
    "open3",
    "ostruct",
    "pathname",
    "psych",
    "rbconfig",
    "rubygems",
    "securerandom",
    "set",
    "shellwords",
    "socket",
    "tempfile",
    "time",
    "tmpdir",
    "uri",
    "yaml",
];

/// What Ruby's programs can call without a receiver and is not known here.
const UNKNOWN: &[&str] = &[
    "Complex",
    "Rational",
    "__callee__",
    "__method__",
    "abort",
    "at_exit",
    "autoload",
    "autoload?",
    "binding",
    "caller",
    "caller_locations",
    "catch",
    "eval",
    "exec",
    "exit",
    "exit!",
    "fork",
    "gem",
    "gets",
    "global_variables",
    "include",
    "load",
    "local_variables",
    "open",
    "pp",
    "public",
    "private",
    "putc",
    "readline",
    "readlines",
    "require_relative",
    "select",
    "set_trace_func",
    "sleep",
    "spawn",
    "srand",
    "syscall",
    "system",
    "test",
    "throw",
    "trace_var",
    "trap",
    "untrace_var",
    "using",
    "define_method",
];

const KNOWN: &[&str] = &[
    "Array",
    "Float",
    "Integer",
    "String",
    "__dir__",
    "block_given?",
    "fail",
    "format",
    "loop",
    "p",
    "print",
    "puts",
    "raise",
    "rand",
    "require",
    "sprintf",
    "warn",
];

/// Whether Ruby has such a method.
pub fn is_known(name: &str) -> bool {
    KNOWN.contains(&name) || UNKNOWN.contains(&name)
}

/// Methods that the program itself has as every value has them.
const OF_ALL: [&str; 16] = [
    "class",
    "dup",
    "freeze",
    "inspect",
    "instance_variable_get",
    "instance_variable_set",
    "is_a?",
    "itself",
    "method",
    "methods",
    "nil?",
    "respond_to?",
    "send",
    "tap",
    "then",
    "to_s",
];

/// Calls a method of the program; `bare` calls could have been variables.
pub fn call(machine: &mut Machine, name: &str, args: &[Value], block: Blk, bare: bool) -> Eval {
    machine.charge(0)?;
    Ok(match name {
        "require" => require(&text(one(args)?)?)?,
        "raise" | "fail" => return raise_error(args),
        "puts" | "print" | "p" => return print(machine, name, args),
        "warn" => Value::Nil,
        "format" | "sprintf" => {
            let Some((template, rest)) = args.split_first() else {
                return raise("ArgumentError", "too few arguments");
            };
            let text = format::format(machine, &text(template)?, rest)?;
            machine.text(text)?
        }
        "rand" => random(args)?,
        "Integer" => integer(args)?,
        "Float" => Value::Float(to_float(one(args)?)?),
        "String" => Value::str(one(args)?.to_text()),
        "Array" => {
            let list = super::lists::listed(machine, one(args)?)?;
            machine.array(list)
        }
        "__dir__" => {
            let file = std::path::Path::new(&machine.file);
            Value::opt_str(file.parent().map(|folder| folder.to_string_lossy()))
        }
        "block_given?" => Value::Bool(false),
        "loop" => loop {
            match machine.yield_to(need(block, name)?, &[]) {
                Err(Stop::Raise(Exception { class, .. })) if &*class == "StopIteration" => {
                    return Ok(Value::Nil);
                }
                result => drop(result?),
            }
        },
        _ if UNKNOWN.contains(&name) => return beyond(format!("`{name}`")),
        _ if OF_ALL.contains(&name) => {
            return super::object::call(machine, &Value::Main, name, args, block);
        }
        _ if bare => {
            return raise(
                "NameError",
                format!("undefined local variable or method `{name}' for main:Object"),
            );
        }
        _ => {
            return raise(
                "NoMethodError",
                format!("undefined method `{name}' for main:Object"),
            );
        }
    })
}

fn require(library: &str) -> Eval {
    match LIBRARIES.contains(&library) {
        true => Ok(Value::Bool(true)),
        false => beyond(format!("`require '{library}'`")),
    }
}

fn raise_error(args: &[Value]) -> Eval {
    let message = |at: usize| args.get(at).map(Value::to_text);
    let exception = match args.first() {
        None => Exception {
            class: "RuntimeError".into(),
            message: "unhandled exception".into(),
        },
        Some(Value::Str(text)) => Exception {
            class: "RuntimeError".into(),
            message: text.borrow().clone(),
        },
        Some(Value::ErrorClass(class)) => Exception {
            class: class.clone(),
            message: message(1).unwrap_or_else(|| class.to_string()),
        },
        Some(Value::Exception(exception)) => Exception {
            class: exception.class.clone(),
            message: message(1).unwrap_or_else(|| exception.message.clone()),
        },
        Some(_) => return raise("TypeError", "exception class/object expected"),
    };
    Err(Stop::Raise(exception))
}

fn print(machine: &mut Machine, name: &str, args: &[Value]) -> Eval {
    let mut lines = String::new();
    let flat = match name {
        "puts" => super::lists::flat(machine, args)?,
        _ => args.to_vec(),
    };
    for value in &flat {
        match name {
            "puts" => lines.push_str(&line(&value.to_text())),
            "p" => lines.push_str(&line(&value.inspect())),
            _ => lines.push_str(&value.to_text()),
        }
    }
    if name == "puts" && args.is_empty() {
        lines.push('\n');
    }
    machine.charge(lines.len())?;
    machine.printed.push_str(&lines);
    Ok(match (name, args) {
        ("p", [value]) => value.clone(),
        ("p", [_, ..]) => machine.array(args.to_vec()),
        _ => Value::Nil,
    })
}

fn line(text: &str) -> String {
    if text.ends_with('\n') {
        text.to_owned()
    } else {
        format!("{text}\n")
    }
}

fn integer(args: &[Value]) -> Eval {
    match args {
        [value] => to_integer(value).map(Value::Int),
        _ => wrong(args, "Integer"),
    }
}
