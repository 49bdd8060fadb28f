//! The one way to run a process of the workstation.

mod start;

use std::ffi::OsString;
use std::path::Path;
use std::pin::pin;
use std::process::{ExitStatus as StdExitStatus, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWriteExt, BufReader};
use tokio::process::Command;

pub use start::{Noted, spawn};
pub(crate) use start::{Started, start};

use crate::{Error, ExitStatus, Line, Output, Result, Stdin, Stream};

/// Longest piece of a line that is handed on at once, in bytes; a longer line comes in pieces.
pub const MAX_LINE: usize = 64 * 1024;

/// How long the pipes of a command that has ended may be empty before a process that it left behind
/// is taken to hold them.
const GRACE: Duration = Duration::from_millis(100);
/// What is read at most once a command has ended: more than any pipe holds.
const REST: u64 = 1 << 20;

/// Where commands of the workstation look before all that `PATH` names.
static FIRST: OnceLock<OsString> = OnceLock::new();

/// From now on commands find the programs in `directory` before all others. The first call counts.
pub fn look_first_in(directory: &Path) {
    let _ = FIRST.set(directory.into());
}

/// `PATH` of commands of the workstation; none where they simply inherit it.
pub fn path() -> Option<OsString> {
    let first = FIRST.get()?;
    let inherited = std::env::var_os("PATH").unwrap_or_default();
    let rest = std::env::split_paths(&inherited);
    let all = std::iter::once(first.into()).chain(rest.filter(|it| it.as_os_str() != *first));
    std::env::join_paths(all).ok()
}

/// Gives `command` the [`path`], unless it has a `PATH` of its own.
pub(crate) fn led(command: &mut Command) {
    let own = |(name, _): (&std::ffi::OsStr, _)| name == "PATH";
    if !command.as_std().get_envs().any(own)
        && let Some(path) = path()
    {
        command.env("PATH", path);
    }
}

/// A command line for the workstation's shell, behind the words of `prefix`.
pub fn shell(prefix: &[String], line: &str) -> Command {
    let shell = if cfg!(windows) {
        ["cmd", "/C", line]
    } else {
        ["sh", "-c", line]
    };
    let mut words = prefix.iter().map(String::as_str).chain(shell);
    let mut command = Command::new(words.next().unwrap_or_default());
    command.args(words);
    command
}

/// Runs `command` in a process group of its own; its output goes to `output` line by line.
/// Dropping the future kills the whole group and, on Linux, all that descends from the command; a
/// `kill -9` of this process ends the command on Linux, and [the next one](crate::scratch::sweep) what
/// it started. A non-zero exit is an answer, not an error. What processes print that outlive the command is not
/// waited for.
pub async fn run(mut command: Command, stdin: &Stdin, output: &dyn Output) -> Result<ExitStatus> {
    let name = name_of(&command);
    let directory = command.as_std().get_current_dir().map(Path::to_path_buf);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command.stdin(match stdin {
        Stdin::Empty => Stdio::null(),
        Stdin::Bytes(_) => Stdio::piped(),
    });
    let Started { mut child, note } = start(command).map_err(|error| match directory {
        // The system's message would blame the program.
        Some(directory) if !directory.is_dir() => Error::machine(format!(
            "start {name}: no directory {}",
            directory.display()
        )),
        _ => Error::machine(format!("start {name}: {error}")),
    })?;
    let group = Group(child.id(), note);
    let (input, out, err) = (
        child.stdin().take(),
        child.stdout().take(),
        child.stderr().take(),
    );
    let feed = async {
        if let (Some(mut pipe), Stdin::Bytes(bytes)) = (input, stdin) {
            // A command that does not read all of its input is no error.
            let _ = pipe.write_all(bytes).await;
        }
    };
    let progress = [Progress::default(), Progress::default()];
    let mut working = pin!(async {
        let (_, pumped) = tokio::join!(feed, async {
            tokio::try_join!(
                pump(out, Stream::Out, output, &progress[0]),
                pump(err, Stream::Err, output, &progress[1])
            )
        });
        pumped.map(|_| ())
    });
    let (status, pumped) = tokio::select! {
        status = child.wait() => (status?, None),
        pumped = working.as_mut() => (child.wait().await?, Some(pumped)),
    };
    group.ended();
    match pumped {
        Some(pumped) => pumped?,
        None => tokio::select! {
            pumped = working => pumped?,
            () = left_behind(&progress) => {}
        },
    }
    Ok(exit_status(status))
}

