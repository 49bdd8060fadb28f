//! Values while a template is evaluated, with Ruby's text forms, equality and order.

use std::cell::RefCell;
use std::cmp::Ordering;
use std::rc::Rc;

use jiff::Zoned;

use super::ast::Block;

/// How deep lists may be nested to be shown or compared.
const DEPTH: usize = 100;

/// Variables of the program or of one run of a block.
#[derive(Debug, Default)]
pub struct Scope {
    /// By name.
    pub variables: RefCell<Vec<(Rc<str>, Value)>>,
    /// The scope around it.
    pub outer: Option<Rc<Scope>>,
}

/// A block with the variables that it sees.
#[derive(Debug)]
pub struct Proc {
    /// Its code.
    pub block: Rc<Block>,
    /// Where it was made.
    pub scope: Rc<Scope>,
}

/// A regular expression.
#[derive(Debug)]
pub struct Pattern {
    /// As written.
    pub source: String,
    /// Flags as written.
    pub flags: String,
    /// Compiled.
    pub regex: fancy_regex::Regex,
}

/// What a regular expression found.
#[derive(Debug)]
pub struct Found {
    /// What was searched.
    pub text: String,
    /// Bytes of each group; the whole is the first.
    pub groups: Vec<Option<(usize, usize)>>,
    /// Names of groups, with their number.
    pub names: Vec<(String, usize)>,
}

/// A point in time.
#[derive(Debug)]
pub struct Moment {
    /// When.
    pub time: Zoned,
    /// It was asked for in UTC.
    pub utc: bool,
}

/// An error as Ruby has them.
#[derive(Clone, Debug)]
pub struct Exception {
    /// Its class.
    pub class: Rc<str>,
    /// Its message.
    pub message: String,
}

/// A value.
#[derive(Clone, Debug)]
pub enum Value {
    /// Nothing.
    Nil,
    /// `true`, `false`.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A number with a fraction.
    Float(f64),
    /// A text; it can be changed.
    Str(Rc<RefCell<String>>),
    /// A symbol.
    Symbol(Rc<str>),
    /// A list; it can be changed.
    Array(Rc<RefCell<Vec<Value>>>),
    /// A map in the order of insertion; it can be changed.
    Hash(Rc<RefCell<Vec<(Value, Value)>>>),
    /// First, last (integers, strings or nil), and whether the last is excluded.
    Range(Rc<(Value, Value, bool)>),
    /// A regular expression.
    Regex(Rc<Pattern>),
    /// What one found.
    Found(Rc<Found>),
    /// A point in time.
    Time(Rc<Moment>),
    /// A block or lambda.
    Proc(Rc<Proc>),
    /// A list and the method that waits for its block.
    Enumerator(Rc<(Value, Rc<str>)>),
    /// A class, a module, or an object that is one of a kind such as `ENV`.
    Const(&'static str),
    /// A class of errors.
    ErrorClass(Rc<str>),
    /// An error.
    Exception(Rc<Exception>),
    /// The program itself.
    Main,
}

impl Value {
    /// A new text.
    pub fn str(text: impl Into<String>) -> Self {
        Self::Str(Rc::new(RefCell::new(text.into())))
    }

    /// A text or nil.
    pub fn opt_str(text: Option<impl Into<String>>) -> Self {
        text.map_or(Self::Nil, Self::str)
    }

    /// A symbol.
    pub fn symbol(text: &str) -> Self {
        Self::Symbol(text.into())
    }

    /// A length or position.
    pub fn len(len: usize) -> Self {
        Self::Int(i64::try_from(len).unwrap_or(i64::MAX))
    }

    /// Whether a condition holds.
    pub fn truthy(&self) -> bool {
        !matches!(self, Self::Nil | Self::Bool(false))
    }

    /// The name of its class.
    pub fn class(&self) -> &str {
        match self {
            Self::Nil => "NilClass",
            Self::Bool(true) => "TrueClass",
            Self::Bool(false) => "FalseClass",
            Self::Int(_) => "Integer",
            Self::Float(_) => "Float",
            Self::Str(_) => "String",
            Self::Symbol(_) => "Symbol",
            Self::Array(_) => "Array",
            Self::Hash(_) => "Hash",
            Self::Range(_) => "Range",
            Self::Regex(_) => "Regexp",
            Self::Found(_) => "MatchData",
            Self::Time(_) => "Time",
            Self::Proc(_) => "Proc",
            Self::Enumerator(_) => "Enumerator",
            Self::Const("ENV") | Self::Main => "Object",
            Self::Const(_) | Self::ErrorClass(_) => "Class",
            Self::Exception(exception) => &exception.class,
        }
    }

    /// As messages name it: `nil`, `true`, else its class.
    pub fn described(&self) -> String {
        match self {
            Self::Nil | Self::Bool(_) => self.inspect(),
            _ => self.class().into(),
        }
    }

