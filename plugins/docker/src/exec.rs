//! Commands in a container, through the engine's exec calls.
//!
//! Engines have no call that ends a command. Its standard input is the lifeline instead: it stays
//! open as long as somebody waits for the command, and a watcher beside the command ends all of
//! its session when it closes, also when this program is killed.

use std::convert::Infallible;
use std::pin::Pin;
use std::time::Duration;

use banquet_sdk::{Error, Exec, ExitStatus, Line, Output, Result, Stdin, Stream, process};
use bollard::container::LogOutput;
use bollard::exec::{CreateExecOptions, StartExecOptions, StartExecResults};
use futures::StreamExt;
use tokio::io::{AsyncWrite, AsyncWriteExt};

use crate::engine::{ASK_AGAIN, Engine};
use crate::errors::{Cause, cause};

/// Runs `$2` with the first `$1` bytes of the standard input. Plain shell, for images that have
/// busybox alone. The watcher spares what made itself a session of its own: those are daemons that
/// mean to outlive the command.
const WRAPPER: &str = r#"
exec 3<&0 </dev/null
watch() {
    # Not on the call: a shell keeps what a call's redirection replaces, and so the pipe, open.
    exec <&3 3<&- >/dev/null 2>&1
    while read -r _; do :; done
    kill -0 $$ || exit
    for stat in /proc/[0-9]*/stat; do
        read -r pid rest <"$stat" && set -- ${rest##*) } &&
            [ "$4" = $$ ] && [ "$3" != $$ ] && kill -9 "$pid"
    done
    kill -9 0
}
if [ "$1" = 0 ]; then
    watch &
    sh -c "$2" 3<&-
    code=$?
    exec 2>/dev/null
    kill -9 $!
    wait $!
    exit $code
fi
{ head -c "$1" <&3; watch & } | sh -c "$2" 3<&-
"#;

/// Time without output after which the engine is asked whether the command has ended: one that
/// leaves processes behind keeps its output open. It grows while the command is silent.
const QUIET: Duration = Duration::from_millis(100);
const QUIET_AT_MOST: Duration = Duration::from_secs(1);
/// Longest wait for the exit code of a command whose output has ended.
const EXIT: Duration = Duration::from_secs(10);

/// Who runs commands, and where.
#[derive(Clone, Debug, Default)]
pub struct Place {
    /// User, `name`, `uid` or `user:group`; none: the image's.
    pub user: Option<String>,
    /// Directory; none: the image's.
    pub directory: Option<String>,
    /// Variables, `NAME=value`.
    pub environment: Vec<String>,
}

/// What a command prints.
pub type Frames =
    Pin<Box<dyn futures::Stream<Item = Result<LogOutput, bollard::errors::Error>> + Send>>;

/// A command that runs in a container: its output and its input, which are its caller's to keep.
/// Dropping both closes the command's standard input.
pub struct Running<'a> {
    /// How it ends.
    pub process: Process<'a>,
    /// What it prints.
    pub output: Frames,
    /// What it reads.
    pub input: Pin<Box<dyn AsyncWrite + Send>>,
}

/// A command as the engine knows it.
pub struct Process<'a> {
    engine: &'a Engine,
    id: String,
}

impl<'a> Running<'a> {
    /// Starts a command.
    pub async fn start(
        engine: &'a Engine,
        container: &str,
        command: Vec<String>,
        place: Place,
    ) -> Result<Running<'a>> {
        let doing = "run a command in the container";
        let options = CreateExecOptions {
            attach_stdin: Some(true),
            attach_stdout: Some(true),
            attach_stderr: Some(true),
            cmd: Some(command),
            env: Some(place.environment),
            user: place.user,
            working_dir: place.directory,
            ..CreateExecOptions::default()
        };
        let exec = engine.docker.create_exec(container, options).await;
        let id = exec.map_err(engine.doing(doing))?.id;
        let options = StartExecOptions {
            output_capacity: Some(process::MAX_LINE),
            ..StartExecOptions::default()
        };
        match engine.docker.start_exec(&id, Some(options)).await {
            Ok(StartExecResults::Attached { output, input }) => Ok(Self {
                process: Process { engine, id },
                output,
                input,
            }),
            Ok(StartExecResults::Detached) => Err(Error::machine(
                "run a command: the engine did not attach to it",
            )),
            Err(error) => Err(engine.error(doing, error)),
        }
    }
}