fn name_of(command: &Command) -> String {
    let program = command.as_std().get_program();
    program.to_string_lossy().into_owned()
}

/// How far a pump is.
#[derive(Debug, Default)]
struct Progress {
    /// It waits for the pipe, not for the output.
    idle: AtomicBool,
    /// Bytes read.
    read: AtomicU64,
}

/// Returns once the pipes of a command that has ended hold nothing of it any more.
async fn left_behind(progress: &[Progress; 2]) {
    let read = || -> u64 { progress.iter().map(|p| p.read.load(Relaxed)).sum() };
    let limit = read() + REST;
    loop {
        tokio::time::sleep(GRACE).await;
        if progress.iter().all(|p| p.idle.load(Relaxed)) || read() > limit {
            return;
        }
    }
}

/// Runs `command` and gives what it printed on standard output, as text; fails unless it exits
/// with 0, saying what it printed on standard error.
pub async fn capture(command: Command) -> Result<String> {
    let name = name_of(&command);
    let text = Collect::default();
    let status = run(command, &Stdin::Empty, &text).await?;
    let (out, err) = text.into_parts();
    if status.success() {
        return Ok(out);
    }
    let mut error = Error::machine(format!("{name}: exit code {}: {}", status.0, err.trim()));
    error.exit_code = Some(status.0);
    Err(error)
}

/// Keeps the last MiB of each stream.
#[derive(Debug, Default)]
pub struct Collect(std::sync::Mutex<(String, String)>);

impl Collect {
    const KEPT: usize = 1 << 20;

