//! The texts of libraries, which are written for programmers, in words for people.

use std::borrow::Cow;
use std::time::Duration;

/// The first line of a shell's `command` that is neither blank nor a comment, trimmed; none where the
/// command does nothing.
pub fn first_command(command: &str) -> Option<&str> {
    let mut lines = command.lines().map(str::trim);
    lines.find(|line| !line.is_empty() && !line.starts_with('#'))
}

/// `text` without the numbers that operating systems have for errors: `(os error 2)`.
pub fn without_numbers(text: &str) -> Cow<'_, str> {
    const BEGIN: &str = " (os error ";
    if !text.contains(BEGIN) {
        return Cow::Borrowed(text);
    }
    let mut kept = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once(BEGIN) {
        let digits = after
            .find(|c: char| !c.is_ascii_digit())
            .unwrap_or(after.len());
        kept.push_str(before);
        rest = match after[digits..].strip_prefix(')') {
            Some(behind) => behind,
            None => {
                kept.push_str(BEGIN);
                after
            }
        };
    }
    kept.push_str(rest);
    Cow::Owned(kept)
}

/// A length of time for people, without the digits that nobody reads: `0.34ms`, `340ms`, `1.25s`,
/// `34s`, `1m30s`, `2h5m`. Kitchen files take it as it is written here.
pub fn time(length: Duration) -> String {
    let millis = length.as_secs_f64() * 1000.0;
    if millis < 0.005 {
        return "0s".into();
    }
    // What would be rounded up to the next unit is told in that.
    if millis < 999.5 {
        return format!("{}ms", digits(millis));
    }
    let seconds = millis / 1000.0;
    if seconds < 59.95 {
        return format!("{}s", digits(seconds));
    }
    let whole = seconds.round();
    let (hours, minutes, seconds) = (
        (whole / 3600.0).floor(),
        (whole % 3600.0 / 60.0).floor(),
        whole % 60.0,
    );
    match (hours > 0.0, seconds > 0.0) {
        (true, _) if minutes == 0.0 => format!("{hours}h"),
        (true, _) => format!("{hours}h{minutes}m"),
        (false, true) => format!("{minutes}m{seconds}s"),
        (false, false) => format!("{minutes}m"),
    }
}

/// Three digits, at most two of them behind the point, none that is an idle zero.
fn digits(number: f64) -> String {
    let behind = match number {
        ..9.995 => 2,
        ..99.95 => 1,
        _ => 0,
    };
    let text = format!("{number:.behind$}");
    match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text,
    }
}

/// What serde says of a value (`invalid type: sequence, expected a string`), in the words of
/// kitchen files: `expected a text, found a list`.
pub fn of_value(error: &str) -> String {
    let error = error.split(" at line ").next().unwrap_or(error);
    for kind in ["invalid type: ", "invalid value: "] {
        if let Some((found, expected)) = error
            .strip_prefix(kind)
            .and_then(|rest| rest.rsplit_once(", expected "))
        {
            return format!("expected {}, found {}", form(expected), value(found));
        }
    }
    if let Some((name, known)) = error
        .strip_prefix("unknown variant ")
        .and_then(|rest| rest.split_once(", expected "))
    {
        return format!("{name} is not known here; write {}", one_of(known));
    }
    if let Some((name, known)) = error
        .strip_prefix("unknown field ")
        .and_then(|rest| rest.split_once(", expected "))
    {
        return format!(
            "the key {name} is not known here; known are {}",
            listed(known)
        );
    }
    if let Some(name) = error.strip_prefix("missing field ") {
        return format!("the key {name} is missing");
    }
    if let Some(name) = error.strip_prefix("duplicate field ") {
        return format!("the key {name} is written twice");
    }
    if error.starts_with("data did not match any variant") {
        return "the value has a form that is not known here".into();
    }
    error.to_owned()
}

fn listed(known: &str) -> String {
    let known = known.strip_prefix("one of ").unwrap_or(known);
    known.replace(" or ", ", ")
}

fn one_of(known: &str) -> String {
    let words: Vec<String> = listed(known).split(", ").map(str::to_owned).collect();
    match words.as_slice() {
        [first @ .., last] if !first.is_empty() => format!("{} or {last}", first.join(", ")),
        _ => words.concat(),
    }
}

