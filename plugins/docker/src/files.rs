//! Files to and from a container: a tar archive through `tar` in the container, which sees mounts
//! and works as the connection's user; through the engine's own archive calls where the image has
//! no `tar`.

use std::path::{Path, PathBuf};

use banquet_sdk::outside::archive::{LeftOut, Rules, unpack_all};
use banquet_sdk::{Error, ExitStatus, Result};
use bollard::container::LogOutput;
use bollard::query_parameters::{
    DownloadFromContainerOptionsBuilder, UploadToContainerOptionsBuilder,
};
use futures::StreamExt;
use tokio::io::{AsyncWriteExt, DuplexStream};
use tokio::task::JoinHandle;
use tokio_util::io::{ReaderStream, SyncIoBridge};

use crate::archive::{self, Keep};
use crate::engine::Engine;
use crate::exec::{Place, Running, lost};

/// How much of an archive is in memory at once, in bytes.
const BUFFER: usize = 256 * 1024;
/// What is kept of a tool's complaints, in bytes: it may complain without end.
const COMPLAINTS: usize = 64 * 1024;
/// What a shell answers where a program is missing.
const NOT_FOUND: ExitStatus = ExitStatus(127);

const UNPACK: &str = r#"mkdir -p -- "$1" && cd -- "$1" && exec tar xopf -"#;
const PACK: &str = r#"cd -- "$1" && exec tar cf - "$2""#;

/// Copies `locals` into directory `remote`.
pub async fn upload(
    engine: &Engine,
    container: &str,
    place: Place,
    locals: &[&Path],
    remote: &str,
) -> Result<()> {
    let doing = format!("upload to {remote}");
    let (status, said) = send(engine, container, place, locals, remote).await?;
    if status == NOT_FOUND {
        return put(engine, container, locals, remote).await;
    }
    result(&doing, status, &said)
}

/// Copies `remote`, a file or directory, into directory `local`; says which links stayed behind.
pub async fn download(
    engine: &Engine,
    container: &str,
    place: Place,
    remote: &str,
    local: &Path,
) -> Result<LeftOut> {
    let doing = format!("download {remote}");
    tokio::fs::create_dir_all(local).await?;
    let (status, said, left_out) = receive(engine, container, place, remote, local).await?;
    if status == NOT_FOUND {
        return get(engine, container, remote, local).await;
    }
    result(&doing, status, &said).map(|()| left_out)
}

/// Keeps the beginning of what a tool complains of.
fn complain(said: &mut Vec<u8>, bytes: &[u8]) {
    let room = COMPLAINTS.saturating_sub(said.len());
    said.extend_from_slice(&bytes[..room.min(bytes.len())]);
}

fn result(doing: &str, status: ExitStatus, said: &[u8]) -> Result<()> {
    if status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(said);
    Err(Error::machine(format!("{doing}: {}", said.trim())))
}

/// Packs `locals` on a thread of its own; the other end of the pipe is read as they are packed.
/// Ends early when that end is dropped.
fn packed(locals: &[&Path]) -> (DuplexStream, JoinHandle<std::io::Result<()>>) {
    let (near, far) = tokio::io::duplex(BUFFER);
    let locals: Vec<PathBuf> = locals.iter().map(|path| path.to_path_buf()).collect();
    let bridge = SyncIoBridge::new(near);
    let packing = tokio::task::spawn_blocking(move || {
        let mut archive = tar::Builder::new(std::io::BufWriter::with_capacity(64 * 1024, bridge));
        for path in &locals {
            let full = match path.file_name() {
                Some(_) => path.clone(),
                None => path.canonicalize()?,
            };
            let name = full.file_name().map(PathBuf::from).unwrap_or_default();
            archive::append_all(&mut archive, &full, &name, Keep::Times).map_err(|error| {
                std::io::Error::new(error.kind(), format!("{}: {error}", path.display()))
            })?;
        }
        let mut writer = archive.into_inner()?;
        std::io::Write::flush(&mut writer)?;
        writer
            .into_inner()
            .map_err(std::io::IntoInnerError::into_error)?
            .shutdown()
    });
    (far, packing)
}

async fn packing_ended(packing: JoinHandle<std::io::Result<()>>) -> Result<()> {
    let packed = packing
        .await
        .map_err(|error| Error::machine(error.to_string()))?;
    packed.map_err(|error| Error::from(error).while_doing("read the files to upload"))
}