    /// Standard output and standard error, each line with its end.
    pub fn into_parts(self) -> (String, String) {
        self.0
            .into_inner()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

#[crate::async_trait]
impl Output for Collect {
    async fn line(&self, line: Line) {
        let mut both = self
            .0
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        let text = if line.stream == Stream::Out {
            &mut both.0
        } else {
            &mut both.1
        };
        text.push_str(&line.text);
        text.push('\n');
        if text.len() > 2 * Self::KEPT {
            let mut cut = text.len() - Self::KEPT;
            while !text.is_char_boundary(cut) {
                cut += 1;
            }
            text.drain(..cut);
        }
    }
}

/// Reads `pipe` to its end, line by line; bytes that are not UTF-8 are replaced.
pub async fn forward(
    pipe: Option<impl AsyncRead + Unpin>,
    stream: Stream,
    output: &dyn Output,
) -> Result<()> {
    pump(pipe, stream, output, &Progress::default()).await
}

async fn pump(
    pipe: Option<impl AsyncRead + Unpin>,
    stream: Stream,
    output: &dyn Output,
    progress: &Progress,
) -> Result<()> {
    let mut splitter = LineSplitter::default();
    if let Some(pipe) = pipe {
        let mut reader = BufReader::with_capacity(MAX_LINE, pipe);
        loop {
            progress.idle.store(true, Relaxed);
            let chunk = reader.fill_buf().await?;
            progress.idle.store(false, Relaxed);
            if chunk.is_empty() {
                break;
            }
            let read = chunk.len();
            let lines = splitter.push(chunk);
            reader.consume(read);
            progress.read.fetch_add(read as u64, Relaxed);
            for text in lines {
                output.line(Line { stream, text }).await;
            }
        }
    }
    if let Some(text) = splitter.finish() {
        output.line(Line { stream, text }).await;
    }
    // At its end a pipe has no more to come.
    progress.idle.store(true, Relaxed);
    Ok(())
}

/// Cuts chunks of bytes into lines of at most [`MAX_LINE`] bytes.
#[derive(Debug, Default)]
pub struct LineSplitter(Vec<u8>);

impl LineSplitter {
    /// Takes a chunk; gives the lines that are whole with it.
    pub fn push(&mut self, chunk: &[u8]) -> Vec<String> {
        let mut lines = Vec::new();
        for piece in chunk.split_inclusive(|byte| *byte == b'\n') {
            self.0.extend_from_slice(piece);
            let whole = self.0.last() == Some(&b'\n');
            while self.0.len() > MAX_LINE {
                lines.push(self.cut(character_start(&self.0, MAX_LINE)));
            }
            if whole {
                lines.push(self.cut(self.0.len()));
            }
        }
        lines
    }

    /// What came after the last line end.
    pub fn finish(&mut self) -> Option<String> {
        (!self.0.is_empty()).then(|| self.cut(self.0.len()))
    }

    fn cut(&mut self, length: usize) -> String {
        let rest = self.0.split_off(length);
        let line = std::mem::replace(&mut self.0, rest);
        let text = match line.strip_suffix(b"\n") {
            Some(text) => text.strip_suffix(b"\r").unwrap_or(text),
            None => &line,
        };
        String::from_utf8_lossy(text).into_owned()
    }
}

/// Where the UTF-8 character around `at` begins; `at` itself where there is none.
fn character_start(bytes: &[u8], at: usize) -> usize {
    (at.saturating_sub(3)..=at)
        .rev()
        .find(|i| bytes[*i] & 0xc0 != 0x80)
        .unwrap_or(at)
}

/// The exit code of a process of the workstation, signals as 128 plus their number.
pub fn exit_status(status: StdExitStatus) -> ExitStatus {
    #[cfg(unix)]
    {
        use std::os::unix::process::ExitStatusExt;
        if let Some(signal) = status.signal() {
            return ExitStatus(128 + signal);
        }
    }
    ExitStatus(status.code().unwrap_or(1))
}

/// Kills the process group of a command whose future was dropped, and what descends from it.
struct Group(
    Option<u32>,
    #[expect(dead_code, reason = "it goes once the group is gone")] Noted,
);

impl Group {
    fn ended(mut self) {
        self.0 = None;
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(id) = self.0.take() {
            kill_family(id);
        }
    }
}

/// Kills the process group that `id` leads, and all that descends from it.
pub(crate) fn kill_family(id: u32) {
    #[cfg(unix)]
    {
        use rustix::process::{Pid, Signal, kill_process};
        // Some tools give each of their workers a session (Ansible 2.19).
        let family = crate::family::descendants(id);
        kill_group(id);
        let pids = family.into_iter();
        for pid in pids.filter_map(|id| Pid::from_raw(id.cast_signed())) {
            let _ = kill_process(pid, Signal::KILL);
        }
    }
}

/// Kills the process group that `id` leads or led.
pub(crate) fn kill_group(id: u32) {
    #[cfg(unix)]
    {
        use rustix::process::{Pid, Signal, kill_process_group};
        // Already gone is what is wanted.
        let _ = Pid::from_raw(id.cast_signed()).map(|pid| kill_process_group(pid, Signal::KILL));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_cut_whatever_the_chunks() {
        let mut splitter = LineSplitter::default();
        assert_eq!(splitter.push(b"one\r\ntw"), ["one"]);
        assert_eq!(splitter.push(b"o\n\nx\xff"), ["two", ""]);
        assert_eq!(splitter.finish().as_deref(), Some("x\u{fffd}"));
        assert_eq!(splitter.finish(), None);
    }

    #[test]
    fn an_endless_line_comes_in_pieces() {
        let mut splitter = LineSplitter::default();
        let text = "ä".repeat(MAX_LINE);
        let mut pieces = splitter.push(&text.as_bytes()[..MAX_LINE + 1]);
        pieces.extend(splitter.push(&text.as_bytes()[MAX_LINE + 1..]));
        pieces.extend(splitter.finish());
        assert!(pieces.iter().all(|piece| piece.len() <= MAX_LINE));
        assert_eq!(pieces.len(), 2);
        assert_eq!(pieces.concat(), text);
    }

    fn sh(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    #[tokio::test]
    async fn a_missing_directory_or_program_is_named() {
        let mut command = sh("true");
        command.current_dir("/no/such/place");
        let error = capture(command).await.unwrap_err();
        assert_eq!(error.message, "start sh: no directory /no/such/place");
        let error = capture(Command::new("no-such-program")).await.unwrap_err();
        assert!(error.message.starts_with("start no-such-program: "));
    }

    #[tokio::test]
    async fn a_process_left_behind_holds_nothing() {
        let text = Collect::default();
        let started = std::time::Instant::now();
        let status = run(
            sh("echo begin; sleep 600 & echo $!; exit 3"),
            &Stdin::Empty,
            &text,
        )
        .await
        .unwrap();
        assert_eq!(status, ExitStatus(3));
        assert!(started.elapsed() < Duration::from_secs(60));
        let (out, _) = text.into_parts();
        let pid = out.strip_prefix("begin\n").unwrap().trim();
        capture(sh(&format!("kill {pid}"))).await.unwrap();
    }

    #[tokio::test]
    async fn a_noisy_process_left_behind_holds_nothing() {
        let text = Collect::default();
        let script = "yes >&2 & echo $!";
        run(sh(script), &Stdin::Empty, &text).await.unwrap();
        // It may be gone already: its pipe broke.
        let (out, _) = text.into_parts();
        run(sh(&format!("kill {out}")), &Stdin::Empty, &crate::Discard)
            .await
            .unwrap();
    }

    #[tokio::test]
    async fn what_was_printed_before_the_end_is_complete() {
        let script = "sleep 600 >&2 & seq 5000; echo $!";
        let printed = capture(sh(script)).await.unwrap();
        let (numbers, pid) = printed.trim().rsplit_once('\n').unwrap();
        assert!(numbers.lines().eq((1..=5000).map(|i| i.to_string())));
        capture(sh(&format!("kill {pid}"))).await.unwrap();
    }

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn dropping_kills_the_group_and_sessions_below_it() {
        let directory = tempfile::tempdir().unwrap();
        let pids = directory.path().join("pids");
        let script = format!(
            "sleep 600 & one=$!; setsid sh -c 'sleep 600; :' & two=$!
             until three=$(pgrep -P $two sleep); do :; done
             echo $$ $one $two $three > {0}.new; mv {0}.new {0}; wait",
            pids.display()
        );
        let work = run(sh(&script), &Stdin::Empty, &crate::Discard);
        let noted = async {
            while !pids.exists() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::select! {
            ended = work => panic!("it lasts, yet {ended:?}"),
            () = noted => {}
        }
        for pid in std::fs::read_to_string(&pids).unwrap().split_whitespace() {
            // `ps` shows a zombie as Z: dead, and not yet reaped.
            let gone = sh(&format!(
                "while kill -0 {pid} && ! ps -o stat= -p {pid} | grep -q Z; do sleep 0.01; done"
            ));
            tokio::time::timeout(
                Duration::from_secs(20),
                run(gone, &Stdin::Empty, &crate::Discard),
            )
            .await
            .expect("the process is gone")
            .unwrap();
        }
    }

    #[tokio::test]
    async fn a_command_is_captured() {
        let mut command = Command::new("sh");
        command.args(["-c", "printf 'a\nb'"]);
        assert_eq!(capture(command).await.unwrap(), "a\nb\n");
    }

    #[tokio::test]
    async fn a_signal_is_128_and_its_number() {
        let mut command = Command::new("sh");
        command.args(["-c", "kill -TERM $$"]);
        assert_eq!(
            run(command, &Stdin::Empty, &crate::Discard).await.unwrap(),
            ExitStatus(143)
        );
    }
}