    /// Its text.
    pub fn to_text(&self) -> String {
        match self {
            Self::Nil => String::new(),
            Self::Str(text) => text.borrow().clone(),
            Self::Symbol(text) => text.to_string(),
            Self::Exception(exception) => exception.message.clone(),
            Self::Found(found) => found.group(0).unwrap_or_default().to_owned(),
            Self::Time(moment) => {
                let zone = if moment.utc { "UTC" } else { "%z" };
                let pattern = format!("%Y-%m-%d %H:%M:%S {zone}");
                moment.time.strftime(&pattern).to_string()
            }
            Self::Range(range) => {
                let dots = if range.2 { "..." } else { ".." };
                format!("{}{dots}{}", range.0.to_text(), range.1.to_text())
            }
            Self::Regex(pattern) => pattern.embedded(),
            _ => self.inspect(),
        }
    }

    /// Its text for people who debug.
    pub fn inspect(&self) -> String {
        let mut out = String::new();
        self.inspect_into(&mut out, 0);
        out
    }

    fn inspect_into(&self, out: &mut String, depth: usize) {
        if depth > DEPTH {
            return out.push_str("[...]");
        }
        match self {
            Self::Nil => out.push_str("nil"),
            Self::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
            Self::Int(number) => out.push_str(&number.to_string()),
            Self::Float(number) => out.push_str(&float(*number)),
            Self::Str(text) => quoted(&text.borrow(), out),
            Self::Symbol(text) => symbol(text, out),
            Self::Array(list) => {
                out.push('[');
                for (index, value) in list.borrow().iter().enumerate() {
                    out.push_str(if index > 0 { ", " } else { "" });
                    value.inspect_into(out, depth + 1);
                }
                out.push(']');
            }
            Self::Hash(map) => {
                out.push('{');
                for (index, (key, value)) in map.borrow().iter().enumerate() {
                    out.push_str(if index > 0 { ", " } else { "" });
                    key.inspect_into(out, depth + 1);
                    out.push_str("=>");
                    value.inspect_into(out, depth + 1);
                }
                out.push('}');
            }
            Self::Range(range) => {
                let shown = |value: &Value| match value {
                    Value::Nil => String::new(),
                    other => other.inspect(),
                };
                let dots = if range.2 { "..." } else { ".." };
                out.push_str(&format!("{}{dots}{}", shown(&range.0), shown(&range.1)));
            }
            Self::Regex(pattern) => out.push_str(&format!("/{}/{}", pattern.source, pattern.flags)),
            Self::Const(name) => out.push_str(name),
            Self::ErrorClass(name) => out.push_str(name),
            Self::Exception(e) => out.push_str(&format!("#<{}: {}>", e.class, e.message)),
            Self::Main => out.push_str("main"),
            Self::Found(_) => {
                out.push_str("#<MatchData ");
                quoted(&self.to_text(), out);
                out.push('>');
            }
            Self::Time(_) => out.push_str(&self.to_text()),
            Self::Proc(_) => out.push_str("#<Proc>"),
            Self::Enumerator(waiting) => {
                out.push_str("#<Enumerator: ");
                waiting.0.inspect_into(out, depth + 1);
                out.push_str(&format!(":{}>", waiting.1));
            }
        }
    }

    /// Ruby's `==`.
    pub fn equals(&self, other: &Self) -> bool {
        self.equals_at(other, 0)
    }

    fn equals_at(&self, other: &Self, depth: usize) -> bool {
        match (self, other) {
            _ if depth > DEPTH => false,
            (Self::Nil, Self::Nil) | (Self::Main, Self::Main) => true,
            (Self::Bool(a), Self::Bool(b)) => a == b,
            (Self::Int(a), Self::Int(b)) => a == b,
            (Self::Int(a), Self::Float(b)) | (Self::Float(b), Self::Int(a)) => *a as f64 == *b,
            (Self::Float(a), Self::Float(b)) => a == b,
            (Self::Str(a), Self::Str(b)) => *a.borrow() == *b.borrow(),
            (Self::Symbol(a), Self::Symbol(b)) => a == b,
            (Self::Array(a), Self::Array(b)) => {
                let (a, b) = (a.borrow(), b.borrow());
                a.len() == b.len()
                    && a.iter()
                        .zip(b.iter())
                        .all(|(a, b)| a.equals_at(b, depth + 1))
            }
            (Self::Hash(a), Self::Hash(b)) => {
                let (a, b) = (a.borrow(), b.borrow());
                a.len() == b.len()
                    && a.iter().all(|(key, value)| {
                        b.iter()
                            .any(|(k, v)| k.same_key(key) && v.equals_at(value, depth + 1))
                    })
            }
            (Self::Range(a), Self::Range(b)) => a.0.equals(&b.0) && a.1.equals(&b.1) && a.2 == b.2,
            (Self::Regex(a), Self::Regex(b)) => a.source == b.source && a.flags == b.flags,
            (Self::Time(a), Self::Time(b)) => a.time == b.time,
            (Self::Const(a), Self::Const(b)) => a == b,
            (Self::ErrorClass(a), Self::ErrorClass(b)) => a == b,
            (Self::Proc(a), Self::Proc(b)) => Rc::ptr_eq(a, b),
            (Self::Found(a), Self::Found(b)) => Rc::ptr_eq(a, b),
            (Self::Exception(a), Self::Exception(b)) => {
                a.class == b.class && a.message == b.message
            }
            _ => false,
        }
    }

