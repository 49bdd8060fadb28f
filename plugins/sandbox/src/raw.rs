//! The only file of this crate with `unsafe` code: system calls that no crate wraps safely, each with
//! the reason why it is sound. Most reasons are that a helper has one thread.

use std::io;
use std::net::{Ipv4Addr, SocketAddrV4, TcpStream};
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd, RawFd};

use rustix::process::Pid;
use rustix::thread::UnshareFlags;
use tokio::io::unix::AsyncFd;

/// Which side of a fork this is.
pub enum Fork {
    /// The one that forked.
    Parent(Pid),
    /// The new one.
    Child,
}

/// Splits the process in two.
#[allow(unsafe_code)]
pub fn fork() -> io::Result<Fork> {
    // SAFETY: the helper has one thread, so no lock is held by a thread that the child lacks.
    match unsafe { libc::fork() } {
        -1 => Err(io::Error::last_os_error()),
        0 => Ok(Fork::Child),
        pid => Pid::from_raw(pid)
            .map(Fork::Parent)
            .ok_or_else(io::Error::last_os_error),
    }
}

/// Makes new namespaces.
#[allow(unsafe_code)]
pub fn unshare(flags: UnshareFlags) -> io::Result<()> {
    // SAFETY: the file table is never among the flags, and the helper has one thread.
    Ok(unsafe { rustix::thread::unshare_unsafe(flags) }?)
}

/// Closes every file from number `first` on: what the kitchen's own parent left open.
#[allow(unsafe_code)]
pub fn close_from(first: RawFd) -> io::Result<()> {
    // SAFETY: called before the helper opens anything.
    let closed = unsafe { libc::syscall(libc::SYS_close_range, first, u32::MAX, 0) };
    (closed == 0)
        .then_some(())
        .ok_or_else(io::Error::last_os_error)
}

/// Ended children vanish by themselves.
#[allow(unsafe_code)]
pub fn reap_children() {
    // SAFETY: no handler is installed, only the default changed.
    unsafe { libc::signal(libc::SIGCHLD, libc::SIG_IGN) };
}

/// From now on SIGTERM waits for [`wait_for_term`].
#[allow(unsafe_code)]
pub fn hold_term() {
    // SAFETY: the set is initialised by `sigemptyset` before it is used.
    unsafe {
        let mut set = std::mem::zeroed();
        libc::sigemptyset(&mut set);
        libc::sigaddset(&mut set, libc::SIGTERM);
        libc::sigprocmask(libc::SIG_BLOCK, &set, std::ptr::null_mut());
    }
}

/// Sleeps until SIGTERM comes.
#[allow(unsafe_code)]
pub fn wait_for_term() {
    // SAFETY: as in `hold_term`; the signal's number is written to a local variable.
    unsafe {
        let mut set = std::mem::zeroed();
        libc::sigemptyset(&mut set);
        libc::sigaddset(&mut set, libc::SIGTERM);
        let mut signal = 0;
        while libc::sigwait(&set, &mut signal) != 0 {}
    }
}

/// Asks every other process of this process's own PID namespace to end. Only for its first one.
#[allow(unsafe_code)]
pub fn terminate_all() {
    debug_assert_eq!(std::process::id(), 1);
    if std::process::id() == 1 {
        // SAFETY: no memory is involved; as PID 1 it reaches this namespace and no other.
        unsafe { libc::kill(-1, libc::SIGTERM) };
    }
}

/// Where a connection was meant to go before a rule redirected it.
#[allow(unsafe_code)]
pub fn original_destination(stream: &TcpStream) -> io::Result<SocketAddrV4> {
    // SAFETY: all zeroes is a valid address, and its size is passed along.
    let (got, address) = unsafe {
        let mut address: libc::sockaddr_in = std::mem::zeroed();
        let mut size = size_of::<libc::sockaddr_in>() as libc::socklen_t;
        let into = (&raw mut address).cast();
        let option = libc::SO_ORIGINAL_DST;
        let got = libc::getsockopt(stream.as_raw_fd(), libc::SOL_IP, option, into, &mut size);
        (got, address)
    };
    if got != 0 {
        return Err(io::Error::last_os_error());
    }
    let host = Ipv4Addr::from(u32::from_be(address.sin_addr.s_addr));
    Ok(SocketAddrV4::new(host, u16::from_be(address.sin_port)))
}

