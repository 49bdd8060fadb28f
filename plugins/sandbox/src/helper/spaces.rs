//! The namespaces of an instance's own users, made by a child that stays in them for a moment.
//!
//! The instance's first process keeps the rights of the keeper: it builds the root directory and
//! the link. Everything that runs in the instance has another user namespace, below that one, and
//! a copy of its mounts. What was mounted above, the kernel then holds fast: read-only stays
//! read-only, and nothing can be taken away. No process of the instance can trace the first one.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::fs::{Mode, OFlags, openat};
use rustix::process::{Pid, PidfdFlags, pidfd_open};
use rustix::thread::{ThreadNameSpaceType, UnshareFlags};

use super::sys::{self, Fork};
use super::{Doing, Failure, Result};

/// The child, which waits until it is asked for the copy of the mounts.
pub struct Spaces {
    child: OwnedFd,
    line: UnixStream,
    /// The network namespace of the instance.
    pub network: OwnedFd,
}

impl Spaces {
    /// Makes all but the mounts, and makes host name, network and IPC those of this process too.
    /// `proc` is the `/proc` of this process's PID namespace.
    pub fn make(proc: &OwnedFd) -> Result<Self> {
        let (line, theirs) = UnixStream::pair().doing("make a socket")?;
        let pid = match sys::fork().doing("fork")? {
            Fork::Child => {
                drop(line);
                hold(theirs);
                std::process::exit(0)
            }
            Fork::Parent(pid) => pid,
        };
        drop(theirs);
        let child = pidfd_open(pid, PidfdFlags::empty()).doing("watch the fork")?;
        hear(&line).doing("make namespaces of the instance's own")?;
        map_users(proc, pid)?;
        let flags = OFlags::RDONLY | OFlags::CLOEXEC;
        let path = format!("{}/ns/net", pid.as_raw_nonzero());
        let network =
            openat(proc, path, flags, Mode::empty()).doing("open the network namespace")?;
        let kinds = ThreadNameSpaceType::NETWORK
            | ThreadNameSpaceType::HOST_NAME_AND_NIS_DOMAIN_NAME
            | ThreadNameSpaceType::INTER_PROCESS_COMMUNICATION;
        sys::join(&child, kinds)?;
        Ok(Self {
            child,
            line,
            network,
        })
    }

    /// Copies this process's mounts, as they are now, for the instance's users, and makes the copy
    /// this process's too. The child has ended afterwards: by its arguments it would be taken for
    /// another instance.
    pub fn lock_mounts(self) -> Result<()> {
        let Self { child, line, .. } = self;
        (&line).write_all(&[0]).doing("copy the mounts")?;
        hear(&line).doing("make a mount namespace of the instance's own")?;
        sys::join(&child, ThreadNameSpaceType::MOUNT)?;
        drop(line);
        let mut watched = [PollFd::new(&child, PollFlags::IN)];
        while poll(&mut watched, None) == Err(rustix::io::Errno::INTR) {}
        Ok(())
    }
}

/// The child's part. What fails is said as the number of the error; zero is success.
fn hold(mut line: UnixStream) {
    let spaces =
        UnshareFlags::NEWUSER | UnshareFlags::NEWNET | UnshareFlags::NEWUTS | UnshareFlags::NEWIPC;
    for step in [spaces, UnshareFlags::NEWNS] {
        let done = sys::unshare(step);
        let errno = done.map_or_else(|error| error.raw_os_error().unwrap_or(libc::EIO), |()| 0);
        // The parent is gone where this fails, and the child ends as well.
        if line.write_all(&errno.to_ne_bytes()).is_err() || line.read_exact(&mut [0]).is_err() {
            return;
        }
    }
}

fn hear(mut line: &UnixStream) -> std::io::Result<()> {
    let mut errno = [0; 4];
    line.read_exact(&mut errno)?;
    match i32::from_ne_bytes(errno) {
        0 => Ok(()),
        errno => Err(std::io::Error::from_raw_os_error(errno)),
    }
}

/// Gives the child every user and group that this process has, under the same numbers.
fn map_users(proc: &OwnedFd, child: Pid) -> Result<()> {
    for kind in ["uid_map", "gid_map"] {
        let open = |process: String, flags| {
            openat(
                proc.as_fd(),
                format!("{process}/{kind}"),
                flags,
                Mode::empty(),
            )
            .map(File::from)
        };
        let mut own = String::new();
        open("self".into(), OFlags::RDONLY)
            .doing(format_args!("read {kind}"))?
            .read_to_string(&mut own)
            .doing(format_args!("read {kind}"))?;
        let same = same_map(&own).ok_or_else(|| Failure::new(format!("{kind} makes no sense")))?;
        let mut map = open(child.as_raw_nonzero().to_string(), OFlags::WRONLY)
            .doing(format_args!("open {kind}"))?;
        map.write_all(same.as_bytes())
            .doing(format_args!("map the users ({kind})"))?;
    }
    Ok(())
}

/// A map in which each number means itself, for all that have a meaning in `own`.
fn same_map(own: &str) -> Option<String> {
    let line = |line: &str| {
        let mut fields = line.split_whitespace();
        let (inside, _, count) = (fields.next()?, fields.next()?, fields.next()?);
        Some(format!("{inside} {inside} {count}\n"))
    };
    own.lines().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_keep_their_numbers() {
        let all = "         0          0 4294967295\n";
        assert_eq!(same_map(all).unwrap(), "0 0 4294967295\n");
        let mapped = "0 1000 1\n1 100000 65536\n";
        assert_eq!(same_map(mapped).unwrap(), "0 0 1\n1 1 65536\n");
        assert_eq!(same_map("nonsense\n"), None);
    }
}
