//! Lines that no build server obeys.

use std::borrow::Cow;
use std::io::{self, Write};

/// Beginnings of commands that count anywhere in a line, and behind how many of their letters they
/// are broken: GitHub's and Azure's, which search the whole line (`ActionCommand.TryParse`,
/// `Command.TryParse`), TeamCity's service messages and GitLab's sections (`ansi2json`).
const ANYWHERE: [(&str, usize); 5] = [
    ("##[", 1),
    ("##vso[", 1),
    ("##teamcity[", 1),
    ("section_start:", 13),
    ("section_end:", 11),
];

/// GitHub's commands begin the line, behind any blanks (`ActionCommand.TryParseV2`).
const FIRST: &str = "::";

/// The line with a blank in the midst of whatever a build server would take for a command; all else
/// is as it was. A blank, as some servers compare texts as people do, who do not see characters
/// without width.
pub fn neutral(line: &str) -> Cow<'_, str> {
    let marks = marks(line);
    if marks.is_empty() {
        return Cow::Borrowed(line);
    }
    let mut text = String::with_capacity(line.len() + marks.len());
    let mut from = 0;
    for (_, cut) in marks {
        text.push_str(&line[from..cut]);
        text.push(' ');
        from = cut;
    }
    text.push_str(&line[from..]);
    Cow::Owned(text)
}

/// The same for a line of JSON whose value stays the same: the first letter of what would be a
/// command is written by its number.
fn neutral_json(line: &str) -> Cow<'_, str> {
    let marks = marks(line);
    if marks.is_empty() {
        return Cow::Borrowed(line);
    }
    let mut text = String::with_capacity(line.len() + 6 * marks.len());
    let mut from = 0;
    for (start, _) in marks {
        text.push_str(&line[from..start]);
        text.push_str(&format!("\\u{:04x}", line.as_bytes()[start]));
        from = start + 1;
    }
    text.push_str(&line[from..]);
    Cow::Owned(text)
}

/// Where commands begin, and where they are broken: both in bytes, in order.
fn marks(line: &str) -> Vec<(usize, usize)> {
    let plain = line
        .bytes()
        .all(|byte| (b' '..=b'~').contains(&byte) || byte == b'\t');
    let suspect = |line: &str| {
        line.contains("##") || line.contains("section_") || line.trim_start().starts_with(FIRST)
    };
    if plain && !suspect(line) {
        return Vec::new();
    }
    // Some servers read the line as it is, others as a terminal would show it.
    let mut marks = marks_of(&seen(line, false));
    if line.contains('\u{1b}') {
        marks.extend(marks_of(&seen(line, true)));
        marks.sort_unstable();
        marks.dedup();
    }
    marks
}

/// Where commands begin among the characters that are seen.
fn marks_of(seen: &[(usize, char)]) -> Vec<(usize, usize)> {
    let at = |from: usize, word: &str| {
        let here = seen[from..].iter().map(|(_, character)| *character);
        here.take(word.len()).eq(word.chars())
    };
    let first = seen.iter().position(|(_, it)| !it.is_whitespace());
    let mut marks = Vec::new();
    for index in 0..seen.len() {
        let anywhere = ANYWHERE.iter().find(|(word, _)| at(index, word));
        let cut = match anywhere {
            Some((_, cut)) => *cut,
            None if Some(index) == first && at(index, FIRST) => 1,
            None => continue,
        };
        marks.push((seen[index].0, seen[index + cut].0));
    }
    marks
}

/// The characters that are seen, each with its place in bytes: no controls, nor those without
/// width; with `shown` no escape sequences either.
fn seen(line: &str, shown: bool) -> Vec<(usize, char)> {
    let mut seen = Vec::with_capacity(line.len());
    let mut rest = line.char_indices().peekable();
    while let Some((index, character)) = rest.next() {
        if shown && character == '\u{1b}' {
            match rest.next() {
                Some((_, '[')) => {
                    rest.find(|(_, it)| ('\u{40}'..='\u{7e}').contains(it));
                }
                Some((_, ']')) => {
                    rest.find(|(_, it)| matches!(it, '\u{7}' | '\\'));
                }
                _ => {}
            }
        } else if character.is_whitespace() || !(character.is_control() || no_width(character)) {
            seen.push((index, character));
        }
    }
    seen
}

/// Characters that comparisons leave out (`Default_Ignorable_Code_Point`).
fn no_width(character: char) -> bool {
    matches!(character,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}'
        | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}'
        | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}')
}

/// What is written through a [`Guard`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content {
    /// Text for people.
    Text,
    /// JSON, whose values stay as they are.
    Json,
}

/// Passes lines on so that no build server obeys them. A line is passed on when its end has been
/// written, the last one when the guard is dropped.
#[derive(Debug)]
pub struct Guard<W: Write> {
    to: W,
    content: Content,
    /// The line whose end has not been written.
    line: Vec<u8>,
}

impl<W: Write> Guard<W> {
    /// A guard before `to`.
    pub fn new(to: W, content: Content) -> Self {
        let line = Vec::new();
        Self { to, content, line }
    }

    fn pass(&mut self) -> io::Result<()> {
        let line = std::mem::take(&mut self.line);
        let text = String::from_utf8_lossy(&line);
        let safe = match self.content {
            Content::Text => neutral(&text),
            Content::Json => neutral_json(&text),
        };
        match (&safe, &text) {
            // As it was, also where it is no text.
            (Cow::Borrowed(_), _) => self.to.write_all(&line),
            (Cow::Owned(safe), _) => self.to.write_all(safe.as_bytes()),
        }
    }
}

impl<W: Write> Write for Guard<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        for piece in bytes.split_inclusive(|byte| matches!(byte, b'\n' | b'\r')) {
            self.line.extend_from_slice(piece);
            if piece.ends_with(b"\n") || piece.ends_with(b"\r") {
                self.pass()?;
            }
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}

impl<W: Write> Drop for Guard<W> {
    fn drop(&mut self) {
        // Nobody is left to be told.
        let _ = self.pass();
    }
}
