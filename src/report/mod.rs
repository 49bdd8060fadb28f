//! Events to everything that a person reads: [`Report`] takes them, one after another, and writes
//! to the terminal or pipe, to the log files and to the record, of which all
//! other reports are made ([`Told`]). Reads events only; called by the command line.

mod blocks;
pub mod ci;
mod ending;
mod expected;
mod html;
mod junit;
mod live;
mod log_files;
mod logs;
mod narrator;
mod outputs;
pub mod parts;
mod printer;
pub mod record;
mod structured;
mod summary;
mod tally;
mod tap;
mod text;
mod told;
pub mod verdict;
mod view;

#[cfg(test)]
pub(crate) mod story;
#[cfg(test)]
mod tests;

use std::io::{self, Write};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use blocks::Blocks;
use ending::More;
pub use ending::{SHORT, quoted};
use live::Live;
use logs::Logs;
pub use narrator::Level;
use narrator::{Line, Narrator, banner};
use printer::Printer;
use record::{Keep, Runs, Writer};
use tally::Tally;
pub use text::{capital, minutes, safe};
pub use told::{Format, Told, prepare, put};
use verdict::Verdict;

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
    /// Nothing but warnings about a subject as a whole, the summary, of what passed a line each, and
    /// what failed, at the end.
    Quiet,
    /// Each event as a line of JSON, for programs.
    Json,
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
    /// Bytes that full log files may have, compressed; the oldest go first.
    pub log_bytes: u64,
    /// Whether log files begin anew.
    pub overwrite: bool,
    /// Where runs are recorded, and how long; none: not at all.
    pub runs: Option<(Runs, Keep)>,
    /// Reports that are written when the run has ended. [`prepare`] has been called for each.
    pub files: Vec<(Format, PathBuf)>,
    /// Columns of the terminal; none: standard output is none.
    pub columns: Option<usize>,
    /// How the kitchen was called, for commands that are recommended (`kitchen -C web`).
    pub program: String,
    /// The build server that reads along.
    pub ci: ci::Options,
}

/// What is written to log files waits so long for more, so that it is written in few pieces.
pub const SETTLE: Duration = Duration::from_millis(200);

/// Columns in front of a word of the kitchen.
const MARGIN: usize = 7;

/// Where bytes go.
pub type Out = Box<dyn Write + Send>;

/// Takes events and tells them.
pub struct Report {
    tally: Tally,
    narrator: Narrator,
    printer: Printer,
    concurrent: bool,
    columns: usize,
    program: String,
    screen: Screen,
    logs: Option<Logs>,
    runs: Option<(Runs, Keep)>,
    record: Option<Writer>,
    files: Vec<(Format, PathBuf)>,
    ci: ci::Options,
    /// Groups of lines that are shown as they come.
    groups: Option<ci::Groups>,
    /// Whether a report that was asked for could not be written.
    unwritten: bool,
    /// When log files and record were last written.
    settled: Instant,
    out: Out,
    err: Out,
}

/// What stands between the lines and the output.
enum Screen {
    Lines,
    Blocks(Blocks),
    Live(Live),
    Quiet,
    Json,
}

impl Report {
    /// A report to `out`, with failures to `err`. Where log files cannot be written, that is said
    /// and the run goes on without.
    pub fn new(options: &Options, out: Out, mut err: Out) -> Self {
        let logs = options.logs.as_ref().and_then(|dir| {
            Logs::new(dir, options.overwrite, options.level, options.log_bytes)
                .map_err(|error| no_logs(&mut err, &error))
                .ok()
        });
        Self {
            tally: Tally::default(),
            narrator: Narrator::default(),
            printer: Printer::new(options.level, options.colours, options.ci.server),
            concurrent: options.concurrent,
            columns: options.columns.unwrap_or(summary::COLUMNS),
            program: options.program.clone(),
            screen: match options.style {
                Style::Lines => Screen::Lines,
                Style::Blocks => Screen::Blocks(Blocks::new(options.ci.server)),
                Style::Live => Screen::Live(Live::new(expected(options))),
                Style::Quiet => Screen::Quiet,
                Style::Json => Screen::Json,
            },
            logs,
            runs: options.runs.clone(),
            record: None,
            files: options.files.clone(),
            ci: options.ci.clone(),
            groups: (options.style == Style::Lines && !options.concurrent)
                .then(|| ci::Groups::new(options.ci.server)),
            unwritten: false,
            settled: Instant::now(),
            out: Box::new(io::BufWriter::new(out)),
            err,
        }
    }

