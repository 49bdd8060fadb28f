//! The live view on a terminal: lines scroll above, what runs now stands below.

use std::io::{self, Write};

use console::Term;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use jiff::Timestamp;

use super::expected::Expected;
use super::tally::Tally;
use super::view::view;

/// The view, and the lines that wait to be shown above it.
#[derive(Debug)]
pub struct Live {
    bar: ProgressBar,
    term: Term,
    above: Vec<u8>,
    expected: Expected,
}

impl Live {
    /// A view on standard output, with the times that are expected.
    pub fn new(expected: Expected) -> Self {
        let term = Term::stdout();
        let target = ProgressDrawTarget::term(term.clone(), 20);
        let style = ProgressStyle::with_template("{msg}");
        let bar = ProgressBar::with_draw_target(None, target)
            .with_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()));
        Self {
            bar,
            term,
            above: Vec::new(),
            expected,
        }
    }

    /// Where lines go.
    pub fn above(&mut self) -> &mut Vec<u8> {
        &mut self.above
    }

    /// Shows the lines that wait and the view of this moment.
    pub fn show(&mut self, tally: &Tally, out: &mut impl Write) -> io::Result<()> {
        if !self.above.is_empty() {
            let above = std::mem::take(&mut self.above);
            self.bar
                .suspend(|| out.write_all(&above).and_then(|()| out.flush()))?;
        }
        let (height, width) = self.term.size();
        let now = Timestamp::now();
        let view = view(tally, &self.expected, now, width.into(), height.into());
        if view != self.bar.message() {
            self.bar.set_message(view);
        }
        self.bar.tick();
        Ok(())
    }

    /// Takes the view away; the lines stay.
    pub fn end(&mut self, out: &mut impl Write) -> io::Result<()> {
        self.bar.finish_and_clear();
        out.write_all(&std::mem::take(&mut self.above))?;
        out.flush()
    }
}
