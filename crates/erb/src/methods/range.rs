//! Ranges.

use std::rc::Rc;

use super::super::machine::{Blk, Machine};
use super::super::stop::{Eval, raise};
use super::super::value::Value;
use super::arguments::{count, int, need, one};
use super::array::blocks::{self, Answer};
use super::lists::{Ends, of_range};

fn covers(range: &Ends, value: &Value) -> bool {
    let above = matches!(range.0, Value::Nil)
        || value
            .compare(&range.0)
            .is_some_and(std::cmp::Ordering::is_ge);
    let below = matches!(range.1, Value::Nil)
        || value.compare(&range.1).is_some_and(|order| {
            if range.2 {
                order.is_lt()
            } else {
                order.is_le()
            }
        });
    above && below
}

/// Calls a method of a range.
pub fn call(
    machine: &mut Machine,
    range: &Ends,
    name: &str,
    args: &[Value],
    block: Blk,
) -> Eval<Option<Value>> {
    Ok(Some(match name {
        "include?" | "member?" | "cover?" | "===" => {
            let value = one(args)?;
            let strings =
                matches!(range.0, Value::Str(_)) && ["include?", "member?"].contains(&name);
            match strings {
                true => Value::Bool(
                    of_range(machine, range)?
                        .iter()
                        .any(|known| known.equals(value)),
                ),
                false => Value::Bool(covers(range, value)),
            }
        }
        "first" | "begin" if args.is_empty() => range.0.clone(),
        "last" | "end" if args.is_empty() => range.1.clone(),
        "first" | "take" if matches!(range.1, Value::Nil) => {
            let first = int(&range.0)?;
            let end = first.saturating_add(int(one(args)?)?);
            let bounded = Rc::new((Value::Int(first), Value::Int(end), true));
            let list = of_range(machine, &bounded)?;
            machine.array(list)
        }
        "exclude_end?" => Value::Bool(range.2),
        "each" if block.is_some() => {
            let block = need(block, name)?;
            for value in of_range(machine, range)? {
                machine.yield_to(block, &[value])?;
            }
            Value::Range(range.clone())
        }
        "step" | "%" => {
            let by = count(one(args)?)?;
            if by == 0 {
                return raise("ArgumentError", "step can't be 0");
            }
            let list = of_range(machine, range)?.into_iter().step_by(by).collect();
            let list = machine.array(list);
            if block.is_none() {
                return Ok(Some(list));
            }
            machine.call(&list, "each", &[], block)?;
            Value::Range(range.clone())
        }
        "to_s" | "inspect" | "class" | "is_a?" | "kind_of?" | "nil?" | "==" | "!=" | "frozen?"
        | "eql?" | "<=>" | "=~" | "instance_of?" | "respond_to?" | "freeze" | "dup" | "itself"
        | "then" | "tap" | "!" | "hash" => {
            return Ok(None);
        }
        _ => return of_values(machine, range, name, args, block),
    }))
}

/// Methods of a list that ranges have as well.
const AS_LISTS: [&str; 15] = [
    "count",
    "drop",
    "each",
    "entries",
    "first",
    "last",
    "max",
    "min",
    "reverse_each",
    "size",
    "sum",
    "take",
    "to_a",
    "to_h",
    "zip",
];

fn of_values(
    machine: &mut Machine,
    range: &Ends,
    name: &str,
    args: &[Value],
    block: Blk,
) -> Eval<Option<Value>> {
    let list = of_range(machine, range)?;
    let value = match blocks::each(machine, &list, name, args, block) {
        Ok(Some(Answer::List(list))) => machine.array(list),
        Ok(Some(Answer::Same)) => Value::Range(range.clone()),
        Ok(Some(Answer::Value(value))) => value,
        Ok(None) | Err(super::super::stop::Stop::Beyond(_)) => {
            if !AS_LISTS.contains(&name) {
                return Ok(None);
            }
            let list = machine.array(list);
            machine.call(&list, name, args, block)?
        }
        Err(stop) => return Err(stop),
    };
    Ok(Some(value))
}
