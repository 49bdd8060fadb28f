//! The log: all lines of all members by time. Without scripts it is text in pieces, each of which
//! can be linked to; the script makes a filtered list of the same text.

use std::collections::VecDeque;
use std::fmt::{self, Write};

use banquet_sdk::Stream;

use super::Clock;
use super::escaped::escaped;
use crate::report::narrator::{Level, Narrator};
use crate::report::tally::Tally;
use crate::report::text::safe;
use crate::run::{Event, EventKind};

/// Lines of a piece.
const PIECE: usize = 1000;

/// Bytes of the first and of the last lines that are shown; what is between them is left out.
const FIRST: usize = 3 << 20;
const LAST: usize = 11 << 20;

/// Longest part of a line that is shown, in bytes.
const LONGEST: usize = 4 << 10;

/// Bytes that a line costs beside its text and name.
const COST: usize = 16;

/// The log.
#[derive(Debug, Default)]
pub struct Log {
    first: Vec<Line>,
    last: VecDeque<Line>,
    bytes_first: usize,
    bytes_last: usize,
    left_out: usize,
}

#[derive(Debug)]
struct Line {
    /// Seconds since the beginning.
    at: f64,
    who: String,
    level: &'static str,
    text: String,
}

impl Line {
    fn cost(&self) -> usize {
        self.text.len() + self.who.len() + COST
    }
}

impl Log {
    /// Takes what an event says, after `tally` has taken it into account.
    pub fn event(&mut self, event: &Event, tally: &Tally, narrator: &mut Narrator, clock: Clock) {
        let at = clock.seconds(event.at);
        if let EventKind::Printed {
            place,
            stream,
            text,
        } = &event.kind
        {
            let level = match stream {
                Stream::Out => "out",
                Stream::Err => "err",
                Stream::Note => "note",
            };
            let who = place.instance.as_ref().unwrap_or(&place.subject);
            return self.add(at, who, level, text);
        }
        for line in narrator.lines(tally, event) {
            let level = match line.level {
                Level::Debug => continue,
                Level::Info => "info",
                Level::Warn => "warn",
                Level::Error | Level::Fatal => "error",
            };
            let who = line.instance.as_ref().unwrap_or(&line.subject);
            self.add(at, who, level, &line.text);
        }
    }

    fn add(&mut self, at: f64, who: &str, level: &'static str, text: &str) {
        let mut text = safe(text, false).into_owned();
        if text.len() > LONGEST {
            let end = (0..=LONGEST).rev().find(|end| text.is_char_boundary(*end));
            let rest = text.len() - end.unwrap_or(0);
            text.truncate(end.unwrap_or(0));
            let _ = write!(text, " … ({rest} bytes more)");
        }
        let who = safe(who, false).replace('\t', " ");
        let line = Line {
            at,
            who,
            level,
            text,
        };
        if self.bytes_last == 0 && self.bytes_first + line.cost() <= FIRST {
            self.bytes_first += line.cost();
            self.first.push(line);
            return;
        }
        self.bytes_last += line.cost();
        self.last.push_back(line);
        while self.bytes_last > LAST
            && let Some(gone) = self.last.pop_front()
        {
            self.bytes_last -= gone.cost();
            self.left_out += 1;
        }
    }

    /// Bytes of all lines.
    pub fn bytes(&self) -> usize {
        self.bytes_first + self.bytes_last
    }

    /// The piece in which this moment is.
    pub fn anchor(&self, at: f64) -> String {
        let before = |line: &Line| line.at < at;
        let line = self.first.partition_point(before) + self.last.partition_point(before);
        let lines = self.first.len() + self.last.len();
        format!("l{}", line.min(lines.saturating_sub(1)) / PIECE)
    }

    /// The section of the log.
    pub fn write(&self, page: &mut String) -> fmt::Result {
        page.push_str(
            "<section id=\"log\" aria-labelledby=\"h-log\">\n<h2 id=\"h-log\">Log</h2>\n",
        );
        if self.left_out > 0 {
            writeln!(
                page,
                "<p class=\"remark\">{} lines in the middle are left out here; .kitchen/logs has them.</p>",
                self.left_out
            )?;
        }
        let lines: Vec<&Line> = self.first.iter().chain(&self.last).collect();
        if lines.is_empty() {
            page.push_str("<p class=\"none\">Nothing was said.</p>\n");
        }
        page.push_str("<div id=\"plain\">\n");
        for (index, piece) in lines.chunks(PIECE).enumerate() {
            write!(page, "<pre id=\"l{index}\">")?;
            for line in piece {
                let who = escaped(&line.who);
                let (level, text) = (line.level, escaped(&line.text));
                writeln!(page, "{:.3}\t{who}\t{level}\t{text}", line.at)?;
            }
            page.push_str("</pre>\n");
        }
        page.push_str("</div>\n</section>\n");
        Ok(())
    }
}
