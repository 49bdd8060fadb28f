//! `kitchen logs`: what `.kitchen/logs/<instance>.ndjson` tells, a line an event
//! (lib/kitchen/command/logs.rb).

use std::fs::File;
use std::io::{self, BufRead, BufReader, IsTerminal, Seek, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use serde_json::Value;

use super::args::{Common, Names};
use super::exit::Exit;
use super::fault::Fault;
use super::loaded::Loaded;
use super::mask;
use crate::matrix::pattern::regex;
use crate::matrix::{Instance, SelectError};
use crate::report::parts::{self, Joined, Part};
use crate::report::safe;

/// From the least important on; what has no level counts as the last.
const LEVELS: [&str; 6] = ["debug", "info", "warn", "error", "fatal", "unknown"];

/// Where log files are, relative to the project.
const DIRECTORY: &str = ".kitchen/logs";

/// Pause between two looks at a file that is followed.
const LOOK: Duration = Duration::from_millis(200);

/// `logs`.
#[derive(Args, Clone, Debug)]
pub struct Logs {
    /// Which; one instance, or all members of one cluster.
    #[command(flatten)]
    pub names: Names,
    /// Least important events: debug, info, warn, error, fatal
    #[arg(long, value_name = "LEVEL")]
    pub level: Option<String>,
    /// The session with this id [default: the instance's last]
    #[arg(long, value_name = "ID")]
    pub session_id: Option<String>,
    /// All sessions of all instances, also of those that the configuration no longer names
    #[arg(long)]
    pub all_sessions: bool,
    /// text: the messages; ndjson: the events as they were written
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub format: String,
    /// Go on as more is written
    #[arg(short, long)]
    pub follow: bool,
    /// Output.
    #[command(flatten)]
    pub common: Common,
}

/// Prints what was asked for.
pub fn logs(logs: &Logs) -> Result<Exit, Fault> {
    let wanted = Wanted::of(logs)?;
    let files = match logs.all_sessions {
        true => every(logs.names.names.first().map(String::as_str))?,
        false => chosen(logs)?,
    };
    if logs.follow && files.len() > 1 {
        return Err(Fault::usage(
            "Following multiple instance logs is not supported; choose one instance",
            None::<String>,
        ));
    }
    let mut out = match wanted.ndjson {
        true => mask::json_out(),
        false => mask::out(),
    };
    for log in &files {
        let mut file = log.open()?;
        let earlier = Joined::of(log.earlier.clone());
        let wanted = Wanted {
            session: log.session.clone(),
            prefix: (files.len() > 1 && !logs.all_sessions).then(|| format!("[{}] ", log.name)),
            ..wanted.clone()
        };
        let mut tail = Tail::default();
        tail.copy(&mut BufReader::new(earlier), &wanted, &mut out)?;
        tail.copy(&mut file, &wanted, &mut out)?;
        if logs.follow {
            loop {
                out.flush()?;
                std::thread::sleep(LOOK);
                file = log.anew(file)?;
                tail.copy(&mut file, &wanted, &mut out)?;
            }
        }
    }
    out.flush()?;
    Ok(Exit::Success)
}

/// A log file, and the session that is asked for; none: all of them.
struct Log {
    name: String,
    path: PathBuf,
    /// What was written before and is compressed.
    earlier: Vec<PathBuf>,
    session: Option<String>,
}

impl Log {
    fn open(&self) -> Result<BufReader<File>, Fault> {
        let file = File::open(&self.path).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => {
                let message = format!("No structured log file found at {}", self.path.display());
                Fault::usage(message, None::<String>)
            }
            _ => unreadable(&self.path, &error),
        })?;
        Ok(BufReader::new(file))
    }

    /// The same file, or from its beginning the one that has taken its place or that was cut off.
    fn anew(&self, mut file: BufReader<File>) -> Result<BufReader<File>, Fault> {
        let position = file.stream_position().unwrap_or(0);
        let length = std::fs::metadata(&self.path).map_or(position, |data| data.len());
        match length < position {
            true => self.open(),
            false => Ok(file),
        }
    }
}

fn unreadable(path: &Path, error: &io::Error) -> Fault {
    let message = format!("read {}: {error}", path.display());
    Fault::new(Exit::Infrastructure, message, None::<String>)
}

