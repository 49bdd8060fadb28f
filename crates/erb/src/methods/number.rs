//! Numbers.

use super::super::machine::{Blk, Machine};
use super::super::stop::{Eval, beyond, raise};
use super::super::value::Value;
use super::arguments::{arity, int, one, wrong};
use super::object::compared;

/// Calls a method of a number.
pub fn call(
    machine: &mut Machine,
    number: &Value,
    name: &str,
    args: &[Value],
    block: Blk,
) -> Eval<Option<Value>> {
    if let ("+" | "-" | "*" | "/" | "%" | "**" | "modulo" | "div" | "fdiv" | "pow", [right]) =
        (name, args)
    {
        return arithmetic(number, name, right).map(Some);
    }
    let found = match number {
        Value::Int(number) => of_int(machine, *number, name, args, block)?,
        Value::Float(number) => of_float(*number, name, args)?,
        _ => None,
    };
    match found {
        None => compared(number, name, args),
        found => Ok(found),
    }
}

fn arithmetic(left: &Value, name: &str, right: &Value) -> Eval {
    match (left, right) {
        (Value::Int(a), Value::Int(b)) => integers(*a, name, *b),
        (Value::Int(a), Value::Float(b)) => floats(*a as f64, name, *b),
        (Value::Float(a), Value::Int(b)) => floats(*a, name, *b as f64),
        (Value::Float(a), Value::Float(b)) => floats(*a, name, *b),
        _ => raise(
            "TypeError",
            format!(
                "{} can't be coerced into {}",
                right.described(),
                left.class()
            ),
        ),
    }
}

fn integers(a: i64, name: &str, b: i64) -> Eval {
    let result = match name {
        "+" => a.checked_add(b),
        "-" => a.checked_sub(b),
        "*" => a.checked_mul(b),
        "/" | "div" | "%" | "modulo" if b == 0 => {
            return raise("ZeroDivisionError", "divided by 0");
        }
        "/" | "div" => a.checked_div(b).map(|q| {
            if a % b != 0 && (a < 0) != (b < 0) {
                q - 1
            } else {
                q
            }
        }),
        "%" | "modulo" => a.checked_rem(b).map(|r| {
            if r != 0 && (r < 0) != (b < 0) {
                r + b
            } else {
                r
            }
        }),
        "fdiv" => return Ok(Value::Float(a as f64 / b as f64)),
        _ if b < 0 => return beyond("a fraction"),
        _ => u32::try_from(b).ok().and_then(|b| a.checked_pow(b)),
    };
    result.map_or_else(
        || beyond("a number this large"),
        |number| Ok(Value::Int(number)),
    )
}

fn floats(a: f64, name: &str, b: f64) -> Eval {
    Ok(Value::Float(match name {
        "+" => a + b,
        "-" => a - b,
        "*" => a * b,
        "/" | "fdiv" => a / b,
        "%" | "modulo" => a - b * (a / b).floor(),
        "**" | "pow" if a < 0.0 && b.fract() != 0.0 => return beyond("a complex number"),
        "**" | "pow" => a.powf(b),
        _ => return whole((a / b).floor()),
    }))
}

/// A number without a fraction as an integer.
fn whole(number: f64) -> Eval {
    if number.is_nan() || number.is_infinite() {
        return raise("FloatDomainError", super::super::value::float(number));
    }
    match number.abs() < 9.0e18 {
        true => Ok(Value::Int(number as i64)),
        false => beyond("a number this large"),
    }
}

