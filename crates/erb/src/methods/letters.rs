//! What methods of several classes do with texts.

/// White space, as Ruby strips it.
pub fn blank(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\n' | '\r' | '\u{b}' | '\u{c}' | '\0')
}

/// Without white space at its start.
pub fn trim_start(this: &str) -> &str {
    this.trim_start_matches(|c| blank(c) && c != '\0')
}

/// Without white space at its end.
pub fn trim_end(this: &str) -> &str {
    this.trim_end_matches(blank)
}

/// Without the line end.
pub fn chomped(this: &str) -> &str {
    let cut = this
        .strip_suffix('\n')
        .map(|rest| rest.strip_suffix('\r').unwrap_or(rest));
    cut.or_else(|| this.strip_suffix('\r')).unwrap_or(this)
}

/// The first letter large, all others small.
pub fn capitalized(this: &str) -> String {
    let mut chars = this.chars();
    let first: String = chars
        .next()
        .into_iter()
        .flat_map(char::to_uppercase)
        .collect();
    first + &chars.as_str().to_lowercase()
}

/// The next string: `a9` is followed by `b0`, `z` by `aa`.
pub fn succ(this: &str) -> String {
    let mut chars: Vec<char> = this.chars().collect();
    let Some(last) = chars.iter().rposition(char::is_ascii_alphanumeric) else {
        if let Some(last) = chars.last_mut() {
            *last = char::from_u32(u32::from(*last) + 1).unwrap_or(*last);
        }
        return chars.into_iter().collect();
    };
    let mut at = last;
    loop {
        let (new, carry) = match chars[at] {
            'z' => ('a', Some('a')),
            'Z' => ('A', Some('A')),
            '9' => ('0', Some('1')),
            c => (char::from(c as u8 + 1), None),
        };
        chars[at] = new;
        let Some(carry) = carry else { break };
        match chars[..at].iter().rposition(char::is_ascii_alphanumeric) {
            Some(before) if before + 1 == at => at = before,
            _ => {
                chars.insert(at, carry);
                break;
            }
        }
    }
    chars.into_iter().collect()
}
