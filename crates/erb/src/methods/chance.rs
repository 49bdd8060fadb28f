//! Random numbers and orders.

use rand::Rng as _;

use super::super::machine::Machine;
use super::super::stop::{Eval, beyond};
use super::super::value::Value;
use super::arguments::arity;

/// A random number: a fraction, below a number, or in a range.
pub fn random(args: &[Value]) -> Eval {
    arity(args, 0, 1)?;
    let mut random = rand::rng();
    Ok(match args.first() {
        None | Some(Value::Nil | Value::Int(0)) => Value::Float(random.random()),
        Some(Value::Int(below)) => {
            Value::Int(random.random_range(0..below.saturating_abs().max(1)))
        }
        Some(Value::Range(range)) => match (&range.0, &range.1) {
            (Value::Int(first), Value::Int(last)) if first < last => {
                let last = if range.2 { last - 1 } else { *last };
                Value::Int(random.random_range(*first..=last))
            }
            _ => return beyond("`rand` of such a range"),
        },
        Some(_) => return beyond("`rand` of such a value"),
    })
}

/// The list in a random order, or a value of it.
pub fn shuffled(machine: &mut Machine, list: &[Value], name: &str) -> Eval {
    let mut random = rand::rng();
    if name == "sample" {
        return Ok(match list.len() {
            0 => Value::Nil,
            len => list[random.random_range(0..len)].clone(),
        });
    }
    let mut list = list.to_vec();
    for last in (1..list.len()).rev() {
        list.swap(last, random.random_range(0..=last));
    }
    Ok(machine.array(list))
}
