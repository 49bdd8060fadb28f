//! What all values can do, and the errors for what they cannot.

use std::cmp::Ordering;

use super::super::machine::{Blk, Machine};
use super::super::stop::{Eval, beyond, is_kind_of, raise};
use super::super::value::Value;
use super::arguments::{arity, need, one, text};

/// Methods that every value has in Ruby and that are not known here.
const UNKNOWN: &[&str] = &[
    "__id__",
    "__send__",
    "clone",
    "define_singleton_method",
    "display",
    "enum_for",
    "equal?",
    "extend",
    "instance_eval",
    "instance_exec",
    "instance_variable_defined?",
    "instance_variable_get",
    "instance_variable_set",
    "instance_variables",
    "method",
    "methods",
    "object_id",
    "public_method",
    "public_send",
    "rationalize",
    "send",
    "singleton_class",
    "singleton_methods",
    "to_c",
    "to_enum",
    "to_r",
];

/// Calls a method that does not depend on the class.
pub fn call(machine: &mut Machine, value: &Value, name: &str, args: &[Value], block: Blk) -> Eval {
    Ok(match name {
        "to_s" => Value::str(value.to_text()),
        "inspect" => machine.text(value.inspect())?,
        "nil?" => Value::Bool(matches!(value, Value::Nil)),
        "eql?" => Value::Bool(value.same_key(one(args)?)),
        "==" | "===" => Value::Bool(value.equals(one(args)?)),
        "!=" => Value::Bool(!value.equals(one(args)?)),
        "!" => Value::Bool(!value.truthy()),
        "=~" => Value::Nil,
        "<=>" => value
            .compare(one(args)?)
            .map_or(Value::Nil, |order| Value::Int(order as i64)),
        "freeze" | "itself" | "dup" => value.clone(),
        "frozen?" if matches!(value, Value::Str(_) | Value::Array(_) | Value::Hash(_)) => {
            return beyond("`frozen?`");
        }
        "frozen?" => Value::Bool(true),
        "hash" => return beyond("`hash`"),
        "class" => class(value)?,
        "is_a?" | "kind_of?" | "instance_of?" => is_a(value, one(args)?)?,
        "respond_to?" => Value::Bool(responds(machine, value, &one(args)?.to_text())?),
        "then" | "yield_self" => {
            machine.yield_to(need(block, name)?, std::slice::from_ref(value))?
        }
        "tap" => {
            machine.yield_to(need(block, name)?, std::slice::from_ref(value))?;
            value.clone()
        }
        _ => match value {
            Value::Nil => return of_nil(machine, name, args),
            Value::Bool(value) if matches!(name, "&" | "|" | "^") => {
                let other = one(args)?.truthy();
                Value::Bool(match name {
                    "&" => *value && other,
                    "|" => *value || other,
                    _ => *value != other,
                })
            }
            _ => return missing(value, name),
        },
    })
}

fn of_nil(machine: &mut Machine, name: &str, args: &[Value]) -> Eval {
    Ok(match name {
        "to_a" => machine.array(Vec::new()),
        "to_h" => machine.hash(Vec::new()),
        "to_i" => Value::Int(0),
        "to_f" => Value::Float(0.0),
        "&" => Value::Bool(false),
        "|" => Value::Bool(one(args)?.truthy()),
        _ => return missing(&Value::Nil, name),
    })
}

fn missing(value: &Value, name: &str) -> Eval {
    // Nil and the like have few methods, and all are known; others may have it in Ruby.
    let few = matches!(value, Value::Nil | Value::Bool(_)) && !UNKNOWN.contains(&name);
    if !few {
        return beyond(format!("`{name}` of {}", of_class(value)));
    }
    let class = match value {
        Value::Nil => "nil:NilClass",
        Value::Bool(true) => "true:TrueClass",
        _ => "false:FalseClass",
    };
    raise(
        "NoMethodError",
        format!("undefined method `{name}' for {class}"),
    )
}

fn of_class(value: &Value) -> String {
    match value {
        Value::Const(name) => (*name).into(),
        Value::ErrorClass(name) => name.to_string(),
        _ => value.class().into(),
    }
}

