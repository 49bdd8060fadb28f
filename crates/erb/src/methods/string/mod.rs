//! Strings: what makes new ones of them, and which file knows a method.

pub mod edit;
mod query;
mod split;
mod translate;

use std::rc::Rc;

use super::super::machine::{Blk, Machine};
use super::super::stop::{Eval, no_conversion, raise};
use super::super::value::Value;
use super::arguments::{arity, count, int, one, text, wrong};
use super::convert::to_proc;
use super::letters::{capitalized, chomped, succ, trim_end, trim_start};
use super::{format, regex};

/// Calls a method of a string that leaves it as it is.
pub fn call(
    machine: &mut Machine,
    this: &str,
    name: &str,
    args: &[Value],
    block: Blk,
) -> Eval<Option<Value>> {
    let value = match name {
        "+" => match one(args)? {
            Value::Str(right) => format!("{this}{}", right.borrow()),
            other => return no_conversion(other, "String"),
        },
        "*" => {
            let times = count(one(args)?)?;
            machine.charge(this.len().saturating_mul(times))?;
            this.repeat(times)
        }
        "%" => {
            let list = match one(args)? {
                Value::Array(list) => list.borrow().clone(),
                other => vec![other.clone()],
            };
            format::format(machine, this, &list)?
        }
        "strip" => trim_end(trim_start(this)).to_owned(),
        "lstrip" => trim_start(this).to_owned(),
        "rstrip" => trim_end(this).to_owned(),
        "chomp" => match args {
            [] => chomped(this).to_owned(),
            [suffix] => this
                .strip_suffix(text(suffix)?.as_str())
                .unwrap_or(this)
                .to_owned(),
            _ => return wrong(args, name).map(Some),
        },
        "chop" => {
            let mut chars = this.chars();
            chars.next_back();
            chars.as_str().to_owned()
        }
        "upcase" if args.is_empty() => this.to_uppercase(),
        "downcase" if args.is_empty() => this.to_lowercase(),
        "swapcase" if args.is_empty() => this
            .chars()
            .map(|c| {
                if c.is_ascii_uppercase() {
                    c.to_ascii_lowercase()
                } else {
                    c.to_ascii_uppercase()
                }
            })
            .collect(),
        "capitalize" if args.is_empty() => capitalized(this),
        "reverse" => this.chars().rev().collect(),
        "encode" | "force_encoding" | "scrub" | "unicode_normalize" | "b"
            if args.len() <= 1 && name != "b" =>
        {
            return wrong(args, name).map(Some);
        }
        "sub" | "gsub" => {
            return regex::replace(machine, this, name == "gsub", args, block).map(Some);
        }
        "succ" | "next" => succ(this),
        _ => match cut(machine, this, name, args)? {
            Some(text) => text,
            None => return query::call(machine, this, name, args, block),
        },
    };
    machine.text(value).map(Some)
}

/// Methods that fill up, translate or cut off.
fn cut(machine: &mut Machine, this: &str, name: &str, args: &[Value]) -> Eval<Option<String>> {
    Ok(Some(match name {
        "center" | "ljust" | "rjust" => padded(machine, this, name, args)?,
        "tr" | "delete" | "squeeze" | "tr_s" => translate::call(this, name, args)?,
        "delete_prefix" => this
            .strip_prefix(text(one(args)?)?.as_str())
            .unwrap_or(this)
            .to_owned(),
        "delete_suffix" => this
            .strip_suffix(text(one(args)?)?.as_str())
            .unwrap_or(this)
            .to_owned(),
        "to_s" | "to_str" | "dup" | "+@" => this.to_owned(),
        _ => return Ok(None),
    }))
}

/// Calls a method of a symbol.
pub fn of_symbol(
    machine: &mut Machine,
    this: &Rc<str>,
    name: &str,
    args: &[Value],
) -> Eval<Option<Value>> {
    match name {
        "to_proc" => Ok(to_proc(machine, &Value::Symbol(this.clone()))?.map(Value::Proc)),
        "to_sym" => Ok(Some(Value::Symbol(this.clone()))),
        "to_s" | "name" | "id2name" => Ok(Some(Value::str(&**this))),
        "upcase" | "downcase" | "capitalize" | "succ" => {
            Ok(call(machine, this, name, args, None)?.map(|value| Value::symbol(&value.to_text())))
        }
        "length" | "size" | "empty?" | "start_with?" | "end_with?" | "[]" | "=~" | "match"
        | "match?" => call(machine, this, name, args, None),
        _ => Ok(None),
    }
}

fn padded(machine: &mut Machine, this: &str, name: &str, args: &[Value]) -> Eval<String> {
    arity(args, 1, 2)?;
    let width = usize::try_from(int(&args[0])?).unwrap_or(0);
    let pad = args.get(1).map_or(Ok(" ".into()), text)?;
    if pad.is_empty() {
        return raise("ArgumentError", "zero width padding");
    }
    machine.charge(width.saturating_mul(4))?;
    let missing = width.saturating_sub(this.chars().count());
    let left = match name {
        "center" => missing / 2,
        "rjust" => missing,
        _ => 0,
    };
    let fill = |len: usize| pad.chars().cycle().take(len).collect::<String>();
    Ok(format!("{}{this}{}", fill(left), fill(missing - left)))
}
