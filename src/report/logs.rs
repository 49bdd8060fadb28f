//! Log files in `.kitchen/logs`, in the form of Test Kitchen's (Ruby's Logger): one an instance,
//! one a cluster, and `kitchen.log` with the headlines and troubles of the whole run. Those of
//! instances and of the run have an `.ndjson` beside them ([`Structured`]).

use std::collections::HashSet;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use banquet_sdk::private;
use jiff::Timestamp;

use super::narrator::{Kind, Level, Line};
use super::structured::Structured;
use super::text::safe;

/// Files that are open at once.
const OPEN: usize = 64;

/// The log files of a run. Logs of instances that it does not touch stay as they are.
#[derive(Debug)]
pub struct Logs {
    dir: PathBuf,
    overwrite: bool,
    level: Level,
    /// Recently used last.
    open: Vec<(String, BufWriter<File>)>,
    begun: HashSet<String>,
    instances: HashSet<String>,
    /// Makes the lines of the `.ndjson` files.
    pub structured: Structured,
}

impl Logs {
    /// Log files in `dir`, which is made. With `overwrite` each begins anew.
    pub fn new(dir: &Path, overwrite: bool, level: Level) -> io::Result<Self> {
        private::directory(dir)?;
        Ok(Self {
            dir: dir.into(),
            overwrite,
            level,
            open: Vec::new(),
            begun: HashSet::new(),
            instances: HashSet::new(),
            structured: Structured::default(),
        })
    }

    /// Begins the logs of a subject and its members.
    pub fn begin(&mut self, subject: &str, members: &[String]) -> io::Result<()> {
        for name in members {
            self.instances.insert(name.clone());
            self.file(&format!("{name}.ndjson"))?;
        }
        for name in members.iter().map(String::as_str).chain([subject]) {
            self.file(&format!("{name}.log"))?;
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
        self.open.iter_mut().try_for_each(|(_, file)| file.flush())
    }

    fn put(&mut self, name: &str, moment: Timestamp, line: &Line) -> io::Result<()> {
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
        let at = moment.strftime("%Y-%m-%dT%H:%M:%S.%6f");
        let pid = std::process::id();
        let text = safe(&line.text, false);
        let file = self.file(&format!("{name}.log"))?;
        writeln!(
            file,
            "{:.1}, [{at} #{pid}] {severity:>5} -- {program}: {mark}{whose}{text}",
            severity
        )?;
        self.put_structured(name, moment, line)
    }

    fn put_structured(&mut self, name: &str, at: Timestamp, line: &Line) -> io::Result<()> {
        let instance = (name != "kitchen").then_some(name);
        if instance.is_some_and(|instance| !self.instances.contains(instance)) {
            return Ok(());
        }
        let text = self.structured.line(instance, at, line);
        writeln!(self.file(&format!("{name}.ndjson"))?, "{text}")
    }

    fn file(&mut self, name: &str) -> io::Result<&mut BufWriter<File>> {
        if let Some(index) = self.open.iter().position(|(open, _)| open == name) {
            let file = self.open.remove(index);
            self.open.push(file);
        } else {
            if self.open.len() == OPEN {
                self.open.remove(0).1.flush()?;
            }
            let first = self.begun.insert(name.into());
            let truncate = first && self.overwrite;
            let path = self.dir.join(name);
            let file = private::options()
                .create(true)
                .write(true)
                .append(!truncate)
                .truncate(truncate)
                .open(&path)?;
            private::close(&path, &file);
            self.open.push((name.into(), BufWriter::new(file)));
        }
        match self.open.last_mut() {
            Some((_, file)) => Ok(file),
            None => Err(io::Error::other("no log file is open")),
        }
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
        let mut logs = Logs::new(dir.path(), true, Level::Info).expect("logs");
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
