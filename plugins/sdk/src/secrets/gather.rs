//! Finds the secrets in settings, states and environments.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::forms::forms;
use super::matcher::Around;
use super::names::{self, Says};

/// Keys whose values name users.
const USERS: [&str; 2] = ["user", "username"];
/// What a line may begin with before its key.
const OPENING: [char; 5] = [' ', '\t', '-', '{', ','];

/// A value that is longer is masked line by line, and long lines in pieces of this many bytes.
const LONGEST: usize = 4096;

/// How sure it is that a value is a secret, the surest last; of a short one that decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Source {
    /// A variable of the workstation that is named like a secret.
    Environment,
    /// A setting, or something that a driver noted.
    Setting,
    /// The project names it in `secrets`.
    Declared,
}

/// Values that must not be shown, as they are found.
#[derive(Clone, Default)]
pub struct Gather {
    /// Names of keys and variables that the project declares.
    declared: BTreeSet<String>,
    /// Names of users, which are no secrets where they are passwords as well.
    users: BTreeSet<String>,
    values: BTreeMap<String, Source>,
}

impl Gather {
    /// Also keys and variables of these names hold secrets, of whatever length.
    pub fn declaring(names: impl IntoIterator<Item = String>) -> Self {
        Self {
            declared: names.into_iter().collect(),
            ..Self::default()
        }
    }

    /// The secrets of a tree of settings: all text and all numbers below names of secrets, and
    /// passwords in addresses and command lines.
    pub fn tree(&mut self, tree: &Value) {
        self.note_users(tree);
        self.visit("", None, tree);
    }

    /// A variable of the workstation.
    pub fn variable(&mut self, name: &str, value: &str) {
        if self.declared.contains(name) {
            self.add(value, Source::Declared);
        } else if is_secret(name, value) {
            self.add(value, Source::Environment);
        }
        self.text(value, Source::Environment);
    }

    /// All variables of this process.
    pub fn environment(&mut self) {
        for (name, value) in std::env::vars_os() {
            if let (Ok(name), Ok(value)) = (name.into_string(), value.into_string()) {
                self.variable(&name, &value);
            }
        }
    }

    /// A value that is a secret, wherever it comes from.
    pub fn value(&mut self, value: &str) {
        self.add(value, Source::Setting);
    }

    /// What looks like a secret in a file that cannot be read as settings: `name: value` and
    /// `NAME=value`, line by line.
    pub fn lines(&mut self, text: &str) {
        let settings = || text.lines().filter_map(setting);
        let users = settings().filter(|(name, _)| USERS.contains(name));
        self.users.extend(users.map(|(_, user)| user.to_owned()));
        for (name, value) in settings() {
            if is_secret(name, value) || self.declared.contains(name) {
                self.add(value, Source::Setting);
            }
        }
        for line in text.lines() {
            self.text(line.trim_start_matches(OPENING), Source::Setting);
        }
    }

    /// Keeps only what `keep` wants.
    pub fn retain(&mut self, keep: impl Fn(&str) -> bool) {
        self.values.retain(|value, _| keep(value));
    }

    /// The values, in no order that means anything.
    pub fn into_values(self) -> Vec<String> {
        self.values.into_keys().collect()
    }

    /// All forms of all values that can be told from ordinary text.
    pub(super) fn patterns(self) -> BTreeMap<String, Around> {
        let mut patterns = BTreeMap::new();
        for (value, source) in self.values {
            let Some(around) = around(&value, source) else {
                continue;
            };
            let forms = match value.chars().count() {
                0..=3 => BTreeSet::from([value.clone()]),
                _ => forms(&value),
            };
            for form in forms.into_iter().filter(|form| !form.is_empty()) {
                // Encoded it is no word of any language.
                let around = if form == value { around } else { Around::Any };
                let known = patterns.entry(form).or_insert(around);
                *known = around.min(*known);
            }
        }
        patterns
    }

    fn note_users(&mut self, value: &Value) {
        match value {
            Value::Object(map) => {
                let named = USERS.iter().filter_map(|user| map.get(*user)?.as_str());
                self.users.extend(named.map(str::to_owned));
                map.values().for_each(|value| self.note_users(value));
            }
            Value::Array(list) => list.iter().for_each(|value| self.note_users(value)),
            _ => {}
        }
    }

