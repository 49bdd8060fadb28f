//! Log files in `.kitchen/logs`, in the form of Test Kitchen's (Ruby's Logger): one an instance,
//! one a cluster, and `kitchen.log` with the headlines and troubles of the whole run. Those of
//! instances and of the run have an `.ndjson` beside them ([`Structured`]).

use std::collections::{HashMap, HashSet};
use std::io::{self, Write};
use std::path::Path;

use jiff::{SignedDuration, Timestamp};

use super::log_files::LogFiles;
use super::narrator::{Kind, Level, Line};
use super::structured::Structured;
use super::text::safe;
use crate::run::{Event, EventKind};

/// Lines of output that are so near to each other are one event of an `.ndjson` file, up to so many
/// bytes: what stands around a line is many times as long as the line.
const NEAR: SignedDuration = SignedDuration::from_millis(100);
const JOINED: usize = 32 << 10;

/// The log files of a run. Logs of instances that it does not touch stay as they are.
#[derive(Debug)]
pub struct Logs {
    files: LogFiles,
    level: Level,
    instances: HashSet<String>,
    structured: Structured,
    /// Output that waits to be joined by more, by the name of its log.
    output: HashMap<String, (Timestamp, Line)>,
    clock: Clock,
}

impl Logs {
    /// Log files in `dir`, which is made; of what is full and compressed, `room` bytes stay. With
    /// `overwrite` each begins anew.
    pub fn new(dir: &Path, overwrite: bool, level: Level, room: u64) -> io::Result<Self> {
        Ok(Self {
            files: LogFiles::new(dir, overwrite, room)?,
            level,
            instances: HashSet::new(),
            structured: Structured::default(),
            output: HashMap::new(),
            clock: Clock::default(),
        })
    }

    /// Notes the ids that the lines of later events belong to.
    pub fn event(&mut self, event: &Event) -> io::Result<()> {
        if let EventKind::Attempted { place, .. } = &event.kind {
            let name = place.instance.as_ref().unwrap_or(&place.subject);
            self.put_output(name)?;
        }
        self.structured.event(event);
        Ok(())
    }

    /// Begins the logs of a subject and its members.
    pub fn begin(&mut self, subject: &str, members: &[String]) -> io::Result<()> {
        for name in members {
            self.instances.insert(name.clone());
            self.files.begin(&format!("{name}.ndjson"))?;
        }
        for name in members.iter().map(String::as_str).chain([subject]) {
            self.files.begin(&format!("{name}.log"))?;
        }
        Ok(())
    }

    /// Writes a line to all files that it belongs to.
    pub fn write(&mut self, at: Timestamp, line: &Line) -> io::Result<()> {
        if line.level < self.level {
            return Ok(());
        }
        if line.kind == Kind::Banner || line.level >= Level::Warn || line.subject.is_empty() {
            self.put("kitchen", at, line)?;
        }
        if let Some(instance) = &line.instance {
            self.put(instance, at, line)?;
        }
        if !line.subject.is_empty() && line.instance.as_ref() != Some(&line.subject) {
            self.put(&line.subject, at, line)?;
        }
        Ok(())
    }

    /// Hands all that was written to the operating system.
    pub fn flush(&mut self) -> io::Result<()> {
        for (name, (at, line)) in std::mem::take(&mut self.output) {
            self.put_structured(&name, at, &line)?;
        }
        self.files.flush()
    }

    fn put(&mut self, name: &str, at: Timestamp, line: &Line) -> io::Result<()> {
        let severity = match line.level {
            Level::Debug => "DEBUG",
            Level::Info => "INFO",
            Level::Warn => "WARN",
            Level::Error => "ERROR",
            Level::Fatal => "FATAL",
        };
        let program = if name == "kitchen" { "Kitchen" } else { name };
        let mark = if line.kind == Kind::Banner {
            "-----> "
        } else {
            ""
        };
        let whose = match &line.instance {
            Some(instance) if instance != name && line.kind != Kind::Banner => {
                format!("[{instance}] ")
            }
            _ => String::new(),
        };
        let (second, micros) = self.clock.told(at);
        let pid = std::process::id();
        let text = safe(&line.text, false);
        self.files.add(&format!("{name}.log"), |file| {
            let written = writeln!(
                file,
                "{severity:.1}, [{second}.{micros:06} #{pid}] {severity:>5} -- {program}: {mark}{whose}{text}",
            );
            written.unwrap_or_default();
        })?;
        if name != "kitchen" && !self.instances.contains(name) {
            return Ok(());
        }
        let line = Line {
            text: text.into_owned(),
            ..line.clone()
        };
        self.join(name, at, line)
    }

