//! The search for all forms of all values at once.

use std::borrow::Cow;
use std::ops::Range;

use aho_corasick::{AhoCorasick, MatchKind};

use super::MASK;
use super::sieve::Sieve;
use crate::escapes::{self, Piece};

/// What must stand around a match.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Around {
    /// Anything.
    Any,
    /// No digit, so that 4711 is not found in 147110.
    NoDigit,
    /// No letter, digit or underscore: a short value is masked as a whole word only.
    NoWord,
}

impl Around {
    fn bears(self, neighbour: Option<char>) -> bool {
        neighbour.is_none_or(|it| match self {
            Self::Any => true,
            Self::NoDigit => !it.is_ascii_digit(),
            Self::NoWord => !it.is_alphanumeric() && it != '_',
        })
    }
}

/// Finds texts, each with what must stand around it.
#[derive(Default)]
pub(super) struct Matcher {
    search: Option<(Sieve, AhoCorasick)>,
    patterns: Vec<(String, Around)>,
    /// Bytes of the longest text.
    longest: usize,
}

impl Matcher {
    pub fn new(patterns: Vec<(String, Around)>) -> Self {
        let search = match patterns.is_empty() {
            true => None,
            // It fails only on more patterns than memory holds.
            false => AhoCorasick::builder()
                .match_kind(MatchKind::Standard)
                .build(patterns.iter().map(|(text, _)| text))
                .ok()
                .map(|search| {
                    (
                        Sieve::new(patterns.iter().map(|(it, _)| it.as_bytes())),
                        search,
                    )
                }),
        };
        let longest = patterns.iter().map(|(text, _)| text.len()).max();
        Self {
            search,
            longest: longest.unwrap_or(0),
            patterns,
        }
    }

    /// `text` with all that is found replaced, also where escape sequences or characters that are
    /// not shown stand within it; they stay.
    pub fn mask<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let Some((sieve, search)) = &self.search else {
            return Cow::Borrowed(text);
        };
        let mut masked = Cow::Borrowed(text);
        if !escapes::is_plain(text) && sieve.may_hold(escapes::shown(text).as_bytes()) {
            let shown = Shown::of(text);
            let spans = self.spans(search, &shown.text, |at| {
                shown.breaks.binary_search(&at).is_ok()
            });
            if !spans.is_empty() {
                masked = Cow::Owned(shown.replace(text, &spans));
            }
        }
        // Also what is inside of a sequence, where files keep those.
        if !sieve.may_hold(masked.as_bytes()) {
            return masked;
        }
        let spans = self.spans(search, &masked, |_| false);
        if spans.is_empty() {
            return masked;
        }
        let mut result = String::with_capacity(masked.len());
        let mut from = 0;
        for span in spans {
            result.push_str(&masked[from..span.start]);
            result.push_str(MASK);
            from = span.end;
        }
        result.push_str(&masked[from..]);
        Cow::Owned(result)
    }

    /// Where something is found: in order, those that overlap as one. `breaks` says whether the
    /// line begins anew at a byte (`10%\r20%`).
    fn spans(
        &self,
        search: &AhoCorasick,
        text: &str,
        breaks: impl Fn(usize) -> bool,
    ) -> Vec<Range<usize>> {
        let mut found: Vec<Range<usize>> = search
            .find_overlapping_iter(text)
            .filter(|it| {
                let around = self.patterns[it.pattern().as_usize()].1;
                let before = text[..it.start()].chars().next_back();
                let behind = text[it.end()..].chars().next();
                around == Around::Any
                    || (around.bears(before.filter(|_| !breaks(it.start())))
                        && around.bears(behind.filter(|_| !breaks(it.end()))))
            })
            .map(|it| it.range())
            .collect();
        if found.len() > 1 {
            found.sort_by_key(|span| (span.start, span.end));
            found.dedup_by(|next, span| {
                let overlap = next.start < span.end;
                if overlap {
                    span.end = span.end.max(next.end);
                }
                overlap
            });
        }
        found
    }

    /// The byte of `text` from which on it may be the beginning of a value that goes on in the next
    /// piece of the line; its end where it is not. A sequence that is cut off counts as well.
    pub fn open_end(&self, text: &str) -> usize {
        let shown = Shown::of(text);
        let visible = &shown.text;
        let mut from = visible.len().saturating_sub(self.longest.saturating_sub(1));
        while !visible.is_char_boundary(from) {
            from += 1;
        }
        let begins = |rest: &str| self.patterns.iter().any(|(text, _)| text.starts_with(rest));
        let starts = visible[from..].char_indices().map(|(at, _)| from + at);
        let value = starts.clone().find(|at| begins(&visible[*at..]));
        let value = value.map_or(text.len(), |at| shown.at[at]);
        let cut = escapes::pieces(text)
            .last()
            .and_then(|(at, piece)| match piece {
                Piece::Escape(_) => Some(at),
                _ => None,
            });
        value.min(cut.unwrap_or(text.len()))
    }
}

/// What of a line is shown.
struct Shown {
    text: String,
    /// Of each of its bytes, where it is in the line.
    at: Vec<usize>,
    /// Bytes before which a carriage return stands.
    breaks: Vec<usize>,
}

impl Shown {
    fn of(line: &str) -> Self {
        let mut shown = Self {
            text: String::with_capacity(line.len()),
            at: Vec::with_capacity(line.len()),
            breaks: Vec::new(),
        };
        for (at, piece) in escapes::pieces(line) {
            match piece {
                Piece::Shown(character) => {
                    shown.text.push(character);
                    shown.at.extend(at..at + character.len_utf8());
                }
                Piece::Hidden('\r') => shown.breaks.push(shown.text.len()),
                Piece::Hidden(_) | Piece::Escape(_) => {}
            }
        }
        shown
    }

    /// `line` with `spans` of what is shown replaced; what is hidden within them stays behind.
    fn replace(&self, line: &str, spans: &[Range<usize>]) -> String {
        let mut result = String::with_capacity(line.len());
        let mut from = 0;
        for span in spans {
            let (start, end) = (self.at[span.start], self.at[span.end - 1] + 1);
            result.push_str(&line[from..start]);
            result.push_str(MASK);
            for (_, piece) in escapes::pieces(&line[start..end]) {
                match piece {
                    Piece::Escape(text) => result.push_str(text),
                    Piece::Hidden(character) => result.push(character),
                    Piece::Shown(_) => {}
                }
            }
            from = end;
        }
        result.push_str(&line[from..]);
        result
    }
}
