//! Events to everything that a person reads: [`Report`] takes them, one after another, and writes
//! to the terminal or pipe and to the log files. Reads events only; called by the command line.

mod blocks;
mod live;
mod logs;
mod narrator;
mod printer;
mod structured;
mod summary;
mod tally;
mod text;
mod view;

#[cfg(test)]
mod tests;

use std::io::{self, Write};
use std::path::PathBuf;

use blocks::Blocks;
use live::Live;
use logs::Logs;
pub use narrator::Level;
use narrator::{Line, Narrator, banner};
use printer::Printer;
use tally::Tally;
pub use text::{capital, minutes, safe};

use crate::run::{Cause, Event, EventKind, Place};

/// How a run is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// Line by line, as it comes.
    Lines,
    /// Each subject as a whole when it has ended, the failed ones last.
    Blocks,
    /// Line by line, with a view of what runs now below.
    Live,
}

/// What a report needs to know beforehand.
#[derive(Clone, Debug)]
pub struct Options {
    /// How the run is shown.
    pub style: Style,
    /// Least important lines.
    pub level: Level,
    /// Whether colours are used.
    pub colours: bool,
    /// Whether subjects run at the same time.
    pub concurrent: bool,
    /// Directory of the log files; none: no log files.
    pub logs: Option<PathBuf>,
    /// Whether log files begin anew.
    pub overwrite: bool,
}

/// Where bytes go.
pub type Out = Box<dyn Write + Send>;

/// Takes events and tells them.
pub struct Report {
    tally: Tally,
    narrator: Narrator,
    printer: Printer,
    concurrent: bool,
    screen: Screen,
    logs: Option<Logs>,
    out: Out,
    err: Out,
}

/// What stands between the lines and the output.
enum Screen {
    Lines,
    Blocks(Blocks),
    Live(Live),
}

impl Report {
    /// A report to `out`, with failures to `err`. Where log files cannot be written, that is said
    /// and the run goes on without.
    pub fn new(options: &Options, out: Out, mut err: Out) -> Self {
        let logs = options.logs.as_ref().and_then(|dir| {
            Logs::new(dir, options.overwrite, options.level)
                .map_err(|error| no_logs(&mut err, &error))
                .ok()
        });
        Self {
            tally: Tally::default(),
            narrator: Narrator::default(),
            printer: Printer::new(options.level, options.colours),
            concurrent: options.concurrent,
            screen: match options.style {
                Style::Lines => Screen::Lines,
                Style::Blocks => Screen::Blocks(Blocks::default()),
                Style::Live => Screen::Live(Live::new()),
            },
            logs,
            out: Box::new(io::BufWriter::new(out)),
            err,
        }
    }

    /// Tells one event. What it writes may wait for [`Report::flush`].
    pub fn event(&mut self, event: &Event) {
        self.tally.event(event);
        if let Some(logs) = &mut self.logs {
            logs.structured.event(event);
        }
        if let EventKind::SubjectStarted {
            subject, members, ..
        } = &event.kind
        {
            self.printer.names |= self.concurrent || members.len() > 1;
            self.log(|logs| logs.begin(subject, members));
        }
        for line in self.narrator.lines(&self.tally, event) {
            self.log(|logs| logs.write(event.at, &line));
            self.show(&line);
        }
        match &event.kind {
            EventKind::SubjectFinished { subject, .. } => {
                let passed = self
                    .tally
                    .subject(subject)
                    .is_some_and(|subject| subject.failures.is_empty());
                if let Screen::Blocks(blocks) = &mut self.screen {
                    let ended = blocks.end(subject, passed, &mut self.out);
                    self.heard(ended);
                }
            }
            EventKind::RunFinished { duration } => self.finish(event, *duration),
            _ => {}
        }
    }

    /// Shows all that was told so far, and what runs now.
    pub fn flush(&mut self) {
        if let Screen::Live(live) = &mut self.screen {
            let shown = live.show(&self.tally, &mut self.out);
            self.heard(shown);
        } else {
            let flushed = self.out.flush();
            self.heard(flushed);
        }
        self.log(Logs::flush);
    }

    /// The most important cause of what failed, if anything did.
    pub fn cause(&self) -> Option<Cause> {
        self.tally.cause()
    }

    fn show(&mut self, line: &Line) {
        let shown = match &mut self.screen {
            Screen::Lines => self.printer.print(line, &mut self.out),
            Screen::Blocks(blocks) if !line.subject.is_empty() => {
                self.printer.print(line, blocks.of(&line.subject))
            }
            Screen::Blocks(_) => self.printer.print(line, &mut self.out),
            Screen::Live(live) => self.printer.print(line, live.above()),
        };
        self.heard(shown);
    }

    /// The blocks that were held back, the summary, the failures, the last words.
    fn finish(&mut self, event: &Event, duration: std::time::Duration) {
        let held = match &mut self.screen {
            Screen::Blocks(blocks) => blocks.end_all(&mut self.out),
            Screen::Live(live) => live.end(&mut self.out),
            Screen::Lines => Ok(()),
        };
        self.screen = Screen::Lines;
        self.heard(held);
        let nobody = Place::default();
        let mut lines = Vec::new();
        let table = summary::table(&self.tally);
        if !table.is_empty() {
            lines.push(banner(&nobody, "Summary"));
            lines.extend(
                table
                    .into_iter()
                    .map(|row| narrator::word(Level::Info, &nobody, row)),
            );
        }
        if self.cause().is_none() {
            let text = format!("Test Kitchen is finished. ({})", minutes(duration));
            lines.push(banner(&nobody, text));
        }
        for line in &lines {
            self.log(|logs| logs.write(event.at, line));
            self.show(line);
        }
        self.flush();
        self.printer.names = false;
        for line in summary::failures(&self.tally) {
            // Where nobody reads, the log files and the exit code still tell.
            let _ = self.printer.print(&line, &mut self.err);
        }
        let _ = self.err.flush();
    }

    /// A reader that went away (`kitchen test | head`) is no reason to stop: machines are at work.
    fn heard(&mut self, written: io::Result<()>) {
        if written.is_err() {
            self.screen = Screen::Lines;
            self.out = Box::new(io::sink());
        }
    }

    fn log(&mut self, write: impl FnOnce(&mut Logs) -> io::Result<()>) {
        if let Some(Err(error)) = self.logs.as_mut().map(write) {
            self.logs = None;
            no_logs(&mut self.err, &error);
        }
    }
}

fn no_logs(err: &mut Out, error: &io::Error) {
    let _ = writeln!(err, "$$$$$$ no log files are written: {error}");
}
