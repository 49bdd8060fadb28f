//! Text that cannot become markup.

use std::borrow::Cow;

/// Markup is escaped, characters that XML 1.0 does not have are left out.
pub fn escaped(text: &str) -> Cow<'_, str> {
    let odd = |c: char| matches!(c, '<' | '>' | '&' | '"' | '\'') || !allowed(c);
    if !text.contains(odd) {
        return Cow::Borrowed(text);
    }
    let mut escaped = String::with_capacity(text.len() + 16);
    for character in text.chars() {
        match character {
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '&' => escaped.push_str("&amp;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other if allowed(other) => escaped.push(other),
            _ => {}
        }
    }
    Cow::Owned(escaped)
}

fn allowed(character: char) -> bool {
    matches!(character, '\t' | '\n' | '\r' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_becomes_markup() {
        for (text, safe) in [
            ("</a><script>", "&lt;/a&gt;&lt;script&gt;"),
            ("\"><c d='&'\n", "&quot;&gt;&lt;c d=&#39;&amp;&#39;\n"),
            ("\u{0}\u{1b}[31m\u{fffe}]]>", "[31m]]&gt;"),
        ] {
            assert_eq!(escaped(text), safe);
        }
        assert!(matches!(escaped("plain ü"), Cow::Borrowed(_)));
    }
}
