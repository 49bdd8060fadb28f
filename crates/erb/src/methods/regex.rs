//! Regular expressions and what they find.

use std::rc::Rc;

use super::super::machine::{Blk, Machine};
use super::super::stop::{Eval, beyond, no_conversion, raise};
use super::super::value::{Found, Pattern, Value};
use super::arguments::{arity, index, need, one, text, wrong};

/// Compiles a regular expression of Ruby's.
pub fn compile(source: &str, flags: &str) -> Eval {
    // Lines end `^` and `$` always; Ruby's `m` lets the dot match line ends.
    let mut options = String::from("m");
    options.extend(flags.contains('i').then_some('i'));
    options.extend(flags.contains('x').then_some('x'));
    options.extend(flags.contains('m').then_some('s'));
    let regex = fancy_regex::Regex::new(&format!("(?{options}){}", translated(source)));
    match regex {
        Ok(regex) => Ok(Value::Regex(Rc::new(Pattern {
            source: source.into(),
            flags: flags.into(),
            regex,
        }))),
        Err(_) => beyond(format!("the regular expression /{source}/")),
    }
}

/// Ruby's way to write what the engine writes otherwise.
fn translated(source: &str) -> String {
    let mut out = String::new();
    let mut rest = source;
    while let Some(at) = rest.find(['\\', '(']) {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        if let Some(after) = rest.strip_prefix("(?") {
            // In a group `m` is the dot's flag.
            let flags = after
                .bytes()
                .take_while(|byte| b"mix-".contains(byte))
                .count();
            let ends = matches!(after.as_bytes().get(flags), Some(b':' | b')'));
            if flags > 0 && ends {
                let written = after[..flags].replace('m', "s");
                let written = written.strip_suffix('-').unwrap_or(&written);
                out.push_str("(?");
                out.push_str(written);
                rest = &after[flags..];
                continue;
            }
        }
        let (taken, new) = match rest.get(..2) {
            Some("\\h") => (2, "[0-9a-fA-F]"),
            Some("\\H") => (2, "[^0-9a-fA-F]"),
            Some("\\Z") => (2, "(?=\\n?\\z)"),
            Some("\\/") => (2, "/"),
            _ if rest.starts_with('(') => (1, "("),
            _ => {
                let escaped = rest[1..].chars().next().map_or(0, char::len_utf8);
                (1 + escaped, &rest[..1 + escaped])
            }
        };
        out.push_str(new);
        rest = &rest[taken..];
    }
    out + rest
}

/// A regular expression, or the literal text as one.
pub fn pattern(value: &Value) -> Eval<Rc<Pattern>> {
    let compiled = match value {
        Value::Regex(pattern) => return Ok(pattern.clone()),
        Value::Str(text) => compile(&text.borrow(), "")?,
        other => {
            return raise(
                "TypeError",
                format!(
                    "wrong argument type {} (expected Regexp)",
                    other.described()
                ),
            );
        }
    };
    match compiled {
        Value::Regex(pattern) => Ok(pattern),
        _ => beyond("such a pattern"),
    }
}

/// What `pattern` finds in `text` from byte `start` on.
pub fn search(
    machine: &mut Machine,
    pattern: &Rc<Pattern>,
    text: &str,
    start: usize,
) -> Eval<Option<Found>> {
    machine.charge(text.len() - start)?;
    let Ok(captures) = pattern.regex.captures_from_pos(text, start) else {
        return Err(super::super::stop::Stop::Limit(
            "matches a regular expression that takes too long",
        ));
    };
    let Some(captures) = captures else {
        return Ok(None);
    };
    let groups = (0..captures.len()).map(|group| {
        captures
            .get(group)
            .map(|found| (found.start(), found.end()))
    });
    let names = pattern.regex.capture_names().enumerate();
    Ok(Some(Found {
        text: text.into(),
        groups: groups.collect(),
        names: names
            .filter_map(|(at, name)| Some((name?.to_owned(), at)))
            .collect(),
    }))
}

/// Keeps what was found for `$~` and `$1`; it is the answer.
pub fn remember(machine: &mut Machine, found: Option<Found>) -> Value {
    machine.found = found.map_or(Value::Nil, |found| Value::Found(Rc::new(found)));
    machine.found.clone()
}

