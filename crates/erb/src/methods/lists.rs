//! What methods of several classes do with lists, and what can be read as one.

use std::cmp::Ordering;
use std::rc::Rc;

use super::super::machine::Machine;
use super::super::stop::{Eval, beyond, no_conversion, raise};
use super::super::value::Value;
use super::letters::succ;

/// First and last value of a range, and whether the last is left out.
pub type Ends = Rc<(Value, Value, bool)>;

/// How deep lists may be nested to be flattened or joined.
pub const DEPTH: usize = 60;

/// The values that an assignment to several targets, or a block's parameters, spread.
pub fn spread(value: &Value) -> Vec<Value> {
    match value {
        Value::Array(list) => list.borrow().clone(),
        other => vec![other.clone()],
    }
}

/// The values that a loop goes through, or that `*` spreads.
pub fn listed(machine: &mut Machine, value: &Value) -> Eval<Vec<Value>> {
    match value {
        Value::Array(list) => {
            machine.charge(list.borrow().len())?;
            Ok(list.borrow().clone())
        }
        Value::Hash(map) => {
            let pairs = map.borrow().clone();
            Ok(pairs
                .into_iter()
                .map(|(key, value)| machine.array(vec![key, value]))
                .collect())
        }
        Value::Range(range) => of_range(machine, range),
        Value::Nil => Ok(Vec::new()),
        other => Ok(vec![other.clone()]),
    }
}

pub fn list_of(value: &Value) -> Eval<Vec<Value>> {
    match value {
        Value::Array(list) => Ok(list.borrow().clone()),
        other => no_conversion(other, "Array"),
    }
}

pub fn has(list: &[Value], value: &Value) -> bool {
    list.iter().any(|known| known.same_key(value))
}

/// Each value once.
pub fn unique(machine: &mut Machine, list: Vec<Value>) -> Eval<Vec<Value>> {
    let mut kept: Vec<Value> = Vec::new();
    for value in list {
        machine.charge(kept.len())?;
        if !has(&kept, &value) {
            kept.push(value);
        }
    }
    Ok(kept)
}

/// The list in the order of `compare`, which may fail and need not make sense; equal values keep
/// their order.
pub fn sorted(
    machine: &mut Machine,
    mut list: Vec<Value>,
    compare: &mut dyn FnMut(&mut Machine, &Value, &Value) -> Eval<Ordering>,
) -> Eval<Vec<Value>> {
    if list.len() < 2 {
        return Ok(list);
    }
    let right = list.split_off(list.len() / 2);
    let mut left = sorted(machine, list, compare)?.into_iter().peekable();
    let mut right = sorted(machine, right, compare)?.into_iter().peekable();
    let mut merged = Vec::new();
    while let (Some(first), Some(second)) = (left.peek(), right.peek()) {
        machine.charge(0)?;
        let right_first = compare(machine, first, second)?.is_gt();
        merged.extend(if right_first {
            right.next()
        } else {
            left.next()
        });
    }
    merged.extend(left.chain(right));
    Ok(merged)
}

/// The values without lists among them.
pub fn flat(machine: &mut Machine, list: &[Value]) -> Eval<Vec<Value>> {
    let mut flat = Vec::new();
    flatten(machine, list, DEPTH, true, &mut flat)?;
    Ok(flat)
}

pub fn flatten(
    machine: &mut Machine,
    list: &[Value],
    levels: usize,
    all: bool,
    into: &mut Vec<Value>,
) -> Eval<()> {
    for value in list {
        machine.charge(16)?;
        match value {
            Value::Array(_) if levels == 0 && all => return beyond("lists nested this deeply"),
            Value::Array(inner) if levels > 0 => {
                let inner = inner.borrow().clone();
                flatten(machine, &inner, levels - 1, all, into)?;
            }
            other => into.push(other.clone()),
        }
    }
    Ok(())
}

/// The values of a range.
pub fn of_range(machine: &mut Machine, range: &Ends) -> Eval<Vec<Value>> {
    match (&range.0, &range.1) {
        (Value::Int(first), Value::Int(last)) => {
            let last = if range.2 {
                last.saturating_sub(1)
            } else {
                *last
            };
            let len = usize::try_from(last.saturating_sub(*first).saturating_add(1)).unwrap_or(0);
            machine.charge(len.saturating_mul(16))?;
            Ok((*first..=last).map(Value::Int).collect())
        }
        (Value::Str(first), Value::Str(last)) => {
            strings(machine, &first.borrow(), &last.borrow(), range.2)
        }
        (Value::Nil, _) => raise("TypeError", "can't iterate from NilClass"),
        _ => raise("RangeError", "cannot convert endless range to an array"),
    }
}

pub fn strings(machine: &mut Machine, first: &str, last: &str, excluded: bool) -> Eval<Vec<Value>> {
    let mut list = Vec::new();
    let mut now = first.to_owned();
    while now.len() <= last.len() && !(excluded && now == last) {
        machine.charge(16)?;
        list.push(Value::str(now.clone()));
        if now == last {
            break;
        }
        now = succ(&now);
    }
    Ok(list)
}