/// A terminal's keys are for the shell that this process waits for, not for this process.
#[allow(unsafe_code)]
pub fn ignore_keys() {
    for signal in [libc::SIGINT, libc::SIGQUIT] {
        // SAFETY: no handler is installed, only the default changed.
        unsafe { libc::signal(signal, libc::SIG_IGN) };
    }
}

/// Changes attributes (`MOUNT_ATTR_…`) of the mount that `mount` is, and of all below it.
#[allow(unsafe_code)]
pub fn set_mount_attributes(mount: impl AsFd, set: u64, clear: u64) -> io::Result<()> {
    let attributes = libc::mount_attr {
        attr_set: set,
        attr_clr: clear,
        propagation: 0,
        userns_fd: 0,
    };
    // SAFETY: the path and `attributes` live across the call, and the size is the structure's.
    let set = unsafe {
        libc::syscall(
            libc::SYS_mount_setattr,
            mount.as_fd().as_raw_fd(),
            c"".as_ptr(),
            libc::AT_RECURSIVE | libc::AT_EMPTY_PATH,
            &attributes,
            size_of::<libc::mount_attr>(),
        )
    };
    (set == 0)
        .then_some(())
        .ok_or_else(io::Error::last_os_error)
}

/// The user namespace to which the namespace `space` (an open `/proc/PID/ns/…`) belongs.
#[allow(unsafe_code)]
pub fn users_of(space: impl AsFd) -> io::Result<OwnedFd> {
    /// `NS_GET_USERNS` of `linux/nsfs.h`.
    const GET_USERS: libc::c_ulong = 0xb701;
    // SAFETY: the call takes no memory, and what it gives is a new file that nobody else has.
    unsafe {
        match libc::ioctl(space.as_fd().as_raw_fd(), GET_USERS as _) {
            -1 => Err(io::Error::last_os_error()),
            file => Ok(OwnedFd::from_raw_fd(file)),
        }
    }
}

/// Gives this process a session keyring of its own, without a name: the keys of the session from
/// which the kitchen was started are out of reach. A kernel without keyrings has none to hide.
#[allow(unsafe_code)]
pub fn own_keyring() -> io::Result<()> {
    const JOIN_SESSION: libc::c_long = 1;
    let no_name = std::ptr::null::<libc::c_char>();
    // SAFETY: without a name the call reads no memory.
    match unsafe { libc::syscall(libc::SYS_keyctl, JOIN_SESSION, no_name) } {
        -1 => match io::Error::last_os_error() {
            error if error.raw_os_error() == Some(libc::ENOSYS) => Ok(()),
            error => Err(error),
        },
        _ => Ok(()),
    }
}

/// From now on the kernel asks `filter` about every system call of this process and its children.
/// Unlike the crate's own function it leaves "no new privileges" as it is: `sudo` needs them.
#[allow(unsafe_code)]
pub fn filter_calls(filter: &[seccompiler::sock_filter]) -> io::Result<()> {
    let program = libc::sock_fprog {
        len: u16::try_from(filter.len()).map_err(io::Error::other)?,
        // The same four fields, by the kernel's definition of both.
        filter: filter.as_ptr().cast_mut().cast(),
    };
    // SAFETY: `program` and `filter` live across the call, which copies them and changes nothing.
    let set = unsafe {
        libc::syscall(
            libc::SYS_seccomp,
            libc::SECCOMP_SET_MODE_FILTER,
            0,
            &program,
        )
    };
    (set == 0)
        .then_some(())
        .ok_or_else(io::Error::last_os_error)
}

/// Gives back the memory of `length` bytes of code at address `start`, which is read again from
/// its file when it is needed.
#[allow(unsafe_code)]
pub fn forget(start: usize, length: usize) {
    // SAFETY: the callers name code from a file, which is never written to, so that its pages come
    // back as they were.
    unsafe { libc::madvise(start as *mut libc::c_void, length, libc::MADV_DONTNEED) };
}

/// Lets the runtime say when `file` can be read.
#[allow(unsafe_code)]
pub fn watch(file: OwnedFd) -> io::Result<AsyncFd<OwnedFd>> {
    // SAFETY: an `OwnedFd` is one file for all of its life, and closes it only when dropped.
    Ok(unsafe { AsyncFd::register(file) }?)
}
