//! Lists: what needs no block.

use std::cell::RefCell;
use std::cmp::Ordering;
use std::rc::Rc;

use super::super::eval::Machine;
use super::super::stop::{Eval, beyond, no_conversion, raise};
use super::super::value::Value;
use super::{Blk, arity, count, int, object, one, text};

/// How deep lists may be nested to be flattened or joined.
const DEPTH: usize = 60;

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
        Value::Range(range) => super::range::values(machine, range),
        Value::Nil => Ok(Vec::new()),
        other => Ok(vec![other.clone()]),
    }
}

fn list_of(value: &Value) -> Eval<Vec<Value>> {
    match value {
        Value::Array(list) => Ok(list.borrow().clone()),
        other => no_conversion(other, "Array"),
    }
}

/// Calls a method of a list that takes no block.
pub fn call(
    machine: &mut Machine,
    this: &Rc<RefCell<Vec<Value>>>,
    name: &str,
    args: &[Value],
    block: Blk,
) -> Eval<Option<Value>> {
    let list = this.borrow().clone();
    machine.charge(list.len())?;
    if let Some(new) = derived(machine, &list, name, args, block)? {
        machine.charge(new.len() * 8)?;
        return Ok(Some(machine.array(new)));
    }
    if let Some(value) = changed(machine, this, name, args, block)? {
        return Ok(Some(value));
    }
    asked(machine, &list, name, args, block)
}

/// Methods that make another list.
fn derived(
    machine: &mut Machine,
    list: &[Value],
    name: &str,
    args: &[Value],
    block: Blk,
) -> Eval<Option<Vec<Value>>> {
    Ok(Some(match name {
        "to_a" | "entries" | "dup" | "clone" => list.to_vec(),
        "+" => [list, &list_of(one(args)?)?].concat(),
        "concat" if args.is_empty() => list.to_vec(),
        "-" | "difference" => {
            let other = list_of(one(args)?)?;
            machine.charge(list.len() * other.len())?;
            list.iter()
                .filter(|value| !has(&other, value))
                .cloned()
                .collect()
        }
        "&" | "intersection" => {
            let other = list_of(one(args)?)?;
            machine.charge(list.len() * other.len())?;
            unique(
                machine,
                list.iter()
                    .filter(|value| has(&other, value))
                    .cloned()
                    .collect(),
            )?
        }
        "|" | "union" => {
            let all = [list, &list_of(one(args)?)?].concat();
            unique(machine, all)?
        }
        "*" if matches!(args, [Value::Int(_)]) => {
            let times = count(&args[0])?;
            machine.charge(list.len().saturating_mul(times).saturating_mul(16))?;
            std::iter::repeat_n(list, times)
                .flatten()
                .cloned()
                .collect()
        }
        "compact" => list
            .iter()
            .filter(|value| !matches!(value, Value::Nil))
            .cloned()
            .collect(),
        "flatten" => {
            let levels = args.first().map_or(Ok(DEPTH as i64), int)?;
            let mut flat = Vec::new();
            flatten(
                machine,
                list,
                usize::try_from(levels).unwrap_or(DEPTH),
                args.is_empty(),
                &mut flat,
            )?;
            flat
        }
        "reverse" => list.iter().rev().cloned().collect(),
        "rotate" => {
            let by = args.first().map_or(Ok(1), int)?;
            let mut list = list.to_vec();
            if !list.is_empty() {
                let by = by.rem_euclid(list.len() as i64) as usize;
                list.rotate_left(by);
            }
            list
        }
        "uniq" if block.is_none() => unique(machine, list.to_vec())?,
        "sort" if block.is_none() => sorted(machine, list.to_vec(), &mut |_, left, right| {
            object::order(left, right)
        })?,
        "take" => list.iter().take(count(one(args)?)?).cloned().collect(),
        "drop" => list.iter().skip(count(one(args)?)?).cloned().collect(),
        "first" if args.len() == 1 => list.iter().take(count(&args[0])?).cloned().collect(),
        "last" if args.len() == 1 => list[list.len().saturating_sub(count(&args[0])?)..].to_vec(),
        "values_at" => {
            let mut values = Vec::new();
            for arg in args {
                let place = super::index(int(arg)?, list.len());
                values.push(
                    place
                        .and_then(|place| list.get(place))
                        .cloned()
                        .unwrap_or(Value::Nil),
                );
            }
            values
        }
        "product" | "zip" | "transpose" | "combination" => {
            return combined(machine, list, name, args).map(Some);
        }
        _ => return Ok(None),
    }))
}