/// What was found: `sequence`, `integer `5``, `string "x"`.
fn value(found: &str) -> String {
    let (kind, what) = found.split_once(' ').unwrap_or((found, ""));
    match kind {
        "sequence" => "a list".into(),
        "map" => "a map".into(),
        "null" | "unit" | "Option" => "nothing".into(),
        "string" => format!("the text {what}"),
        "integer" => format!("the number {what}"),
        "floating" => format!("the number {}", what.trim_start_matches("point ")),
        "boolean" => what.to_owned(),
        _ => found.to_owned(),
    }
}

/// What was expected, by serde's words for it.
fn form(expected: &str) -> &str {
    match expected {
        "a string" | "string" | "str" => "a text",
        "path string" => "a path",
        "a sequence" | "sequence" => "a list",
        "a boolean" | "bool" => "true or false",
        "unit" | "null" => "nothing",
        "u8" | "u16" | "u32" | "u64" | "usize" => "a whole number that is not negative",
        "i8" | "i16" | "i32" | "i64" | "isize" => "a whole number",
        "f32" | "f64" | "floating point" => "a number",
        of if of.starts_with("struct ") || of.starts_with("a map") => "a map",
        of if of.starts_with("tuple ") => "a list",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;
    use serde_json::{Value, json};

    use super::*;

    #[derive(Debug, Deserialize)]
    #[allow(dead_code, reason = "only errors are read")]
    #[serde(rename_all = "snake_case")]
    enum Word {
        One,
        Two,
        Three,
    }

    #[derive(Debug, Deserialize)]
    #[allow(dead_code, reason = "only errors are read")]
    #[serde(deny_unknown_fields)]
    struct Inner {
        port: u16,
        word: Option<Word>,
        names: Option<Vec<String>>,
    }

    #[derive(Debug, Deserialize)]
    #[allow(dead_code, reason = "only errors are read")]
    #[serde(untagged)]
    enum Either {
        Text(String),
        Map(Inner),
    }

    fn told<T: serde::de::DeserializeOwned + std::fmt::Debug>(value: Value) -> String {
        of_value(
            &serde_json::from_value::<T>(value)
                .expect_err("an error")
                .to_string(),
        )
    }

    #[test]
    fn values_that_do_not_fit_are_told_in_words_of_kitchen_files() {
        for (value, text) in [
            (
                json!({"port": "x"}),
                "expected a whole number that is not negative, found the text \"x\"",
            ),
            (
                json!({"port": -1}),
                "expected a whole number that is not negative, found the number `-1`",
            ),
            (
                json!({"port": 1, "names": {}}),
                "expected a list, found a map",
            ),
            (
                json!({"port": 1, "names": [true]}),
                "expected a text, found `true`",
            ),
            (
                json!({"port": null}),
                "expected a whole number that is not negative, found nothing",
            ),
            (
                json!({"port": 1, "word": "four"}),
                "`four` is not known here; write `one`, `two` or `three`",
            ),
            (
                json!({"prot": 1}),
                "the key `prot` is not known here; known are `port`, `word`, `names`",
            ),
            (json!({}), "the key `port` is missing"),
            (json!("x"), "expected a map, found the text \"x\""),
        ] {
            assert_eq!(told::<Inner>(value), text);
        }
        assert_eq!(
            told::<Either>(json!(5)),
            "the value has a form that is not known here"
        );
    }

    #[test]
    fn times_have_the_digits_that_people_read() {
        for (micros, text) in [
            (0, "0s"),
            (339, "0.34ms"),
            (3_000, "3ms"),
            (34_120, "34.1ms"),
            (999_400, "999ms"),
            (999_700, "1s"),
            (1_250_000, "1.25s"),
            (60_001_000, "1m"),
            (59_960_000, "1m"),
            (90_000_000, "1m30s"),
            (3_600_000_000, "1h"),
            (7_530_000_000, "2h5m"),
        ] {
            assert_eq!(time(Duration::from_micros(micros)), text);
        }
    }

    #[test]
    fn numbers_of_the_operating_system_are_left_out() {
        let error = std::fs::read("/nonesuch")
            .expect_err("an error")
            .to_string();
        assert_eq!(without_numbers(&error), "No such file or directory");
        for (text, kept) in [
            ("a: x (os error 2): b (os error 13)", "a: x: b"),
            ("(os error 2)", "(os error 2)"),
            ("x (os error two)", "x (os error two)"),
            ("x (os error 2", "x (os error 2"),
        ] {
            assert_eq!(without_numbers(text), kept);
        }
    }
}