fn class(value: &Value) -> Eval {
    const CLASSES: &[&str] = &[
        "Array",
        "FalseClass",
        "Float",
        "Hash",
        "Integer",
        "NilClass",
        "Proc",
        "Range",
        "Regexp",
        "String",
        "Symbol",
        "Time",
        "TrueClass",
    ];
    if let Value::Exception(exception) = value {
        return Ok(Value::ErrorClass(exception.class.clone()));
    }
    let name = CLASSES.iter().find(|name| **name == value.class());
    name.map_or_else(
        || beyond("`class` of such a value"),
        |name| Ok(Value::Const(name)),
    )
}

/// Whether `value` is of a class.
pub fn is_a(value: &Value, class: &Value) -> Eval {
    let answer = match class {
        Value::Const("Object" | "BasicObject" | "Kernel") => true,
        Value::Const("Numeric") => matches!(value, Value::Int(_) | Value::Float(_)),
        Value::Const("Comparable") => {
            matches!(
                value,
                Value::Int(_) | Value::Float(_) | Value::Str(_) | Value::Time(_)
            )
        }
        Value::Const("Enumerable") => {
            matches!(value, Value::Array(_) | Value::Hash(_) | Value::Range(_))
        }
        Value::Const(name) => value.class() == *name,
        Value::ErrorClass(name) => is_kind_of(value.class(), name),
        _ => return raise("TypeError", "class or module required"),
    };
    Ok(Value::Bool(answer))
}

fn responds(machine: &mut Machine, value: &Value, name: &str) -> Eval<bool> {
    let common = ["to_s", "inspect", "nil?", "class", "is_a?", "dup", "freeze"].contains(&name);
    let known = match value {
        Value::Nil => ["to_a", "to_i", "to_f", "to_h"].contains(&name),
        Value::Str(_) => [
            "to_i", "to_f", "to_sym", "to_str", "split", "empty?", "length", "size",
        ]
        .contains(&name),
        Value::Array(_) => {
            ["each", "map", "to_a", "to_ary", "join", "empty?", "size"].contains(&name)
        }
        Value::Hash(_) => [
            "each", "map", "to_a", "to_h", "keys", "empty?", "size", "key?",
        ]
        .contains(&name),
        _ => false,
    };
    machine.charge(0)?;
    match common || known {
        true => Ok(true),
        false => beyond(format!("`respond_to?` about `{name}`")),
    }
}

/// The order of two values, or the error that they have none.
pub fn order(left: &Value, right: &Value) -> Eval<Ordering> {
    match left.compare(right) {
        Some(order) => Ok(order),
        None => {
            let shown = match right {
                Value::Nil | Value::Bool(_) | Value::Int(_) | Value::Float(_) => right.inspect(),
                _ => right.class().into(),
            };
            raise(
                "ArgumentError",
                format!("comparison of {} with {shown} failed", left.class()),
            )
        }
    }
}

/// `<`, `<=`, `>`, `>=`, `between?` and `clamp`.
pub fn compared(left: &Value, name: &str, args: &[Value]) -> Eval<Option<Value>> {
    let order = |right: &Value| order(left, right);
    Ok(Some(match name {
        "<" => Value::Bool(order(one(args)?)?.is_lt()),
        "<=" => Value::Bool(order(one(args)?)?.is_le()),
        ">" => Value::Bool(order(one(args)?)?.is_gt()),
        ">=" => Value::Bool(order(one(args)?)?.is_ge()),
        "between?" => {
            arity(args, 2, 2)?;
            Value::Bool(order(&args[0])?.is_ge() && order(&args[1])?.is_le())
        }
        "clamp" if args.len() == 2 => match (order(&args[0])?, order(&args[1])?) {
            (Ordering::Less, _) => args[0].clone(),
            (_, Ordering::Greater) => args[1].clone(),
            _ => left.clone(),
        },
        _ => return Ok(None),
    }))
}

/// The texts of several arguments.
pub fn texts(args: &[Value]) -> Eval<Vec<String>> {
    args.iter().map(text).collect()
}