async fn send(
    engine: &Engine,
    container: &str,
    place: Place,
    locals: &[&Path],
    remote: &str,
) -> Result<(ExitStatus, Vec<u8>)> {
    let command = ["sh", "-c", UNPACK, "sh", remote]
        .map(String::from)
        .to_vec();
    let Running {
        process,
        mut output,
        mut input,
    } = Running::start(engine, container, command, place).await?;
    let (mut pipe, packing) = packed(locals);
    let mut said = Vec::new();
    let feed = async move {
        // Where tar ends early, its exit code and its words tell more than the broken pipe.
        let sent = tokio::io::copy(&mut pipe, &mut input).await;
        let _ = input.shutdown().await;
        sent.is_ok()
    };
    let listen = async {
        while let Some(frame) = output.next().await {
            complain(&mut said, &frame.map_err(lost)?.into_bytes());
        }
        Ok::<_, Error>(())
    };
    let (sent, heard) = tokio::join!(feed, listen);
    heard?;
    let status = process.status().await?;
    if sent {
        packing_ended(packing).await?;
    }
    Ok((status, said))
}

async fn put(engine: &Engine, container: &str, locals: &[&Path], remote: &str) -> Result<()> {
    let (pipe, packing) = packed(locals);
    let options = UploadToContainerOptionsBuilder::default()
        .path(remote)
        .build();
    let body = bollard::body_try_stream(ReaderStream::new(pipe));
    engine
        .docker
        .upload_to_container(container, Some(options), body)
        .await
        .map_err(engine.doing(&format!("upload to {remote}")))?;
    packing_ended(packing).await
}

/// Unpacks what is written into the pipe, on a thread of its own.
fn unpacked(local: &Path) -> (DuplexStream, JoinHandle<std::io::Result<LeftOut>>) {
    let (near, far) = tokio::io::duplex(BUFFER);
    let bridge = SyncIoBridge::new(near);
    let local = local.to_path_buf();
    let unpacking = tokio::task::spawn_blocking(move || unpack_all(bridge, &local, Rules::HOME));
    (far, unpacking)
}

async fn receive(
    engine: &Engine,
    container: &str,
    place: Place,
    remote: &str,
    local: &Path,
) -> Result<(ExitStatus, Vec<u8>, LeftOut)> {
    let (directory, name) = split(remote);
    let command = ["sh", "-c", PACK, "sh", directory, &name]
        .map(String::from)
        .to_vec();
    let mut running = Running::start(engine, container, command, place).await?;
    let (mut pipe, unpacking) = unpacked(local);
    let (mut said, mut refused) = (Vec::new(), false);
    while let Some(frame) = running.output.next().await {
        match frame.map_err(lost)? {
            LogOutput::StdErr { message } => complain(&mut said, &message),
            other => {
                refused = pipe.write_all(&other.into_bytes()).await.is_err();
                if refused {
                    break;
                }
            }
        }
    }
    drop(pipe);
    let unpacked = unpacking_ended(unpacking, local).await;
    if refused {
        // What sends it may have no end: nobody waits for it.
        return unpacked.map(|left_out| (ExitStatus(0), said, left_out));
    }
    let status = running.process.status().await?;
    match status.success() {
        true => Ok((status, said, unpacked?)),
        false => Ok((status, said, LeftOut::default())),
    }
}

async fn unpacking_ended(
    unpacking: JoinHandle<std::io::Result<LeftOut>>,
    local: &Path,
) -> Result<LeftOut> {
    let unpacked = unpacking
        .await
        .map_err(|error| Error::machine(error.to_string()))?;
    unpacked
        .map_err(|error| Error::from(error).while_doing(format!("write to {}", local.display())))
}

async fn get(engine: &Engine, container: &str, remote: &str, local: &Path) -> Result<LeftOut> {
    let doing = format!("download {remote}");
    let (mut pipe, unpacking) = unpacked(local);
    let options = DownloadFromContainerOptionsBuilder::default()
        .path(remote)
        .build();
    let stream = engine
        .docker
        .download_from_container(container, Some(options));
    futures::pin_mut!(stream);
    while let Some(bytes) = stream.next().await {
        let bytes = bytes.map_err(engine.doing(&doing))?;
        if pipe.write_all(&bytes).await.is_err() {
            break;
        }
    }
    drop(pipe);
    unpacking_ended(unpacking, local).await
}

/// Directory and name of a path of a container; the name never looks like an option.
fn split(remote: &str) -> (&str, String) {
    let path = remote.trim_end_matches('/');
    match path.rsplit_once('/') {
        _ if path.is_empty() => ("/", ".".into()),
        Some(("", name)) => ("/", format!("./{name}")),
        Some((directory, name)) => (directory, format!("./{name}")),
        None => (".", format!("./{path}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn complaints_without_end_are_kept_in_part() {
        let mut said = Vec::new();
        (0..1000).for_each(|_| complain(&mut said, &[b'x'; 1000]));
        assert_eq!(said.len(), COMPLAINTS);
    }

    #[test]
    fn paths_are_split() {
        for (path, directory, name) in [
            ("/var/log/x", "/var/log", "./x"),
            ("/x/", "/", "./x"),
            ("/", "/", "."),
            ("x", ".", "./x"),
            ("/a/-rf", "/a", "./-rf"),
        ] {
            assert_eq!(split(path), (directory, name.to_owned()), "{path}");
        }
    }
}
