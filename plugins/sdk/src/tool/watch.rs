//! Looks at a tool's output while it goes by.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use crate::{Line, Output, Stream, async_trait};

/// Hands lines on and shows each, without colours, to a function that keeps what it needs in a `T`.
pub struct Watch<'a, T> {
    output: &'a dyn Output,
    see: fn(&mut T, &str),
    seen: Mutex<T>,
}

impl<'a, T: Default> Watch<'a, T> {
    /// A watch before `output`.
    pub fn new(output: &'a dyn Output, see: fn(&mut T, &str)) -> Self {
        let seen = Mutex::default();
        Self { output, see, seen }
    }

    /// What was seen.
    pub fn seen(self) -> T {
        self.seen
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl<T: Send> Output for Watch<'_, T> {
    async fn line(&self, line: Line) {
        if line.stream != Stream::Note {
            let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
            (self.see)(&mut seen, &plain(&line.text));
        }
        self.output.line(line).await;
    }
}

/// The last lines of a command, for its error.
#[derive(Debug, Default)]
pub struct Tail(VecDeque<String>);

impl Tail {
    const KEPT: usize = 6;

    /// Keeps a line unless it is empty.
    pub fn see(&mut self, line: &str) {
        if line.trim().is_empty() {
            return;
        }
        if self.0.len() == Self::KEPT {
            self.0.pop_front();
        }
        self.0.push_back(line.trim_end().into());
    }

    /// The lines, each behind a line end and indented; nothing where there were none.
    pub fn indented(&self) -> String {
        self.0.iter().map(|line| format!("\n    {line}")).collect()
    }
}

/// `text` without the escape sequences of colours and other attributes.
pub fn plain(text: &str) -> Cow<'_, str> {
    if !text.contains('\u{1b}') {
        return Cow::Borrowed(text);
    }
    let mut all = text.split('\u{1b}');
    let mut plain = all.next().unwrap_or_default().to_owned();
    for piece in all {
        let rest = piece.strip_prefix('[').map(|piece| {
            let end = piece.find(|c: char| c.is_ascii_alphabetic());
            end.map_or("", |end| &piece[end + 1..])
        });
        plain.push_str(rest.unwrap_or(piece));
    }
    Cow::Owned(plain)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::process::Collect;

    #[test]
    fn colours_are_taken_out() {
        assert_eq!(plain("ok"), "ok");
        assert_eq!(
            plain("\u{1b}[0;33mchanged: [db]\u{1b}[0m!"),
            "changed: [db]!"
        );
        assert_eq!(plain("a\u{1b}[1"), "a");
    }

    #[tokio::test]
    async fn lines_are_seen_and_handed_on() {
        let collect = Collect::default();
        let watch: Watch<'_, Tail> = Watch::new(&collect, Tail::see);
        for text in (0..10).map(|i| format!("\u{1b}[1m{i}")) {
            let stream = Stream::Out;
            watch.line(Line { stream, text }).await;
        }
        let last = "\n    4\n    5\n    6\n    7\n    8\n    9";
        assert_eq!(watch.seen().indented(), last);
        assert_eq!(collect.into_parts().0.lines().count(), 10);
    }
}