impl Process<'_> {
    /// How the command ended, once its output has.
    pub async fn status(&self) -> Result<ExitStatus> {
        let asking = async {
            loop {
                if let Some(status) = self.ended().await? {
                    return Ok(status);
                }
                tokio::time::sleep(ASK_AGAIN).await;
            }
        };
        tokio::time::timeout(EXIT, asking)
            .await
            .unwrap_or_else(|_| Err(Error::timeout("ending the command", EXIT)))
    }

    /// The exit code of a command that has ended.
    async fn ended(&self) -> Result<Option<ExitStatus>> {
        let found = match self.engine.docker.inspect_exec(&self.id).await {
            Ok(found) => found,
            Err(error) if matches!(cause(&error), Cause::Absent | Cause::Conflict) => {
                return Err(Error::machine(
                    "run a command in the container: it stopped while the command ran",
                )
                .hint("docker logs shows why, where the container is still there."));
            }
            Err(error) => return Err(self.engine.error("ask how the command ended", error)),
        };
        if found.running.unwrap_or(false) {
            return Ok(None);
        }
        let code = found.exit_code.and_then(|code| i32::try_from(code).ok());
        Ok(code.map(ExitStatus))
    }

    /// Hands the output on, line by line, until the command has ended.
    async fn forward(&self, output: &mut Frames, to: &dyn Output) -> Result<()> {
        let mut lines = [
            process::LineSplitter::default(),
            process::LineSplitter::default(),
        ];
        let (mut quiet, mut over) = (QUIET, false);
        loop {
            let frame = match tokio::time::timeout(quiet, output.next()).await {
                Ok(Some(frame)) => frame,
                Ok(None) => break,
                Err(_) if over => break,
                Err(_) => {
                    over = self.ended().await?.is_some();
                    quiet = if over {
                        QUIET
                    } else {
                        QUIET_AT_MOST.min(quiet * 2)
                    };
                    continue;
                }
            };
            quiet = QUIET;
            let frame = match frame {
                Ok(frame) => frame,
                // Podman cuts the connection where a command leaves its input unread.
                Err(_) if self.ended().await?.is_some() => break,
                Err(error) => return Err(lost(error)),
            };
            let (stream, bytes) = match frame {
                LogOutput::StdErr { message } => (Stream::Err, message),
                other => (Stream::Out, other.into_bytes()),
            };
            for text in lines[usize::from(stream == Stream::Err)].push(&bytes) {
                to.line(Line { stream, text }).await;
            }
        }
        for (splitter, stream) in lines.iter_mut().zip([Stream::Out, Stream::Err]) {
            if let Some(text) = splitter.finish() {
                to.line(Line { stream, text }).await;
            }
        }
        Ok(())
    }
}

/// The connection to the engine broke while a command ran.
pub fn lost(error: bollard::errors::Error) -> Error {
    Error::machine(format!("follow the command in the container: {error}"))
        .hint("The engine closed the connection: look at its log.")
}

/// Runs a command by the container's shell. Dropping the future ends the command too.
pub async fn run(
    engine: &Engine,
    container: &str,
    mut place: Place,
    exec: &Exec,
    to: &dyn Output,
) -> Result<ExitStatus> {
    let bytes: &[u8] = match &exec.stdin {
        Stdin::Empty => &[],
        Stdin::Bytes(bytes) => bytes,
    };
    let variables = exec.environment.iter().map(|(k, v)| format!("{k}={v}"));
    place.environment.extend(variables);
    if exec.user.is_some() {
        place.user.clone_from(&exec.user);
    }
    let words = [
        "sh",
        "-c",
        WRAPPER,
        "sh",
        &bytes.len().to_string(),
        &exec.command,
    ];
    let command = words.map(String::from).to_vec();
    let Running {
        process,
        mut output,
        mut input,
    } = Running::start(engine, container, command, place).await?;
    let feed = async {
        // A command that does not read all of its input is no error.
        if input.write_all(bytes).await.is_ok() {
            let _ = input.flush().await;
        }
        std::future::pending::<Infallible>().await
    };
    tokio::select! {
        result = process.forward(&mut output, to) => result?,
        never = feed => match never {},
    }
    process.status().await
}
