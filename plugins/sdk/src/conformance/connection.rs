//! What every connection must hold to: commands. Files are in `files`.

use std::sync::Mutex;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::mpsc;

use super::checks::{Checks, During, Judge, Outcome, Told, expect, expect_eq, info_is_complete};
use super::files;
use super::subject::{Subject, unique};
use crate::{Connection, Dialed, Exec, Line, Output, Stream, async_trait};

/// A command that leaves processes behind must come back within this.
const PROMPT: Duration = Duration::from_secs(20);
/// How often a condition on the machine is asked for.
const INTERVAL: Duration = Duration::from_millis(50);

/// Checks the transport of `subject` on a machine of its driver. Panics with every check that did
/// not hold.
pub async fn connection(subject: &Subject) {
    let judge = Judge::new(format!("transport {}", subject.transport.info().name));
    check_connection(subject, &|check| judge.hear(check)).await;
    judge.finish();
}

/// Checks the transport of `subject` on a machine of its driver; `told` hears of every check.
pub async fn check_connection(subject: &Subject, told: Told<'_>) {
    let info = subject.transport.info();
    let mut checks = Checks::new(&subject.exempt, told);
    checks
        .check("transport keys are described", async {
            info_is_complete(&info)
        })
        .await;
    let mut machine = subject.machine();
    let connected = async {
        machine.create().await?;
        machine.connect().await
    };
    match connected.await {
        Ok(connection) => {
            commands(&mut checks, connection.as_ref()).await;
            processes(&mut checks, connection.as_ref()).await;
            files::files(&mut checks, connection.as_ref()).await;
            ports(&mut checks, connection.as_ref(), subject).await;
        }
        Err(seen) => checks.check("connect", async { Err(seen) }).await,
    }
    let destroyed = machine.destroy().await;
    checks.check("destroy", async { destroyed }).await;
    checks
        .check("nothing is left at the end", subject.sweep())
        .await;
}

async fn commands(checks: &mut Checks<'_>, connection: &dyn Connection) {
    checks.check("exit codes", exit_codes(connection)).await;
    checks
        .check("a signal is 128 and its number", signal(connection))
        .await;
    checks
        .check("streams are apart and complete", streams(connection))
        .await;
    checks.check("stdin arrives", stdin(connection)).await;
    checks
        .check("stdin may stay unread", unread(connection))
        .await;
    checks
        .check("environment arrives verbatim", environment(connection))
        .await;
    checks
        .check("environment is in no arguments", out_of_sight(connection))
        .await;
    checks
        .check("output that is not UTF-8", not_utf8(connection))
        .await;
    checks
        .check("20 MB of output are complete", much_output(connection))
        .await;
    checks
        .check("commands run at the same time", at_once(connection))
        .await;
}

async fn processes(checks: &mut Checks<'_>, connection: &dyn Connection) {
    checks
        .check(
            "a process left behind does not hold exec",
            left_behind(connection),
        )
        .await;
    checks
        .check("dropping exec ends the command", dropped(connection))
        .await;
}

async fn ports(checks: &mut Checks<'_>, connection: &dyn Connection, subject: &Subject) {
    checks
        .check("dial to a closed port fails", closed_port(connection))
        .await;
    checks
        .check("dial to a listening port", open_port(connection, subject))
        .await;
}

/// Keeps every line, by stream.
#[derive(Default)]
pub(super) struct Lines(Mutex<Vec<Line>>);

#[async_trait]
impl Output for Lines {
    async fn line(&self, line: Line) {
        super::subject::locked(&self.0).push(line);
    }
}

impl Lines {
    fn of(self, stream: Stream) -> String {
        let lines = self.0.into_inner().unwrap_or_default();
        let texts: Vec<String> = lines
            .into_iter()
            .filter(|line| line.stream == stream)
            .map(|line| line.text)
            .collect();
        texts.join("\n")
    }
}

/// Standard output of a command that must succeed.
pub(super) async fn answer(connection: &dyn Connection, exec: &Exec) -> Outcome<String> {
    let lines = Lines::default();
    let status = connection.exec(exec, &lines).await.during(&exec.command)?;
    expect_eq(&exec.command, status.0, 0)?;
    Ok(lines.of(Stream::Out))
}