/// The files of the instance, or of the cluster's members, that the arguments choose.
fn chosen(logs: &Logs) -> Result<Vec<Log>, Fault> {
    let loaded = Loaded::read(&logs.common)?;
    let arguments = &logs.names.names;
    let selection = loaded.look(&Names {
        names: arguments.iter().take(1).cloned().collect(),
    })?;
    let clusters = selection.clusters.iter().map(|cluster| &cluster.name);
    let instances = selection.instances.iter().map(|instance| &instance.name);
    let names: Vec<&str> = clusters.chain(instances).map(String::as_str).collect();
    if names.len() > 1 {
        return Err(Fault::several(arguments, names.into_iter()));
    }
    let members = super::loaded::members(&selection);
    let directory = loaded.project.kitchen().join("logs");
    let mut parts = parts::listed(&directory);
    let log = |instance: &std::sync::Arc<Instance>| {
        let file = format!("{}.ndjson", instance.name);
        let mut log = Log {
            name: instance.name.clone(),
            path: directory.join(&file),
            earlier: paths(parts.remove(&file)),
            session: None,
        };
        log.session = Some(session(logs, &loaded, instance, &log)?);
        Ok(log)
    };
    members.iter().map(log).collect()
}

/// The session asked for, else the instance's own, else the last in its file.
fn session(logs: &Logs, loaded: &Loaded, instance: &Instance, log: &Log) -> Result<String, Fault> {
    if let Some(session) = &logs.session_id {
        return Ok(session.clone());
    }
    let state = loaded.project.state_file(&instance.name).read();
    let current = state.ok().and_then(|state| {
        let session = state.get("instance_session_id")?.as_str()?;
        Some(session.to_owned())
    });
    current.or_else(|| last_session(log)).ok_or_else(|| {
        let message = format!(
            "Instance <{}> has no current session id; use --all-sessions",
            instance.name
        );
        Fault::usage(message, None::<String>)
    })
}

/// The parts of a log, in order.
fn paths(parts: Option<Vec<Part>>) -> Vec<PathBuf> {
    let parts = parts.into_iter().flatten();
    parts.map(|part| part.path).collect()
}

fn last_session(log: &Log) -> Option<String> {
    let mut last = None;
    let earlier = log.earlier.iter().chain([&log.path]);
    let file = BufReader::new(Joined::of(earlier.cloned().collect()));
    for line in file.split(b'\n') {
        let event: Option<Value> = serde_json::from_slice(&line.ok()?).ok();
        let session = event
            .as_ref()
            .and_then(|event| event.get("instance_session_id"));
        if let Some(session) = session.and_then(Value::as_str) {
            last = Some(session.to_owned());
        }
    }
    last
}

/// The files of all instances that there ever were, or of those that match.
fn every(argument: Option<&str>) -> Result<Vec<Log>, Fault> {
    let mut parts = parts::listed(Path::new(DIRECTORY));
    let log = |path: PathBuf| {
        let name = path.file_stem().unwrap_or_default().to_string_lossy();
        Log {
            earlier: paths(parts.remove(&format!("{name}.ndjson"))),
            name: name.into_owned(),
            path,
            session: None,
        }
    };
    let mut paths: Vec<PathBuf> = match std::fs::read_dir(DIRECTORY) {
        Ok(entries) => entries
            .filter_map(|entry| Some(entry.ok()?.path()))
            .collect(),
        Err(_) => Vec::new(),
    };
    paths.retain(|path| path.extension().is_some_and(|it| it == "ndjson"));
    paths.sort();
    let mut logs: Vec<Log> = paths.into_iter().map(log).collect();
    logs.retain(|log| log.name != "kitchen");
    if let Some(argument) = argument.filter(|argument| *argument != "all") {
        let exact = logs.iter().any(|log| log.name == argument);
        let found = match exact {
            true => regex(&format!("^{}$", ::regex::escape(argument)), ""),
            false => regex(argument, ""),
        };
        let found = found.map_err(|error| Fault::from(SelectError::BadPattern(error)))?;
        logs.retain(|log| found.is_match(&log.name).unwrap_or(false));
    }
    match logs.is_empty() {
        true => Err(Fault::usage(
            format!("No structured log files found in {DIRECTORY}"),
            None::<String>,
        )),
        false => Ok(logs),
    }
}

/// Which events are printed, and how.
#[derive(Clone, Debug, Default)]
struct Wanted {
    level: Option<String>,
    session: Option<String>,
    ndjson: bool,
    terminal: bool,
    prefix: Option<String>,
}

