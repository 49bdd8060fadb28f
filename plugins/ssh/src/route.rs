//! The stream to the first host: TCP, a proxy command, or an HTTP proxy.

use std::time::Duration;

use banquet_sdk::{Dialed, Error, Result};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::failure::Failure;
use crate::target::{Hop, Proxy};

/// Opens the stream to `hop`; the caller sets the time limit.
pub(crate) async fn open(
    hop: &Hop,
    proxy: Option<&Proxy>,
) -> std::result::Result<Box<dyn Dialed>, Failure> {
    match proxy {
        None => Ok(Box::new(tcp(&hop.host, hop.port).await?)),
        Some(Proxy::Command(command)) => Ok(piped(command)?),
        Some(Proxy::Http {
            host,
            port,
            user,
            password,
        }) => {
            let mut stream = tcp(host, *port).await?;
            let login = user
                .as_ref()
                .map(|user| format!("{user}:{}", password.as_deref().unwrap_or_default()));
            ask_proxy(&mut stream, hop, login.as_deref()).await?;
            Ok(Box::new(stream))
        }
    }
}

async fn tcp(host: &str, port: u16) -> std::result::Result<TcpStream, Failure> {
    let stream = TcpStream::connect((host, port)).await.map_err(|error| {
        Failure::again(Error::machine(format!("connect to {host}:{port}: {error}")))
    })?;
    // Without it small packets wait for each other; a system that cannot is slower, no more.
    let _ = stream.set_nodelay(true);
    Ok(stream)
}

/// Asks an HTTP proxy to connect (RFC 9110, 9.3.6).
async fn ask_proxy(
    stream: &mut TcpStream,
    hop: &Hop,
    login: Option<&str>,
) -> std::result::Result<(), Failure> {
    let host = if hop.host.contains(':') {
        format!("[{}]", hop.host)
    } else {
        hop.host.clone()
    };
    let mut request = format!(
        "CONNECT {host}:{port} HTTP/1.1\r\nHost: {host}:{port}\r\n",
        port = hop.port
    );
    if let Some(login) = login {
        let login = base64(login.as_bytes());
        request.push_str(&format!("Proxy-Authorization: Basic {login}\r\n"));
    }
    request.push_str("\r\n");
    let broken = |error: std::io::Error| {
        Failure::again(Error::machine(format!("talk to the HTTP proxy: {error}")))
    };
    stream.write_all(request.as_bytes()).await.map_err(broken)?;
    let mut answer = Vec::new();
    // Byte by byte: what follows the head belongs to the connection.
    while !answer.ends_with(b"\r\n\r\n") {
        if answer.len() > 16 * 1024 {
            return Err(Failure::again(Error::machine(
                "the HTTP proxy's answer has no end",
            )));
        }
        answer.push(stream.read_u8().await.map_err(broken)?);
    }
    let head = String::from_utf8_lossy(&answer);
    let status = head.lines().next().unwrap_or_default();
    match status.split(' ').nth(1) {
        Some(code) if code.starts_with('2') => Ok(()),
        _ => Err(Failure::again(Error::machine(format!(
            "the HTTP proxy does not connect to {}:{}: {status}",
            hop.host, hop.port
        )))),
    }
}

/// Base64 with padding (RFC 4648), for the one header that needs it.
fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let mut group = [0; 3];
        group[..chunk.len()].copy_from_slice(chunk);
        let bits = u32::from_be_bytes([0, group[0], group[1], group[2]]);
        for at in 0..4 {
            let index = (bits >> (18 - 6 * at)) & 63;
            text.push(match at <= chunk.len() {
                true => char::from(LETTERS[index as usize]),
                false => '=',
            });
        }
    }
    text
}

/// Starts `command` in a shell and joins its input and output.
fn piped(command: &str) -> std::result::Result<Box<dyn Dialed>, Failure> {
    let mut shell = tokio::process::Command::new("sh");
    shell
        // The shell makes way for the command, so that ending the process ends the command.
        .args(["-c", &format!("exec {command}")])
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::null());
    let (mut child, note) = banquet_sdk::process::spawn(shell)
        .map_err(|error| Failure::never(Error::machine(format!("start `{command}`: {error}"))))?;
    match (child.stdout.take(), child.stdin.take()) {
        (Some(out), Some(input)) => Ok(Box::new(Piped {
            stream: tokio::io::join(out, input),
            _child: child,
            _note: note,
        })),
        _ => Err(Failure::never(Error::machine(format!(
            "`{command}` has no input and output"
        )))),
    }
}

/// A process as a stream; it ends with it.
struct Piped {
    stream: tokio::io::Join<tokio::process::ChildStdout, tokio::process::ChildStdin>,
    _child: tokio::process::Child,
    _note: banquet_sdk::process::Noted,
}

impl tokio::io::AsyncRead for Piped {
    fn poll_read(
        mut self: std::pin::Pin<&mut Self>,
        cx: &mut std::task::Context<'_>,
        buf: &mut tokio::io::ReadBuf<'_>,
    ) -> std::task::Poll<std::io::Result<()>> {
        std::pin::Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl tokio::io::AsyncWrite for Piped {
    fn poll_write(
        mut self: std::pin::Pin<&mut Self>,
        cx: &mut std::task::Context<'_>,
        buf: &[u8],
    ) -> std::task::Poll<std::io::Result<usize>> {
        std::pin::Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_flush(
        mut self: std::pin::Pin<&mut Self>,
        cx: &mut std::task::Context<'_>,
    ) -> std::task::Poll<std::io::Result<()>> {
        std::pin::Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(
        mut self: std::pin::Pin<&mut Self>,
        cx: &mut std::task::Context<'_>,
    ) -> std::task::Poll<std::io::Result<()>> {
        std::pin::Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

/// `work` within `limit`, else a timeout of `what` that may be tried again.
pub(crate) async fn within<T>(
    limit: Duration,
    what: impl FnOnce() -> String,
    work: impl Future<Output = std::result::Result<T, Failure>>,
) -> std::result::Result<T, Failure> {
    match tokio::time::timeout(limit, work).await {
        Ok(done) => done,
        Err(_) => Err(Failure::again(Error::timeout(what(), limit))),
    }
}

/// The result of a plugin's call from one of ours.
pub(crate) fn plain<T>(result: std::result::Result<T, Failure>) -> Result<T> {
    result.map_err(|failure| failure.error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_has_its_padding() {
        for (text, coded) in [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v")] {
            assert_eq!(base64(text.as_bytes()), coded);
        }
    }
}