/// Exit code of a command.
pub(super) async fn code(connection: &dyn Connection, command: &str) -> Outcome<i32> {
    let status = connection.exec(&Exec::new(command), &crate::Discard).await;
    Ok(status.during(command)?.0)
}

async fn exit_codes(connection: &dyn Connection) -> Outcome {
    for want in [0, 3, 255] {
        let seen = code(connection, &format!("exit {want}")).await?;
        expect_eq("the exit code", seen, want)?;
    }
    let missing = code(connection, "/there/is/no/such/command").await?;
    expect_eq("the exit code of a missing command", missing, 127)
}

async fn signal(connection: &dyn Connection) -> Outcome {
    expect_eq("KILL", code(connection, "kill -KILL $$").await?, 137)?;
    expect_eq("TERM", code(connection, "kill -TERM $$").await?, 143)
}

async fn streams(connection: &dyn Connection) -> Outcome {
    let command = "i=0; while [ $i -lt 300 ]; do echo out $i; echo err $i >&2; i=$((i+1)); done; \
                   printf last; printf end >&2";
    for stream in [Stream::Out, Stream::Err] {
        let lines = Lines::default();
        let status = connection.exec(&Exec::new(command), &lines).await;
        expect_eq("the exit code", status.during("exec")?.0, 0)?;
        let (word, last) = match stream {
            Stream::Out => ("out", "last"),
            _ => ("err", "end"),
        };
        let want: String = (0..300).map(|i| format!("{word} {i}\n")).collect();
        expect_eq(word, lines.of(stream), want + last)?;
    }
    Ok(())
}

async fn stdin(connection: &dyn Connection) -> Outcome {
    let small = Exec::new("cat").stdin("a line\n  and ä $HOME \"'");
    expect_eq(
        "stdin",
        answer(connection, &small).await?,
        "a line\n  and ä $HOME \"'".into(),
    )?;
    let large = Exec::new("wc -c").stdin(vec![b'x'; 3_000_000]);
    let counted = answer(connection, &large).await?;
    expect_eq("bytes of stdin", counted.trim(), "3000000")?;
    let nothing = answer(connection, &Exec::new("wc -c")).await?;
    expect_eq("bytes of no stdin", nothing.trim(), "0")
}

async fn unread(connection: &dyn Connection) -> Outcome {
    let exec = Exec::new("exit 4").stdin(vec![b'x'; 3_000_000]);
    let ended = tokio::time::timeout(PROMPT, connection.exec(&exec, &crate::Discard)).await;
    let status = ended
        .map_err(|_| "expected exec to end though stdin is unread".to_string())?
        .during("exec")?;
    expect_eq("the exit code", status.0, 4)
}

async fn environment(connection: &dyn Connection) -> Outcome {
    for value in [
        "plain",
        "",
        "with 'single' and \"double\" quotes",
        "two\nlines",
        "$HOME `id` $(id) \\ \\n !",
        "  spaces  ",
        "ä – 日本",
        "-n",
    ] {
        let mut exec = Exec::new("printf '[%s]' \"$VALUE_1\"");
        exec.environment.insert("VALUE_1".into(), value.into());
        let seen = answer(connection, &exec).await?;
        expect_eq("the variable", seen, format!("[{value}]"))?;
    }
    Ok(())
}

/// Arguments of processes can be read by every user of the machine.
async fn out_of_sight(connection: &dyn Connection) -> Outcome {
    let secret = unique();
    let (first, rest) = secret.split_at(1);
    // With its first character in brackets, the search does not find itself.
    let command = format!(
        "cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\\0' '\\n' | grep '[{first}]{rest}' || true"
    );
    let mut exec = Exec::new(command);
    exec.environment.insert("PASSWORD".into(), secret.clone());
    let seen = answer(connection, &exec).await?;
    expect_eq("arguments that show the variable", seen.as_str(), "")
}

async fn not_utf8(connection: &dyn Connection) -> Outcome {
    let exec = Exec::new("printf 'a\\377b\\nnext'");
    expect_eq(
        "output",
        answer(connection, &exec).await?,
        "a\u{fffd}b\nnext".into(),
    )
}

/// Counts what passes.
#[derive(Default)]
struct Count(Mutex<(usize, usize)>);

#[async_trait]
impl Output for Count {
    async fn line(&self, line: Line) {
        let mut counted = super::subject::locked(&self.0);
        counted.0 += 1;
        counted.1 += line.text.len() + 1;
    }
}