/// `text =~ pattern`: the place in characters.
pub fn position(machine: &mut Machine, pattern: &Rc<Pattern>, text: &str) -> Eval {
    let found = search(machine, pattern, text, 0)?;
    let start = found
        .as_ref()
        .and_then(|found| found.groups[0])
        .map(|(start, _)| start);
    remember(machine, found);
    Ok(start.map_or(Value::Nil, |start| {
        Value::len(text[..start].chars().count())
    }))
}

/// All that `pattern` finds, one after the other.
fn all(machine: &mut Machine, pattern: &Rc<Pattern>, text: &str) -> Eval<Vec<Found>> {
    let mut list = Vec::new();
    let mut start = 0;
    while start <= text.len() {
        let Some(found) = search(machine, pattern, text, start)? else {
            break;
        };
        let Some((from, to)) = found.groups[0] else {
            break;
        };
        machine.charge(text.len())?;
        list.push(found);
        // Nothing found moves on by a character.
        start = match to > from {
            true => to,
            false => to + text[to..].chars().next().map_or(1, char::len_utf8),
        };
    }
    Ok(list)
}

/// The parts of `text` between what `pattern` finds, with its groups, `most` at most.
pub fn split(
    machine: &mut Machine,
    pattern: &Rc<Pattern>,
    text: &str,
    most: usize,
) -> Eval<Vec<String>> {
    let mut list = Vec::new();
    let mut last = 0;
    for found in all(machine, pattern, text)? {
        let Some((from, to)) = found.groups[0] else {
            break;
        };
        if list.len() + 1 >= most {
            break;
        }
        if to == from && (from == 0 || from == text.len()) {
            continue;
        }
        list.push(text[last..from].to_owned());
        list.extend(
            (1..found.groups.len()).filter_map(|group| found.group(group).map(String::from)),
        );
        last = to;
    }
    list.push(text[last..].to_owned());
    Ok(list)
}

/// `scan`.
pub fn scan(machine: &mut Machine, text: &str, pattern: &Value, block: Blk) -> Eval {
    let pattern = match pattern {
        Value::Str(literal) => self::pattern(&Value::str(fancy_regex::escape(&literal.borrow())))?,
        other => self::pattern(other)?,
    };
    let mut list = Vec::new();
    for found in all(machine, &pattern, text)? {
        let groups: Vec<Value> = (1..found.groups.len())
            .map(|group| Value::opt_str(found.group(group)))
            .collect();
        let value = match groups.is_empty() {
            true => Value::opt_str(found.group(0)),
            false => machine.array(groups),
        };
        remember(machine, Some(found));
        match block {
            Some(block) => drop(machine.yield_to(block, &[value])?),
            None => list.push(value),
        }
    }
    Ok(match block {
        Some(_) => Value::str(text),
        None => machine.array(list),
    })
}

/// `sub` and `gsub`.
pub fn replace(machine: &mut Machine, this: &str, every: bool, args: &[Value], block: Blk) -> Eval {
    arity(args, 1, 2)?;
    if args.len() == 1 && block.is_none() {
        return wrong(args, "gsub");
    }
    let pattern = match &args[0] {
        Value::Str(literal) => self::pattern(&Value::str(fancy_regex::escape(&literal.borrow())))?,
        other => self::pattern(other)?,
    };
    let found = match every {
        true => all(machine, &pattern, this)?,
        false => search(machine, &pattern, this, 0)?.into_iter().collect(),
    };
    let mut out = String::new();
    let mut last = 0;
    for found in found {
        let Some((from, to)) = found.groups[0] else {
            break;
        };
        out.push_str(&this[last..from]);
        last = to;
        let whole = Value::opt_str(found.group(0));
        let new = match args.get(1) {
            Some(Value::Hash(_)) => machine.call(&args[1], "[]", &[whole], None)?.to_text(),
            Some(replacement) => expanded(&text(replacement)?, &found),
            None => {
                remember(machine, Some(found));
                machine.yield_to(need(block, "gsub")?, &[whole])?.to_text()
            }
        };
        out.push_str(&new);
        machine.charge(out.len().min(4096))?;
        if out.len() > super::super::stop::MAX_TEXT {
            machine.charge(out.len())?;
        }
    }
    out.push_str(&this[last..]);
    machine.text(out)
}

