//! The transport: commands, files and ports of an instance, each through a helper.

use std::io;
use std::net::{Ipv4Addr, Shutdown, TcpStream};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, OnceLock};

use banquet_sdk::outside::archive::{LeftOut, Rules};
use banquet_sdk::process::LineSplitter;
use banquet_sdk::{
    Connection, Context, Dialed, Error, Exec, ExitStatus, Line, LoginCommand, Output, PluginInfo,
    Result, State, Stdin, Stream, Transport, async_trait,
};
use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
use tokio::io::AsyncWriteExt;
use tokio::sync::watch;

use super::client::{Call, Helper, answer};
use super::driver::running;
use super::faults;
use crate::labels::Labels;
use crate::wire::{self, Answer, Request, Run, Target};
use crate::{HELPER, TransportConfig, archive};

/// Reaches instances of [`SandboxDriver`](crate::SandboxDriver).
#[derive(Clone, Debug)]
pub struct SandboxTransport {
    helper: Helper,
}

impl SandboxTransport {
    /// A transport whose helpers are `helper`, as the driver's.
    pub fn new(helper: PathBuf) -> Self {
        let helper = Helper(helper);
        Self { helper }
    }
}

#[async_trait]
impl Transport for SandboxTransport {
    fn info(&self) -> PluginInfo {
        PluginInfo::of::<TransportConfig>("sandbox", "enters sandboxes of this workstation")
    }

    async fn connect(&self, cx: &Context, state: &State) -> Result<Box<dyn Connection>> {
        let config: TransportConfig = cx.config()?;
        let address = state.str("address").and_then(|text| text.parse().ok());
        let id = state.str(super::keys::ID).unwrap_or_default();
        Ok(Box::new(Sandbox {
            helper: self.helper.clone(),
            target: running(state)?,
            labels: Labels::of_instance("run", &cx.identity, id),
            address: address.unwrap_or(Ipv4Addr::LOCALHOST),
            user: config.username,
            output: cx.output.clone(),
        }))
    }

    async fn login(&self, cx: &Context, state: &State) -> Result<LoginCommand> {
        let config: TransportConfig = cx.config()?;
        let Target { process, own_users } = running(state)?;
        let mut command = Command::new(&self.helper.0);
        command
            .args([HELPER, "enter"])
            .args([process.pid.to_string(), process.start.to_string()])
            .args([own_users.to_string(), config.username]);
        Ok(LoginCommand(command))
    }
}

/// A way to one instance.
struct Sandbox {
    helper: Helper,
    target: Target,
    labels: Labels,
    address: Ipv4Addr,
    user: String,
    /// Hears of links that a download leaves out.
    output: Arc<dyn Output>,
}

impl Sandbox {
    /// Asks a helper that does not outlive the call; gives it back with its first answer's files.
    async fn ask(&self, verb: &str, request: &Request) -> Result<(Call, Vec<OwnedFd>)> {
        let mut labels = self.labels.clone();
        labels.verb = verb.into();
        let mut call = self.helper.ask(&labels, request, false).await?;
        let (_, files) = call.answer().await?;
        Ok((call, files))
    }
}

#[async_trait]
impl Connection for Sandbox {
    async fn exec(&self, exec: &Exec, output: &dyn Output) -> Result<ExitStatus> {
        let bytes = match &exec.stdin {
            Stdin::Empty => None,
            Stdin::Bytes(bytes) => Some(bytes),
        };
        let request = Request::Run(Run {
            target: self.target,
            command: exec.command.clone(),
            environment: exec.environment.clone(),
            user: exec.user.clone().unwrap_or_else(|| self.user.clone()),
            stdin: bytes.is_some(),
        });
        // The helper ends the command itself once the socket is closed, whoever closes it, and may
        // have to stay for what the command leaves behind.
        let mut call = self.helper.ask(&self.labels, &request, true).await?;
        let (_, mut files) = call.answer().await?;
        let (Some(err), Some(out)) = (files.pop(), files.pop()) else {
            return Err(Error::machine("the helper sent no pipes"));
        };
        let (ended, watch) = watch::channel(false);
        let (mut reading, mut writing) = call.socket.split();
        let mut over = watch.clone();
        let feed = async {
            let Some(bytes) = bytes else { return };
            let write = async {
                writing.write_all(bytes).await?;
                writing.shutdown().await
            };
            // A command that does not read all of its input is no error.
            tokio::select! {
                _ = write => {}
                _ = over.wait_for(|ended| *ended) => {}
            }
        };
        let wait = async {
            let answer = answer(&mut reading).await;
            ended.send_replace(true);
            match answer?.0 {
                Answer::Exited(code) => Ok(ExitStatus(code)),
                _ => Err(Error::machine(
                    "the helper gave another answer than expected",
                )),
            }
        };
        let (_, answer, out, err) = tokio::join!(
            feed,
            wait,
            forward(out, Stream::Out, output, watch.clone()),
            forward(err, Stream::Err, output, watch)
        );
        let status = answer?;
        out?;
        err?;
        Ok(status)
    }

