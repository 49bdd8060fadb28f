//! Lines to bytes for a terminal or a pipe, in Test Kitchen's form (lib/kitchen/logger.rb).

use std::collections::HashMap;
use std::io::{self, Write};

use super::ci::{Server, neutral};
use super::narrator::{Kind, Level, Line};
use super::text::safe;

/// Colours of instances: cyan, yellow, green, magenta, blue and their bright forms.
const COLOURS: [u8; 10] = [36, 33, 32, 35, 34, 96, 93, 92, 95, 94];

/// How lines are shown.
#[derive(Debug, Default)]
pub struct Printer {
    /// Least important lines that are shown.
    pub level: Level,
    /// Whether colours are used.
    pub colours: bool,
    /// Whether several instances may speak at once: then each line says whose it is.
    pub names: bool,
    /// The build server that reads along, which must not obey what it reads.
    server: Server,
    given: HashMap<String, u8>,
}

impl Printer {
    /// A printer that begins with no colours given.
    pub fn new(level: Level, colours: bool, server: Server) -> Self {
        Self {
            level,
            colours,
            server,
            ..Self::default()
        }
    }

    /// Writes one line, if it is important enough.
    pub fn print(&mut self, line: &Line, out: &mut impl Write) -> io::Result<()> {
        if line.level < self.level {
            return Ok(());
        }
        let text = safe(&line.text, self.colours);
        let text = match self.server {
            Server::None => text,
            _ => neutral(&text).into_owned().into(),
        };
        let mark = match (line.kind, line.level) {
            (Kind::Banner, _) => "----->",
            (_, Level::Debug) => "D     ",
            (_, Level::Info) => "      ",
            (_, Level::Warn) => "$$$$$$",
            (_, Level::Error) => ">>>>>>",
            (_, Level::Fatal) => "!!!!!!",
        };
        let (open, close) = match (self.colours, line.level, line.kind) {
            (false, ..) => (String::new(), ""),
            (_, Level::Warn, _) => ("\u{1b}[33m".into(), "\u{1b}[0m"),
            (_, Level::Error | Level::Fatal, _) => ("\u{1b}[31m".into(), "\u{1b}[0m"),
            (_, _, Kind::Banner) => (format!("\u{1b}[1;{}m", self.colour(line)), "\u{1b}[0m"),
            _ => (String::new(), ""),
        };
        match self.name(line) {
            Some(name) => writeln!(out, "{open}{mark}{close} {name} {open}{text}{close}"),
            None if text.is_empty() && line.kind == Kind::Output => writeln!(out),
            None => writeln!(out, "{open}{mark} {text}{close}"),
        }
    }

    /// `[web1-centos-7]`, where it is not clear otherwise whose line it is.
    fn name(&mut self, line: &Line) -> Option<String> {
        let speaks = line.kind == Kind::Output || line.level >= Level::Warn;
        let instance = line.instance.as_ref().filter(|_| self.names && speaks)?;
        Some(match self.colours {
            true => format!("\u{1b}[{}m[{instance}]\u{1b}[0m", self.colour(line)),
            false => format!("[{instance}]"),
        })
    }

    fn colour(&mut self, line: &Line) -> u8 {
        let name = line.instance.as_deref().unwrap_or(&line.subject);
        if name.is_empty() {
            return 39;
        }
        if let Some(colour) = self.given.get(name) {
            return *colour;
        }
        let colour = COLOURS[self.given.len() % COLOURS.len()];
        self.given.insert(name.into(), colour);
        colour
    }
}