    /// Puts a line behind output that came just before it, else on its own.
    fn join(&mut self, name: &str, at: Timestamp, line: Line) -> io::Result<()> {
        if line.kind == Kind::Output
            && let Some((since, output)) = self.output.get_mut(name)
            && (output.level, &output.instance) == (line.level, &line.instance)
            && at.duration_since(*since) < NEAR
            && output.text.len() + line.text.len() < JOINED
        {
            output.text.push('\n');
            output.text.push_str(&line.text);
            return Ok(());
        }
        self.put_output(name)?;
        match line.kind {
            Kind::Output => {
                self.output.insert(name.to_owned(), (at, line));
                Ok(())
            }
            _ => self.put_structured(name, at, &line),
        }
    }

    /// What waits for the log `name` waits no longer.
    fn put_output(&mut self, name: &str) -> io::Result<()> {
        match self.output.remove(name) {
            Some((at, line)) => self.put_structured(name, at, &line),
            None => Ok(()),
        }
    }

    fn put_structured(&mut self, name: &str, at: Timestamp, line: &Line) -> io::Result<()> {
        let instance = (name != "kitchen").then_some(name);
        let (second, micros) = self.clock.told(at);
        let at = format!("{second}.{micros:06}Z");
        let text = self.structured.line(instance, at, line);
        self.files.add(&format!("{name}.ndjson"), |file| {
            file.extend_from_slice(text.as_bytes());
            file.push(b'\n');
        })
    }
}

/// Tells moments; most are in the same second as the one before.
#[derive(Debug, Default)]
struct Clock {
    second: i64,
    told: String,
}

impl Clock {
    /// The moment up to its second (`2026-01-31T22:13:20`), and its microseconds.
    fn told(&mut self, at: Timestamp) -> (&str, i32) {
        let nanos = at.subsec_nanosecond();
        // Before 1970 a part of a second is below zero; no run was then.
        if self.told.is_empty() || at.as_second() != self.second {
            self.second = at.as_second();
            self.told = at.strftime("%Y-%m-%dT%H:%M:%S").to_string();
        }
        (
            &self.told,
            nanos.unsigned_abs().try_into().unwrap_or(0) / 1000,
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::narrator::{banner, word};
    use crate::run::Place;

    #[test]
    fn instances_and_the_run_have_structured_logs_and_clusters_have_none() {
        let dir = tempfile::tempdir().expect("a directory");
        let mut logs = Logs::new(dir.path(), true, Level::Info, u64::MAX).expect("logs");
        let members = ["web1-a".to_owned(), "web2-a".to_owned()];
        let place = Place {
            subject: "web-a".into(),
            instance: Some("web1-a".into()),
            step: Vec::new(),
        };
        let lines = [
            banner(&place, "Creating <web1-a>..."),
            word(Level::Info, &place, "working"),
            word(Level::Debug, &place, "not logged"),
        ];
        logs.begin("web-a", &members).expect("files");
        for line in &lines {
            logs.write(Timestamp::UNIX_EPOCH, line).expect("a line");
        }
        logs.flush().expect("written");
        let count = |name: &str| {
            let text = std::fs::read_to_string(dir.path().join(name)).ok()?;
            Some(text.lines().count())
        };
        assert_eq!(count("web1-a.ndjson"), Some(2));
        assert_eq!(count("web2-a.ndjson"), Some(0));
        assert_eq!(count("kitchen.ndjson"), Some(1));
        assert_eq!(count("web-a.log"), Some(2));
        assert_eq!(count("web-a.ndjson"), None);
    }
}
