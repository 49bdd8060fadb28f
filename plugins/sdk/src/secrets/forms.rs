//! The forms in which a value may be printed: encoded, escaped, quoted.

use std::collections::BTreeSet;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};

/// Shorter pieces of base64 are words of other texts.
const SHORTEST_BASE64: usize = 6;
/// Where tools break lines of base64 (coreutils, MIME, PEM), in characters.
const BROKEN_BASE64: [usize; 2] = [76, 64];

/// All forms of `value`, itself the first of them in meaning, not in order.
pub(super) fn forms(value: &str) -> BTreeSet<String> {
    let mut forms = BTreeSet::from([value.to_owned()]);
    forms.extend(shell(value));
    for plain in [value.to_owned()].into_iter().chain(shell(value)) {
        let escaped = json(&plain);
        forms.extend(escaped.iter().flat_map(|once| json(once)));
        forms.extend(escaped);
    }
    forms.extend(percent(value));
    forms.extend(html(value));
    for url_safe in [false, true] {
        forms.extend(base64(value.as_bytes(), url_safe));
    }
    forms
}

/// Base64 of the value wherever it stands in a longer text: what of the encoded text depends on
/// the value alone, for each of the three ways in which it may lie in groups of three bytes.
fn base64(value: &[u8], url_safe: bool) -> Vec<String> {
    let encoded = |bytes: &[u8]| match url_safe {
        true => URL_SAFE_NO_PAD.encode(bytes),
        false => STANDARD_NO_PAD.encode(bytes),
    };
    let mut found = Vec::new();
    for shift in 0..3 {
        let text = encoded(&[&vec![0; shift], value].concat());
        // Characters that bits before or behind the value have a part in.
        let (first, last) = ([0, 2, 3][shift], (shift + value.len()) * 8 / 6);
        found.push(text[first.min(last)..last].to_owned());
    }
    let whole = encoded(value);
    for width in BROKEN_BASE64 {
        let lines = whole
            .as_bytes()
            .chunks(width)
            .skip(usize::from(whole.len() <= width));
        found.extend(lines.map(|line| String::from_utf8_lossy(line).into_owned()));
    }
    found.retain(|text| text.len() >= SHORTEST_BASE64);
    if found.is_empty() {
        // Of a short value only by itself, with its padding where there is one.
        let padding = "=".repeat((4 - whole.len() % 4) % 4);
        found.push(format!("{whole}{padding}"));
    } else if whole.len() == SHORTEST_BASE64 {
        found.push(whole);
    }
    found
}

/// Percent-encoded, as browsers, forms and paths have it.
fn percent(value: &str) -> Vec<String> {
    const COMPONENT: &str = "-_.~";
    const FORM: &str = "*-._";
    const SCRIPT: &str = "-_.!~*'()";
    const PATH: &str = "-_.!~*'();/?:@&=+$,#";
    const SAFE_SLASH: &str = "-_.~/";
    let mut found = Vec::new();
    for (open, space) in [
        (COMPONENT, "%20"),
        (FORM, "+"),
        (SCRIPT, "%20"),
        (PATH, "%20"),
        (SAFE_SLASH, "%20"),
    ] {
        let mut upper = String::new();
        for byte in value.bytes() {
            match byte {
                b' ' => upper.push_str(space),
                byte if byte.is_ascii_alphanumeric() || open.as_bytes().contains(&byte) => {
                    upper.push(char::from(byte));
                }
                byte => upper.push_str(&format!("%{byte:02X}")),
            }
        }
        found.push(lower_escapes(&upper));
        found.push(upper);
    }
    found
}

/// `%2F` as `%2f`.
fn lower_escapes(text: &str) -> String {
    let mut left = 0;
    text.chars()
        .map(|character| {
            if character == '%' {
                left = 2;
            } else if left > 0 {
                left -= 1;
                return character.to_ascii_lowercase();
            }
            character
        })
        .collect()
}

