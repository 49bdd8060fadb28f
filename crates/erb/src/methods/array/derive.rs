//! Lists: what makes another list without a block.

use super::super::super::machine::{Blk, Machine};
use super::super::super::stop::{Eval, beyond, raise};
use super::super::super::value::Value;
use super::super::arguments::{count, index, int, one};
use super::super::lists::{DEPTH, flatten, has, list_of, sorted, unique};
use super::super::object;

/// Methods that make another list.
pub fn call(
    machine: &mut Machine,
    list: &[Value],
    name: &str,
    args: &[Value],
    block: Blk,
) -> Eval<Option<Vec<Value>>> {
    Ok(Some(match name {
        "to_a" | "entries" | "dup" | "clone" => list.to_vec(),
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
                let place = index(int(arg)?, list.len());
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
        _ => return joined(machine, list, name, args),
    }))
}

/// Lists put together, or compared with each other.
fn joined(
    machine: &mut Machine,
    list: &[Value],
    name: &str,
    args: &[Value],
) -> Eval<Option<Vec<Value>>> {
    Ok(Some(match name {
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
        _ => return Ok(None),
    }))
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
