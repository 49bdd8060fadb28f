//! Values as Ruby writes them. Nothing in a text is code: no interpolation, no way out of quotes.

use serde_json::{Map, Value};

/// A value as a Ruby expression. A text like `:nfs` is a symbol, as in YAML that Ruby reads.
pub fn literal(value: &Value) -> String {
    match value {
        Value::Null => "nil".into(),
        Value::Bool(value) => value.to_string(),
        Value::Number(value) => value.to_string(),
        Value::String(value) => match value.strip_prefix(':') {
            Some(symbol) if is_word(symbol) => value.clone(),
            _ => text(value),
        },
        Value::Array(values) => {
            let values: Vec<String> = values.iter().map(literal).collect();
            format!("[{}]", values.join(", "))
        }
        Value::Object(map) => format!("{{{}}}", options(map)),
    }
}

/// The pairs of a map as arguments with names.
pub fn options(map: &Map<String, Value>) -> String {
    let pair = |(key, value): (&String, &Value)| {
        let key = key.strip_prefix(':').unwrap_or(key);
        let key = if is_word(key) {
            key.to_owned()
        } else {
            text(key)
        };
        format!("{key}: {}", literal(value))
    };
    let pairs: Vec<String> = map.iter().map(pair).collect();
    pairs.join(", ")
}

/// A text in quotes.
pub fn text(text: &str) -> String {
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' | '#' => quoted.extend(['\\', c]),
            '\n' => quoted.push_str("\\n"),
            c if c.is_control() => quoted.push_str(&format!("\\u{{{:x}}}", u32::from(c))),
            c => quoted.push(c),
        }
    }
    quoted + "\""
}

/// Whether it can be the name of a method or a symbol without quotes.
pub fn is_word(text: &str) -> bool {
    let mut chars = text.chars();
    chars
        .next()
        .is_some_and(|c| c.is_ascii_alphabetic() || c == '_')
        && chars.all(|c| c.is_ascii_alphanumeric() || c == '_')
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values() {
        for (value, ruby) in [
            (json!(null), "nil"),
            (json!(5), "5"),
            (json!(true), "true"),
            (json!(":nfs"), ":nfs"),
            (json!(":two words"), "\":two words\""),
            (json!(["a", 1]), "[\"a\", 1]"),
            (
                json!({"ip": "10.0.0.2", ":type": "dhcp", "a-b": {"c": 1}}),
                "{ip: \"10.0.0.2\", type: \"dhcp\", \"a-b\": {c: 1}}",
            ),
        ] {
            assert_eq!(literal(&value), ruby);
        }
    }

    #[test]
    fn a_text_is_never_code() {
        assert_eq!(
            text("a\"; `id` #{x} \\ \n\u{1}"),
            r##""a\"; `id` \#{x} \\ \n\u{1}""##
        );
    }
}