    /// `room` is the name of a key further up below which all is secret.
    fn visit(&mut self, name: &str, room: Option<&str>, value: &Value) {
        if self.declared.contains(name) {
            return self.declare(value);
        }
        match value {
            Value::Object(map) => self.map(name, room, map),
            Value::Array(list) => {
                let room = room.or_else(|| names::is_room(name).then_some(name));
                for value in list {
                    match value.as_str().and_then(variable) {
                        Some((name, value)) => self.visit(name, room, &value.into()),
                        None => self.visit("", room, value),
                    }
                }
            }
            Value::String(text) => {
                let inside = room.is_some_and(|room| !names::is_beside(name, room));
                if (inside && !names::is_known(name, text)) || is_secret(name, text) {
                    self.add(text, Source::Setting);
                }
                self.text(text, Source::Setting);
            }
            Value::Number(number) => {
                let inside = room.is_some_and(|room| !names::is_beside(name, room));
                if inside || names::has_numbers(name) {
                    self.add(&number.to_string(), Source::Setting);
                }
            }
            Value::Null | Value::Bool(_) => {}
        }
    }

    fn map(&mut self, name: &str, room: Option<&str>, map: &Map<String, Value>) {
        // A list of variables or tags: `{name: DB_PASS, value: …}`.
        let label = ["name", "key", "variable"]
            .iter()
            .find_map(|key| map.get(*key)?.as_str());
        if let (Some(label), Some(value)) = (label, map.get("value"))
            && map.len() <= 3
        {
            return self.visit(label, room, value);
        }
        let room = room.or_else(|| names::is_room(name).then_some(name));
        for (key, value) in map {
            self.visit(key, room, value);
        }
    }

    /// All below a key that the project declares.
    fn declare(&mut self, value: &Value) {
        match value {
            Value::Object(map) => map.values().for_each(|value| self.declare(value)),
            Value::Array(list) => list.iter().for_each(|value| self.declare(value)),
            Value::String(text) => self.add(text, Source::Declared),
            Value::Number(number) => self.add(&number.to_string(), Source::Declared),
            Value::Null | Value::Bool(_) => {}
        }
    }

    /// Passwords in addresses (`scheme://user:PASSWORD@host`) and command lines
    /// (`NAME=value`, `--password value`) inside a text.
    fn text(&mut self, text: &str, source: Source) {
        if text.contains("://") {
            let found: Vec<String> = addresses(text).collect();
            found.iter().for_each(|value| self.add(value, source));
        }
        if text.contains('=') || text.contains("--") {
            let found: Vec<&str> = assignments(text).collect();
            found.iter().for_each(|value| self.add(value, source));
        }
        if names::is_private_key(text) {
            self.add(text, source);
        }
    }

    fn add(&mut self, value: &str, source: Source) {
        let known = source != Source::Declared
            && (names::is_known("", value)
                || names::is_reference(value)
                || self.users.contains(value));
        if value.trim().is_empty() || known {
            return;
        }
        // Logs show text line by line; in a variable the lines of a key may be joined by `\n`.
        let lines = value
            .lines()
            .flat_map(|line| line.split("\\n"))
            .map(str::trim);
        let lines = lines.filter(|line| !line.is_empty() && !names::is_fence(line));
        let pieces = lines.flat_map(pieces);
        let whole = [value, value.trim()]
            .into_iter()
            .filter(|it| it.len() <= LONGEST);
        for text in pieces.chain(whole) {
            let noted = self.values.entry(text.to_owned()).or_insert(source);
            *noted = source.max(*noted);
        }
    }
}

/// Whether `value` below `name` is a secret.
pub(super) fn is_secret(name: &str, value: &str) -> bool {
    if names::is_private_key(value) {
        return true;
    }
    let says = match names::says(name) {
        Says::Nothing => false,
        Says::Secret => true,
        Says::UnlessPlace => !names::is_place(value),
        Says::UnlessPath => !names::is_path(value),
    };
    says && !names::is_known(name, value) && !names::is_reference(value)
}

/// What must stand around a value; none where it cannot be told from ordinary text.
fn around(value: &str, source: Source) -> Option<Around> {
    let all = |is: fn(char) -> bool| value.chars().all(is);
    Some(match value.chars().count() {
        0 => return None,
        1 | 2 if source < Source::Declared => return None,
        3 if source < Source::Setting => return None,
        1..=3 => Around::NoWord,
        4..=7 if source == Source::Environment => Around::NoWord,
        4..=7 if all(|it| it.is_ascii_digit()) => Around::NoDigit,
        // `test` is in `latest`.
        4..=5 if all(char::is_alphabetic) => Around::NoWord,
        _ => Around::Any,
    })
}

