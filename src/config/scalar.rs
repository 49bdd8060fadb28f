//! Plain scalars as Ruby's Psych reads them (psych/scalar_scanner.rb of Psych 4).

use std::sync::LazyLock;

use regex::Regex;
use serde_json::{Number, Value};

/// A plain scalar that Psych refuses to load safely.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refused(pub &'static str);

macro_rules! pattern {
    ($name:ident, $text:literal) => {
        static $name: LazyLock<Regex> =
            LazyLock::new(|| Regex::new($text).expect("a constant pattern"));
    };
}

pattern!(
    TIME,
    r"^-?\d{4}-\d{1,2}-\d{1,2}(?:[Tt]|\s+)\d{1,2}:\d\d:\d\d(?:\.\d*)?(?:\s*(?:Z|[-+]\d{1,2}:?(?:\d\d)?))?$"
);
pattern!(DATE, r"^\d{4}-(?:1[012]|0\d|\d)-(?:[12]\d|3[01]|0\d|\d)$");
pattern!(BASE_60, r"^[-+]?[0-9][0-9_]*(:[0-5]?[0-9]){1,2}$");
pattern!(
    BASE_60_FLOAT,
    r"^[-+]?[0-9][0-9_]*(:[0-5]?[0-9]){1,2}\.[0-9_]*$"
);
pattern!(FLOAT, r"^[-+]?([0-9][0-9_,]*)?\.[0-9]*([eE][-+][0-9]+)?$");
pattern!(
    INTEGER,
    r"^(?:[-+]?0b[0-1_,]+|[-+]?0[0-7_,]+|[-+]?(?:0|[1-9](?:[0-9]|,[0-9]|_[0-9])*)|[-+]?0x[0-9a-fA-F_,]+)$"
);

/// The value of a plain scalar: null, a boolean, a number or text. Symbols (`:info`) stay text
/// with their colon; dates and times are refused, as Test Kitchen's loader does.
pub fn resolve(text: &str) -> Result<Value, Refused> {
    if text.is_empty() {
        return Ok(Value::Null);
    }
    if is_wordy(text) {
        return Ok(word(text));
    }
    // Spares the patterns, which take time to make, where only plain numbers are written.
    if text.bytes().all(|byte| byte.is_ascii_digit()) && !text.starts_with('0') {
        return Ok(integer(text).unwrap_or_else(|| text.into()));
    }
    if TIME.is_match(text) {
        return Err(Refused("a time"));
    }
    if DATE.is_match(text) {
        return Err(Refused("a date"));
    }
    Ok(number(text).unwrap_or_else(|| text.into()))
}

/// Whether the first or second character cannot begin a number, a date or a symbol.
fn is_wordy(text: &str) -> bool {
    let letter =
        |c: char| c.is_alphabetic() || c.is_whitespace() || "_!@#$%^&*(){}<>|/\\~;=".contains(c);
    let mut chars = text.chars();
    let first = chars.next().unwrap_or_default();
    let skipped = !first.is_ascii_digit() && !".:-".contains(first);
    text.contains('\n') || letter(first) || (skipped && chars.next().is_some_and(letter))
}

fn word(text: &str) -> Value {
    if text.chars().count() > 5 {
        return text.into();
    }
    match text.to_ascii_lowercase().as_str() {
        "~" | "null" => Value::Null,
        "yes" | "true" | "on" => true.into(),
        "no" | "false" | "off" => false.into(),
        _ => text.into(),
    }
}

fn number(text: &str) -> Option<Value> {
    match text.to_ascii_lowercase().as_str() {
        // JSON has no such numbers: they keep YAML's spelling.
        ".inf" | "+.inf" | "-.inf" | ".nan" => return Some(text.into()),
        _ if text.starts_with(':') => return Some(symbol(text).into()),
        _ => {}
    }
    if BASE_60.is_match(text) || BASE_60_FLOAT.is_match(text) {
        return base_60(text);
    }
    if FLOAT.is_match(text) {
        if matches!(text.trim_start_matches(['-', '+']), ".") {
            return None;
        }
        let digits = text.replace([',', '_'], "");
        return Number::from_f64(digits.parse().ok()?).map(Value::Number);
    }
    if INTEGER.is_match(text) {
        return integer(&text.replace([',', '_'], ""));
    }
    None
}

/// A symbol without the quotes that it may have.
fn symbol(text: &str) -> String {
    let quoted = text[1..].strip_prefix(['"', '\'']);
    let inner = quoted.and_then(|rest| rest.rsplit_once(['"', '\'']));
    match inner {
        Some((name, _)) => format!(":{}", name.strip_prefix(':').unwrap_or(name)),
        None => text.to_owned(),
    }
}