/// A replacement with `\1`, `\k<name>` and `\\` filled in.
fn expanded(replacement: &str, found: &Found) -> String {
    let mut out = String::new();
    let mut chars = replacement.chars();
    while let Some(c) = chars.next() {
        if c != '\\' {
            out.push(c);
            continue;
        }
        match chars.next() {
            Some(digit @ '0'..='9') => {
                out.push_str(
                    found
                        .group(digit as usize - '0' as usize)
                        .unwrap_or_default(),
                );
            }
            Some('&') => out.push_str(found.group(0).unwrap_or_default()),
            Some('\\') => out.push('\\'),
            Some('k') if chars.as_str().starts_with('<') => {
                let rest = &chars.as_str()[1..];
                let name = rest.split('>').next().unwrap_or_default();
                let number = found
                    .names
                    .iter()
                    .find(|(known, _)| known == name)
                    .map(|(_, number)| *number);
                out.push_str(
                    number
                        .and_then(|number| found.group(number))
                        .unwrap_or_default(),
                );
                chars = rest.get(name.len() + 1..).unwrap_or_default().chars();
            }
            Some(other) => out.extend(['\\', other]),
            None => out.push('\\'),
        }
    }
    out
}

/// A group by number or name.
pub fn group(found: &Found, key: &Value) -> Eval {
    match key {
        Value::Int(number) => {
            let place = index(*number, found.groups.len());
            Ok(Value::opt_str(place.and_then(|place| found.group(place))))
        }
        Value::Str(_) | Value::Symbol(_) => {
            let name = key.to_text();
            match found.names.iter().find(|(known, _)| *known == name) {
                Some((_, number)) => Ok(Value::opt_str(found.group(*number))),
                None => raise(
                    "IndexError",
                    format!("undefined group name reference: {name}"),
                ),
            }
        }
        other => no_conversion(other, "Integer"),
    }
}

/// Calls a method of a regular expression.
pub fn of_pattern(
    machine: &mut Machine,
    this: &Rc<Pattern>,
    name: &str,
    args: &[Value],
) -> Eval<Option<Value>> {
    let subject = |value: &Value| match value {
        Value::Str(_) | Value::Symbol(_) => Some(value.to_text()),
        _ => None,
    };
    Ok(Some(match name {
        "=~" | "===" | "match" | "match?" => {
            let value = one(args)?;
            let Some(text) = subject(value) else {
                if name != "===" && !matches!(value, Value::Nil) {
                    return no_conversion(value, "String");
                }
                return Ok(Some(if name == "===" || name == "match?" {
                    Value::Bool(false)
                } else {
                    Value::Nil
                }));
            };
            if name == "=~" {
                return position(machine, this, &text).map(Some);
            }
            let found = search(machine, this, &text, 0)?;
            match name {
                "match?" => Value::Bool(found.is_some()),
                "===" => Value::Bool(remember(machine, found).truthy()),
                _ => remember(machine, found),
            }
        }
        "source" => Value::str(this.source.clone()),
        _ => return Ok(None),
    }))
}

/// Calls a method of what a regular expression found.
pub fn of_found(
    machine: &mut Machine,
    this: &Rc<Found>,
    name: &str,
    args: &[Value],
) -> Eval<Option<Value>> {
    let groups = |from: usize| {
        (from..this.groups.len())
            .map(|group| Value::opt_str(this.group(group)))
            .collect()
    };
    Ok(Some(match name {
        "[]" => group(this, one(args)?)?,
        "captures" => machine.array(groups(1)),
        "to_a" => machine.array(groups(0)),
        "pre_match" | "post_match" => {
            let (start, end) = this.groups[0].unwrap_or_default();
            Value::str(if name == "pre_match" {
                &this.text[..start]
            } else {
                &this.text[end..]
            })
        }
        "named_captures" => {
            let pairs = this
                .names
                .iter()
                .map(|(name, at)| (Value::str(name.clone()), Value::opt_str(this.group(*at))));
            machine.hash(pairs.collect())
        }
        "names" => machine.array(
            this.names
                .iter()
                .map(|(name, _)| Value::str(name.clone()))
                .collect(),
        ),
        _ => return Ok(None),
    }))
}
