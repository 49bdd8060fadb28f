//! Starts helpers and talks to them.

use std::io;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::process::Stdio;

use banquet_sdk::{Error, Result};
use tokio::io::{AsyncReadExt, AsyncWriteExt, Interest};
use tokio::net::UnixStream;
use tokio::net::unix::ReadHalf;
use tokio::process::{Child, Command};

use super::faults;
use crate::labels::Labels;
use crate::wire::{self, Answer, Request, Target};

/// The program that acts as helper.
#[derive(Clone, Debug)]
pub struct Helper(pub PathBuf);

/// A helper that was asked something.
pub struct Call {
    /// Where it answers.
    pub socket: UnixStream,
    /// Dropped, it is killed, unless it is one that ends itself when the socket closes.
    child: Child,
}

impl Helper {
    /// Starts a helper and asks it. With `lives_on` it is not killed when the call is dropped.
    pub async fn ask(&self, labels: &Labels, request: &Request, lives_on: bool) -> Result<Call> {
        let (ours, theirs) = std::os::unix::net::UnixStream::pair()?;
        ours.set_nonblocking(true)?;
        let child = Command::new(&self.0)
            .args(labels.arguments())
            .env_clear()
            .current_dir("/")
            .stdin(Stdio::from(OwnedFd::from(theirs)))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(!lives_on)
            .spawn()
            .map_err(|error| Error::machine(format!("start {}: {error}", self.0.display())))?;
        let mut socket = UnixStream::from_std(ours)?;
        socket.write_all(&wire::frame(request)?).await?;
        Ok(Call { socket, child })
    }
}

impl Call {
    /// The next answer, with the files that come along. A failure is an error.
    pub async fn answer(&mut self) -> Result<(Answer, Vec<OwnedFd>)> {
        answer(&mut self.socket.split().0).await
    }

    /// The process that is ready, once all that only prepared it have ended.
    pub async fn ready(mut self) -> Result<Target> {
        let Answer::Ready(target) = self.answer().await?.0 else {
            return Err(Error::machine(
                "the helper gave another answer than expected",
            ));
        };
        self.child.wait().await?;
        Ok(target)
    }

    /// The socket for use by a thread, and the process, which must be kept meanwhile.
    pub fn into_blocking(self) -> io::Result<(std::os::unix::net::UnixStream, Child)> {
        let socket = self.socket.into_std()?;
        socket.set_nonblocking(false)?;
        Ok((socket, self.child))
    }
}

/// The next answer on `socket`, with the files that come along. A failure is an error.
pub async fn answer(socket: &mut ReadHalf<'_>) -> Result<(Answer, Vec<OwnedFd>)> {
    let mut head = [0; 4];
    let mut files = Vec::new();
    let mut got = 0;
    while got < head.len() {
        let stream: &UnixStream = (*socket).as_ref();
        let read = stream
            .async_io(Interest::READABLE, || {
                wire::receive_head(stream, &mut head[got..], &mut files)
            })
            .await;
        match read {
            Ok(0) => return Err(Error::machine("the helper process ended without an answer")),
            Ok(read) => got += read,
            Err(error) if error.kind() == io::ErrorKind::ConnectionReset => {
                return Err(Error::machine("the helper process ended without an answer"));
            }
            Err(error) => return Err(error.into()),
        }
    }
    let mut body = vec![0; wire::frame_length(head)?];
    socket.read_exact(&mut body).await?;
    match serde_json::from_slice(&body).map_err(io::Error::from)? {
        Answer::Failed { message, errno } => Err(faults::explain(message, errno)),
        answer => Ok((answer, files)),
    }
}