    /// Tells one event. What it writes may wait for [`Report::flush`].
    pub fn event(&mut self, event: &Event) {
        self.tally.event(event);
        self.record(event);
        if let Screen::Json = self.screen {
            let told = match self.ci.server {
                ci::Server::None => record::line(event, &mut self.out),
                _ => record::line(event, &mut ci::Guard::new(&mut self.out, ci::Content::Json)),
            };
            self.heard(told);
        }
        self.log(|logs| logs.event(event));
        if let EventKind::SubjectStarted {
            subject, members, ..
        } = &event.kind
        {
            self.printer.names |= self.concurrent || members.len() > 1;
            self.log(|logs| logs.begin(subject, members));
        }
        if let Some(groups) = &mut self.groups {
            let grouped = groups.before(&self.tally, event, &mut self.out);
            self.heard(grouped);
        }
        for line in self.narrator.lines(&self.tally, event) {
            self.log(|logs| logs.write(event.at, &line));
            match (&self.screen, &event.kind) {
                // What a run does not test no brevity hides.
                (Screen::Quiet, EventKind::Warned { place, .. }) if place.instance.is_none() => {
                    let told = self.printer.print(&line, &mut self.out);
                    self.heard(told);
                }
                _ => self.show(&line),
            }
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
            EventKind::RunFinished { duration, .. } => self.finish(event, *duration),
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
        self.recorded(Writer::secure);
        if self.settled.elapsed() > SETTLE {
            self.settle();
        }
    }

    /// Hands the log files and the record to the operating system.
    pub fn settle(&mut self) {
        self.settled = Instant::now();
        self.log(Logs::flush);
        self.recorded(Writer::flush);
    }

    /// The most important cause of what failed, if anything did.
    pub fn cause(&self) -> Option<Cause> {
        let unwritten = self.unwritten.then_some(Cause::Infrastructure);
        self.tally.cause().or(unwritten)
    }

    fn show(&mut self, line: &Line) {
        let shown = match &mut self.screen {
            Screen::Lines => self.printer.print(line, &mut self.out),
            Screen::Blocks(blocks) if !line.subject.is_empty() => {
                let held = self.printer.print(line, blocks.of(&line.subject));
                match held {
                    Ok(()) => Ok(()),
                    Err(error) => self.hold_no_more(line, &error),
                }
            }
            Screen::Blocks(_) => self.printer.print(line, &mut self.out),
            Screen::Live(live) => self.printer.print(line, live.above()),
            Screen::Quiet | Screen::Json => Ok(()),
        };
        self.heard(shown);
    }

    /// Nothing can be held back any more, as where temporary files are there is no room: what was is
    /// shown, and all else as it comes.
    fn hold_no_more(&mut self, line: &Line, error: &io::Error) -> io::Result<()> {
        let _ = writeln!(self.err, "$$$$$$ output comes as it is printed: {error}");
        let mut held = Ok(());
        if let Screen::Blocks(mut blocks) = std::mem::replace(&mut self.screen, Screen::Lines) {
            held = blocks.end_all(&mut self.out);
        }
        self.printer.names = true;
        held.and_then(|()| self.printer.print(line, &mut self.out))
    }

    /// The blocks that were held back, the summary, the failures, the last words.
    fn finish(&mut self, event: &Event, duration: std::time::Duration) {
        let held = match &mut self.screen {
            Screen::Blocks(blocks) => blocks.end_all(&mut self.out),
            Screen::Live(live) => live.end(&mut self.out),
            Screen::Lines | Screen::Quiet | Screen::Json => Ok(()),
        };
        self.heard(held);
        let program = matches!(self.screen, Screen::Json);
        let quiet = matches!(self.screen, Screen::Quiet);
        if !program {
            self.screen = Screen::Lines;
        }
        let verdict = Verdict::of(&self.tally);
        let table = summary::table(&self.tally, quiet, self.columns.saturating_sub(MARGIN));
        let plain = table.is_empty();
        if !plain {
            self.say(event, "Summary", table);
        }
        self.flush();
        if !program {
            self.tell_failures();
        }
        if !plain {
            let mut words = ending::last_words(&verdict, &self.program).into_iter();
            if let Some(first) = words.next() {
                self.say(event, &first, words.collect());
            }
        }
        if self.cause().is_none() && !quiet {
            let text = format!("Test Kitchen is finished. ({})", minutes(duration));
            self.say(event, &text, Vec::new());
        }
        if !program {
            self.tell_server();
        }
        self.flush();
        self.settle();
        self.write_files(verdict);
        let _ = self.err.flush();
    }

    /// A headline and words of the kitchen, to the output and the log files.
    fn say(&mut self, event: &Event, headline: &str, words: Vec<String>) {
        let nobody = Place::default();
        let words = words.into_iter();
        let words = words.map(|text| narrator::word(Level::Info, &nobody, text));
        for line in std::iter::once(banner(&nobody, headline)).chain(words) {
            self.log(|logs| logs.write(event.at, &line));
            self.show(&line);
        }
    }

    /// What failed, to standard error.
    fn tell_failures(&mut self) {
        let named = std::mem::take(&mut self.printer.names);
        let more = match (&self.logs, &self.record) {
            (Some(_), _) => More::Logs,
            (None, Some(_)) => More::Record,
            (None, None) => More::Nowhere,
        };
        for line in ending::failures(&self.tally, more) {
            // Where nobody reads, the log files and the exit code still tell.
            let _ = self.printer.print(&line, &mut self.err);
        }
        self.printer.names = named;
    }

    /// What failed, for the build server.
    fn tell_server(&mut self) {
        let annotations = ci::annotations(&self.tally, &self.ci);
        let told = annotations
            .iter()
            .try_for_each(|line| writeln!(self.out, "{line}"));
        self.heard(told);
        self.flush();
        let Some(file) = &self.ci.summary else { return };
        if let Err(error) = ci::append(&self.tally, file) {
            let file = file.display();
            let _ = writeln!(self.err, "$$$$$$ no summary is written to {file}: {error}");
        }
    }

    fn record(&mut self, event: &Event) {
        if let (EventKind::RunStarted { run, version, .. }, Some((runs, keep))) =
            (&event.kind, &self.runs)
        {
            match runs.begin(run, version, event.at, keep) {
                Ok(writer) => self.record = Some(writer),
                Err(error) => no_record(&mut self.err, &error),
            }
        }
        let was_full = self.record.as_ref().is_some_and(Writer::is_full);
        self.recorded(|record| record.event(event));
        if !was_full && self.record.as_ref().is_some_and(Writer::is_full) {
            let _ = writeln!(
                self.err,
                "$$$$$$ the record has as many bytes as it may have (`report: {{keep_mb: …}}`): output is not recorded any further"
            );
        }
    }

    fn recorded(&mut self, write: impl FnOnce(&mut Writer) -> io::Result<()>) {
        if let Some(Err(error)) = self.record.as_mut().map(write) {
            self.record = None;
            no_record(&mut self.err, &error);
        }
    }

    /// The verdict beside the record, and the files that were asked for.
    fn write_files(&mut self, verdict: Verdict) {
        let mut told = None;
        if let Some(record) = &mut self.record {
            let json = serde_json::to_vec(&verdict).map_err(io::Error::from);
            if let Err(error) = json.and_then(|json| record.verdict(&json)) {
                no_record(&mut self.err, &error);
            }
            if !self.files.is_empty() {
                told = Told::read(&record.path()).ok();
            }
        }
        if self.files.is_empty() {
            return;
        }
        // Without a record there is still the verdict, without output.
        let told = told.unwrap_or_else(|| Told {
            path: None,
            tally: self.tally.clone(),
            verdict,
            outputs: outputs::Outputs::default(),
            ending: record::Ending::default(),
            program: self.program.clone(),
        });
        for (format, path) in std::mem::take(&mut self.files) {
            let written = told
                .text(format)
                .and_then(|text| put(&path, text.as_bytes()));
            if let Err(error) = written {
                self.unwritten = true;
                let path = path.display();
                let _ = writeln!(self.err, ">>>>>> no report is written to {path}: {error}");
            }
        }
    }

    /// A reader that went away (`kitchen test | head`) is no reason to stop: machines are at work.
    fn heard(&mut self, written: io::Result<()>) {
        let Err(error) = written else { return };
        self.screen = Screen::Lines;
        self.out = Box::new(io::sink());
        if error.kind() != io::ErrorKind::BrokenPipe {
            self.unwritten = true;
            let _ = writeln!(
                self.err,
                ">>>>>> standard output is not written any further: {error}"
            );
        }
    }

    fn log(&mut self, write: impl FnOnce(&mut Logs) -> io::Result<()>) {
        if let Some(Err(error)) = self.logs.as_mut().map(write) {
            self.logs = None;
            let _ = writeln!(self.err, "$$$$$$ the log files end here: {error}");
        }
    }
}

/// What is known of earlier runs.
fn expected(options: &Options) -> expected::Expected {
    let runs = options.runs.as_ref();
    runs.map(|(runs, _)| expected::Expected::read(runs))
        .unwrap_or_default()
}

fn no_record(err: &mut Out, error: &io::Error) {
    let _ = writeln!(
        err,
        "$$$$$$ the run is not recorded any further, and can be reported only so far: {error}"
    );
}

fn no_logs(err: &mut Out, error: &io::Error) {
    let _ = writeln!(err, "$$$$$$ no log files are written: {error}");
}
