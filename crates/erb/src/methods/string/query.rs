//! Strings: what asks about them.

use std::rc::Rc;

use super::super::super::machine::{Blk, Machine};
use super::super::super::stop::{Eval, beyond, raise};
use super::super::super::value::Value;
use super::super::arguments::{arity, index, int, one, slice, text, wrong};
use super::super::object::{compared, texts};
use super::super::regex;
use super::{split, translate};

/// Methods whose answer is something else than a new string.
pub fn call(
    machine: &mut Machine,
    this: &str,
    name: &str,
    args: &[Value],
    block: Blk,
) -> Eval<Option<Value>> {
    Ok(Some(match name {
        "length" | "size" => Value::len(this.chars().count()),
        "bytesize" => Value::len(this.len()),
        "empty?" => Value::Bool(this.is_empty()),
        "include?" => Value::Bool(this.contains(&text(one(args)?)?)),
        "start_with?" => {
            let mut found = false;
            for arg in args {
                found |= match arg {
                    Value::Regex(pattern) => regex::search(machine, pattern, this, 0)?
                        .is_some_and(|found| found.groups[0].is_some_and(|(start, _)| start == 0)),
                    other => this.starts_with(&text(other)?),
                };
            }
            Value::Bool(found)
        }
        "end_with?" => Value::Bool(texts(args)?.iter().any(|suffix| this.ends_with(suffix))),
        "casecmp?" => Value::Bool(this.to_lowercase() == text(one(args)?)?.to_lowercase()),
        "casecmp" => {
            let right = text(one(args)?)?.to_ascii_lowercase();
            Value::Int(this.to_ascii_lowercase().cmp(&right) as i64)
        }
        "to_i" => Value::Int(leading_int(this, args)?),
        "to_f" => Value::Float(leading_float(this)),
        "to_sym" | "intern" => Value::symbol(this),
        "ord" => match this.chars().next() {
            Some(c) => Value::Int(i64::from(u32::from(c))),
            None => return raise("ArgumentError", "empty string"),
        },
        "hex" => Value::Int(i64::from_str_radix(this.trim_start_matches("0x"), 16).unwrap_or(0)),
        "chars" | "lines" | "bytes" | "split" | "each_char" | "each_line" => {
            return split::call(machine, this, name, args, block).map(Some);
        }
        "count" => Value::len({
            let set = translate::Set::new(&text(one(args)?)?);
            this.chars().filter(|c| set.has(*c)).count()
        }),
        "hash" | "unpack" | "unpack1" | "encoding" | "crypt" | "sum" => return Ok(None),
        "valid_encoding?" => Value::Bool(true),
        "ascii_only?" => Value::Bool(this.is_ascii()),
        _ => match found(machine, this, name, args, block)? {
            None => return compared(&Value::str(this), name, args),
            Some(value) => value,
        },
    }))
}

/// Methods that look for a part.
fn found(
    machine: &mut Machine,
    this: &str,
    name: &str,
    args: &[Value],
    block: Blk,
) -> Eval<Option<Value>> {
    Ok(Some(match name {
        "[]" | "slice" => return at(machine, this, args).map(Some),
        "index" | "rindex" => position(machine, this, name, args)?,
        "=~" => match one(args)? {
            Value::Regex(pattern) => regex::position(machine, pattern, this)?,
            Value::Str(_) => return raise("TypeError", "type mismatch: String given"),
            _ => Value::Nil,
        },
        "match" | "match?" => {
            arity(args, 1, 1)?;
            let pattern = regex::pattern(&args[0])?;
            let found = regex::search(machine, &pattern, this, 0)?;
            match name {
                "match?" => Value::Bool(found.is_some()),
                _ => regex::remember(machine, found),
            }
        }
        "scan" => regex::scan(machine, this, one(args)?, block)?,
        "partition" | "rpartition" => {
            let separator = text(one(args)?)?;
            let parts = match (
                name,
                this.split_once(&separator),
                this.rsplit_once(&separator),
            ) {
                ("partition", Some((before, after)), _)
                | ("rpartition", _, Some((before, after))) => [before, &separator, after],
                ("partition", ..) => [this, "", ""],
                _ => ["", "", this],
            };
            machine.array(parts.into_iter().map(Value::str).collect())
        }
        "upto" => {
            let last = Value::str(text(one(args)?)?);
            let range = Value::Range(Rc::new((Value::str(this), last, false)));
            return machine.call(&range, "each", &[], block).map(Some);
        }
        _ => return Ok(None),
    }))
}

