//! The arguments of a method: how many, and of which class.

use std::rc::Rc;

use super::super::machine::Blk;
use super::super::stop::{Eval, beyond, no_conversion, raise, wrong_count};
use super::super::value::{Proc, Value};

/// A text that a method needs.
pub fn text(value: &Value) -> Eval<String> {
    match value {
        Value::Str(text) => Ok(text.borrow().clone()),
        other => no_conversion(other, "String"),
    }
}

/// A whole number that a method needs.
pub fn int(value: &Value) -> Eval<i64> {
    match value {
        Value::Int(number) => Ok(*number),
        Value::Float(number) => Ok(*number as i64),
        other => no_conversion(other, "Integer"),
    }
}

/// A count or length that a method needs.
pub fn count(value: &Value) -> Eval<usize> {
    let number = int(value)?;
    usize::try_from(number).or_else(|_| raise("ArgumentError", "negative argument"))
}

/// Refuses a number of arguments outside of `least..=most`.
pub fn arity(args: &[Value], least: usize, most: usize) -> Eval<()> {
    if (least..=most).contains(&args.len()) {
        return Ok(());
    }
    let expected = match least == most {
        true => least.to_string(),
        false => format!("{least}..{most}"),
    };
    wrong_count(args.len(), &expected)
}

/// The only argument.
pub fn one(args: &[Value]) -> Eval<&Value> {
    arity(args, 1, 1)?;
    Ok(&args[0])
}

/// The block of a method that is of no use without one.
pub fn need<'a>(block: Blk<'a>, name: &str) -> Eval<&'a Rc<Proc>> {
    block.map_or_else(|| beyond(format!("`{name}` without a block")), Ok)
}

/// Where an index counts from: negative ones from the end.
pub fn index(number: i64, len: usize) -> Option<usize> {
    let len = i64::try_from(len).ok()?;
    let from_start = if number < 0 { number + len } else { number };
    usize::try_from(from_start).ok()
}

/// First and behind-last position that `[]` with these arguments means in something of `len`.
pub fn slice(args: &[Value], len: usize) -> Eval<Option<(usize, usize)>> {
    let (start, end) = match args {
        [Value::Range(range)] => {
            let first = if matches!(range.0, Value::Nil) {
                0
            } else {
                int(&range.0)?
            };
            let Some(start) = index(first, len) else {
                return Ok(None);
            };
            let last = if matches!(range.1, Value::Nil) {
                -1
            } else {
                int(&range.1)?
            };
            let excluded = range.2 && !matches!(range.1, Value::Nil);
            let last = if last < 0 {
                last + i64::try_from(len).unwrap_or(i64::MAX)
            } else {
                last
            };
            let behind = if excluded {
                last
            } else {
                last.saturating_add(1)
            };
            (start, usize::try_from(behind).unwrap_or(0))
        }
        [start, wanted] => {
            let wanted = int(wanted)?;
            let (Some(start), Ok(wanted)) = (index(int(start)?, len), usize::try_from(wanted))
            else {
                return Ok(None);
            };
            (start, start.saturating_add(wanted))
        }
        _ => return wrong_count(args.len(), "1..2"),
    };
    let end = end.min(len);
    Ok((start <= len).then(|| (start, end.max(start))))
}

/// The error of arguments that a method does not take.
pub fn wrong(args: &[Value], name: &str) -> Eval {
    beyond(format!("`{name}` with {} arguments", args.len()))
}
