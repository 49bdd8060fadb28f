//! What of a line a terminal shows, and what it obeys.

/// A part of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Piece<'a> {
    /// A character that is shown.
    Shown(char),
    /// An escape sequence, from its escape character to its end or to the end of the line.
    Escape(&'a str),
    /// A control character other than the tab and the end of a line, or one that is not shown: it
    /// turns the direction of text or has no width.
    Hidden(char),
}

/// The parts of `line` in order, each with the byte at which it begins.
pub fn pieces(line: &str) -> impl Iterator<Item = (usize, Piece<'_>)> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let rest = &line[at..];
        let first = rest.chars().next()?;
        let begin = at;
        let piece = match first {
            '\u{1b}' => Piece::Escape(&rest[..sequence(rest)]),
            other if is_hidden(other) => Piece::Hidden(other),
            other => Piece::Shown(other),
        };
        at += match piece {
            Piece::Escape(text) => text.len(),
            Piece::Shown(it) | Piece::Hidden(it) => it.len_utf8(),
        };
        Some((begin, piece))
    })
}

/// Whether all of `line` is shown, as nearly every line is.
pub fn is_plain(line: &str) -> bool {
    // Without a branch a byte, so that many are looked at at once.
    let any = |bytes: &[u8]| {
        bytes
            .iter()
            .fold(false, |any, byte| any | is_suspicious(*byte))
    };
    let (chunks, rest) = line.as_bytes().as_chunks::<32>();
    let suspicious = chunks.iter().any(|chunk| any(chunk)) || any(rest);
    !suspicious || !line.chars().any(is_hidden)
}

/// What of `line` is shown.
pub fn shown(line: &str) -> String {
    let mut shown = String::with_capacity(line.len());
    let mut rest = line;
    // The parts between are copied whole.
    while let Some(at) = rest.bytes().position(is_suspicious) {
        shown.push_str(&rest[..at]);
        rest = &rest[at..];
        match pieces(rest).next() {
            Some((_, Piece::Shown(character))) => {
                shown.push(character);
                rest = &rest[character.len_utf8()..];
            }
            Some((_, Piece::Hidden(character))) => rest = &rest[character.len_utf8()..],
            Some((_, Piece::Escape(text))) => rest = &rest[text.len()..],
            None => {}
        }
    }
    shown.push_str(rest);
    shown
}

/// The bytes that begin a character of which [`is_hidden`] may be true.
fn is_suspicious(byte: u8) -> bool {
    (byte < 0x20 && byte != b'\t' && byte != b'\n') || matches!(byte, 0x7f | 0xc2 | 0xe2 | 0xef)
}

/// Whether a terminal shows nothing for the character.
pub fn is_hidden(character: char) -> bool {
    (character.is_control() && character != '\t' && character != '\n')
        || matches!(character,
            '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

/// Bytes of the escape sequence that `text` begins with: a CSI sequence, a string up to its end
/// (OSC, DCS, …), or a single character.
fn sequence(text: &str) -> usize {
    let mut rest = text.char_indices().skip(1);
    let Some((at, kind)) = rest.next() else {
        return text.len();
    };
    match kind {
        '[' => rest
            .find(|(_, it)| ('\u{40}'..='\u{7e}').contains(it))
            .map_or(text.len(), |(at, it)| at + it.len_utf8()),
        ']' | 'P' | 'X' | '^' | '_' => {
            let end = rest.find(|(_, it)| matches!(it, '\u{7}' | '\u{1b}'));
            match end {
                Some((at, '\u{1b}')) => rest.next().map_or(at + 1, |(at, it)| at + it.len_utf8()),
                Some((at, _)) => at + 1,
                None => text.len(),
            }
        }
        other => at + other.len_utf8(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_a_line() {
        let line = "a\u{1b}[31mb\u{1b}]0;title\u{7}c\u{8}\u{1b}Xd\u{1b}\\e\u{1b}[3";
        let found: Vec<_> = pieces(line).map(|(_, piece)| piece).collect();
        let expected = [
            Piece::Shown('a'),
            Piece::Escape("\u{1b}[31m"),
            Piece::Shown('b'),
            Piece::Escape("\u{1b}]0;title\u{7}"),
            Piece::Shown('c'),
            Piece::Hidden('\u{8}'),
            Piece::Escape("\u{1b}Xd\u{1b}\\"),
            Piece::Shown('e'),
            Piece::Escape("\u{1b}[3"),
        ];
        assert_eq!(found, expected);
        assert!(!is_plain(line));
        assert!(is_plain("a\tb\nü 東 ‰ ©"));
        assert_eq!(shown(line), "abce");
        assert_eq!(shown("a\tb\nü\u{200b} 東\u{7f} ‰ ©"), "a\tb\nü 東 ‰ ©");
    }

    #[test]
    fn the_parts_are_the_whole_line() {
        for line in [
            "",
            "\u{1b}",
            "x\u{1b}[",
            "\u{1b}]8;;\u{1b}",
            "ü\u{9b}2J\u{feff}",
        ] {
            let length: usize = pieces(line)
                .map(|(_, piece)| match piece {
                    Piece::Escape(text) => text.len(),
                    Piece::Shown(it) | Piece::Hidden(it) => it.len_utf8(),
                })
                .sum();
            assert_eq!(length, line.len(), "{line:?}");
        }
    }
}