fn has(list: &[Value], value: &Value) -> bool {
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

fn flatten(
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

fn combined(machine: &mut Machine, list: &[Value], name: &str, args: &[Value]) -> Eval<Vec<Value>> {
    let rows: Vec<Vec<Value>> = match name {
        "product" => {
            let mut rows: Vec<Vec<Value>> = list.iter().map(|value| vec![value.clone()]).collect();
            for arg in args {
                let other = list_of(arg)?;
                machine.charge(rows.len().saturating_mul(other.len()).saturating_mul(64))?;
                rows = rows
                    .iter()
                    .flat_map(|row| {
                        other.iter().map(move |value| {
                            [row.as_slice(), std::slice::from_ref(value)].concat()
                        })
                    })
                    .collect();
            }
            rows
        }
        "zip" => {
            let others: Vec<Vec<Value>> = args.iter().map(list_of).collect::<Eval<_>>()?;
            let row = |(index, value): (usize, &Value)| {
                let rest = others
                    .iter()
                    .map(|other| other.get(index).cloned().unwrap_or(Value::Nil));
                std::iter::once(value.clone()).chain(rest).collect()
            };
            list.iter().enumerate().map(row).collect()
        }
        "transpose" => {
            let rows: Vec<Vec<Value>> = list.iter().map(list_of).collect::<Eval<_>>()?;
            let width = rows.first().map_or(0, Vec::len);
            if rows.iter().any(|row| row.len() != width) {
                return raise("IndexError", "element size differs");
            }
            (0..width)
                .map(|column| rows.iter().map(|row| row[column].clone()).collect())
                .collect()
        }
        _ => return beyond("`combination`"),
    };
    Ok(rows.into_iter().map(|row| machine.array(row)).collect())
}

/// Methods that change the list.
fn changed(
    machine: &mut Machine,
    this: &Rc<RefCell<Vec<Value>>>,
    name: &str,
    args: &[Value],
    block: Blk,
) -> Eval<Option<Value>> {
    let same = || Ok(Some(Value::Array(this.clone())));
    match name {
        "<<" | "push" | "append" => {
            this.borrow_mut().extend(args.iter().cloned());
            same()
        }
        "unshift" | "prepend" => {
            this.borrow_mut().splice(0..0, args.iter().cloned());
            same()
        }
        "concat" => {
            for arg in args {
                let more = list_of(arg)?;
                machine.charge(more.len() * 16)?;
                this.borrow_mut().extend(more);
            }
            same()
        }
        "insert" => {
            let place = super::index(
                int(args.first().unwrap_or(&Value::Nil))?,
                this.borrow().len(),
            );
            match place.filter(|place| {
                *place <= this.borrow().len() && !matches!(args[0], Value::Int(..0))
            }) {
                Some(place) => drop(
                    this.borrow_mut()
                        .splice(place..place, args[1..].iter().cloned()),
                ),
                None => return beyond("`insert` outside of the list"),
            }
            same()
        }
        "pop" if args.is_empty() => Ok(Some(this.borrow_mut().pop().unwrap_or(Value::Nil))),
        "shift" if args.is_empty() => {
            let empty = this.borrow().is_empty();
            Ok(Some(if empty {
                Value::Nil
            } else {
                this.borrow_mut().remove(0)
            }))
        }
        "clear" => {
            this.borrow_mut().clear();
            same()
        }
        "delete" => {
            let before = this.borrow().len();
            let unwanted = one(args)?;
            this.borrow_mut().retain(|value| !value.equals(unwanted));
            let removed = this.borrow().len() < before;
            Ok(Some(if removed {
                unwanted.clone()
            } else {
                Value::Nil
            }))
        }
        "delete_at" => {
            let place = super::index(int(one(args)?)?, this.borrow().len())
                .filter(|p| *p < this.borrow().len());
            Ok(Some(place.map_or(Value::Nil, |place| {
                this.borrow_mut().remove(place)
            })))
        }
        "[]=" => match args {
            [Value::Int(number), value] => {
                let len = this.borrow().len();
                let Some(place) = super::index(*number, len) else {
                    return raise(
                        "IndexError",
                        format!("index {number} too small for array; minimum: -{len}"),
                    );
                };
                machine.charge(place.saturating_mul(16))?;
                if place >= len {
                    this.borrow_mut().resize(place + 1, Value::Nil);
                }
                this.borrow_mut()[place] = value.clone();
                Ok(Some(value.clone()))
            }
            _ => beyond("such an assignment to a list"),
        },
        "compact!" | "flatten!" | "reverse!" | "uniq!" | "sort!" | "map!" | "collect!"
        | "select!" | "reject!" | "sort_by!" | "rotate!" | "shuffle!" => {
            let now = Value::Array(this.clone());
            let Value::Array(new) =
                super::call(machine, &now, name.trim_end_matches('!'), args, block)?
            else {
                return Ok(None);
            };
            let new = new.borrow().clone();
            let unchanged = new.len() == this.borrow().len()
                && ["compact!", "flatten!", "uniq!", "select!", "reject!"].contains(&name);
            *this.borrow_mut() = new;
            if unchanged {
                Ok(Some(Value::Nil))
            } else {
                same()
            }
        }
        _ => Ok(None),
    }
}

/// Methods whose answer is no list.
fn asked(
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
        "[]" | "slice" | "at" => match args {
            [Value::Int(number)] => super::index(*number, list.len())
                .and_then(|place| list.get(place))
                .cloned()
                .unwrap_or(Value::Nil),
            [Value::Range(_)] | [_, _] => match super::slice(args, list.len())? {
                Some((start, end)) => machine.array(list[start..end].to_vec()),
                None => Value::Nil,
            },
            [other] => return no_conversion(other, "Integer"),
            _ => return super::wrong(args, name).map(Some),
        },
        "fetch" => {
            arity(args, 1, 2)?;
            let number = int(&args[0])?;
            match super::index(number, list.len()).and_then(|place| list.get(place)) {
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
        "dig" => super::hash::dig(machine, &args[1..], {
            let place = super::index(int(one(&args[..args.len().min(1)])?)?, list.len());
            place
                .and_then(|place| list.get(place))
                .cloned()
                .unwrap_or(Value::Nil)
        })?,
        "index" | "find_index" if args.len() == 1 => list
            .iter()
            .position(|value| value.equals(&args[0]))
            .map_or(Value::Nil, Value::len),
        "min" | "max" if args.is_empty() && block.is_none() => {
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
        "minmax" if args.is_empty() && block.is_none() => {
            let list = sorted(machine, list.to_vec(), &mut |_, left, right| {
                object::order(left, right)
            })?;
            let end = |value: Option<&Value>| value.cloned().unwrap_or(Value::Nil);
            machine.array(vec![end(list.first()), end(list.last())])
        }
        "sum" if block.is_none() => {
            let mut sum = args.first().cloned().unwrap_or(Value::Int(0));
            for value in list {
                sum = super::call(machine, &sum, "+", std::slice::from_ref(value), None)?;
            }
            sum
        }
        "sample" | "shuffle" => super::kernel::shuffled(machine, list, name)?,
        "to_h" if block.is_none() => super::hash::from_pairs(machine, list)?,
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
        if out.len() > super::super::eval::MAX_TEXT {
            machine.charge(out.len())?;
        }
    }
    Ok(out)
}
