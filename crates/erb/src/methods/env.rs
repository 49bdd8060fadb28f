//! `ENV`.

use super::super::machine::{Blk, Machine};
use super::super::stop::{Eval, raise};
use super::super::value::Value;
use super::arguments::{arity, one, text};

/// A variable, as the program sees it.
fn variable(machine: &Machine, name: &str) -> Option<String> {
    let set = machine
        .overlay
        .iter()
        .rev()
        .find(|(known, _)| known == name);
    match set {
        Some((_, value)) => value.clone(),
        None => machine.environment.variable(name).map(String::from),
    }
}

/// All variables as a map.
fn all(machine: &mut Machine) -> Value {
    let mut names: Vec<String> = machine
        .environment
        .variables
        .iter()
        .map(|(name, _)| name.clone())
        .collect();
    for (name, _) in &machine.overlay {
        if !names.contains(name) {
            names.push(name.clone());
        }
    }
    let pairs = names.into_iter().filter_map(|name| {
        let value = variable(machine, &name)?;
        Some((Value::str(name), Value::str(value)))
    });
    let pairs = pairs.collect();
    machine.hash(pairs)
}

/// Calls a method of `ENV`.
pub fn call(machine: &mut Machine, name: &str, args: &[Value], block: Blk) -> Eval<Option<Value>> {
    Ok(Some(match name {
        "[]" => {
            let wanted = text(one(args)?)?;
            Value::opt_str(variable(machine, &wanted))
        }
        "fetch" => {
            arity(args, 1, 2)?;
            let wanted = text(&args[0])?;
            match (variable(machine, &wanted), block) {
                (Some(value), _) => Value::str(value),
                (None, Some(block)) => machine.yield_to(block, &args[..1])?,
                (None, None) if args.len() == 2 => args[1].clone(),
                _ => return raise("KeyError", format!("key not found: {}", args[0].inspect())),
            }
        }
        "key?" | "has_key?" | "include?" | "member?" => {
            let wanted = text(one(args)?)?;
            Value::Bool(variable(machine, &wanted).is_some())
        }
        "[]=" | "store" => {
            arity(args, 2, 2)?;
            let value = match &args[1] {
                Value::Nil => None,
                value => Some(text(value)?),
            };
            machine.overlay.push((text(&args[0])?, value));
            args[1].clone()
        }
        "delete" => {
            let wanted = text(one(args)?)?;
            let old = variable(machine, &wanted);
            machine.overlay.push((wanted, None));
            Value::opt_str(old)
        }
        "to_s" => Value::str("ENV"),
        "inspect" => Value::str(all(machine).inspect()),
        "class" | "nil?" | "==" | "!=" | "freeze" | "is_a?" | "respond_to?" | "frozen?" => {
            return Ok(None);
        }
        "clear" | "update" | "merge!" | "replace" | "delete_if" | "keep_if" | "select!"
        | "reject!" => return Ok(None),
        _ => {
            let map = all(machine);
            return machine.call(&map, name, args, block).map(Some);
        }
    }))
}
