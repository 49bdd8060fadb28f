//! Takes what a script declared as its changes out of its output.

use std::sync::{Mutex, PoisonError};

use banquet_sdk::{Changes, Line, Output, Stream, async_trait};

/// Hands lines on, except for those of standard output between two marks.
pub struct Sieve<'a> {
    mark: &'a str,
    output: &'a dyn Output,
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    marks: usize,
    lines: Vec<String>,
}

impl<'a> Sieve<'a> {
    /// A sieve before `output`.
    pub fn new(mark: &'a str, output: &'a dyn Output) -> Self {
        let kept = Mutex::default();
        Self { mark, output, kept }
    }

    /// What was between the marks; unknown where there were none.
    pub fn changes(self) -> Changes {
        let kept = self
            .kept
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner);
        match (kept.marks, kept.lines.is_empty()) {
            (0, _) => Changes::Unknown,
            (_, true) => Changes::None,
            (_, false) => Changes::Some(kept.lines),
        }
    }

    /// What of the line is to be handed on.
    fn sift(&self, mut line: Line) -> Option<Line> {
        if line.stream != Stream::Out {
            return Some(line);
        }
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let inside = kept.marks == 1;
        // Before the first mark there may be an unfinished line, before the second a last change.
        let marked = line.text.strip_suffix(self.mark).map(str::len);
        if let Some(length) = marked {
            kept.marks += 1;
            line.text.truncate(length);
        }
        if inside {
            if !line.text.trim().is_empty() {
                kept.lines.push(line.text);
            }
            return None;
        }
        (marked.is_none() || !line.text.is_empty()).then_some(line)
    }
}

#[async_trait]
impl Output for Sieve<'_> {
    async fn line(&self, line: Line) {
        if let Some(line) = self.sift(line) {
            self.output.line(line).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use banquet_sdk::process::Collect;

    use super::*;

    async fn sift(lines: &[&str]) -> (String, Changes) {
        let collect = Collect::default();
        let sieve = Sieve::new("MARK", &collect);
        for text in lines {
            let stream = Stream::Out;
            sieve
                .line(Line {
                    stream,
                    text: text.to_string(),
                })
                .await;
        }
        let changes = sieve.changes();
        (collect.into_parts().0, changes)
    }

    #[tokio::test]
    async fn lines_between_marks_are_changes() {
        let one = |text: &str| Changes::Some(vec![text.into()]);
        assert_eq!(sift(&["a", "b"]).await, ("a\nb\n".into(), Changes::Unknown));
        assert_eq!(
            sift(&["a", "MARK", "MARK"]).await,
            ("a\n".into(), Changes::None)
        );
        assert_eq!(
            sift(&["aMARK", "x", "MARK", "b"]).await,
            ("a\nb\n".into(), one("x"))
        );
        assert_eq!(sift(&["MARK", "xMARK"]).await, (String::new(), one("x")));
        assert_eq!(
            sift(&["MARK", "", "MARK"]).await,
            (String::new(), Changes::None)
        );
    }
}
