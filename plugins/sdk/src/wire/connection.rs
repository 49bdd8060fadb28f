//! A connection whose other end is in another process: [`Remote`] asks, [`exec`] and its like
//! answer. Both sides do both: a transport's machine is reached by the kitchen, the kitchen's by a
//! provisioner.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::task::JoinSet;

use super::endpoint::{Endpoint, Heir};
use super::line::LONGEST;
use super::message::{
    ConnectionId, DialParams, DialResult, DownloadParams, ExecOutput, ExecParams, ExecResult,
    Nothing, Ours, PluginRequest, Request, UploadParams,
};
use crate::process::Collect;
use crate::{
    Connection, Dialed, Discard, Error, Exec, ExitStatus, Line, Output, Result, Stdin, async_trait,
};

/// A connection on the other side.
pub(crate) struct Remote {
    pub endpoint: Arc<Endpoint>,
    /// Its name there.
    pub id: String,
    /// In whose course the other side is asked; none where that is a transport.
    pub call: Option<u64>,
    /// Who sees to calls that are dropped early.
    pub heir: Option<Arc<dyn Heir>>,
    /// It was opened for us: we close it.
    pub own: bool,
    /// The other side has said that it is broken.
    pub lost: Arc<AtomicBool>,
}

impl Remote {
    async fn ask<T: DeserializeOwned, P: Serialize>(
        &self,
        params: P,
        to_kitchen: fn(Ours<P>) -> PluginRequest,
        to_plugin: fn(P) -> Request,
        output: &dyn Output,
    ) -> Result<T> {
        let call = match self.call {
            Some(call) => self.endpoint.call(&to_kitchen(Ours { call, params })).await,
            None => self.endpoint.call(&to_plugin(params)).await,
        }?;
        let call = match &self.heir {
            Some(heir) => call.with_heir(heir.clone()),
            None => call,
        };
        call.answer(output).await
    }
}

#[async_trait]
impl Connection for Remote {
    fn is_open(&self) -> bool {
        !self.lost.load(Relaxed) && self.endpoint.ended().is_none()
    }

    async fn exec(&self, exec: &Exec, output: &dyn Output) -> Result<ExitStatus> {
        let (stdin, stdin_base64) = match &exec.stdin {
            Stdin::Empty => (None, None),
            // Base64 and escapes make it longer.
            Stdin::Bytes(bytes) if bytes.len() > LONGEST / 2 => {
                let most = LONGEST >> 21;
                let message = format!("the input of a command is longer than {most} MiB");
                return Err(Error::unsupported(message)
                    .hint("A plugin in another process takes no more: upload a file."));
            }
            Stdin::Bytes(bytes) => match std::str::from_utf8(bytes) {
                Ok(text) if text.len() < LONGEST / 8 => (Some(text.to_owned()), None),
                _ => (None, Some(BASE64.encode(bytes))),
            },
        };
        let params = ExecParams {
            connection: self.id.clone(),
            command: exec.command.clone(),
            environment: exec.environment.clone(),
            stdin,
            stdin_base64,
            user: exec.user.clone(),
            output: ExecOutput::Stream,
        };
        let result: ExecResult = self
            .ask(params, PluginRequest::Exec, Request::Exec, output)
            .await?;
        Ok(ExitStatus(result.exit_code))
    }

    async fn upload(&self, locals: &[&Path], remote: &str) -> Result<()> {
        let locals: std::io::Result<Vec<PathBuf>> =
            locals.iter().map(std::path::absolute).collect();
        let params = UploadParams {
            connection: self.id.clone(),
            locals: locals?,
            remote: remote.into(),
        };
        let done: Nothing = self
            .ask(params, PluginRequest::Upload, Request::Upload, &Discard)
            .await?;
        let Nothing {} = done;
        Ok(())
    }

    async fn download(&self, remotes: &[&str], local: &Path) -> Result<()> {
        let params = DownloadParams {
            connection: self.id.clone(),
            remotes: remotes.iter().map(|it| (*it).to_owned()).collect(),
            local: std::path::absolute(local)?,
        };
        let done: Nothing = self
            .ask(params, PluginRequest::Download, Request::Download, &Discard)
            .await?;
        let Nothing {} = done;
        Ok(())
    }

    async fn dial(&self, port: u16) -> Result<Box<dyn Dialed>> {
        let params = DialParams {
            connection: self.id.clone(),
            port,
        };
        let place: DialResult = self
            .ask(params, PluginRequest::Dial, Request::Dial, &Discard)
            .await?;
        reach(&place).await
    }
}

impl Drop for Remote {
    fn drop(&mut self) {
        if !self.own {
            return;
        }
        let id = ConnectionId {
            connection: std::mem::take(&mut self.id),
        };
        // Nobody waits for the answer.
        match self.call {
            Some(call) => self
                .endpoint
                .tell(&PluginRequest::Close(Ours { call, params: id })),
            None => self.endpoint.tell(&Request::Close(id)),
        }
    }
}