impl Wanted {
    fn of(logs: &Logs) -> Result<Self, Fault> {
        if !["text", "ndjson"].contains(&logs.format.as_str()) {
            let message = format!("Invalid logs format `{}'; use ndjson or text", logs.format);
            return Err(Fault::usage(message, None::<String>));
        }
        if let Some(level) = logs
            .level
            .as_deref()
            .filter(|level| !LEVELS.contains(level))
        {
            return Err(Fault::usage(
                format!("Invalid log level `{level}'; use debug, info, warn, error, or fatal"),
                None::<String>,
            ));
        }
        Ok(Self {
            level: logs.level.clone(),
            ndjson: logs.format == "ndjson",
            terminal: io::stdout().is_terminal(),
            ..Self::default()
        })
    }

    /// The line as it is printed; none where it is no event or not wanted.
    fn shown(&self, line: &[u8]) -> Option<String> {
        let event: Value = serde_json::from_slice(line).ok()?;
        let text = |key: &str| event.get(key).and_then(Value::as_str);
        event.as_object()?;
        let session = self.session.as_deref();
        if session.is_some() && text("instance_session_id") != session {
            return None;
        }
        let rank = |level: Option<&str>| {
            let known = LEVELS.iter().position(|it| Some(*it) == level);
            known.unwrap_or(LEVELS.len() - 1)
        };
        if self.level.is_some() && rank(text("level")) < rank(self.level.as_deref()) {
            return None;
        }
        if self.ndjson {
            return Some(event.to_string());
        }
        let message = match event.get("message") {
            Some(Value::String(message)) => message.clone(),
            None | Some(Value::Null) => String::new(),
            Some(other) => other.to_string(),
        };
        let prefix = self.prefix.as_deref().unwrap_or_default();
        // Output that came at once is one event.
        let lines = message.split('\n').map(|line| match self.terminal {
            true => format!("{prefix}{}", safe(line, true)),
            false => format!("{prefix}{line}"),
        });
        Some(lines.collect::<Vec<_>>().join("\n"))
    }
}

/// The beginning of a line whose end has not been written yet.
#[derive(Debug, Default)]
struct Tail(Vec<u8>);

impl Tail {
    /// Prints what has been written since the last look.
    fn copy(
        &mut self,
        file: &mut impl BufRead,
        wanted: &Wanted,
        out: &mut impl Write,
    ) -> Result<(), Fault> {
        loop {
            let read = file.read_until(b'\n', &mut self.0);
            if read.map_err(|error| unreadable(Path::new(DIRECTORY), &error))? == 0 {
                return Ok(());
            }
            if self.0.ends_with(b"\n") {
                if let Some(line) = wanted.shown(&self.0) {
                    writeln!(out, "{line}")?;
                }
                self.0.clear();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVENTS: &str = r#"{"instance":"a","instance_session_id":"1","level":"info","message":"one"}
{"instance":"a","instance_session_id":"2","level":"debug","message":"two"}
not JSON
5
{"instance_session_id":"2","level":"error","message":"three","sequence":3}
{"message":"no level, no session"}
{"level":"info","message":"cut"#;

    fn shown(wanted: &Wanted) -> Vec<String> {
        let mut out = Vec::new();
        let done = Tail::default().copy(&mut EVENTS.as_bytes(), wanted, &mut out);
        assert!(done.is_ok());
        let out = String::from_utf8(out).expect("text");
        out.lines().map(str::to_owned).collect()
    }

    #[test]
    fn events_are_chosen_by_session_and_level() {
        let wanted = |session: Option<&str>, level: Option<&str>| Wanted {
            session: session.map(Into::into),
            level: level.map(Into::into),
            ..Wanted::default()
        };
        let all = ["one", "two", "three", "no level, no session"];
        assert_eq!(shown(&wanted(None, None)), all);
        assert_eq!(shown(&wanted(Some("2"), None)), ["two", "three"]);
        assert_eq!(shown(&wanted(Some("2"), Some("warn"))), ["three"]);
        assert_eq!(
            shown(&wanted(None, Some("fatal"))),
            ["no level, no session"]
        );
    }

    #[test]
    fn ndjson_is_as_it_was_written() {
        let wanted = Wanted {
            ndjson: true,
            session: Some("1".into()),
            ..Wanted::default()
        };
        assert_eq!(shown(&wanted), [EVENTS.lines().next().expect("a line")]);
    }

    #[test]
    fn a_line_is_printed_when_its_end_is_there() {
        let (mut tail, mut out) = (Tail::default(), Vec::new());
        for part in ["{\"message\":\"wh", "ole\"}\n{\"mess"] {
            let done = tail.copy(&mut part.as_bytes(), &Wanted::default(), &mut out);
            assert!(done.is_ok());
        }
        assert_eq!(out, b"whole\n");
    }
}
