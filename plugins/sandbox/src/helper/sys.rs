//! System calls that no crate wraps safely. A helper has one thread: that is what makes them safe.

use std::ffi::CString;
use std::fs;
use std::io;
use std::net::{Ipv4Addr, SocketAddrV4, TcpStream};
use std::os::fd::{AsFd, AsRawFd, OwnedFd, RawFd};
use std::path::Path;

use rustix::process::Pid;
use rustix::thread::{ThreadNameSpaceType, UnshareFlags, move_into_thread_name_spaces};

use super::{Doing, Failure, Result};
use crate::wire::Target;

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

/// Makes the mount at `path` and all below it read-only.
#[allow(unsafe_code)]
pub fn read_only(path: &Path) -> io::Result<()> {
    use std::os::unix::ffi::OsStrExt;
    let path = CString::new(path.as_os_str().as_bytes())?;
    let attributes = libc::mount_attr {
        attr_set: libc::MOUNT_ATTR_RDONLY,
        attr_clr: 0,
        propagation: 0,
        userns_fd: 0,
    };
    // SAFETY: `path` and `attributes` live across the call, and the size is the structure's.
    let set = unsafe {
        libc::syscall(
            libc::SYS_mount_setattr,
            libc::AT_FDCWD,
            path.as_ptr(),
            libc::AT_RECURSIVE,
            &attributes,
            size_of::<libc::mount_attr>(),
        )
    };
    (set == 0)
        .then_some(())
        .ok_or_else(io::Error::last_os_error)
}

/// A handle to the process of `target`. To be opened before a child enters another PID namespace,
/// in which the number means nothing.
pub fn open(target: Target) -> Result<OwnedFd> {
    let gone = || Failure::new("the instance is not running");
    target.process.open().ok_or_else(gone)
}

/// Joins namespaces of the process of `handle`. Of a PID namespace only new children are part.
pub fn join(handle: &OwnedFd, kinds: ThreadNameSpaceType) -> Result<()> {
    move_into_thread_name_spaces(handle.as_fd(), kinds).doing("enter the instance's namespaces")
}

/// Joins namespaces of `target`, and its users, where it has its own.
pub fn join_target(target: Target, mut kinds: ThreadNameSpaceType) -> Result<OwnedFd> {
    let handle = open(target)?;
    kinds.set(ThreadNameSpaceType::USER, target.own_users);
    join(&handle, kinds)?;
    Ok(handle)
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

/// Whether this process may mount and make namespaces as it is (capability `SYS_ADMIN`).
pub fn is_admin() -> bool {
    const SYS_ADMIN: u64 = 1 << 21;
    fs::read_to_string("/proc/self/status")
        .ok()
        .and_then(|status| {
            let line = status
                .lines()
                .find_map(|line| line.strip_prefix("CapEff:"))?;
            u64::from_str_radix(line.trim(), 16).ok()
        })
        .is_some_and(|effective| effective & SYS_ADMIN != 0)
}

/// Makes a user namespace in which this process is `inside` (user and group).
pub fn new_users(inside: (u32, u32), outside: (u32, u32)) -> Result<()> {
    unshare(UnshareFlags::NEWUSER).doing("make a user namespace")?;
    // A group may be mapped without privilege only once `setgroups` is given up.
    fs::write("/proc/self/setgroups", "deny").doing("give up setgroups")?;
    let map = |inside, outside| format!("{inside} {outside} 1\n");
    fs::write("/proc/self/uid_map", map(inside.0, outside.0)).doing("map the user")?;
    fs::write("/proc/self/gid_map", map(inside.1, outside.1)).doing("map the group")
}

/// Gives back the memory that the program's code takes: a process that only waits needs next to
/// none of it, and what it does need is read again. `proc` is where `/proc` is.
#[allow(unsafe_code)]
pub fn forget_code(proc: &str) {
    let maps = fs::read_to_string(format!("{proc}/self/maps")).unwrap_or_default();
    let code = maps.lines().filter_map(|line| {
        let mut fields = line.split_whitespace();
        let (start, end) = fields.next()?.split_once('-')?;
        let is_code = fields.next()? == "r-xp" && fields.nth(3)?.starts_with('/');
        let start = usize::from_str_radix(start, 16).ok()?;
        let end = usize::from_str_radix(end, 16).ok()?;
        is_code.then_some((start, end - start))
    });
    for (start, length) in code.collect::<Vec<_>>() {
        // SAFETY: code from a file is never written to, so that its pages come back as they were.
        unsafe { libc::madvise(start as *mut libc::c_void, length, libc::MADV_DONTNEED) };
    }
}

/// A terminal's keys are for the shell that this process waits for, not for this process.
#[allow(unsafe_code)]
pub fn ignore_keys() {
    for signal in [libc::SIGINT, libc::SIGQUIT] {
        // SAFETY: no handler is installed, only the default changed.
        unsafe { libc::signal(signal, libc::SIG_IGN) };
    }
}
