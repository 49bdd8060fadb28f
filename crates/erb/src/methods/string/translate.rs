//! Strings: `tr` and its like, which go by sets of characters.

use super::super::super::stop::Eval;
use super::super::super::value::Value;
use super::super::arguments::{arity, one, text};

/// The characters that `tr` and its like name: `a-z`, `^x`.
pub struct Set {
    chars: Vec<char>,
    negated: bool,
}

impl Set {
    /// The set that this text names.
    pub fn new(text: &str) -> Self {
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

    /// Whether it is one of them.
    pub fn has(&self, c: char) -> bool {
        self.chars.contains(&c) != self.negated
    }
}

/// Calls `tr`, `delete` or `squeeze`.
pub fn call(this: &str, name: &str, args: &[Value]) -> Eval<String> {
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
