//! Lists: what asks about them without a block.

use super::super::super::machine::{Blk, Machine};
use super::super::super::stop::{Eval, MAX_TEXT, beyond, no_conversion, raise};
use super::super::super::value::Value;
use super::super::arguments::{arity, index, int, one, slice, text, wrong};
use super::super::chance;
use super::super::lists::{DEPTH, sorted};
use super::super::object;
use super::super::pairs;

/// Methods whose answer is no list.
pub fn call(
    machine: &mut Machine,
    list: &[Value],
    name: &str,
    args: &[Value],
    block: Blk,
) -> Eval<Option<Value>> {
    Ok(Some(match name {
        "length" | "size" => Value::len(list.len()),
        "count" if args.is_empty() && block.is_none() => Value::len(list.len()),
        "count" if args.len() == 1 => {
            Value::len(list.iter().filter(|value| value.equals(&args[0])).count())
        }
        "empty?" => Value::Bool(list.is_empty()),
        "any?" if block.is_none() && args.is_empty() => Value::Bool(list.iter().any(Value::truthy)),
        "all?" if block.is_none() && args.is_empty() => Value::Bool(list.iter().all(Value::truthy)),
        "none?" if block.is_none() && args.is_empty() => {
            Value::Bool(!list.iter().any(Value::truthy))
        }
        "include?" | "member?" => {
            let wanted = one(args)?;
            Value::Bool(list.iter().any(|value| value.equals(wanted)))
        }
        "first" if args.is_empty() => list.first().cloned().unwrap_or(Value::Nil),
        "last" if args.is_empty() => list.last().cloned().unwrap_or(Value::Nil),
        "join" => {
            arity(args, 0, 1)?;
            let separator = match args.first() {
                None | Some(Value::Nil) => String::new(),
                Some(separator) => text(separator)?,
            };
            let joined = join(machine, list, &separator, 0)?;
            machine.text(joined)?
        }
        "*" => match one(args)? {
            Value::Str(separator) => {
                let joined = join(machine, list, &separator.borrow(), 0)?;
                machine.text(joined)?
            }
            other => return no_conversion(other, "Integer"),
        },
        "index" | "find_index" if args.len() == 1 => list
            .iter()
            .position(|value| value.equals(&args[0]))
            .map_or(Value::Nil, Value::len),
        "sample" | "shuffle" => chance::shuffled(machine, list, name)?,
        "to_h" if block.is_none() => pairs::from_pairs(machine, list)?,
        "[]" | "slice" | "at" | "fetch" | "dig" => return picked(machine, list, name, args, block),
        _ if block.is_none() => return summed(machine, list, name, args),
        _ => return Ok(None),
    }))
}

/// Methods that look at a place.
fn picked(
    machine: &mut Machine,
    list: &[Value],
    name: &str,
    args: &[Value],
    block: Blk,
) -> Eval<Option<Value>> {
    Ok(Some(match name {
        "[]" | "slice" | "at" => match args {
            [Value::Int(number)] => index(*number, list.len())
                .and_then(|place| list.get(place))
                .cloned()
                .unwrap_or(Value::Nil),
            [Value::Range(_)] | [_, _] => match slice(args, list.len())? {
                Some((start, end)) => machine.array(list[start..end].to_vec()),
                None => Value::Nil,
            },
            [other] => return no_conversion(other, "Integer"),
            _ => return wrong(args, name).map(Some),
        },
        "fetch" => {
            arity(args, 1, 2)?;
            let number = int(&args[0])?;
            match index(number, list.len()).and_then(|place| list.get(place)) {
                Some(value) => value.clone(),
                None if args.len() == 2 => args[1].clone(),
                None => match block {
                    Some(block) => machine.yield_to(block, &args[..1])?,
                    None => {
                        let len = list.len();
                        return raise(
                            "IndexError",
                            format!("index {number} outside of array bounds: -{len}...{len}"),
                        );
                    }
                },
            }
        }
        "dig" => pairs::dig(machine, &args[1..], {
            let place = index(int(one(&args[..args.len().min(1)])?)?, list.len());
            place
                .and_then(|place| list.get(place))
                .cloned()
                .unwrap_or(Value::Nil)
        })?,
        _ => return Ok(None),
    }))
}

/// Methods that make one value of all, and take no block here.
fn summed(
    machine: &mut Machine,
    list: &[Value],
    name: &str,
    args: &[Value],
) -> Eval<Option<Value>> {
    Ok(Some(match name {
        "min" | "max" if args.is_empty() => {
            let list = sorted(machine, list.to_vec(), &mut |_, left, right| {
                object::order(left, right)
            })?;
            let end = if name == "min" {
                list.first()
            } else {
                list.last()
            };
            end.cloned().unwrap_or(Value::Nil)
        }
        "minmax" if args.is_empty() => {
            let list = sorted(machine, list.to_vec(), &mut |_, left, right| {
                object::order(left, right)
            })?;
            let end = |value: Option<&Value>| value.cloned().unwrap_or(Value::Nil);
            machine.array(vec![end(list.first()), end(list.last())])
        }
        "sum" => {
            let mut sum = args.first().cloned().unwrap_or(Value::Int(0));
            for value in list {
                sum = machine.call(&sum, "+", std::slice::from_ref(value), None)?;
            }
            sum
        }
        _ => return Ok(None),
    }))
}

fn join(machine: &mut Machine, list: &[Value], separator: &str, depth: usize) -> Eval<String> {
    if depth > DEPTH {
        return beyond("lists nested this deeply");
    }
    let mut out = String::new();
    for (index, value) in list.iter().enumerate() {
        out.push_str(if index > 0 { separator } else { "" });
        match value {
            Value::Array(inner) => {
                let inner = inner.borrow().clone();
                out.push_str(&join(machine, &inner, separator, depth + 1)?);
            }
            other => out.push_str(&other.to_text()),
        }
        machine.charge(out.len().min(1 << 10))?;
        if out.len() > MAX_TEXT {
            machine.charge(out.len())?;
        }
    }
    Ok(out)
}
