//! The `kitchen` command, run in a place until it ends, or until something is done to it.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process, kill_process_group};

use crate::place::Place;

/// How often a command is looked at.
pub const LOOK: Duration = Duration::from_millis(1);

/// A `kitchen` that may not have ended yet.
pub struct Kitchen {
    /// The command line, for people.
    pub call: String,
    child: Child,
    /// Where its output goes.
    said: PathBuf,
    reader: File,
    heard: String,
    started: Instant,
}

/// How a command ended.
pub struct Ended {
    /// The command line, for people.
    pub call: String,
    /// None where it did not end within its limit, and was killed for it.
    pub status: Option<ExitStatus>,
    /// How long it took.
    pub took: Duration,
    /// Where its output is.
    pub said: PathBuf,
}

impl Kitchen {
    /// Starts `program` with `arguments`, which have no spaces, in the project of `place`. Both of its
    /// streams go to a file, so that whatever outlives it holds no pipe of ours.
    pub fn start(
        program: &std::path::Path,
        place: &Place,
        variables: &[(String, String)],
        arguments: &str,
    ) -> io::Result<Self> {
        let number = std::fs::read_dir(place.said())?.count();
        let said = place.said().join(format!("{number:02}.txt"));
        let out = File::create(&said)?;
        let reader = File::open(&said)?;
        let mut command = Command::new(program);
        for (name, _) in std::env::vars_os() {
            let name = name.to_string_lossy();
            if name.starts_with("KITCHEN_") || name == "CI" {
                command.env_remove(&*name);
            }
        }
        let child = command
            .args(arguments.split_whitespace())
            .current_dir(place.project())
            .env("HOME", place.home())
            .env("TMPDIR", place.temporary())
            .envs(variables.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(out.try_clone()?)
            .stderr(out)
            // As a terminal does: its keys reach the group, and no other.
            .process_group(0)
            .spawn()?;
        Ok(Self {
            call: format!("kitchen {arguments}"),
            child,
            said,
            reader,
            heard: String::new(),
            started: Instant::now(),
        })
    }

    /// Whether it has ended.
    pub fn has_ended(&mut self) -> io::Result<bool> {
        Ok(self.child.try_wait()?.is_some())
    }

    /// How long it has run.
    pub fn age(&self) -> Duration {
        self.started.elapsed()
    }

    /// How often its output has `text` so far.
    pub fn count(&mut self, text: &str) -> io::Result<usize> {
        let mut new = Vec::new();
        self.reader.read_to_end(&mut new)?;
        self.heard.push_str(&String::from_utf8_lossy(&new));
        Ok(self.heard.matches(text).count())
    }

    /// Sends a signal to it, or to its whole group, as a terminal does. False where it had ended.
    pub fn signal(&mut self, signal: Signal, group: bool) -> io::Result<bool> {
        // Not reaped before: the number is nobody else's.
        if self.has_ended()? {
            return Ok(false);
        }
        let pid = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        let pid = pid.ok_or_else(|| io::Error::other("no process id"))?;
        match group {
            true => kill_process_group(pid, signal)?,
            false => kill_process(pid, signal)?,
        }
        Ok(true)
    }

    /// Waits until it has ended; kills it after `limit`.
    pub fn end(mut self, limit: Duration) -> io::Result<Ended> {
        let since = Instant::now();
        let status = loop {
            if let Some(status) = self.child.try_wait()? {
                break Some(status);
            }
            if since.elapsed() > limit {
                self.child.kill()?;
                self.child.wait()?;
                break None;
            }
            std::thread::sleep(LOOK * 5);
        };
        Ok(Ended {
            call: self.call,
            status,
            took: self.started.elapsed(),
            said: self.said,
        })
    }
}

impl Ended {
    /// Fails unless it exited with 0.
    pub fn succeeds(&self) -> Result<(), String> {
        match self.status {
            Some(status) if status.success() => Ok(()),
            _ => Err(self.complaint()),
        }
    }

    /// Fails unless it ended at all, however it did.
    pub fn is_over(&self) -> Result<(), String> {
        match self.status {
            Some(_) => Ok(()),
            None => Err(self.complaint()),
        }
    }

    fn complaint(&self) -> String {
        let how = match self.status {
            Some(status) => status.to_string(),
            None => "it did not end".to_owned(),
        };
        let text = std::fs::read(&self.said).unwrap_or_default();
        let text = String::from_utf8_lossy(&text).into_owned();
        let lines: Vec<&str> = text.lines().collect();
        let last = lines[lines.len().saturating_sub(12)..].join("\n    | ");
        format!(
            "`{}`: {how} after {:.1} s; its last lines, of {}:\n    | {last}",
            self.call,
            self.took.as_secs_f64(),
            self.said.display()
        )
    }
}