/// A long line in pieces.
fn pieces(line: &str) -> impl Iterator<Item = &str> {
    let mut rest = line;
    std::iter::from_fn(move || {
        let mut end = rest.len().min(LONGEST);
        while !rest.is_char_boundary(end) {
            end -= 1;
        }
        let (piece, left) = rest.split_at(end);
        rest = left;
        (!piece.is_empty()).then_some(piece)
    })
}

/// Name and value of a line `name: value`, as YAML and JSON have it.
fn setting(line: &str) -> Option<(&str, &str)> {
    let (name, value) = line.trim_start_matches(OPENING).split_once(':')?;
    let value = value.trim().trim_end_matches(['}', ',']);
    Some((unquoted(name.trim()), unquoted(value)))
}

fn unquoted(text: &str) -> &str {
    text.trim_matches(['"', '\''])
}

/// Name and value of a variable that is written `NAME=value`, with or without quotes around it.
fn variable(text: &str) -> Option<(&str, &str)> {
    let (name, value) = text.split_once('=')?;
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    (!name.is_empty() && name.chars().all(is_name)).then(|| (name, unquoted(value)))
}

/// The passwords of the addresses in `text`, as written and decoded.
fn addresses(text: &str) -> impl Iterator<Item = String> {
    let begins = text.match_indices("://").map(|(at, _)| (at, at + 3));
    begins.flat_map(|(scheme, at)| {
        let rest = &text[at..];
        let end = rest.find(|it: char| it.is_whitespace() || "\"'`<>\\".contains(it));
        let rest = &rest[..end.unwrap_or(rest.len())];
        let authority = &rest[..rest.find(['/', '?', '#']).unwrap_or(rest.len())];
        // A password with a slash in it, which is wrong and printed all the same.
        let port = authority.rsplit_once(':').map(|(_, port)| port);
        let odd = port.is_some_and(|port| port.contains(|it: char| !it.is_ascii_digit()));
        let authority = if odd && !authority.contains('@') {
            rest
        } else {
            authority
        };
        let Some((login, _)) = authority.rsplit_once('@') else {
            return Vec::new();
        };
        let web = text[..scheme].ends_with("http") || text[..scheme].ends_with("https");
        let password = match login.split_once(':') {
            Some((user, password)) if user != password => password,
            // `https://TOKEN@host`.
            None if web && login.len() >= 16 => login,
            _ => return Vec::new(),
        };
        let decoded = decoded(password);
        vec![password.to_owned(), decoded]
    })
}

/// With `%40` as `@`.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let code = rest.get(1..3).filter(|_| first == '%');
        match code.and_then(|code| u8::from_str_radix(code, 16).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = &rest[3..];
            }
            None => {
                let length = first.len_utf8();
                bytes.extend_from_slice(&rest.as_bytes()[..length]);
                rest = &rest[length..];
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The values of `NAME=value`, `--name=value` and `--name value` in a command line whose names are
/// those of secrets for sure.
fn assignments(text: &str) -> impl Iterator<Item = &str> {
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    let is_sure = |name: &str| {
        let short = matches!(names::says(name), Says::UnlessPath) && name.contains('_');
        short || names::says(name) == Says::Secret
    };
    let assigned = text.match_indices('=').filter_map(move |(at, _)| {
        let name = text[..at].rsplit(|c: char| !is_name(c)).next()?;
        is_sure(name).then(|| word(&text[at + 1..]))
    });
    let flags = text.match_indices("--").filter_map(move |(at, _)| {
        let rest = &text[at + 2..];
        let end = rest.find(|c: char| !is_name(c))?;
        let (name, rest) = rest.split_at(end);
        let value = word(rest.strip_prefix(' ')?.trim_start());
        (is_sure(name) && !value.starts_with('-')).then_some(value)
    });
    let found = assigned.chain(flags);
    found.filter(|value| !names::is_path(value) && !names::is_reference(value))
}

/// The first word of a command line, without its quotes.
fn word(text: &str) -> &str {
    let quote = text.chars().next().filter(|it| matches!(it, '"' | '\''));
    match quote {
        Some(quote) => text[1..].split(quote).next().unwrap_or_default(),
        None => {
            let ends = |c: char| c.is_whitespace() || ";&|,()<>\"'`".contains(c);
            text.split(ends).next().unwrap_or_default()
        }
    }
}