fn of_int(
    machine: &mut Machine,
    number: i64,
    name: &str,
    args: &[Value],
    block: Blk,
) -> Eval<Option<Value>> {
    Ok(Some(match name {
        "to_i" | "to_int" | "floor" | "ceil" | "round" | "truncate" | "ord" if args.is_empty() => {
            Value::Int(number)
        }
        "to_f" => Value::Float(number as f64),
        "to_s" | "inspect" => {
            arity(args, 0, 1)?;
            match args.first().map(int).transpose()? {
                None | Some(10) => Value::str(number.to_string()),
                Some(base) => Value::str(in_base(number, base)?),
            }
        }
        "chr" => match u8::try_from(number) {
            Ok(byte) if byte.is_ascii() => Value::str((byte as char).to_string()),
            _ => return beyond("such a character"),
        },
        "succ" | "next" | "pred" => {
            return integers(number, if name == "pred" { "-" } else { "+" }, 1).map(Some);
        }
        "abs" | "magnitude" => Value::Int(number.saturating_abs()),
        "-@" => return integers(0, "-", number).map(Some),
        "+@" => Value::Int(number),
        "~" => Value::Int(!number),
        "zero?" => Value::Bool(number == 0),
        "positive?" => Value::Bool(number > 0),
        "negative?" => Value::Bool(number < 0),
        "even?" => Value::Bool(number % 2 == 0),
        "odd?" => Value::Bool(number % 2 != 0),
        "integer?" | "finite?" => Value::Bool(true),
        "&" => Value::Int(number & int(one(args)?)?),
        "|" => Value::Int(number | int(one(args)?)?),
        "^" => Value::Int(number ^ int(one(args)?)?),
        "<<" | ">>" => return shift(number, name, int(one(args)?)?).map(Some),
        "divmod" => {
            let pair = vec![
                arithmetic(&Value::Int(number), "/", one(args)?)?,
                arithmetic(&Value::Int(number), "%", &args[0])?,
            ];
            machine.array(pair)
        }
        "digits" if args.is_empty() && number >= 0 => {
            let digits = number
                .to_string()
                .bytes()
                .rev()
                .map(|d| Value::Int(i64::from(d - b'0')))
                .collect();
            machine.array(digits)
        }
        "times" | "upto" | "downto" | "step" => {
            return count(machine, number, name, args, block).map(Some);
        }
        _ => return Ok(None),
    }))
}

fn shift(number: i64, name: &str, by: i64) -> Eval {
    let by = if name == ">>" { -by } else { by };
    match by {
        0..63 => match number.checked_mul(1 << by) {
            Some(number) => Ok(Value::Int(number)),
            None => beyond("a number this large"),
        },
        -63..0 => Ok(Value::Int(number >> -by)),
        _ => beyond("a shift this far"),
    }
}

fn in_base(number: i64, base: i64) -> Eval<String> {
    let Some(base) = u64::try_from(base)
        .ok()
        .filter(|base| (2..=36).contains(base))
    else {
        return raise("ArgumentError", format!("invalid radix {base}"));
    };
    let mut rest = number.unsigned_abs();
    let mut digits = Vec::new();
    loop {
        digits.extend(char::from_digit((rest % base) as u32, 36));
        rest /= base;
        if rest == 0 {
            break;
        }
    }
    digits.extend((number < 0).then_some('-'));
    Ok(digits.iter().rev().collect())
}

/// The methods that count: `3.times`, `1.upto(3)`, `1.step(9, 2)`.
fn count(machine: &mut Machine, from: i64, name: &str, args: &[Value], block: Blk) -> Eval {
    let (first, last, step) = match (name, args) {
        ("times", []) => (0, from - 1, 1),
        ("upto", [last]) => (from, int(last)?, 1),
        ("downto", [last]) => (from, int(last)?, -1),
        ("step", [last, step]) => (from, int(last)?, int(step)?),
        ("step", [last]) => (from, int(last)?, 1),
        _ => return wrong(args, name),
    };
    if step == 0 {
        return raise("ArgumentError", "step can't be 0");
    }
    let mut number = first;
    let mut collected = Vec::new();
    while if step > 0 {
        number <= last
    } else {
        number >= last
    } {
        machine.charge(0)?;
        match block {
            Some(block) => drop(machine.yield_to(block, &[Value::Int(number)])?),
            None => collected.push(Value::Int(number)),
        }
        let Some(next) = number.checked_add(step) else {
            break;
        };
        number = next;
    }
    // Without a block it is an enumerator, which lists use like this.
    Ok(match block {
        Some(_) => Value::Int(from),
        None => machine.array(collected),
    })
}

fn of_float(number: f64, name: &str, args: &[Value]) -> Eval<Option<Value>> {
    Ok(Some(match name {
        "to_f" | "+@" => Value::Float(number),
        "to_i" | "to_int" | "truncate" if args.is_empty() => whole(number.trunc())?,
        "floor" if args.is_empty() => whole(number.floor())?,
        "ceil" if args.is_empty() => whole(number.ceil())?,
        "round" => {
            arity(args, 0, 1)?;
            match args.first().map(int).transpose()? {
                None | Some(0) => whole(number.round())?,
                Some(digits @ 1..=15) => {
                    let factor = 10_f64.powi(digits as i32);
                    Value::Float((number * factor).round() / factor)
                }
                Some(_) => return beyond("`round` to so many digits"),
            }
        }
        "abs" => Value::Float(number.abs()),
        "-@" => Value::Float(-number),
        "nan?" => Value::Bool(number.is_nan()),
        "zero?" => Value::Bool(number == 0.0),
        "positive?" => Value::Bool(number > 0.0),
        "negative?" => Value::Bool(number < 0.0),
        "integer?" => Value::Bool(false),
        _ => return Ok(None),
    }))
}
