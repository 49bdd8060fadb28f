//! `Dir.glob`.

use std::path::Path;

use super::super::machine::Machine;
use super::super::stop::{Eval, Stop};
use super::super::value::Value;
use super::regex;

/// How many directories a pattern may look at.
const DIRECTORIES: usize = 10_000;

/// The paths that `pattern` names, sorted.
pub fn glob(machine: &mut Machine, pattern: &str) -> Eval<Vec<String>> {
    let mut found = Vec::new();
    let mut looked = 0;
    for pattern in alternatives(machine, pattern)? {
        let absolute = pattern.starts_with('/');
        let parts: Vec<&str> = pattern.split('/').filter(|part| !part.is_empty()).collect();
        let start = if absolute { "/" } else { "" };
        walk(machine, start.into(), &parts, &mut looked, &mut found)?;
    }
    Ok(found)
}

/// The patterns without `{a,b}`.
fn alternatives(machine: &mut Machine, pattern: &str) -> Eval<Vec<String>> {
    machine.charge(pattern.len() * 16)?;
    let Some(open) = pattern.find('{') else {
        return Ok(vec![pattern.into()]);
    };
    let mut level = 0;
    let mut cuts = vec![open];
    let mut close = None;
    for (at, c) in pattern[open..].char_indices() {
        match c {
            '{' => level += 1,
            '}' if level == 1 => {
                close = Some(open + at);
                break;
            }
            '}' => level -= 1,
            ',' if level == 1 => cuts.push(open + at),
            _ => {}
        }
    }
    let Some(close) = close else {
        return Ok(vec![pattern.into()]);
    };
    cuts.push(close);
    let mut all = Vec::new();
    for cut in cuts.windows(2) {
        let one = format!(
            "{}{}{}",
            &pattern[..open],
            &pattern[cut[0] + 1..cut[1]],
            &pattern[close + 1..]
        );
        all.extend(alternatives(machine, &one)?);
    }
    Ok(all)
}

fn walk(
    machine: &mut Machine,
    base: String,
    parts: &[&str],
    looked: &mut usize,
    found: &mut Vec<String>,
) -> Eval<()> {
    let Some((part, rest)) = parts.split_first() else {
        found.push(base);
        return Ok(());
    };
    let below = |name: &str| match base.as_str() {
        "" => name.to_owned(),
        "/" => format!("/{name}"),
        base => format!("{base}/{name}"),
    };
    if !part.contains(['*', '?', '[', '\\']) {
        let path = below(part);
        if machine
            .environment
            .resolve(&path)
            .symlink_metadata()
            .is_ok()
        {
            walk(machine, path, rest, looked, found)?;
        }
        return Ok(());
    }
    if *part == "**" && !rest.is_empty() {
        walk(machine, base.clone(), rest, looked, found)?;
    }
    *looked += 1;
    if *looked > DIRECTORIES {
        return Err(Stop::Limit("looks for files in too many directories"));
    }
    let folder = machine
        .environment
        .resolve(if base.is_empty() { "." } else { &base });
    let matcher = matcher(part)?;
    for name in names(&folder) {
        machine.charge(name.len())?;
        let path = below(&name);
        let directory = folder.join(&name).is_dir();
        if *part == "**" && !rest.is_empty() {
            if directory && !folder.join(&name).is_symlink() && !name.starts_with('.') {
                walk(machine, path, parts, looked, found)?;
            }
            continue;
        }
        let Value::Regex(pattern) = &matcher else {
            continue;
        };
        let hidden = name.starts_with('.') && !part.starts_with('.');
        if !hidden
            && (rest.is_empty() || directory)
            && regex::search(machine, pattern, &name, 0)?.is_some()
        {
            walk(machine, path, rest, looked, found)?;
        }
    }
    Ok(())
}

fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut names: Vec<String> = entries
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

/// The regular expression for one part of a path.
fn matcher(part: &str) -> Eval {
    let mut source = String::from("\\A");
    let mut chars = part.chars();
    while let Some(c) = chars.next() {
        match c {
            '*' => source.push_str(".*"),
            '?' => source.push('.'),
            '[' | ']' => source.push(c),
            '\\' => source.extend(
                chars
                    .next()
                    .map(|c| fancy_regex::escape(&c.to_string()).into_owned()),
            ),
            c => source.push_str(&fancy_regex::escape(&c.to_string())),
        }
    }
    regex::compile(&(source + "\\z"), "m")
}
