//! Long lines come in pieces, and a value may lie across two of them.

use std::sync::{Mutex, PoisonError};

use super::Secrets;
use crate::process::MAX_LINE;
use crate::{Line, Stream};

/// A line this long may go on in the next piece; its last character may have been cut off.
const FULL: usize = MAX_LINE - 3;

/// Moves what may be the beginning of a secret at the end of a piece to the next one of its stream,
/// so that a search in each finds all. It holds back less than the longest secret.
#[derive(Debug, Default)]
pub struct Seams(Mutex<[String; 3]>);

impl Seams {
    /// The piece with what was held back of the one before, without what is held back now.
    pub fn line(&self, secrets: &Secrets, mut line: Line) -> Line {
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let held = &mut held[index(line.stream)];
        let full = line.text.len() >= FULL;
        if !held.is_empty() {
            line.text.insert_str(0, held);
            held.clear();
        }
        if full {
            *held = line.text.split_off(secrets.open_end(&line.text));
        }
        line
    }

    /// What is still held back when the output has ended.
    pub fn rest(&mut self) -> Vec<Line> {
        let held = self.0.get_mut().unwrap_or_else(PoisonError::into_inner);
        [Stream::Out, Stream::Err, Stream::Note]
            .into_iter()
            .filter_map(|stream| {
                let text = std::mem::take(&mut held[index(stream)]);
                (!text.is_empty()).then_some(Line { stream, text })
            })
            .collect()
    }
}

fn index(stream: Stream) -> usize {
    match stream {
        Stream::Out => 0,
        Stream::Err => 1,
        Stream::Note => 2,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::process::LineSplitter;

    #[test]
    fn a_value_across_two_pieces_of_a_line_is_masked() {
        let secrets = Secrets::new(["hunter2extra".into()]);
        for (before, value) in [
            (MAX_LINE - 5, "hunter2extra"),
            (MAX_LINE - 14, "hun\u{1b}[31mter2ex\u{1b}[0mtra"),
            (MAX_LINE - 6, "hun\u{1b}[31mter2extra"),
        ] {
            let text = format!("{}{value}{}", "x".repeat(before), "y".repeat(MAX_LINE));
            let mut splitter = LineSplitter::default();
            let mut pieces = splitter.push(text.as_bytes());
            pieces.extend(splitter.finish());
            let mut seams = Seams::default();
            let mut shown = String::new();
            for text in pieces {
                let stream = Stream::Out;
                let line = seams.line(&secrets, Line { stream, text });
                shown.push_str(&secrets.mask(&line.text));
            }
            for line in seams.rest() {
                shown.push_str(&line.text);
            }
            let colours = value.matches('\u{1b}').count();
            assert_eq!(shown.matches('\u{1b}').count(), colours);
            assert_eq!(shown.matches('x').count(), before, "{before}");
            assert!(
                shown.contains("******") && !shown.contains("ter2"),
                "{before}"
            );
        }
    }

    #[test]
    fn what_was_held_back_for_nothing_is_not_lost() {
        let secrets = Secrets::new(["hunter2extra".into()]);
        let mut seams = Seams::default();
        let stream = Stream::Err;
        let text = format!("{}hunt", "x".repeat(MAX_LINE - 4));
        let line = seams.line(&secrets, Line { stream, text });
        assert!(line.text.ends_with('x'));
        let [rest] = seams.rest().try_into().expect("one line");
        assert_eq!(rest.text, "hunt");
    }
}
