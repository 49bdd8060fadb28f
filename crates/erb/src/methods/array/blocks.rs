//! Lists, maps and ranges: what runs a block on each value.

use std::cell::RefCell;
use std::rc::Rc;

use super::super::super::machine::{Blk, Machine};
use super::super::super::stop::{Eval, raise};
use super::super::super::value::{Proc, Value};
use super::super::arguments::{count, int, need, one};
use super::super::lists::{sorted, spread, unique};
use super::super::object;
use super::super::pairs;

/// Methods that can wait for their block.
pub const WAITING: &[&str] = &[
    "collect",
    "each",
    "filter",
    "filter_map",
    "find_all",
    "flat_map",
    "map",
    "reject",
    "select",
    "sort_by",
];

/// Calls a method of a list that runs a block.
pub fn call(
    machine: &mut Machine,
    this: &Rc<RefCell<Vec<Value>>>,
    name: &str,
    args: &[Value],
    block: Blk,
) -> Eval<Option<Value>> {
    match name {
        "each" | "each_entry" | "reverse_each" | "each_index" => {
            let Some(block) = block else {
                let list = this.borrow().clone();
                return Ok(Some(match name {
                    "reverse_each" => machine.array(list.into_iter().rev().collect()),
                    "each_index" => machine.array((0..list.len()).map(Value::len).collect()),
                    _ => Value::Enumerator(Rc::new((Value::Array(this.clone()), "each".into()))),
                }));
            };
            let mut index = 0;
            // The block may change the list.
            while index < this.borrow().len() {
                let place = if name == "reverse_each" {
                    this.borrow().len() - 1 - index
                } else {
                    index
                };
                let value = match name {
                    "each_index" => Value::len(place),
                    _ => this.borrow()[place].clone(),
                };
                machine.yield_to(block, &[value])?;
                index += 1;
            }
            Ok(Some(Value::Array(this.clone())))
        }
        "delete_if" | "keep_if" => {
            let list = this.borrow().clone();
            let kept = filter(machine, &list, need(block, name)?, name == "keep_if")?;
            *this.borrow_mut() = kept;
            Ok(Some(Value::Array(this.clone())))
        }
        _ => {
            let list = this.borrow().clone();
            match each(machine, &list, name, args, block)? {
                None => Ok(None),
                Some(Answer::List(list)) => Ok(Some(machine.array(list))),
                Some(Answer::Same) => Ok(Some(Value::Array(this.clone()))),
                Some(Answer::Value(value)) => Ok(Some(value)),
            }
        }
    }
}

/// What a method on each value gives.
pub enum Answer {
    /// A new list.
    List(Vec<Value>),
    /// What it was called on.
    Same,
    /// A value.
    Value(Value),
}

/// Calls a method that lists, maps and ranges have in common, on their values.
pub fn each(
    machine: &mut Machine,
    list: &[Value],
    name: &str,
    args: &[Value],
    block: Blk,
) -> Eval<Option<Answer>> {
    if block.is_none() && args.is_empty() && WAITING.contains(&name) {
        let list = machine.array(list.to_vec());
        let waiting = Value::Enumerator(Rc::new((list, name.into())));
        return Ok(Some(Answer::Value(waiting)));
    }
    if let Some(answer) = mapped(machine, list, name, args, block)? {
        return Ok(Some(answer));
    }
    grouped(machine, list, name, args, block)
}

fn yield_one(machine: &mut Machine, block: &Rc<Proc>, value: &Value) -> Eval {
    machine.yield_to(block, std::slice::from_ref(value))
}

fn filter(
    machine: &mut Machine,
    list: &[Value],
    block: &Rc<Proc>,
    wanted: bool,
) -> Eval<Vec<Value>> {
    let mut kept = Vec::new();
    for value in list {
        if yield_one(machine, block, value)?.truthy() == wanted {
            kept.push(value.clone());
        }
    }
    Ok(kept)
}

fn mapped(
    machine: &mut Machine,
    list: &[Value],
    name: &str,
    args: &[Value],
    block: Blk,
) -> Eval<Option<Answer>> {
    Ok(Some(Answer::List(match name {
        "map" | "collect" => {
            let block = need(block, name)?;
            list.iter()
                .map(|value| yield_one(machine, block, value))
                .collect::<Eval<_>>()?
        }
        "flat_map" | "collect_concat" => {
            let block = need(block, name)?;
            let mut all = Vec::new();
            for value in list {
                all.extend(spread(&yield_one(machine, block, value)?));
                machine.charge(all.len())?;
            }
            all
        }
        "filter_map" => {
            let block = need(block, name)?;
            let mut all = Vec::new();
            for value in list {
                all.push(yield_one(machine, block, value)?);
            }
            all.retain(Value::truthy);
            all
        }
        "select" | "filter" | "find_all" => filter(machine, list, need(block, name)?, true)?,
        "reject" => filter(machine, list, need(block, name)?, false)?,
        "grep" | "grep_v" => {
            let pattern = one(args)?;
            let mut kept = Vec::new();
            for value in list {
                let fits = machine
                    .call(pattern, "===", std::slice::from_ref(value), None)?
                    .truthy();
                if fits == (name == "grep") {
                    kept.push(match block {
                        Some(block) => yield_one(machine, block, value)?,
                        None => value.clone(),
                    });
                }
            }
            kept
        }
        "each_with_index" | "each_slice" | "each_cons" if block.is_none() => {
            parts(machine, list, name, args)?
        }
        "partition" => {
            let block = need(block, name)?;
            let (mut yes, mut no) = (Vec::new(), Vec::new());
            for value in list {
                let fits = yield_one(machine, block, value)?.truthy();
                if fits { &mut yes } else { &mut no }.push(value.clone());
            }
            vec![machine.array(yes), machine.array(no)]
        }
        _ => match block {
            Some(block) => return chosen(machine, list, name, block),
            None => return Ok(None),
        },
    })))
}

