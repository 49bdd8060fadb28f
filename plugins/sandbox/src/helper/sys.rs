//! Entering namespaces, and what a process knows of itself.

use std::fs::{self, File};
use std::os::fd::{AsFd, OwnedFd};

use rustix::process::{DumpableBehavior, set_dumpable_behavior};
use rustix::thread::{
    LinkNameSpaceType, ThreadNameSpaceType, UnshareFlags, move_into_link_name_space,
    move_into_thread_name_spaces,
};

use super::{Doing, Failure, Result};
use crate::raw;
pub use crate::raw::{
    Fork, close_from, fork, hold_term, ignore_keys, original_destination, reap_children,
    terminate_all, unshare, wait_for_term,
};
use crate::wire::Target;

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

/// A running instance, as a process needs it that is to become part of it.
pub struct Member {
    /// The user namespace of everything that runs in it.
    users: OwnedFd,
    spaces: [(ThreadNameSpaceType, File); 4],
}

impl Member {
    /// To be opened before a child enters the instance's PID namespace, where the number of
    /// `target` means nothing, and before it has the instance's users, who may not look at it.
    pub fn open(target: Target) -> Result<Self> {
        let space = |name: &str| {
            let path = format!("/proc/{}/ns/{name}", target.process.pid);
            File::open(path).doing("open the instance's namespaces")
        };
        let spaces = [
            (ThreadNameSpaceType::NETWORK, space("net")?),
            (
                ThreadNameSpaceType::HOST_NAME_AND_NIS_DOMAIN_NAME,
                space("uts")?,
            ),
            (
                ThreadNameSpaceType::INTER_PROCESS_COMMUNICATION,
                space("ipc")?,
            ),
            (ThreadNameSpaceType::MOUNT, space("mnt")?),
        ];
        // Only what was opened before this is surely the instance's.
        open(target)?;
        let users = raw::users_of(&spaces[0].1).doing("find the instance's users")?;
        Ok(Self { users, spaces })
    }

    /// Becomes one of the instance's processes as far as `kinds` go: with its users, and so without
    /// any right over the workstation. The instance can neither trace this process nor reach the
    /// program that it runs until it executes one of the instance's own.
    pub fn enter(&self, kinds: ThreadNameSpaceType) -> Result<()> {
        set_dumpable_behavior(DumpableBehavior::NotDumpable).doing("hide from the instance")?;
        move_into_link_name_space(self.users.as_fd(), Some(LinkNameSpaceType::User))
            .doing("enter the instance's user namespace")?;
        for (kind, space) in &self.spaces {
            if kinds.contains(*kind) {
                move_into_link_name_space(space.as_fd(), None)
                    .doing("enter the instance's namespaces")?;
            }
        }
        Ok(())
    }
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
        raw::forget(start, length);
    }
}
