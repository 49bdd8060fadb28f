//! Runs one command on a channel.

use std::sync::Arc;
use std::time::Duration;

use banquet_sdk::process::LineSplitter;
use banquet_sdk::{ExitStatus, Line, Output, Result, Stream, aftermath};
use bytes::Bytes;
use russh::client::Msg;
use russh::{Channel, ChannelMsg, ChannelReadHalf, ChannelWriteHalf, Sig};
use tokio::sync::{OwnedSemaphorePermit, mpsc};

use crate::script::{Filter, Script, kill};
use crate::session::Session;

/// A dropped command must have said its process id, and be ended, within this.
const KILL_WITHIN: Duration = Duration::from_secs(10);

/// What a command reads.
pub(crate) enum Input<'a> {
    Bytes(&'a [u8]),
    /// Chunks as they are made; an error ends the command.
    Chunks(mpsc::Receiver<Result<Bytes>>),
}

/// Takes what a command writes.
pub(crate) trait Sink: Send {
    /// Takes a piece of `stream`; an error ends the command.
    fn take(&mut self, stream: Stream, bytes: &[u8]) -> impl Future<Output = Result<()>> + Send;
}

/// Hands a command's output on, line by line.
pub(crate) struct Lines<'a> {
    output: &'a dyn Output,
    out: LineSplitter,
    err: LineSplitter,
}

impl<'a> Lines<'a> {
    pub fn new(output: &'a dyn Output) -> Self {
        Self {
            output,
            out: LineSplitter::default(),
            err: LineSplitter::default(),
        }
    }

    /// Hands on what came after the last line ends.
    pub async fn finish(mut self) {
        for (stream, rest) in [
            (Stream::Out, self.out.finish()),
            (Stream::Err, self.err.finish()),
        ] {
            if let Some(text) = rest {
                self.output.line(Line { stream, text }).await;
            }
        }
    }
}

impl Sink for Lines<'_> {
    async fn take(&mut self, stream: Stream, bytes: &[u8]) -> Result<()> {
        let splitter = match stream {
            Stream::Err => &mut self.err,
            _ => &mut self.out,
        };
        for text in splitter.push(bytes) {
            self.output.line(Line { stream, text }).await;
        }
        Ok(())
    }
}

/// Runs `script` on `channel`. Dropping the future ends the command on the machine; `permit` is kept
/// until it has ended there.
pub(crate) async fn run(
    session: &Arc<Session>,
    channel: Channel<Msg>,
    permit: Option<OwnedSemaphorePermit>,
    script: Script,
    input: Input<'_>,
    sink: &mut impl Sink,
) -> Result<ExitStatus> {
    let (read, write) = channel.split();
    let write = Arc::new(write);
    let first = script.input;
    let mut running = Running {
        session: session.clone(),
        command: Some(Command {
            read,
            write: write.clone(),
            out: Filter::out(script.mark.clone()),
            err: Filter::err(script.mark),
            ids: Vec::new(),
            begun: false,
            _permit: permit,
        }),
    };
    if write.exec(true, script.line).await.is_err() {
        return Err(session.lost("start a command"));
    }
    if let Some(command) = &mut running.command {
        command.begun = true;
    }
    let status = {
        let following = running.follow(sink);
        let feeding = feed(&write, first, input);
        tokio::pin!(following, feeding);
        let mut fed = false;
        loop {
            tokio::select! {
                ended = &mut following => break ended?,
                done = &mut feeding, if !fed => {
                    done?;
                    fed = true;
                }
            }
        }
    };
    let ended = running.command.take();
    // A process left behind may keep the channel open; the connection may be gone.
    let _ = write.close().await;
    drop(ended);
    Ok(status)
}

/// Sends the input. A command that does not read it all is no error.
async fn feed(write: &ChannelWriteHalf<Msg>, first: String, input: Input<'_>) -> Result<()> {
    if write.data_bytes(first).await.is_err() {
        return Ok(());
    }
    match input {
        Input::Bytes(bytes) => {
            if write
                .data_bytes(Bytes::copy_from_slice(bytes))
                .await
                .is_err()
            {
                return Ok(());
            }
        }
        Input::Chunks(mut chunks) => {
            while let Some(chunk) = chunks.recv().await {
                if write.data_bytes(chunk?).await.is_err() {
                    return Ok(());
                }
            }
        }
    }
    let _ = write.eof().await;
    Ok(())
}

