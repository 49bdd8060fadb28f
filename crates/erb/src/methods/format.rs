//! `format` and `%`.

use super::super::machine::Machine;
use super::super::stop::{Eval, beyond, raise};
use super::super::value::{Value, float};
use super::arguments::count;
use super::convert::{to_float, to_integer};

/// Flags, width and precision of one directive.
#[derive(Default)]
struct Directive {
    minus: bool,
    plus: bool,
    space: bool,
    zero: bool,
    alternate: bool,
    width: usize,
    precision: Option<usize>,
    key: Option<String>,
}

/// The text of `template` with `args` put in.
pub fn format(machine: &mut Machine, template: &str, args: &[Value]) -> Eval<String> {
    let mut out = String::new();
    let mut chars = template.chars();
    let mut used = 0;
    while let Some(c) = chars.next() {
        if c != '%' {
            out.push(c);
            continue;
        }
        let mut directive = Directive::default();
        let Some(kind) = directive.read(&mut chars, args, &mut used)? else {
            return raise(
                "ArgumentError",
                "incomplete format specifier; use %% (double %) instead",
            );
        };
        if kind == '%' {
            out.push('%');
            continue;
        }
        let value = match &directive.key {
            Some(key) => machine.call(
                args.first().unwrap_or(&Value::Nil),
                "fetch",
                &[Value::symbol(key)],
                None,
            )?,
            None => {
                used += 1;
                match args.get(used - 1) {
                    Some(value) => value.clone(),
                    None => return raise("ArgumentError", "too few arguments"),
                }
            }
        };
        machine.charge(
            directive
                .width
                .saturating_add(directive.precision.unwrap_or(0)),
        )?;
        out.push_str(&directive.apply(kind, &value)?);
        machine.charge(out.len().min(4096))?;
    }
    Ok(out)
}

impl Directive {
    /// Reads flags up to the letter; `}` stands for a value by name as it is.
    fn read(
        &mut self,
        chars: &mut std::str::Chars,
        args: &[Value],
        used: &mut usize,
    ) -> Eval<Option<char>> {
        while let Some(c) = chars.next() {
            match c {
                '-' => self.minus = true,
                '+' => self.plus = true,
                ' ' => self.space = true,
                '0' => self.zero = true,
                '#' => self.alternate = true,
                '1'..='9' => self.width = number(chars, Some(c)),
                '.' => self.precision = Some(number(chars, None)),
                '*' => {
                    self.width = count(args.get(*used).unwrap_or(&Value::Nil))?;
                    *used += 1;
                }
                '<' | '{' => {
                    let close = if c == '<' { '>' } else { '}' };
                    let rest = chars.as_str();
                    let Some(end) = rest.find(close) else {
                        return Ok(None);
                    };
                    self.key = Some(rest[..end].to_owned());
                    *chars = rest[end + 1..].chars();
                    if c == '{' {
                        return Ok(Some('}'));
                    }
                }
                kind => return Ok(Some(kind)),
            }
        }
        Ok(None)
    }

    fn apply(&self, kind: char, value: &Value) -> Eval<String> {
        let text = match kind {
            '}' => value.to_text(),
            's' => self.cut(value.to_text()),
            'p' => self.cut(value.inspect()),
            'c' => match value {
                Value::Int(code) => u32::try_from(*code)
                    .ok()
                    .and_then(char::from_u32)
                    .map(String::from)
                    .unwrap_or_default(),
                other => other.to_text().chars().take(1).collect(),
            },
            'd' | 'i' | 'u' => return self.integer(value, 10, "", false),
            'x' | 'X' => return self.integer(value, 16, "0x", kind == 'X'),
            'o' => return self.integer(value, 8, "0", false),
            'b' | 'B' => return self.integer(value, 2, "0b", false),
            'f' => {
                let number = to_float(value)?;
                let digits = format!("{:.*}", self.precision.unwrap_or(6), number.abs());
                return Ok(self.signed(number < 0.0, "", &digits));
            }
            'e' | 'E' | 'g' | 'G' | 'a' | 'A' => return beyond(format!("`%{kind}` in a format")),
            other => {
                return raise(
                    "ArgumentError",
                    format!("malformed format string - %{other}"),
                );
            }
        };
        Ok(self.padded(&text))
    }

    fn cut(&self, text: String) -> String {
        match self.precision {
            Some(most) => text.chars().take(most).collect(),
            None => text,
        }
    }

    fn integer(&self, value: &Value, radix: u32, prefix: &str, upper: bool) -> Eval<String> {
        let number = match value {
            Value::Float(number) if number.is_finite() => number.floor() as i64,
            Value::Float(number) => return raise("FloatDomainError", float(*number)),
            other => to_integer(other)?,
        };
        if number < 0 && radix != 10 && !self.plus && !self.space {
            return beyond("a negative number in such a format");
        }
        let size = number.unsigned_abs();
        let mut digits = match radix {
            16 if upper => format!("{size:X}"),
            16 => format!("{size:x}"),
            8 => format!("{size:o}"),
            2 => format!("{size:b}"),
            _ => size.to_string(),
        };
        if let Some(least) = self.precision {
            digits = format!("{digits:0>least$}");
        }
        Ok(self.signed(
            number < 0,
            if self.alternate { prefix } else { "" },
            &digits,
        ))
    }

    /// Digits behind their sign, filled up with zeros where asked for.
    fn signed(&self, negative: bool, prefix: &str, digits: &str) -> String {
        let sign = match (negative, self.plus, self.space) {
            (true, ..) => "-",
            (_, true, _) => "+",
            (.., true) => " ",
            _ => "",
        };
        let used = sign.len() + prefix.len();
        let width = if self.zero && !self.minus {
            self.width.saturating_sub(used)
        } else {
            0
        };
        self.padded(&format!("{sign}{prefix}{digits:0>width$}"))
    }

    fn padded(&self, text: &str) -> String {
        let fill = " ".repeat(self.width.saturating_sub(text.chars().count()));
        if self.minus {
            format!("{text}{fill}")
        } else {
            format!("{fill}{text}")
        }
    }
}

/// Reads digits; a size that no text can have is as good as any larger one.
fn number(chars: &mut std::str::Chars, first: Option<char>) -> usize {
    let rest = chars.as_str();
    let len = rest.bytes().take_while(u8::is_ascii_digit).count();
    let digits: String = first.into_iter().chain(rest[..len].chars()).collect();
    *chars = rest[len..].chars();
    let most = super::super::stop::MAX_TEXT + 1;
    if digits.is_empty() {
        0
    } else {
        digits.parse().unwrap_or(most).min(most)
    }
}