/// Inside the quotes of JSON: as most write it, with `/` escaped (PHP), with `<`, `>` and `&`
/// escaped (Go), in ASCII alone (Python).
fn json(value: &str) -> Vec<String> {
    let quoted = serde_json::to_string(value).unwrap_or_default();
    let plain = quoted[1..quoted.len().max(2) - 1].to_owned();
    let slashes = plain.replace('/', "\\/");
    let mut angles = plain.clone();
    for (character, escaped) in [('<', "\\u003c"), ('>', "\\u003e"), ('&', "\\u0026")] {
        angles = angles.replace(character, escaped);
    }
    let ascii = |text: &str| {
        let mut found = String::new();
        for character in text.chars() {
            match character.is_ascii() {
                true => found.push(character),
                false => {
                    for unit in character.encode_utf16(&mut [0; 2]) {
                        found.push_str(&format!("\\u{unit:04x}"));
                    }
                }
            }
        }
        found
    };
    vec![ascii(&plain), ascii(&angles), plain, slashes, angles]
}

/// With entities for what HTML and XML do not take: writers differ in the quotes.
fn html(value: &str) -> Vec<String> {
    let plain = value
        .replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;");
    let quotes = [
        ("\"", "'"),
        ("&quot;", "'"),
        ("&quot;", "&#39;"),
        ("&quot;", "&#x27;"),
        ("&quot;", "&#039;"),
        ("&quot;", "&apos;"),
        ("&#34;", "&#39;"),
        ("&#x22;", "&#x27;"),
    ];
    let quoted = quotes.map(|(double, single)| plain.replace('"', double).replace('\'', single));
    quoted.into()
}

/// As shells, their `set -x` and tools that quote for them write it, without the outer quotes; also
/// with doubled quotes, as PowerShell, SQL and YAML do.
fn shell(value: &str) -> Vec<String> {
    let escaped = |special: &dyn Fn(char) -> bool, mark: char| {
        let mut text = String::new();
        for character in value.chars() {
            if special(character) {
                text.push(mark);
            }
            text.push(character);
        }
        text
    };
    let bare = |open: &'static str| {
        move |it: char| it.is_ascii() && !it.is_ascii_alphanumeric() && !open.contains(it)
    };
    vec![
        value.replace('\'', "'\\''"),
        value.replace('\'', "'\"'\"'"),
        value.replace('\'', "''"),
        value.replace('"', "\"\""),
        escaped(&|it| "\\'".contains(it), '\\'),
        escaped(&|it| "$`\"\\".contains(it), '\\'),
        escaped(&|it| "$`\"\\!".contains(it), '\\'),
        escaped(&|it| "$`\"".contains(it), '`'),
        // Ruby's Shellwords, bash's `%q`, and those who take no chance.
        escaped(&bare("_-.,:+/@"), '\\'),
        escaped(&bare("_-./:=@%+#~"), '\\'),
        escaped(&bare("_"), '\\'),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plain_value_has_itself_and_base64() {
        let found = forms("hunter2extra");
        assert!(found.contains("hunter2extra"));
        for text in ["hunter2extra", "user:hunter2extra", "ab hunter2extra yz"] {
            let encoded = STANDARD_NO_PAD.encode(text);
            assert!(found.iter().any(|form| encoded.contains(form)), "{text}");
        }
        assert!(found.len() < 10, "{found:?}");
    }

    #[test]
    fn forms_of_a_value_with_everything_in_it() {
        let found = forms("a'b\"c$d <é>&/\\");
        for form in [
            "a'\\''b\"c$d <é>&/\\",
            "a'\"'\"'b\"c$d <é>&/\\",
            "a'b\\\"c$d <é>&/\\\\",
            "a'b\\\"c$d \\u003c\\u00e9\\u003e\\u0026/\\\\",
            "a&#39;b&quot;c$d &lt;é&gt;&amp;/\\",
            "a%27b%22c%24d%20%3C%C3%A9%3E%26%2F%5C",
            "a%27b%22c%24d+%3c%c3%a9%3e%26%2f%5c",
            "a\\'b\\\"c\\$d\\ \\<é\\>\\&/\\\\",
        ] {
            assert!(found.contains(form), "{form}");
        }
    }

    #[test]
    fn short_values_have_no_short_base64() {
        assert!(
            forms("test")
                .iter()
                .all(|form| form == "test" || form.len() >= 6)
        );
    }
}
