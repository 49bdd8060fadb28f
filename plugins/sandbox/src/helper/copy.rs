//! Copies files into and out of an instance, and connects to its ports.

use std::fs::{self, File};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};

use banquet_sdk::outside::archive::Rules;
use rustix::thread::ThreadNameSpaceType;

use super::keep::LAYERS;
use super::sys::{self, Member};
use super::{Doing, Result, answer};
use crate::archive;
use crate::wire::{self, Answer, Target};

/// Unpacks the archive that follows on the socket.
pub fn unpack(socket: &OwnedFd, target: Target, into: &Path) -> Result<()> {
    Member::open(target)?.enter(ThreadNameSpaceType::MOUNT)?;
    fs::create_dir_all(into).doing(format_args!("make {}", into.display()))?;
    answer(socket, &Answer::Started)?;
    let stream = File::from(socket.try_clone().doing("read the archive")?);
    archive::read(stream, into, Rules::MACHINE)
        .doing(format_args!("write to {}", into.display()))?;
    answer(socket, &Answer::Done)
}

/// Sends the paths as an archive, each under its own name, then says that it was all.
pub fn pack(socket: &OwnedFd, target: Target, paths: &[PathBuf]) -> Result<()> {
    Member::open(target)?.enter(ThreadNameSpaceType::MOUNT)?;
    for path in paths {
        path.symlink_metadata().doing(path.display())?;
    }
    answer(socket, &Answer::Started)?;
    let stream = File::from(socket.try_clone().doing("send the archive")?);
    archive::write(paths, stream).doing("send the archive")?;
    answer(socket, &Answer::Done)
}

/// Removes the layer of an instance that is gone.
pub fn forget(socket: &OwnedFd, keeper: Target, layer: &str) -> Result<()> {
    sys::join_target(keeper, ThreadNameSpaceType::MOUNT)?;
    match fs::remove_dir_all(Path::new(LAYERS).join(layer)) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).doing("remove the instance's layer")
        }
        _ => answer(socket, &Answer::Done),
    }
}

/// Connects to `port` from inside: by the address that peers use, else by the loopback.
pub fn dial(socket: &OwnedFd, target: Target, address: Ipv4Addr, port: u16) -> Result<()> {
    Member::open(target)?.enter(ThreadNameSpaceType::NETWORK)?;
    let stream = TcpStream::connect(SocketAddr::from((address, port)))
        .or_else(|_| TcpStream::connect(SocketAddr::from((Ipv4Addr::LOCALHOST, port))))
        .doing(format_args!("connect to {address}:{port}"))?;
    wire::send(socket, &Answer::Done, &[stream.as_fd()]).doing("answer the kitchen")
}
