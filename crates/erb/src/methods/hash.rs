//! Maps.

use std::cell::RefCell;
use std::rc::Rc;

use super::super::machine::{Blk, Machine};
use super::super::stop::{Eval, no_conversion, raise};
use super::super::value::Value;
use super::arguments::{arity, need, one};
use super::array::blocks::{self, Answer};
use super::pairs::{Pairs, dig, get, insert};

fn pairs_of(value: &Value) -> Eval<Pairs> {
    match value {
        Value::Hash(map) => Ok(map.borrow().clone()),
        other => no_conversion(other, "Hash"),
    }
}

/// Calls a method of a map.
pub fn call(
    machine: &mut Machine,
    this: &Rc<RefCell<Pairs>>,
    name: &str,
    args: &[Value],
    block: Blk,
) -> Eval<Option<Value>> {
    let map = this.borrow().clone();
    machine.charge(map.len())?;
    if let Some(value) = asked(machine, &map, name, args, block)? {
        return Ok(Some(value));
    }
    if let Some(pairs) = derived(machine, &map, name, args, block)? {
        return Ok(Some(machine.hash(pairs)));
    }
    if let Some(value) = changed(machine, this, name, args, block)? {
        return Ok(Some(value));
    }
    let list: Vec<Value> = map
        .into_iter()
        .map(|(key, value)| machine.array(vec![key, value]))
        .collect();
    if [
        "first", "sort", "zip", "to_a", "min", "max", "take", "drop", "entries",
    ]
    .contains(&name)
    {
        let list = machine.array(list);
        return machine.call(&list, name, args, block).map(Some);
    }
    Ok(match blocks::each(machine, &list, name, args, block)? {
        None => None,
        Some(Answer::List(list)) => Some(machine.array(list)),
        Some(Answer::Same) => Some(Value::Hash(this.clone())),
        Some(Answer::Value(value)) => Some(value),
    })
}

fn asked(
    machine: &mut Machine,
    map: &Pairs,
    name: &str,
    args: &[Value],
    block: Blk,
) -> Eval<Option<Value>> {
    Ok(Some(match name {
        "[]" => get(map, one(args)?).unwrap_or(Value::Nil),
        "fetch" => {
            arity(args, 1, 2)?;
            match (get(map, &args[0]), block) {
                (Some(value), _) => value,
                (None, Some(block)) => machine.yield_to(block, &args[..1])?,
                (None, None) if args.len() == 2 => args[1].clone(),
                _ => return raise("KeyError", format!("key not found: {}", args[0].inspect())),
            }
        }
        "dig" => {
            let value = get(map, args.first().unwrap_or(&Value::Nil)).unwrap_or(Value::Nil);
            dig(machine, args.get(1..).unwrap_or_default(), value)?
        }
        "key?" | "has_key?" | "include?" | "member?" => Value::Bool(get(map, one(args)?).is_some()),
        "value?" | "has_value?" => {
            let wanted = one(args)?;
            Value::Bool(map.iter().any(|(_, value)| value.equals(wanted)))
        }
        "key" => {
            let wanted = one(args)?;
            let found = map.iter().find(|(_, value)| value.equals(wanted));
            found.map_or(Value::Nil, |(key, _)| key.clone())
        }
        "keys" => machine.array(map.iter().map(|(key, _)| key.clone()).collect()),
        "values" => machine.array(map.iter().map(|(_, value)| value.clone()).collect()),
        "values_at" => {
            let values = args
                .iter()
                .map(|key| get(map, key).unwrap_or(Value::Nil))
                .collect();
            machine.array(values)
        }
        "length" | "size" => Value::len(map.len()),
        "count" if block.is_none() => Value::len(map.len()),
        "empty?" => Value::Bool(map.is_empty()),
        "any?" if block.is_none() => Value::Bool(!map.is_empty()),
        "to_h" | "to_hash" if block.is_none() => machine.hash(map.clone()),
        _ => return Ok(None),
    }))
}

