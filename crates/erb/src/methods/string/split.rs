//! Strings: their lines, words and characters.

use super::super::super::machine::{Blk, Machine};
use super::super::super::stop::Eval;
use super::super::super::value::Value;
use super::super::arguments::{arity, int, text, wrong};
use super::super::letters::{blank, chomped};
use super::super::regex;

/// Calls a method that takes a string apart.
pub fn call(machine: &mut Machine, this: &str, name: &str, args: &[Value], block: Blk) -> Eval {
    machine.charge(this.len() * 16)?;
    let list = match name {
        "chars" | "each_char" => this.chars().map(|c| Value::str(c.to_string())).collect(),
        "bytes" => this
            .bytes()
            .map(|byte| Value::Int(i64::from(byte)))
            .collect(),
        "lines" | "each_line" => {
            let chomp = match args {
                [] => false,
                [Value::Hash(options)] => options.borrow().iter().any(|(_, value)| value.truthy()),
                _ => return wrong(args, name),
            };
            this.split_inclusive('\n')
                .map(|line| Value::str(if chomp { chomped(line) } else { line }))
                .collect()
        }
        _ => split(machine, this, args)?,
    };
    let list = machine.array(list);
    match block {
        Some(_) => {
            machine.call(&list, "each", &[], block)?;
            Ok(Value::str(this))
        }
        None => Ok(list),
    }
}

fn split(machine: &mut Machine, this: &str, args: &[Value]) -> Eval<Vec<Value>> {
    arity(args, 0, 2)?;
    let limit = args.get(1).map_or(Ok(0), int)?;
    let most = usize::try_from(limit)
        .ok()
        .filter(|limit| *limit > 0)
        .unwrap_or(usize::MAX);
    let mut list: Vec<String> = match args.first() {
        _ if this.is_empty() => Vec::new(),
        Some(Value::Regex(pattern)) => regex::split(machine, pattern, this, most)?,
        None | Some(Value::Nil) => awk_split(this, most),
        Some(separator) => match text(separator)?.as_str() {
            " " => awk_split(this, most),
            "" => {
                let mut chars = this.chars();
                let mut list: Vec<String> =
                    chars.by_ref().take(most - 1).map(String::from).collect();
                list.extend((!chars.as_str().is_empty()).then(|| chars.as_str().into()));
                list
            }
            separator => this.splitn(most, separator).map(String::from).collect(),
        },
    };
    if limit == 0 {
        while list.last().is_some_and(String::is_empty) {
            list.pop();
        }
    }
    Ok(list.into_iter().map(Value::str).collect())
}

/// Words, blanks at the start ignored.
fn awk_split(this: &str, most: usize) -> Vec<String> {
    let mut rest = this.trim_start_matches(blank);
    let mut list = Vec::new();
    while list.len() + 1 < most {
        let Some(end) = rest.find(blank) else { break };
        list.push(rest[..end].to_owned());
        rest = rest[end..].trim_start_matches(blank);
        if rest.is_empty() {
            list.push(String::new());
            return list;
        }
    }
    list.extend((!rest.is_empty()).then(|| rest.to_owned()));
    list
}
