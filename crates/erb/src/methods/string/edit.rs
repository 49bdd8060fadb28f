//! Strings: what changes them in place.

use std::cell::RefCell;
use std::rc::Rc;

use super::super::super::machine::{Blk, Machine};
use super::super::super::stop::{Eval, raise};
use super::super::super::value::Value;
use super::super::arguments::{arity, index, int, one, text, wrong};
use super::super::object::texts;
use super::super::string;

/// Methods that change the string to what the method without `!` gives, or answer nil.
const EDITS: &[&str] = &[
    "capitalize!",
    "chomp!",
    "chop!",
    "delete!",
    "delete_prefix!",
    "delete_suffix!",
    "downcase!",
    "gsub!",
    "lstrip!",
    "reverse!",
    "rstrip!",
    "squeeze!",
    "strip!",
    "sub!",
    "swapcase!",
    "tr!",
    "upcase!",
];

/// Calls a method that changes the string.
pub fn call(
    machine: &mut Machine,
    this: &Rc<RefCell<String>>,
    name: &str,
    args: &[Value],
    block: Blk,
) -> Eval<Option<Value>> {
    let now = this.borrow().clone();
    let new = match name {
        "<<" | "concat" if args.iter().any(|arg| matches!(arg, Value::Int(_))) => {
            return wrong(args, name).map(Some);
        }
        "<<" => now.clone() + &text(one(args)?)?,
        "concat" => now.clone() + &texts(args)?.concat(),
        "prepend" => text(one(args)?)? + &now,
        "replace" => text(one(args)?)?,
        "clear" => String::new(),
        "insert" => inserted(&now, args)?,
        "[]=" => match args {
            [Value::Str(part), new] if now.contains(part.borrow().as_str()) => {
                now.replacen(part.borrow().as_str(), &text(new)?, 1)
            }
            _ => return wrong(args, name).map(Some),
        },
        _ if EDITS.contains(&name) => {
            let plain = name.trim_end_matches('!');
            let Some(new) = string::call(machine, &now, plain, args, block)? else {
                return Ok(None);
            };
            let new = new.to_text();
            if new == now {
                return Ok(Some(Value::Nil));
            }
            new
        }
        _ => return Ok(None),
    };
    machine.charge(new.len())?;
    *this.borrow_mut() = new;
    Ok(Some(Value::Str(this.clone())))
}

fn inserted(now: &str, args: &[Value]) -> Eval<String> {
    arity(args, 2, 2)?;
    let place = int(&args[0])?;
    let chars = now.chars().count();
    let place = index(if place < 0 { place + 1 } else { place }, chars).filter(|p| *p <= chars);
    let place = if int(&args[0])? == -1 {
        Some(chars)
    } else {
        place
    };
    let Some(place) = place else {
        return raise(
            "IndexError",
            format!("index {} out of string", int(&args[0])?),
        );
    };
    let byte = now
        .char_indices()
        .nth(place)
        .map_or(now.len(), |(byte, _)| byte);
    Ok(format!(
        "{}{}{}",
        &now[..byte],
        text(&args[1])?,
        &now[byte..]
    ))
}