fn integer(text: &str) -> Option<Value> {
    let (sign, digits) = match text.as_bytes().first()? {
        b'-' => ("-", &text[1..]),
        b'+' => ("", &text[1..]),
        _ => ("", text),
    };
    let (digits, radix) = match digits.get(..2) {
        Some("0x") => (&digits[2..], 16),
        Some("0b") => (&digits[2..], 2),
        Some(_) if digits.starts_with('0') => (&digits[1..], 8),
        _ => (digits, 10),
    };
    let signed = format!("{sign}{digits}");
    if let Ok(value) = i64::from_str_radix(&signed, radix) {
        return Some(value.into());
    }
    match u64::from_str_radix(&signed, radix) {
        Ok(value) => Some(value.into()),
        // Wider than any setting needs: text keeps all digits.
        Err(_) => Some(text.into()),
    }
}

/// `1:30:00` and `1:30`: Psych counts the first part as 60², the second as 60, the third as 1.
fn base_60(text: &str) -> Option<Value> {
    let parts = text.split(':').map(|part| part.replace('_', ""));
    if text.contains('.') {
        let mut sum = 0.0;
        for (part, weight) in parts.zip([3600.0, 60.0, 1.0]) {
            sum += part.trim_end_matches('.').parse::<f64>().ok()? * weight;
        }
        return Number::from_f64(sum).map(Value::Number);
    }
    let mut sum: i64 = 0;
    for (part, weight) in parts.zip([3600, 60, 1]) {
        let part: i64 = part.trim_start_matches('+').parse().ok()?;
        sum = sum.checked_add(part.checked_mul(weight)?)?;
    }
    Some(sum.into())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn reads(text: &str) -> Value {
        resolve(text).unwrap()
    }

    #[test]
    fn words_of_yaml_1_1_are_booleans_and_null() {
        for yes in ["yes", "Yes", "on", "TRUE", "true"] {
            assert_eq!(reads(yes), json!(true), "{yes}");
        }
        for no in ["no", "NO", "off", "False"] {
            assert_eq!(reads(no), json!(false), "{no}");
        }
        for null in ["~", "null", "NULL", ""] {
            assert_eq!(reads(null), json!(null), "{null}");
        }
        for text in ["y", "n", "yesno", "nil", "none", "~x"] {
            assert_eq!(reads(text), json!(text), "{text}");
        }
    }

    #[test]
    fn numbers_are_read_as_ruby_does() {
        for (text, value) in [
            ("0777", json!(511)),
            ("010", json!(8)),
            ("08", json!("08")),
            ("0o17", json!("0o17")),
            ("1_000", json!(1000)),
            ("1,000", json!(1000)),
            ("0x1F", json!(31)),
            ("0b101", json!(5)),
            ("-12", json!(-12)),
            ("+12", json!(12)),
            ("-010", json!(-8)),
            ("1.5", json!(1.5)),
            ("1.", json!(1.0)),
            (".5", json!(0.5)),
            ("1.e+3", json!(1000.0)),
            ("1e3", json!("1e3")),
            ("7.0", json!(7.0)),
            ("1.2.3", json!("1.2.3")),
            ("12:30:45", json!(45045)),
            ("22:22", json!(80520)),
            ("2222:22", json!(8000520)),
            ("8080:80", json!("8080:80")),
            ("-", json!("-")),
            (".", json!(".")),
            ("18446744073709551615", json!(u64::MAX)),
            ("99999999999999999999", json!("99999999999999999999")),
        ] {
            assert_eq!(reads(text), value, "{text}");
        }
    }

    #[test]
    fn symbols_and_infinities_stay_text() {
        for text in [":info", ":enabled", ".inf", "-.INF", ".nan"] {
            assert_eq!(reads(text), json!(text));
        }
        assert_eq!(reads(":'a b'"), json!(":a b"));
    }

    #[test]
    fn dates_and_times_are_refused() {
        assert_eq!(resolve("2020-01-31"), Err(Refused("a date")));
        assert_eq!(resolve("2020-1-1"), Err(Refused("a date")));
        assert_eq!(resolve("2020-01-31 10:00:00"), Err(Refused("a time")));
        assert_eq!(resolve("2020-02-31"), Err(Refused("a date")));
        assert_eq!(reads("2020-13-31"), json!("2020-13-31"));
        assert_eq!(reads("20200101"), json!(20200101));
    }
}