async fn much_output(connection: &dyn Connection) -> Outcome {
    const LINES: usize = 200_000;
    let line = "x".repeat(99);
    let command = format!("yes {line} | head -n {LINES}");
    let count = Count::default();
    let status = connection.exec(&Exec::new(command), &count).await;
    expect_eq("the exit code", status.during("exec")?.0, 0)?;
    let counted = *super::subject::locked(&count.0);
    expect_eq("lines and bytes", counted, (LINES, LINES * 100))
}

async fn at_once(connection: &dyn Connection) -> Outcome {
    let execs: Vec<Exec> = (0..4).map(|i| Exec::new(format!("echo {i}"))).collect();
    let (a, b, c, d) = tokio::join!(
        answer(connection, &execs[0]),
        answer(connection, &execs[1]),
        answer(connection, &execs[2]),
        answer(connection, &execs[3]),
    );
    let seen = [a?, b?, c?, d?];
    expect_eq("the answers", seen, ["0", "1", "2", "3"].map(String::from))
}

async fn left_behind(connection: &dyn Connection) -> Outcome {
    let exec = Exec::new("sleep 600 & echo $!");
    let pid = tokio::time::timeout(PROMPT, answer(connection, &exec)).await;
    let pid = pid.map_err(|_| format!("expected exec to end within {PROMPT:?}"))??;
    expect_eq(
        "stopping the process",
        code(connection, &format!("kill {pid}")).await?,
        0,
    )
}

/// Hands the lines on as they come.
struct Send(mpsc::UnboundedSender<String>);

#[async_trait]
impl Output for Send {
    async fn line(&self, line: Line) {
        // Nobody listens any more once the check has its line.
        let _ = self.0.send(line.text);
    }
}

async fn dropped(connection: &dyn Connection) -> Outcome {
    // The command itself and a child of it; both must go.
    let exec = Exec::new("sleep 600 & echo $$ $!; wait");
    let (lines, mut line) = mpsc::unbounded_channel();
    let lines = Send(lines);
    let pids = tokio::select! {
        first = line.recv() => first,
        ended = connection.exec(&exec, &lines) => {
            return Err(format!("expected a command that lasts, saw {ended:?}"));
        }
    };
    let pids = pids.ok_or("expected a line of output at once")?;
    for pid in pids.split_whitespace() {
        // A zombie is dead, too.
        let alive = format!(
            "kill -0 {pid} 2>/dev/null && ! grep -q '^State:.*Z' /proc/{pid}/status 2>/dev/null"
        );
        let gone = async {
            while code(connection, &alive).await? == 0 {
                tokio::time::sleep(INTERVAL).await;
            }
            Ok(())
        };
        tokio::time::timeout(PROMPT, gone)
            .await
            .map_err(|_| format!("expected process {pid} to be gone within {PROMPT:?}"))
            .flatten()?;
    }
    Ok(())
}

async fn closed_port(connection: &dyn Connection) -> Outcome {
    // Port 1 (tcpmux) is served nowhere.
    let dialed = connection.dial(1).await;
    expect(dialed.is_err(), "an error from a port that nobody serves")
}

async fn open_port(connection: &dyn Connection, subject: &Subject) -> Outcome {
    let Some((port, command)) = &subject.listen else {
        return Err("expected Subject::listen or an exemption".into());
    };
    let exec = Exec::new(command);
    let serving = connection.exec(&exec, &crate::Discard);
    let talking = async {
        let mut stream = dial_until_open(connection, *port).await;
        stream.write_all(b"hello\n").await.during("write")?;
        let mut echo = [0; 6];
        stream.read_exact(&mut echo).await.during("read")?;
        expect_eq("the echo", &echo, b"hello\n")
    };
    tokio::select! {
        talked = tokio::time::timeout(PROMPT, talking) => {
            talked.map_err(|_| format!("expected an echo within {PROMPT:?}"))?
        }
        ended = serving => Err(format!("expected a server that lasts, saw {ended:?}")),
    }
}

async fn dial_until_open(connection: &dyn Connection, port: u16) -> Box<dyn Dialed> {
    loop {
        if let Ok(stream) = connection.dial(port).await {
            return stream;
        }
        tokio::time::sleep(INTERVAL).await;
    }
}
