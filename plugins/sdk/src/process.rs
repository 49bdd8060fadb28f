//! The one way to run a process of the workstation.

use std::process::{ExitStatus as StdExitStatus, Stdio};

use process_wrap::tokio::{CommandWrap, KillOnDrop};
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWriteExt, BufReader};
use tokio::process::Command;

use crate::{Error, ExitStatus, Line, Output, Result, Stdin, Stream};

/// Longest piece of a line that is handed on at once, in bytes; a longer line comes in pieces.
pub const MAX_LINE: usize = 64 * 1024;

/// Runs `command` in a process group of its own; its output goes to `output` line by line.
/// Dropping the future kills the whole group. A non-zero exit is an answer, not an error.
pub async fn run(mut command: Command, stdin: &Stdin, output: &dyn Output) -> Result<ExitStatus> {
    let name = command
        .as_std()
        .get_program()
        .to_string_lossy()
        .into_owned();
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command.stdin(match stdin {
        Stdin::Empty => Stdio::null(),
        Stdin::Bytes(_) => Stdio::piped(),
    });
    let mut wrap = CommandWrap::from(command);
    wrap.wrap(KillOnDrop);
    #[cfg(unix)]
    wrap.wrap(process_wrap::tokio::ProcessGroup::leader());
    let mut child = wrap
        .spawn()
        .map_err(|error| Error::machine(format!("start {name}: {error}")))?;
    let group = Group(child.id());
    let pipes = (
        child.stdin().take(),
        child.stdout().take(),
        child.stderr().take(),
    );
    let feed = async {
        if let (Some(mut pipe), Stdin::Bytes(bytes)) = (pipes.0, stdin) {
            // A command that does not read all of its input is no error.
            let _ = pipe.write_all(bytes).await;
        }
    };
    let (_, out, err) = tokio::join!(
        feed,
        forward(pipes.1, Stream::Out, output),
        forward(pipes.2, Stream::Err, output)
    );
    out?;
    err?;
    let status = child.wait().await?;
    group.ended();
    Ok(exit_status(status))
}

/// Runs `command` and gives what it printed on standard output, as text; fails unless it exits
/// with 0, saying what it printed on standard error.
pub async fn capture(command: Command) -> Result<String> {
    let name = command
        .as_std()
        .get_program()
        .to_string_lossy()
        .into_owned();
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
    let Some(pipe) = pipe else { return Ok(()) };
    let mut reader = BufReader::with_capacity(MAX_LINE, pipe);
    let mut splitter = LineSplitter::default();
    loop {
        let chunk = reader.fill_buf().await?;
        if chunk.is_empty() {
            break;
        }
        let read = chunk.len();
        let lines = splitter.push(chunk);
        reader.consume(read);
        for text in lines {
            output.line(Line { stream, text }).await;
        }
    }
    if let Some(text) = splitter.finish() {
        output.line(Line { stream, text }).await;
    }
    Ok(())
}

/// Cuts chunks of bytes into lines of at most [`MAX_LINE`] bytes.
#[derive(Debug, Default)]
pub struct LineSplitter(Vec<u8>);

impl LineSplitter {
    /// Takes a chunk; gives the lines that are whole with it.
    pub fn push(&mut self, mut chunk: &[u8]) -> Vec<String> {
        let mut lines = Vec::new();
        while let Some(end) = chunk.iter().position(|byte| *byte == b'\n') {
            self.0.extend_from_slice(&chunk[..end]);
            lines.push(self.take());
            chunk = &chunk[end + 1..];
        }
        self.0.extend_from_slice(chunk);
        if self.0.len() >= MAX_LINE {
            lines.push(self.take());
        }
        lines
    }

    /// What came after the last line end.
    pub fn finish(&mut self) -> Option<String> {
        (!self.0.is_empty()).then(|| self.take())
    }

    fn take(&mut self) -> String {
        let line = self.0.strip_suffix(b"\r").unwrap_or(&self.0);
        let text = String::from_utf8_lossy(line).into_owned();
        self.0.clear();
        text
    }
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

/// Kills the process group of a command whose future was dropped.
struct Group(Option<u32>);

impl Group {
    fn ended(mut self) {
        self.0 = None;
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        #[cfg(unix)]
        if let Some(group) = self
            .0
            .take()
            .and_then(|id| rustix::process::Pid::from_raw(id.cast_signed()))
        {
            // Already gone is what is wanted.
            let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
        }
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
        assert_eq!(splitter.push(&vec![b'a'; MAX_LINE]).len(), 1);
        assert_eq!(splitter.finish(), None);
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