    async fn upload(&self, locals: &[&Path], remote: &str) -> Result<()> {
        for local in locals {
            local
                .symlink_metadata()
                .map_err(|error| Error::action(format!("upload {}: {error}", local.display())))?;
        }
        let request = Request::Unpack {
            target: self.target,
            into: remote.into(),
        };
        let (call, _) = self.ask("unpack", &request).await?;
        let paths: Vec<PathBuf> = locals.iter().map(|path| path.to_path_buf()).collect();
        stream(call, move |socket| {
            let sent = archive::write(&paths, &mut &*socket);
            // Where the helper failed, what it says is the reason and not the broken pipe.
            let _ = socket.shutdown(Shutdown::Write);
            let answer = wire::receive(&mut &*socket)?;
            match answer {
                Some(Answer::Failed { .. }) => {}
                _ => sent?,
            }
            Ok(answer)
        })
        .await
    }

    async fn download(&self, remotes: &[&str], local: &Path) -> Result<()> {
        let request = Request::Pack {
            target: self.target,
            paths: remotes.iter().map(PathBuf::from).collect(),
        };
        let (call, _) = self.ask("pack", &request).await?;
        let local = local.to_owned();
        let left_out = Arc::new(OnceLock::new());
        let told = left_out.clone();
        stream(call, move |socket| {
            let (_, left_out) = archive::read(&mut &*socket, &local, Rules::HOME)?;
            let _ = told.set(left_out);
            wire::receive(&mut &*socket)
        })
        .await?;
        if let Some(text) = left_out.get().and_then(LeftOut::note) {
            let stream = Stream::Note;
            self.output.line(Line { stream, text }).await;
        }
        Ok(())
    }

    async fn dial(&self, port: u16) -> Result<Box<dyn Dialed>> {
        let request = Request::Dial {
            target: self.target,
            address: self.address,
            port,
        };
        let (_, mut files) = self.ask("dial", &request).await?;
        let file = files
            .pop()
            .ok_or_else(|| Error::machine("the helper sent no connection"))?;
        let connection = TcpStream::from(file);
        connection.set_nonblocking(true)?;
        Ok(Box::new(tokio::net::TcpStream::from_std(connection)?))
    }
}

/// Lets `work` use the helper's socket on a thread of its own, then looks at the last answer.
/// Dropped, the socket is closed and with it the work.
async fn stream(
    call: Call,
    work: impl FnOnce(&UnixStream) -> io::Result<Option<Answer>> + Send + 'static,
) -> Result<()> {
    let (socket, _child) = call.into_blocking()?;
    let guard = Closing(socket.try_clone()?);
    let done = tokio::task::spawn_blocking(move || work(&socket)).await;
    drop(guard);
    let answer = done.map_err(io::Error::other)?;
    match answer.map_err(|error| Error::machine(archive::explain(&error)))? {
        Some(Answer::Done) => Ok(()),
        Some(Answer::Failed { message, errno }) => Err(faults::explain(message, errno)),
        _ => Err(Error::machine("the helper process ended early")),
    }
}

/// Closes a socket for all who hold it.
struct Closing(UnixStream);

impl Drop for Closing {
    fn drop(&mut self) {
        // Closed already is what is wanted.
        let _ = self.0.shutdown(Shutdown::Both);
    }
}

/// Hands on what comes through `pipe`, until its end, or until the command has ended and what it
/// had written by then is read: others may hold the pipe for as long as they like.
async fn forward(
    pipe: OwnedFd,
    stream: Stream,
    output: &dyn Output,
    mut ended: watch::Receiver<bool>,
) -> Result<()> {
    fcntl_setfl(
        &pipe,
        fcntl_getfl(&pipe).map_err(io::Error::from)? | OFlags::NONBLOCK,
    )
    .map_err(io::Error::from)?;
    let pipe = crate::raw::watch(pipe)?;
    let mut splitter = LineSplitter::default();
    let mut buffer = vec![0; 64 * 1024];
    // What the pipe can hold once the command has ended; none: it has not.
    let mut left = None;
    loop {
        let read = if left.is_none() {
            tokio::select! {
                           biased;
                           _ = ended.wait_for(|ended| *ended) => {
                               left = Some(rustix::pipe::fcntl_getpipe_size(pipe.get_ref())
                                   .unwrap_or(buffer.len()));
                               continue;
                           }
                           ready = pipe.readable() => {
                               match ready?.try_io(|pipe| Ok(rustix::io::read(pipe.get_ref(), &mut buffer[..])?)) {
            Ok(read) => read?, Err(_would_block) => continue, }
                           }
                       }
        } else {
            match rustix::io::read(pipe.get_ref(), &mut buffer[..]) {
                Ok(read) => read,
                Err(rustix::io::Errno::AGAIN) => 0,
                Err(error) => return Err(io::Error::from(error).into()),
            }
        };
        for text in splitter.push(&buffer[..read]) {
            output.line(Line { stream, text }).await;
        }
        left = left.map(|left: usize| left.saturating_sub(read));
        if read == 0 || left == Some(0) {
            break;
        }
    }
    if let Some(text) = splitter.finish() {
        output.line(Line { stream, text }).await;
    }
    Ok(())
}