/// Methods that give some of the values, or all in another order.
fn chosen(
    machine: &mut Machine,
    list: &[Value],
    name: &str,
    block: &Rc<Proc>,
) -> Eval<Option<Answer>> {
    Ok(Some(Answer::List(match name {
        "take_while" | "drop_while" => {
            let mut place = 0;
            while place < list.len() && yield_one(machine, block, &list[place])?.truthy() {
                place += 1;
            }
            if name == "take_while" {
                list[..place].to_vec()
            } else {
                list[place..].to_vec()
            }
        }
        "sort" => sorted(machine, list.to_vec(), &mut |machine, left, right| {
            let order = machine.yield_to(block, &[left.clone(), right.clone()])?;
            Ok(int(&order)?.cmp(&0))
        })?,
        "sort_by" => keyed(machine, list, block)?
            .into_iter()
            .map(|(_, value)| value)
            .collect(),
        "uniq" => {
            let mut keys: Vec<Value> = Vec::new();
            let mut kept = Vec::new();
            for value in list {
                let key = yield_one(machine, block, value)?;
                machine.charge(keys.len())?;
                if !keys.iter().any(|known| known.same_key(&key)) {
                    keys.push(key);
                    kept.push(value.clone());
                }
            }
            kept
        }
        _ => return Ok(None),
    })))
}

/// The values with what the block gives for each, in the order of that.
fn keyed(machine: &mut Machine, list: &[Value], block: &Rc<Proc>) -> Eval<Vec<(Value, Value)>> {
    let mut pairs = Vec::new();
    for value in list {
        let key = yield_one(machine, block, value)?;
        pairs.push(machine.array(vec![key, value.clone()]));
    }
    let part = |pair: &Value, at: usize| spread(pair).swap_remove(at);
    let ordered = sorted(machine, pairs, &mut |_, left, right| {
        object::order(&part(left, 0), &part(right, 0))
    })?;
    Ok(ordered
        .iter()
        .map(|pair| (part(pair, 0), part(pair, 1)))
        .collect())
}

/// Pairs with an index, or groups of neighbours.
fn parts(machine: &mut Machine, list: &[Value], name: &str, args: &[Value]) -> Eval<Vec<Value>> {
    machine.charge(list.len() * 16)?;
    let groups: Vec<Vec<Value>> = match name {
        "each_with_index" => list
            .iter()
            .enumerate()
            .map(|(index, value)| vec![value.clone(), Value::len(index)])
            .collect(),
        _ => {
            let size = count(one(args)?)?;
            if size == 0 {
                let what = if name == "each_slice" { "slice" } else { "" };
                return raise(
                    "ArgumentError",
                    format!("invalid {what} size").replace("  ", " "),
                );
            }
            machine.charge(list.len().saturating_mul(size.min(list.len())))?;
            match name {
                "each_slice" => list.chunks(size).map(<[Value]>::to_vec).collect(),
                _ => list.windows(size).map(<[Value]>::to_vec).collect(),
            }
        }
    };
    Ok(groups
        .into_iter()
        .map(|group| machine.array(group))
        .collect())
}

fn grouped(
    machine: &mut Machine,
    list: &[Value],
    name: &str,
    args: &[Value],
    block: Blk,
) -> Eval<Option<Answer>> {
    Ok(Some(Answer::Value(match name {
        "each_with_index" => {
            let block = need(block, name)?;
            for (index, value) in list.iter().enumerate() {
                machine.yield_to(block, &[value.clone(), Value::len(index)])?;
            }
            return Ok(Some(Answer::Same));
        }
        "each_slice" | "each_cons" => {
            let block = need(block, name)?;
            for part in parts(machine, list, name, args)? {
                machine.yield_to(block, &[part])?;
            }
            return Ok(Some(Answer::Same));
        }
        "each_with_object" => {
            let block = need(block, name)?;
            let object = one(args)?.clone();
            for value in list {
                machine.yield_to(block, &[value.clone(), object.clone()])?;
            }
            object
        }
        "inject" | "reduce" => inject(machine, list, args, block)?,
        "group_by" | "tally" | "to_h" => return hashed(machine, list, name, block),
        _ => return found(machine, list, name, args, block),
    })))
}