/// Methods that make another map.
fn derived(
    machine: &mut Machine,
    map: &Pairs,
    name: &str,
    args: &[Value],
    block: Blk,
) -> Eval<Option<Pairs>> {
    let mut result = Vec::new();
    match name {
        "dup" | "clone" => result = map.clone(),
        "merge" => {
            result = map.clone();
            for arg in args {
                for (key, value) in pairs_of(arg)? {
                    machine.charge(result.len())?;
                    let value = match (block, get(&result, &key)) {
                        (Some(block), Some(old)) => {
                            machine.yield_to(block, &[key.clone(), old, value])?
                        }
                        _ => value,
                    };
                    insert(&mut result, key, value);
                }
            }
        }
        "select" | "filter" | "reject" => {
            let block = need(block, name)?;
            for (key, value) in map {
                let fits = machine
                    .yield_to(block, &[key.clone(), value.clone()])?
                    .truthy();
                if fits == (name != "reject") {
                    result.push((key.clone(), value.clone()));
                }
            }
        }
        "transform_values" | "transform_keys" => {
            let block = need(block, name)?;
            for (key, value) in map {
                let keys = name == "transform_keys";
                let new = machine
                    .yield_to(block, std::slice::from_ref(if keys { key } else { value }))?;
                let (key, value) = if keys {
                    (new, value.clone())
                } else {
                    (key.clone(), new)
                };
                insert(&mut result, key, value);
            }
        }
        _ => return Ok(without(map, name, args)),
    }
    Ok(Some(result))
}

/// Maps with fewer keys, or turned around.
fn without(map: &Pairs, name: &str, args: &[Value]) -> Option<Pairs> {
    let mut result = Vec::new();
    match name {
        "compact" => {
            result = map.clone();
            result.retain(|(_, value)| !matches!(value, Value::Nil));
        }
        "slice" => {
            for key in args {
                result.extend(get(map, key).map(|value| (key.clone(), value)));
            }
        }
        "except" => {
            result = map.clone();
            result.retain(|(key, _)| !args.iter().any(|unwanted| unwanted.same_key(key)));
        }
        "invert" => {
            for (key, value) in map {
                insert(&mut result, value.clone(), key.clone());
            }
        }
        _ => return None,
    }
    Some(result)
}

/// Methods that go through the map or change it.
fn changed(
    machine: &mut Machine,
    this: &Rc<RefCell<Pairs>>,
    name: &str,
    args: &[Value],
    block: Blk,
) -> Eval<Option<Value>> {
    Ok(Some(match name {
        "each" | "each_pair" if block.is_some() => {
            let block = need(block, name)?;
            for (key, value) in this.borrow().clone() {
                let pair = machine.array(vec![key, value]);
                machine.yield_to(block, &[pair])?;
            }
            Value::Hash(this.clone())
        }
        "each_key" | "each_value" => {
            let block = need(block, name)?;
            for (key, value) in this.borrow().clone() {
                machine.yield_to(block, &[if name == "each_key" { key } else { value }])?;
            }
            Value::Hash(this.clone())
        }
        "[]=" | "store" => {
            arity(args, 2, 2)?;
            insert(&mut this.borrow_mut(), args[0].clone(), args[1].clone());
            args[1].clone()
        }
        "delete" => {
            let key = one(args)?;
            let mut map = this.borrow_mut();
            match map.iter().position(|(known, _)| known.same_key(key)) {
                Some(place) => map.remove(place).1,
                None => Value::Nil,
            }
        }
        "clear" => {
            this.borrow_mut().clear();
            Value::Hash(this.clone())
        }
        "merge!" | "update" | "select!" | "keep_if" | "reject!" | "delete_if" | "compact!"
        | "transform_values!" => {
            let plain = match name {
                "update" => "merge",
                "keep_if" => "select",
                "delete_if" => "reject",
                other => other.trim_end_matches('!'),
            };
            let now = this.borrow().clone();
            let new = derived(machine, &now, plain, args, block)?.unwrap_or(now);
            *this.borrow_mut() = new;
            Value::Hash(this.clone())
        }
        _ => return Ok(None),
    }))
}
