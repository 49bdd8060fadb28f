//! What kitchen and helper say to each other, over a socket that is the helper's standard input:
//! frames of a length (4 bytes, little-endian) and JSON, with open files where an answer has some.

use std::collections::BTreeMap;
use std::io::{self, IoSlice, IoSliceMut, Read};
use std::mem::MaybeUninit;
use std::net::Ipv4Addr;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::PathBuf;

use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, recvmsg, sendmsg,
};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// Longest frame, in bytes: no environment is longer.
const MAX_FRAME: usize = 16 << 20;
/// Most files that one frame carries.
const MAX_FILES: usize = 3;

/// A process that may end and whose number may be given to another: number and start time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Process {
    /// Process id as the workstation sees it.
    pub pid: u32,
    /// Clock ticks from boot to its start.
    pub start: u64,
}

/// A process whose namespaces a helper joins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Target {
    /// The keeper or the init.
    #[serde(flatten)]
    pub process: Process,
    /// Whether it has a user namespace of its own.
    pub own_users: bool,
}

/// What a helper is to do.
#[derive(Debug, Serialize, Deserialize)]
pub enum Request {
    /// Make the group's namespaces and stay.
    Keep {
        /// Address of the bridge.
        gateway: Ipv4Addr,
        /// Length of the network's prefix.
        prefix: u8,
    },
    /// Open a way out for the group and stay.
    OpenGate {
        /// The group's keeper.
        keeper: Target,
        /// Address of the bridge.
        gateway: Ipv4Addr,
        /// Length of the network's prefix.
        prefix: u8,
        /// The workstation's name server.
        name_server: Option<Ipv4Addr>,
        /// The file of [`Permits`](crate::internet::Permits), read at every connection.
        permits: PathBuf,
    },
    /// Make an instance and stay as its first process.
    Boot(Boot),
    /// Run a command; what it reads follows on the socket.
    Run(Run),
    /// Unpack the tar archive that follows on the socket into this directory.
    Unpack {
        /// The instance's init.
        target: Target,
        /// Directory in the instance.
        into: PathBuf,
    },
    /// Send these files and directories as a tar archive.
    Pack {
        /// The instance's init.
        target: Target,
        /// Paths in the instance.
        paths: Vec<PathBuf>,
    },
    /// Remove the layer of an instance that is gone.
    Forget {
        /// The group's keeper.
        keeper: Target,
        /// Name of the layer.
        layer: String,
    },
    /// Connect to a TCP port and hand over the connection.
    Dial {
        /// The instance's init.
        target: Target,
        /// The instance's own address.
        address: Ipv4Addr,
        /// The port.
        port: u16,
    },
}

/// An instance to make.
#[derive(Debug, Serialize, Deserialize)]
pub struct Boot {
    /// The group's keeper.
    pub keeper: Target,
    /// Name of its layer in the keeper's store.
    pub layer: String,
    /// Its host name.
    pub hostname: String,
    /// Its address.
    pub address: Ipv4Addr,
    /// Length of the network's prefix.
    pub prefix: u8,
    /// Where everything beyond the network goes.
    pub gateway: Option<Ipv4Addr>,
    /// What the root directory is made of; none: the workstation's.
    pub rootfs: Option<PathBuf>,
    /// Content of `/etc/resolv.conf`.
    pub resolv_conf: String,
}

/// A command to run in an instance.
#[derive(Debug, Serialize, Deserialize)]
pub struct Run {
    /// The instance's init.
    pub target: Target,
    /// For `sh -c`.
    pub command: String,
    /// Variables to set.
    pub environment: BTreeMap<String, String>,
    /// Name of the user.
    pub user: String,
    /// Whether input follows on the socket.
    pub stdin: bool,
}

/// What a helper says.
#[derive(Debug, Serialize, Deserialize)]
pub enum Answer {
    /// The keeper or init is ready and is this.
    Ready(Target),
    /// It is under way; files come along where there are some.
    Started,
    /// The command has ended with this code.
    Exited(i32),
    /// Everything was done.
    Done,
    /// It failed.
    Failed {
        /// A fragment: "mount the overlay: operation not permitted".
        message: String,
        /// The system's number of the error, where it had one.
        errno: Option<i32>,
    },
}

/// Writes a frame; `files` go along.
pub fn send(socket: impl AsFd, value: &impl Serialize, files: &[BorrowedFd<'_>]) -> io::Result<()> {
    send_bytes(socket, &frame(value)?, files)
}

/// Writes a byte that means nothing; `files` go along.
pub fn send_files(socket: impl AsFd, files: &[BorrowedFd<'_>]) -> io::Result<()> {
    send_bytes(socket, &[0], files)
}

fn send_bytes(socket: impl AsFd, body: &[u8], files: &[BorrowedFd<'_>]) -> io::Result<()> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MAX_FILES))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    if !files.is_empty() {
        control.push(SendAncillaryMessage::ScmRights(files));
    }
    let mut sent = sendmsg(
        &socket,
        &[IoSlice::new(body)],
        &mut control,
        SendFlags::NOSIGNAL,
    )?;
    while sent < body.len() {
        let mut none = SendAncillaryBuffer::default();
        let rest = [IoSlice::new(&body[sent..])];
        sent += sendmsg(&socket, &rest, &mut none, SendFlags::NOSIGNAL)?;
    }
    Ok(())
}

/// The bytes of a frame.
pub fn frame(value: &impl Serialize) -> io::Result<Vec<u8>> {
    let json = serde_json::to_vec(value)?;
    let length = u32::try_from(json.len()).map_err(io::Error::other)?;
    let mut body = length.to_le_bytes().to_vec();
    body.extend_from_slice(&json);
    Ok(body)
}

/// Reads a frame from a stream that carries no files; none at the end of the stream.
pub fn receive<T: DeserializeOwned>(mut stream: impl Read) -> io::Result<Option<T>> {
    let mut length = [0; 4];
    match stream.read_exact(&mut length) {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        other => other?,
    }
    let mut body = vec![0; frame_length(length)?];
    stream.read_exact(&mut body)?;
    Ok(Some(serde_json::from_slice(&body)?))
}

/// Length of the frame that follows `head`.
pub fn frame_length(head: [u8; 4]) -> io::Result<usize> {
    let length = u32::from_le_bytes(head) as usize;
    if length > MAX_FRAME {
        return Err(io::Error::other("the helper sent a frame that is too long"));
    }
    Ok(length)
}

/// Reads the start of a frame with the files that come along; `WouldBlock` where nothing came yet.
pub fn receive_head(
    socket: impl AsFd,
    head: &mut [u8],
    files: &mut Vec<OwnedFd>,
) -> io::Result<usize> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MAX_FILES))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let mut slices = [IoSliceMut::new(head)];
    let got = recvmsg(socket, &mut slices, &mut control, RecvFlags::CMSG_CLOEXEC)?;
    for message in control.drain() {
        if let RecvAncillaryMessage::ScmRights(rights) = message {
            files.extend(rights);
        }
    }
    Ok(got.bytes)
}
