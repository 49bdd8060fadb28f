//! The way out of a group: accepts its members' connections inside and opens them again from the
//! workstation's own network. TCP and the names service; needs no privilege, no tool, no rule on
//! the workstation, and ends with the group.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::net::sockopt::set_socket_linger;
use rustix::process::{WaitOptions, waitpid};
use rustix::thread::ThreadNameSpaceType;

use super::permit::{self, Guard};
use super::sys::{self, Fork};
use super::{Doing, Result, answer, keep, nat, refuse};
use crate::wire::{self, Answer, Target};

/// Most connections and queries at once; more wait.
const MOST: usize = 1024;
/// Memory of a thread, of which each connection has two.
const STACK: usize = 64 * 1024;
/// How long the world may take to answer.
pub const PATIENCE: Duration = Duration::from_secs(30);
/// How long a name server may take to answer.
const NAME_PATIENCE: Duration = Duration::from_secs(5);
const NAMES: u16 = 53;

/// Opens the gate of the group whose keeper is `keeper` and stays until that ends.
pub fn open(
    socket: &OwnedFd,
    keeper: Target,
    (address, prefix): (Ipv4Addr, u8),
    name_server: Option<Ipv4Addr>,
    permits: PathBuf,
) -> Result<()> {
    let process = keep::own_process("/proc")?;
    let handle = sys::open(keeper)?;
    let (ours, theirs) = UnixStream::pair().doing("make a socket")?;
    // A child makes what lies inside: from there no way leads back.
    match sys::fork().doing("fork")? {
        Fork::Child => {
            let made = listen(keeper, address, prefix, &theirs);
            if let Err(failure) = made {
                refuse(socket, failure);
            }
            return Ok(());
        }
        Fork::Parent(child) => {
            drop(theirs);
            waitpid(Some(child), WaitOptions::empty()).doing("wait for the fork")?;
        }
    }
    let mut files = Vec::new();
    let got = wire::receive_head(&ours, &mut [0; 1], &mut files).doing("open the gate")?;
    let (1, Ok([world, names, queries])) = (got, <[OwnedFd; 3]>::try_from(files)) else {
        // The child has said why.
        return Ok(());
    };
    let server = name_server.map(|server| SocketAddr::from((server, NAMES)));
    let guard: &'static Guard = Box::leak(Box::new(Guard::new(permits, (address, prefix))));
    accept(world.into(), |stream| {
        guard.connect(stream.peer_addr()?.ip(), sys::original_destination(stream)?)
    });
    accept(names.into(), move |stream| {
        let server = server.filter(|_| guard.lets_out(stream.peer_addr().map(|peer| peer.ip())));
        TcpStream::connect_timeout(&server.ok_or_else(permit::refused)?, PATIENCE)
    });
    answer_queries(queries.into(), server, guard);
    let own_users = false;
    answer(socket, &Answer::Ready(Target { process, own_users }))?;
    let mut watched = [PollFd::new(&handle, PollFlags::IN)];
    while poll(&mut watched, None) == Err(rustix::io::Errno::INTR) {}
    Ok(())
}

/// Makes the sockets inside and hands them out.
fn listen(keeper: Target, address: Ipv4Addr, prefix: u8, out: &UnixStream) -> Result<()> {
    sys::join_target(keeper, ThreadNameSpaceType::NETWORK)?;
    let world = TcpListener::bind((address, 0)).doing("listen inside")?;
    let names = TcpListener::bind((address, NAMES)).doing("listen inside")?;
    let queries = UdpSocket::bind((address, NAMES)).doing("listen inside")?;
    let port = world.local_addr().doing("listen inside")?.port();
    nat::redirect(address, prefix, port).doing("redirect connections (nf_tables)")?;
    wire::send_files(out, &[world.as_fd(), names.as_fd(), queries.as_fd()])
        .doing("hand out the sockets")
}

/// Passes on what connects to `inside`, to where `connect` leads. Where that fails the peer sees a
/// reset.
fn accept(
    inside: TcpListener,
    connect: impl Fn(&TcpStream) -> io::Result<TcpStream> + Send + Copy + 'static,
) {
    start(move || {
        let busy = Busy::default();
        for stream in inside.incoming().flatten() {
            busy.work(move || match connect(&stream) {
                Ok(outside) => drop(pass(&stream, &outside)),
                Err(_) => drop(set_socket_linger(&stream, Some(Duration::ZERO))),
            });
        }
    });
}

/// Passes names' queries on to `server`.
fn answer_queries(inside: UdpSocket, server: Option<SocketAddr>, guard: &'static Guard) {
    start(move || {
        let busy = Busy::default();
        let inside = Arc::new(inside);
        let mut query = [0; 4096];
        loop {
            // An error is that of an earlier answer whose peer is gone.
            let Ok((length, from)) = inside.recv_from(&mut query) else {
                continue;
            };
            let (inside, query) = (inside.clone(), query[..length].to_vec());
            if let Some(server) = server.filter(|_| guard.lets_out(Ok(from.ip()))) {
                busy.work(move || drop(resolve(&inside, &query, from, server)));
            }
        }
    });
}

/// Counts what is being done.
#[derive(Clone, Default)]
struct Busy(Arc<AtomicUsize>);

impl Busy {
    /// Does `work` on a thread of its own, unless too much is done already: the peer tries again.
    fn work(&self, work: impl FnOnce() + Send + 'static) {
        let busy = self.clone();
        if self.0.fetch_add(1, Ordering::Relaxed) >= MOST {
            self.0.fetch_sub(1, Ordering::Relaxed);
            return;
        }
        start(move || {
            work();
            busy.0.fetch_sub(1, Ordering::Relaxed);
        });
    }
}

fn start(work: impl FnOnce() + Send + 'static) {
    // Without a thread the connection is closed, which its peer sees.
    let _ = std::thread::Builder::new().stack_size(STACK).spawn(work);
}

/// Copies both ways.
fn pass(inside: &TcpStream, outside: &TcpStream) -> io::Result<()> {
    let (from, into) = (inside.try_clone()?, outside.try_clone()?);
    let way_out = std::thread::Builder::new().stack_size(STACK);
    let way_out = way_out.spawn(move || drop(copy(&from, &into)))?;
    let copied = copy(outside, inside);
    let _ = way_out.join();
    copied
}

fn copy(mut from: &TcpStream, mut into: &TcpStream) -> io::Result<()> {
    let mut buffer = [0; 16 * 1024];
    let copied = loop {
        match from.read(&mut buffer) {
            Ok(0) => break Ok(()),
            Ok(read) => {
                if let Err(error) = into.write_all(&buffer[..read]) {
                    break Err(error);
                }
            }
            Err(error) => break Err(error),
        }
    };
    // The other direction may go on, unless nobody reads any more.
    let _ = into.shutdown(Shutdown::Write);
    if copied.is_err() {
        let _ = from.shutdown(Shutdown::Both);
    }
    copied
}

/// Asks the workstation's name server and passes its answer on.
fn resolve(
    names: &UdpSocket,
    query: &[u8],
    from: SocketAddr,
    server: SocketAddr,
) -> io::Result<()> {
    let asking = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0))?;
    asking.set_read_timeout(Some(NAME_PATIENCE))?;
    asking.send_to(query, server)?;
    let mut reply = [0; 4096];
    let length = asking.recv(&mut reply)?;
    names.send_to(&reply[..length], from).map(drop)
}
