//! A command that goes on: what it prints is read as it comes.

use std::io::{Read, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use super::Ran;

/// No command of a test takes longer.
const DEADLINE: Duration = Duration::from_secs(180);

/// A command that has not ended yet.
pub struct Running {
    call: String,
    child: Child,
    input: Option<ChildStdin>,
    out: Stream,
    err: Stream,
    started: Instant,
}

impl Running {
    #[track_caller]
    pub(super) fn new(call: String, mut command: Command) -> Self {
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{call}: {error}"));
        let out = pieces(child.stdout.take().expect("a pipe"));
        let err = pieces(child.stderr.take().expect("a pipe"));
        Self {
            call,
            input: child.stdin.take(),
            child,
            out: Stream::new(out),
            err: Stream::new(err),
            started: Instant::now(),
        }
    }

    /// Types on its terminal; [`Running::until`] then sees only what comes afterwards.
    #[track_caller]
    pub fn types(mut self, text: &str) -> Self {
        for stream in [&mut self.out, &mut self.err] {
            stream.from = stream.text.len();
        }
        let input = self.input.as_mut().expect("a terminal");
        input.write_all(text.as_bytes()).expect("a key");
        self
    }

    /// Waits until a line of either stream contains `text`.
    #[track_caller]
    pub fn until(mut self, text: &str) -> Self {
        while !self.out.seen(text) && !self.err.seen(text) {
            let ended = !self.out.more() & !self.err.more();
            if ended && !self.out.seen(text) && !self.err.seen(text) {
                panic!("{:?} never came of\n{}", text, self.wait().transcript());
            }
            self.check_deadline();
        }
        self
    }

    /// Process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends a signal by its name (`INT`, `TERM`, `KILL`).
    #[track_caller]
    pub fn signal(self, name: &str) -> Self {
        let status = Command::new("kill")
            .args(["-s", name, &self.child.id().to_string()])
            .status()
            .expect("kill runs");
        assert!(status.success(), "kill -s {name}");
        self
    }

    /// Waits until it has ended.
    #[track_caller]
    pub fn wait(mut self) -> Ran {
        while self.out.more() | self.err.more() {
            self.check_deadline();
        }
        let status = self.child.wait().expect("an exit status");
        Ran {
            call: self.call,
            code: status.code(),
            out: self.out.text,
            err: self.err.text,
            took: self.started.elapsed(),
        }
    }

    #[track_caller]
    fn check_deadline(&mut self) {
        if self.started.elapsed() > DEADLINE {
            let _ = self.child.kill();
            panic!(
                "{} did not end in {DEADLINE:?}\n{}\n{}",
                self.call, self.out.text, self.err.text
            );
        }
    }
}

/// One stream of a command, read as it comes.
struct Stream {
    lines: Option<Receiver<String>>,
    text: String,
    /// What stands before was looked at already.
    from: usize,
}

impl Stream {
    fn new(lines: Receiver<String>) -> Self {
        Self {
            lines: Some(lines),
            text: String::new(),
            from: 0,
        }
    }

    /// Takes what comes within a moment; false once the stream has ended.
    fn more(&mut self) -> bool {
        let Some(lines) = &self.lines else {
            return false;
        };
        match lines.recv_timeout(Duration::from_millis(20)) {
            Ok(line) => {
                self.text.push_str(&line);
                lines.try_iter().for_each(|line| self.text.push_str(&line));
                true
            }
            Err(RecvTimeoutError::Timeout) => true,
            Err(RecvTimeoutError::Disconnected) => {
                self.lines = None;
                false
            }
        }
    }

    fn seen(&self, text: &str) -> bool {
        self.text[self.from..].contains(text)
    }
}

/// What comes, as it comes; a character is never cut in two.
fn pieces(mut stream: impl Read + Send + 'static) -> Receiver<String> {
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        let (mut pending, mut buffer) = (Vec::new(), [0; 4096]);
        while let Ok(read @ 1..) = stream.read(&mut buffer) {
            pending.extend_from_slice(&buffer[..read]);
            let whole = match std::str::from_utf8(&pending) {
                Err(error) if error.error_len().is_none() => error.valid_up_to(),
                _ => pending.len(),
            };
            let piece: Vec<u8> = pending.drain(..whole).collect();
            if sender
                .send(String::from_utf8_lossy(&piece).into_owned())
                .is_err()
            {
                break;
            }
        }
    });
    receiver
}