    /// Whether both are the same key of a map: 1 and 1.0 are not.
    pub fn same_key(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Int(_), Self::Float(_)) | (Self::Float(_), Self::Int(_)) => false,
            _ => self.equals(other),
        }
    }

    /// Ruby's `<=>`; none where values have no order.
    pub fn compare(&self, other: &Self) -> Option<Ordering> {
        match (self, other) {
            (Self::Int(a), Self::Int(b)) => Some(a.cmp(b)),
            (Self::Int(a), Self::Float(b)) => (*a as f64).partial_cmp(b),
            (Self::Float(a), Self::Int(b)) => a.partial_cmp(&(*b as f64)),
            (Self::Float(a), Self::Float(b)) => a.partial_cmp(b),
            (Self::Str(a), Self::Str(b)) => Some(a.borrow().as_str().cmp(b.borrow().as_str())),
            (Self::Symbol(a), Self::Symbol(b)) => Some(a.cmp(b)),
            (Self::Time(a), Self::Time(b)) => Some(a.time.cmp(&b.time)),
            (Self::Array(a), Self::Array(b)) => {
                let (a, b) = (a.borrow(), b.borrow());
                for (a, b) in a.iter().zip(b.iter()) {
                    let flat = !matches!(a, Self::Array(_));
                    match flat.then(|| a.compare(b)).flatten()? {
                        Ordering::Equal => {}
                        unequal => return Some(unequal),
                    }
                }
                Some(a.len().cmp(&b.len()))
            }
            _ => self.equals(other).then_some(Ordering::Equal),
        }
    }
}

impl Pattern {
    /// As it stands in the text of another one.
    pub fn embedded(&self) -> String {
        let on: String = "mix"
            .chars()
            .filter(|flag| self.flags.contains(*flag))
            .collect();
        let off: String = "mix"
            .chars()
            .filter(|flag| !self.flags.contains(*flag))
            .collect();
        let minus = if off.is_empty() { "" } else { "-" };
        format!("(?{on}{minus}{off}:{})", self.source)
    }
}

impl Found {
    /// The text of a group.
    pub fn group(&self, number: usize) -> Option<&str> {
        let (start, end) = (*self.groups.get(number)?)?;
        self.text.get(start..end)
    }
}

/// A number with a fraction as Ruby writes it.
pub fn float(number: f64) -> String {
    if number.is_nan() {
        return "NaN".into();
    }
    if number.is_infinite() {
        return if number > 0.0 {
            "Infinity"
        } else {
            "-Infinity"
        }
        .into();
    }
    let size = number.abs();
    if size != 0.0 && !(1e-4..1e15).contains(&size) {
        let text = format!("{number:e}");
        let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
        let dot = if mantissa.contains('.') { "" } else { ".0" };
        let (sign, digits) = match exponent.strip_prefix('-') {
            Some(digits) => ('-', digits),
            None => ('+', exponent),
        };
        return format!("{mantissa}{dot}e{sign}{digits:0>2}");
    }
    format!("{number:?}")
}

/// A text in double quotes.
fn quoted(text: &str, out: &mut String) {
    out.push('"');
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            '\u{1b}' => out.push_str("\\e"),
            '\u{7}' => out.push_str("\\a"),
            '\u{8}' => out.push_str("\\b"),
            '\u{b}' => out.push_str("\\v"),
            '\u{c}' => out.push_str("\\f"),
            '\u{7f}' => out.push_str("\\x7F"),
            '#' if matches!(chars.peek(), Some('{' | '$' | '@')) => out.push_str("\\#"),
            c if c.is_control() => out.push_str(&format!("\\u{:04X}", c as u32)),
            c => out.push(c),
        }
    }
    out.push('"');
}

fn symbol(text: &str, out: &mut String) {
    out.push(':');
    let plain = text.trim_end_matches(['?', '!', '=']);
    let named = |c: char| c.is_alphanumeric() || c == '_' || !c.is_ascii();
    let name = text.len() - plain.len() <= 1
        && plain.chars().all(named)
        && !plain.is_empty()
        && !plain.starts_with(|c: char| c.is_ascii_digit());
    let operator = [
        "[]", "+", "-", "*", "/", "<", ">", "==", "<<", "%", "**", "!",
    ]
    .contains(&text);
    match name || operator {
        true => out.push_str(text),
        false => quoted(text, out),
    }
}
