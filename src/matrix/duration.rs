//! Lengths of time as people write them.

use std::time::Duration;

use serde_json::Value as Json;

use crate::config::{Node, Value};

/// The length of time that a value is: text such as `1m30s`, or seconds.
pub fn of(node: &Node) -> Option<Duration> {
    match &node.value {
        Value::Scalar(Json::String(text)) => parse(text),
        Value::Scalar(Json::Number(number)) => parse(&number.to_string()),
        _ => None,
    }
}

/// `500ms`, `30`, `30s`, `2m`, `1h30m`, `2d`, `1.5s`: numbers with units, the largest first; a number
/// without a unit counts seconds. None where the text is something else.
pub fn parse(text: &str) -> Option<Duration> {
    let mut rest = text.trim();
    if let Ok(seconds) = rest.parse::<f64>() {
        return Duration::try_from_secs_f64(seconds).ok();
    }
    let mut total = Duration::ZERO;
    let mut last = f64::INFINITY;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, tail) = rest.split_at(digits);
        let letters = tail.find(|c: char| !c.is_ascii_alphabetic());
        let (unit, tail) = tail.split_at(letters.unwrap_or(tail.len()));
        let unit = match unit {
            "ms" => 0.001,
            "s" => 1.0,
            "m" => 60.0,
            "h" => 3600.0,
            "d" => 86400.0,
            _ => return None,
        };
        if unit >= last {
            return None;
        }
        last = unit;
        let seconds = number.parse::<f64>().ok()? * unit;
        total = total.checked_add(Duration::try_from_secs_f64(seconds).ok()?)?;
        rest = tail.trim_start();
    }
    (!text.trim().is_empty()).then_some(total)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_with_units_add_up() {
        for (text, millis) in [
            ("500ms", 500),
            ("30", 30_000),
            ("30s", 30_000),
            ("2m", 120_000),
            ("1h30m", 5_400_000),
            ("2d", 172_800_000),
            ("1.5s", 1_500),
            ("0.25", 250),
            ("1m 5s", 65_000),
            ("0", 0),
        ] {
            assert_eq!(parse(text), Some(Duration::from_millis(millis)), "{text}");
        }
    }

    #[test]
    fn all_else_is_refused() {
        for text in [
            "", "m", "2x", "-1s", "-1", "1s1m", "1s1s", "soon", "inf", "1e400", "5 m x",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