/// A command that is ended when this is dropped before it ended by itself.
struct Running {
    session: Arc<Session>,
    command: Option<Command>,
}

struct Command {
    read: ChannelReadHalf,
    write: Arc<ChannelWriteHalf<Msg>>,
    out: Filter,
    err: Filter,
    ids: Vec<u32>,
    /// Whether the server was told of it.
    begun: bool,
    _permit: Option<OwnedSemaphorePermit>,
}

impl Running {
    /// Hands the output on until the command has ended and all of it is in.
    async fn follow(&mut self, sink: &mut impl Sink) -> Result<ExitStatus> {
        let Some(command) = &mut self.command else {
            return Err(self.session.lost("run a command"));
        };
        let mut status = None;
        let mut at_end = false;
        while let Some(message) = command.read.wait().await {
            match message {
                ChannelMsg::Data { data } => {
                    let text = command.out.push(&data, &mut command.ids);
                    sink.take(Stream::Out, &text).await?;
                }
                ChannelMsg::ExtendedData { data, ext: 1 } => {
                    let text = command.err.push(&data, &mut command.ids);
                    sink.take(Stream::Err, &text).await?;
                }
                ChannelMsg::ExitStatus { exit_status } => {
                    status = Some(ExitStatus(exit_status.cast_signed()));
                }
                ChannelMsg::ExitSignal { signal_name, .. } => {
                    status = Some(ExitStatus(128 + number(&signal_name)));
                }
                ChannelMsg::Failure => {
                    let message = format!("{} runs no commands", self.session.name);
                    return Err(banquet_sdk::Error::machine(message));
                }
                ChannelMsg::Eof => at_end = true,
                ChannelMsg::Close => break,
                _ => {}
            }
            let complete = at_end || (command.out.is_after() && command.err.is_after());
            if complete && status.is_some() {
                break;
            }
        }
        let status = status.ok_or_else(|| self.session.lost("run a command"))?;
        for (stream, rest) in [
            (Stream::Out, command.out.finish()),
            (Stream::Err, command.err.finish()),
        ] {
            sink.take(stream, &rest).await?;
        }
        Ok(status)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(mut command) = self.command.take() {
            let session = self.session.clone();
            aftermath::leave(async move {
                // What cannot be ended in time is on a machine that does not answer.
                let ended = put_down(&session, &mut command);
                let _ = tokio::time::timeout(KILL_WITHIN, ended).await;
                let _ = tokio::time::timeout(KILL_WITHIN, command.write.close()).await;
            });
        }
    }
}

/// Ends a command of which nobody hears any more, and waits until the server has noticed.
async fn put_down(session: &Session, command: &mut Command) {
    while command.begun && command.ids.is_empty() {
        match command.read.wait().await {
            Some(ChannelMsg::Data { data }) => {
                command.out.push(&data, &mut command.ids);
            }
            Some(ChannelMsg::Close) | None => return,
            Some(_) => {}
        }
    }
    if command.begun {
        // Its output is thrown away meanwhile instead of holding the connection up.
        let noticed = async {
            while let Some(message) = command.read.wait().await {
                if matches!(
                    message,
                    ChannelMsg::ExitSignal { .. }
                        | ChannelMsg::ExitStatus { .. }
                        | ChannelMsg::Close
                ) {
                    break;
                }
            }
        };
        tokio::join!(end(session, &command.ids), noticed);
    }
}

/// Ends processes of the machine.
async fn end(session: &Session, ids: &[u32]) {
    let script = kill(ids, &session.login());
    let _turn = session.ending.lock().await;
    if let Ok(Some(mut channel)) = session.command_channel().await
        && channel.exec(false, script.line).await.is_ok()
        && channel.data_bytes(script.input).await.is_ok()
        && channel.eof().await.is_ok()
    {
        while channel.wait().await.is_some() {}
    }
}

/// The usual number of a signal.
fn number(signal: &Sig) -> i32 {
    match signal {
        Sig::HUP => 1,
        Sig::INT => 2,
        Sig::QUIT => 3,
        Sig::ILL => 4,
        Sig::ABRT => 6,
        Sig::FPE => 8,
        Sig::KILL => 9,
        Sig::USR1 => 10,
        Sig::SEGV => 11,
        Sig::PIPE => 13,
        Sig::ALRM => 14,
        Sig::TERM => 15,
        // OpenSSH names no others; 128 says that it was a signal.
        Sig::Custom(_) => 0,
    }
}