/// Methods that look for values, or make one value of all.
fn found(
    machine: &mut Machine,
    list: &[Value],
    name: &str,
    args: &[Value],
    block: Blk,
) -> Eval<Option<Answer>> {
    Ok(Some(Answer::Value(match name {
        "find" | "detect" => {
            let block = need(block, name)?;
            let mut found = Value::Nil;
            for value in list {
                if yield_one(machine, block, value)?.truthy() {
                    found = value.clone();
                    break;
                }
            }
            found
        }
        "index" | "find_index" => {
            let block = need(block, name)?;
            let mut found = Value::Nil;
            for (index, value) in list.iter().enumerate() {
                if yield_one(machine, block, value)?.truthy() {
                    found = Value::len(index);
                    break;
                }
            }
            found
        }
        "any?" | "all?" | "none?" | "one?" | "count" => {
            let mut hits = 0;
            for value in list {
                let fits = match (args, block) {
                    ([pattern], _) => {
                        machine.call(pattern, "===", std::slice::from_ref(value), None)?
                    }
                    (_, block) => yield_one(machine, need(block, name)?, value)?,
                };
                hits += usize::from(fits.truthy());
            }
            match name {
                "any?" => Value::Bool(hits > 0),
                "all?" => Value::Bool(hits == list.len()),
                "none?" => Value::Bool(hits == 0),
                "one?" => Value::Bool(hits == 1),
                _ => Value::len(hits),
            }
        }
        _ => return summed(machine, list, name, args, block),
    })))
}

/// Methods that make one value of what the block gives.
fn summed(
    machine: &mut Machine,
    list: &[Value],
    name: &str,
    args: &[Value],
    block: Blk,
) -> Eval<Option<Answer>> {
    Ok(Some(Answer::Value(match name {
        "sum" => {
            let block = need(block, name)?;
            let mut sum = args.first().cloned().unwrap_or(Value::Int(0));
            for value in list {
                let value = yield_one(machine, block, value)?;
                sum = machine.call(&sum, "+", &[value], None)?;
            }
            sum
        }
        "min_by" | "max_by" => {
            let pairs = keyed(machine, list, need(block, name)?)?;
            let end = if name == "min_by" {
                pairs.first()
            } else {
                pairs.last()
            };
            end.map_or(Value::Nil, |(_, value)| value.clone())
        }
        _ => return Ok(None),
    })))
}

/// Methods that make a map.
fn hashed(machine: &mut Machine, list: &[Value], name: &str, block: Blk) -> Eval<Option<Answer>> {
    Ok(Some(Answer::Value(match name {
        "group_by" => {
            let block = need(block, name)?;
            let mut groups: Vec<(Value, Vec<Value>)> = Vec::new();
            for value in list {
                let key = yield_one(machine, block, value)?;
                machine.charge(groups.len())?;
                match groups.iter_mut().find(|(known, _)| known.same_key(&key)) {
                    Some((_, group)) => group.push(value.clone()),
                    None => groups.push((key, vec![value.clone()])),
                }
            }
            let groups = groups
                .into_iter()
                .map(|(key, group)| (key, machine.array(group)))
                .collect();
            machine.hash(groups)
        }
        "tally" => {
            let keys = unique(machine, list.to_vec())?;
            machine.charge(keys.len().saturating_mul(list.len()))?;
            let times = |key: &Value| list.iter().filter(|value| value.same_key(key)).count();
            let pairs = keys
                .into_iter()
                .map(|key| (key.clone(), Value::len(times(&key))))
                .collect();
            machine.hash(pairs)
        }
        "to_h" => {
            let block = need(block, name)?;
            let pairs = list
                .iter()
                .map(|value| yield_one(machine, block, value))
                .collect::<Eval<Vec<_>>>()?;
            pairs::from_pairs(machine, &pairs)?
        }
        _ => return Ok(None),
    })))
}

fn inject(machine: &mut Machine, list: &[Value], args: &[Value], block: Blk) -> Eval {
    let (start, method) = match (args, block) {
        ([start, method], _) => (Some(start.clone()), Some(method.to_text())),
        ([method], None) => (None, Some(method.to_text())),
        ([start], Some(_)) => (Some(start.clone()), None),
        _ => (None, None),
    };
    let mut rest = list.iter();
    let Some(mut result) = start.or_else(|| rest.next().cloned()) else {
        return Ok(Value::Nil);
    };
    for value in rest {
        result = match &method {
            Some(method) => machine.call(&result, method, std::slice::from_ref(value), None)?,
            None => machine.yield_to(need(block, "inject")?, &[result, value.clone()])?,
        };
    }
    Ok(result)
}