fn at(machine: &mut Machine, this: &str, args: &[Value]) -> Eval {
    match args {
        [Value::Regex(pattern)] | [Value::Regex(pattern), _] => {
            let found = regex::search(machine, pattern, this, 0)?;
            regex::remember(machine, found);
            match machine.found.clone() {
                Value::Found(found) => regex::group(&found, args.get(1).unwrap_or(&Value::Int(0))),
                _ => Ok(Value::Nil),
            }
        }
        [Value::Str(part)] => {
            let part = part.borrow();
            Ok(Value::opt_str(
                this.contains(part.as_str()).then(|| part.clone()),
            ))
        }
        [Value::Int(number)] => {
            let place = index(*number, this.chars().count());
            let found = place.and_then(|place| this.chars().nth(place));
            Ok(Value::opt_str(found.map(String::from)))
        }
        _ => {
            let range = slice(args, this.chars().count())?;
            let part = |(start, end): (usize, usize)| {
                this.chars()
                    .skip(start)
                    .take(end - start)
                    .collect::<String>()
            };
            Ok(Value::opt_str(range.map(part)))
        }
    }
}

fn position(machine: &mut Machine, this: &str, name: &str, args: &[Value]) -> Eval {
    let byte = match (one(args)?, name) {
        (Value::Regex(pattern), "index") => regex::search(machine, pattern, this, 0)?
            .and_then(|found| found.groups[0].map(|(start, _)| start)),
        (Value::Regex(_), _) => return wrong(args, name),
        (other, "index") => this.find(&text(other)?),
        (other, _) => this.rfind(&text(other)?),
    };
    Ok(byte.map_or(Value::Nil, |byte| Value::len(this[..byte].chars().count())))
}

fn leading_int(this: &str, args: &[Value]) -> Eval<i64> {
    arity(args, 0, 1)?;
    let radix = args.first().map_or(Ok(10), int)?;
    let radix = u32::try_from(radix)
        .ok()
        .filter(|radix| (2..=36).contains(radix));
    let Some(radix) = radix else {
        return raise("ArgumentError", "invalid radix");
    };
    let trimmed = this.trim_start();
    let (sign, digits) = match trimmed.strip_prefix('-') {
        Some(rest) => ("-", rest),
        None => ("", trimmed.strip_prefix('+').unwrap_or(trimmed)),
    };
    let mut kept = String::from(sign);
    let mut last = '_';
    for c in digits.chars() {
        match c {
            '_' if last != '_' => {}
            c if c.is_digit(radix) => kept.push(c),
            _ => break,
        }
        last = c;
    }
    match kept.len() > sign.len() {
        false => Ok(0),
        true => i64::from_str_radix(&kept, radix).or_else(|_| beyond("a number this large")),
    }
}

fn leading_float(this: &str) -> f64 {
    let trimmed = this.trim_start();
    let longest = trimmed
        .char_indices()
        .take_while(|(_, c)| c.is_ascii_digit() || "+-.eE_".contains(*c))
        .take(64)
        .map(|(at, c)| at + c.len_utf8())
        .collect::<Vec<_>>();
    let parsed = longest.iter().rev().find_map(|end| {
        let text = trimmed[..*end].replace('_', "");
        text.parse().ok().filter(|_| !text.ends_with('.'))
    });
    parsed.unwrap_or(0.0)
}
