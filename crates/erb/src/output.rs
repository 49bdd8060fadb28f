//! The rendered text, and which line of the template each of its lines comes from.

use super::stop::{Eval, MAX_TEXT, Stop};

/// What is rendered so far.
#[derive(Debug, Default)]
pub struct Output {
    /// The text.
    pub text: String,
    /// For each line of the text, the line of the template; both count from 1.
    pub lines: Vec<usize>,
    /// Bytes at which the template's lines begin.
    starts: Vec<usize>,
    /// Something of the last line is there.
    begun: bool,
}

impl Output {
    /// Nothing yet of `template`.
    pub fn new(template: &str) -> Self {
        let ends = template.match_indices('\n').map(|(at, _)| at + 1);
        Self {
            starts: std::iter::once(0).chain(ends).collect(),
            ..Self::default()
        }
    }

    /// Adds the template's own text, which begins there at byte `start`.
    pub fn text(&mut self, text: &str, start: usize) -> Eval<()> {
        self.push(text, start, true)
    }

    /// Adds the value of the tag at byte `place` of the template.
    pub fn insert(&mut self, text: &str, place: usize) -> Eval<()> {
        self.push(text, place, false)
    }

    fn push(&mut self, text: &str, start: usize, advances: bool) -> Eval<()> {
        if self.text.len() + text.len() > MAX_TEXT {
            return Err(Stop::Limit("renders more than 32 MiB"));
        }
        let first = self.starts.partition_point(|line| *line <= start);
        for (index, line) in text.split_inclusive('\n').enumerate() {
            if !self.begun {
                self.lines
                    .push(if advances { first + index } else { first });
            }
            self.begun = !line.ends_with('\n');
        }
        self.text.push_str(text);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_know_where_they_come_from() {
        let mut output = Output::new("a\nb\nc\nd\n");
        output.text("a\nb", 0).unwrap();
        output.insert("1\n2\n3", 3).unwrap();
        output.text("\nc\n", 5).unwrap();
        assert_eq!(output.text, "a\nb1\n2\n3\nc\n");
        assert_eq!(output.lines, [1, 2, 2, 2, 4]);
    }
}
