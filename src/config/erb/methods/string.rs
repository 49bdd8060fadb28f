//! Strings: what asks about them and makes new ones.

use std::rc::Rc;

use super::super::eval::Machine;
use super::super::stop::{Eval, no_conversion, raise};
use super::super::value::Value;
use super::object::{compared, texts};
use super::{Blk, arity, count, format, int, one, regex, text};

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
            _ => return super::wrong(args, name).map(Some),
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
        "center" | "ljust" | "rjust" => padded(machine, this, name, args)?,
        "tr" | "delete" | "squeeze" | "tr_s" => translated(this, name, args)?,
        "delete_prefix" => this
            .strip_prefix(text(one(args)?)?.as_str())
            .unwrap_or(this)
            .to_owned(),
        "delete_suffix" => this
            .strip_suffix(text(one(args)?)?.as_str())
            .unwrap_or(this)
            .to_owned(),
        "to_s" | "to_str" | "dup" | "+@" => this.to_owned(),
        "encode" | "force_encoding" | "scrub" | "unicode_normalize" | "b"
            if args.len() <= 1 && name != "b" =>
        {
            return super::wrong(args, name).map(Some);
        }
        "sub" | "gsub" => {
            return regex::replace(machine, this, name == "gsub", args, block).map(Some);
        }
        "succ" | "next" => succ(this),
        _ => return asked(machine, this, name, args, block),
    };
    machine.text(value).map(Some)
}

/// Methods whose answer is something else than a new string.
fn asked(
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
            return pieces(machine, this, name, args, block).map(Some);
        }
        "count" => Value::len({
            let set = Set::new(&text(one(args)?)?);
            this.chars().filter(|c| set.has(*c)).count()
        }),
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
            return super::call(machine, &range, "each", &[], block).map(Some);
        }
        "hash" | "unpack" | "unpack1" | "encoding" | "crypt" | "sum" => return Ok(None),
        "valid_encoding?" => Value::Bool(true),
        "ascii_only?" => Value::Bool(this.is_ascii()),
        _ => return compared(&Value::str(this), name, args),
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
        "to_proc" => Ok(super::to_proc(machine, &Value::Symbol(this.clone()))?.map(Value::Proc)),
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

fn blank(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\n' | '\r' | '\u{b}' | '\u{c}' | '\0')
}

fn trim_start(this: &str) -> &str {
    this.trim_start_matches(|c| blank(c) && c != '\0')
}

fn trim_end(this: &str) -> &str {
    this.trim_end_matches(blank)
}

/// Without the line end.
pub fn chomped(this: &str) -> &str {
    let cut = this
        .strip_suffix('\n')
        .map(|rest| rest.strip_suffix('\r').unwrap_or(rest));
    cut.or_else(|| this.strip_suffix('\r')).unwrap_or(this)
}

pub fn capitalized(this: &str) -> String {
    let mut chars = this.chars();
    let first: String = chars
        .next()
        .into_iter()
        .flat_map(char::to_uppercase)
        .collect();
    first + &chars.as_str().to_lowercase()
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

/// The characters that `tr` and its like name: `a-z`, `^x`.
struct Set {
    chars: Vec<char>,
    negated: bool,
}

impl Set {
    fn new(text: &str) -> Self {
        let negated = text.len() > 1 && text.starts_with('^');
        let list: Vec<char> = text.chars().skip(usize::from(negated)).collect();
        let mut chars = Vec::new();
        let mut at = 0;
        while at < list.len() {
            match list[at..] {
                ['\\', c, ..] => {
                    chars.push(c);
                    at += 2;
                }
                [first, '-', last, ..] if first <= last => {
                    chars.extend(first..=last);
                    at += 3;
                }
                [c, ..] => {
                    chars.push(c);
                    at += 1;
                }
                [] => break,
            }
        }
        Self { chars, negated }
    }

    fn has(&self, c: char) -> bool {
        self.chars.contains(&c) != self.negated
    }
}

fn translated(this: &str, name: &str, args: &[Value]) -> Eval<String> {
    if name == "squeeze" && args.is_empty() {
        let mut out: Vec<char> = this.chars().collect();
        out.dedup();
        return Ok(out.into_iter().collect());
    }
    let set = Set::new(&text(args.first().unwrap_or(&Value::Nil))?);
    if name == "delete" {
        one(args)?;
        return Ok(this.chars().filter(|c| !set.has(*c)).collect());
    }
    if name == "squeeze" {
        one(args)?;
        let mut out: Vec<char> = this.chars().collect();
        out.dedup_by(|a, b| a == b && set.has(*a));
        return Ok(out.into_iter().collect());
    }
    arity(args, 2, 2)?;
    let into = Set::new(&text(&args[1])?).chars;
    let changed = |c: char| {
        let place = match set.negated {
            true => usize::MAX,
            false => set
                .chars
                .iter()
                .position(|known| *known == c)
                .unwrap_or(usize::MAX),
        };
        into.get(place).or(into.last()).copied()
    };
    let mut out = String::new();
    let mut last = None;
    for c in this.chars() {
        if !set.has(c) {
            out.push(c);
            last = None;
            continue;
        }
        let new = changed(c);
        if name == "tr" || new != last {
            out.extend(new);
        }
        last = new;
    }
    Ok(out)
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
        true => i64::from_str_radix(&kept, radix)
            .or_else(|_| super::super::stop::beyond("a number this large")),
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

fn pieces(machine: &mut Machine, this: &str, name: &str, args: &[Value], block: Blk) -> Eval {
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
                _ => return super::wrong(args, name),
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
            super::call(machine, &list, "each", &[], block)?;
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
            let place = super::index(*number, this.chars().count());
            let found = place.and_then(|place| this.chars().nth(place));
            Ok(Value::opt_str(found.map(String::from)))
        }
        _ => {
            let range = super::slice(args, this.chars().count())?;
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
        (Value::Regex(_), _) => return super::wrong(args, name),
        (other, "index") => this.find(&text(other)?),
        (other, _) => this.rfind(&text(other)?),
    };
    Ok(byte.map_or(Value::Nil, |byte| Value::len(this[..byte].chars().count())))
}

/// The next string: `a9` is followed by `b0`, `z` by `aa`.
pub fn succ(this: &str) -> String {
    let mut chars: Vec<char> = this.chars().collect();
    let Some(last) = chars.iter().rposition(char::is_ascii_alphanumeric) else {
        if let Some(last) = chars.last_mut() {
            *last = char::from_u32(u32::from(*last) + 1).unwrap_or(*last);
        }
        return chars.into_iter().collect();
    };
    let mut at = last;
    loop {
        let (new, carry) = match chars[at] {
            'z' => ('a', Some('a')),
            'Z' => ('A', Some('A')),
            '9' => ('0', Some('1')),
            c => (char::from(c as u8 + 1), None),
        };
        chars[at] = new;
        let Some(carry) = carry else { break };
        match chars[..at].iter().rposition(char::is_ascii_alphanumeric) {
            Some(before) if before + 1 == at => at = before,
            _ => {
                chars.insert(at, carry);
                break;
            }
        }
    }
    chars.into_iter().collect()
}