async fn reach(place: &DialResult) -> Result<Box<dyn Dialed>> {
    match place {
        #[cfg(unix)]
        DialResult::Unix(path) => match tokio::net::UnixStream::connect(path).await {
            Ok(stream) => Ok(Box::new(stream)),
            Err(error) => Err(Error::machine(format!(
                "reach the stream at {}: {error}",
                path.display()
            ))),
        },
        #[cfg(not(unix))]
        DialResult::Unix(path) => Err(Error::unsupported(format!(
            "reach the Unix socket {}",
            path.display()
        ))),
        DialResult::Tcp(address) => match tokio::net::TcpStream::connect(address).await {
            Ok(stream) => Ok(Box::new(stream)),
            Err(error) => Err(Error::machine(format!(
                "reach the stream at {address}: {error}"
            ))),
        },
    }
}

/// Answers `connection/exec` number `id` of `endpoint`; `shown` is where output goes that is to be
/// shown.
pub(crate) async fn exec(
    endpoint: &Endpoint,
    id: u64,
    connection: &dyn Connection,
    params: ExecParams,
    shown: &dyn Output,
) -> Result<ExecResult> {
    let stdin = match (params.stdin, params.stdin_base64) {
        (None, None) => Stdin::Empty,
        (Some(text), _) => Stdin::Bytes(text.into_bytes()),
        (None, Some(text)) => Stdin::Bytes(
            BASE64
                .decode(text)
                .map_err(|error| Error::config("", format!("stdin_base64: {error}")))?,
        ),
    };
    let exec = Exec {
        command: params.command,
        environment: params.environment,
        stdin,
        user: params.user,
    };
    let kept = Collect::default();
    let output: &dyn Output = match params.output {
        ExecOutput::Keep => &kept,
        ExecOutput::Show => shown,
        ExecOutput::Both => &Both(&kept, shown),
        ExecOutput::Stream => &Streamed { endpoint, id },
    };
    let status = connection.exec(&exec, output).await?;
    let keeps = matches!(params.output, ExecOutput::Keep | ExecOutput::Both);
    let (out, err) = kept.into_parts();
    Ok(ExecResult {
        exit_code: status.0,
        out: keeps.then_some(out),
        err: keeps.then_some(err),
    })
}

/// Answers `connection/upload`.
pub(crate) async fn upload(connection: &dyn Connection, params: UploadParams) -> Result<Nothing> {
    let locals: Vec<&Path> = params.locals.iter().map(PathBuf::as_path).collect();
    connection.upload(&locals, &params.remote).await?;
    Ok(Nothing {})
}

/// Answers `connection/download`.
pub(crate) async fn download(
    connection: &dyn Connection,
    params: DownloadParams,
) -> Result<Nothing> {
    let remotes: Vec<&str> = params.remotes.iter().map(String::as_str).collect();
    connection.download(&remotes, &params.local).await?;
    Ok(Nothing {})
}

/// Answers `connection/dial`: the stream is had once at a place that only this user reaches, as
/// long as `streams` lives.
pub(crate) async fn dial(
    connection: &dyn Connection,
    port: u16,
    streams: &mut JoinSet<()>,
) -> Result<DialResult> {
    let mut dialed = connection.dial(port).await?;
    #[cfg(unix)]
    {
        let directory = tempfile::tempdir()?;
        let path = directory.path().join("stream");
        let listener = tokio::net::UnixListener::bind(&path)?;
        streams.spawn(async move {
            let taken = listener.accept().await;
            drop((listener, directory));
            if let Ok((mut stream, _)) = taken {
                // Either end may go away; the other one then sees it.
                let _ = tokio::io::copy_bidirectional(&mut stream, &mut dialed).await;
            }
        });
        Ok(DialResult::Unix(path))
    }
    #[cfg(not(unix))]
    {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?.to_string();
        streams.spawn(async move {
            let taken = listener.accept().await;
            drop(listener);
            if let Ok((mut stream, _)) = taken {
                // Either end may go away; the other one then sees it.
                let _ = tokio::io::copy_bidirectional(&mut stream, &mut dialed).await;
            }
        });
        Ok(DialResult::Tcp(address))
    }
}

/// Lines become notifications.
struct Streamed<'a> {
    endpoint: &'a Endpoint,
    id: u64,
}

#[async_trait]
impl Output for Streamed<'_> {
    async fn line(&self, line: Line) {
        self.endpoint.output(self.id, line).await;
    }
}

struct Both<'a>(&'a dyn Output, &'a dyn Output);

#[async_trait]
impl Output for Both<'_> {
    async fn line(&self, line: Line) {
        self.0.line(line.clone()).await;
        self.1.line(line).await;
    }
}
