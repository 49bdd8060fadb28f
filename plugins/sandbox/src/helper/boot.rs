//! The first process of an instance: makes its namespaces, its link and its root directory, then
//! stays to gather processes that lost their parents.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::process::{WaitOptions, waitpid};
use rustix::system::sethostname;
use rustix::thread::{ThreadNameSpaceType, UnshareFlags};

use super::keep::{BRIDGE, own_process};
use super::netlink::{LOOPBACK, Netlink};
use super::spaces::Spaces;
use super::sys::{self, Fork};
use super::{Doing, Result, answer, refuse, rootfs, system};
use crate::wire::{Answer, Boot, Target};

/// The instance's link.
const LINK: &str = "eth0";

/// Makes an instance and stays until it is stopped or killed.
pub fn boot(socket: &OwnedFd, boot: &Boot) -> Result<()> {
    let kinds =
        ThreadNameSpaceType::MOUNT | ThreadNameSpaceType::NETWORK | ThreadNameSpaceType::PROCESS_ID;
    sys::join_target(boot.keeper, kinds)?;
    let outside = Netlink::open().doing("open netlink")?;
    // The keeper's PID namespace takes only children, and only one of its processes can make the
    // instance's own below it: two forks. The first two processes end here, the second one first:
    // its PID namespace could not end while nobody has waited for it.
    if let Fork::Parent(child) = sys::fork().doing("fork")? {
        let ended = waitpid(Some(child), WaitOptions::empty());
        return ended.map(drop).doing("wait for the fork");
    }
    let inner = sys::unshare(UnshareFlags::NEWNS | UnshareFlags::NEWPID).doing("make namespaces");
    if let Err(failure) = inner {
        refuse(socket, failure);
        return Ok(());
    }
    match sys::fork() {
        Ok(Fork::Parent(_)) => {}
        Ok(Fork::Child) => match prepare(socket, boot, outside) {
            Ok(()) => serve(),
            Err(failure) => refuse(socket, failure),
        },
        Err(error) => {
            let failed: Result<()> = Err(error).doing("fork");
            failed.unwrap_or_else(|failure| refuse(socket, failure));
        }
    }
    Ok(())
}

fn prepare(socket: &OwnedFd, boot: &Boot, outside: Netlink) -> Result<()> {
    sys::reap_children();
    sys::hold_term();
    let process = own_process("/host/proc")?;
    let proc = system::new_proc()?;
    let spaces = Spaces::make(&proc)?;
    connect(boot, &outside, spaces.network.as_fd())?;
    drop(outside);
    sethostname(boot.hostname.as_bytes()).doing("set the host name")?;
    rootfs::build(boot, boot.keeper.own_users, proc)?;
    spaces.lock_mounts()?;
    let own_users = boot.keeper.own_users;
    answer(socket, &Answer::Ready(Target { process, own_users }))
}

/// Links the instance, whose network namespace is `own`, with the group's bridge.
fn connect(boot: &Boot, outside: &Netlink, own: BorrowedFd<'_>) -> Result<()> {
    let inside = Netlink::open().doing("open netlink")?;
    let bridge = outside.index(BRIDGE).doing("find the bridge")?;
    let [.., third, fourth] = boot.address.octets();
    let name = format!("member{}", u16::from_be_bytes([third, fourth]));
    // The same hardware address after every start: the peers' tables stay right.
    let [a, b, c, d] = boot.address.octets();
    let mac = [0x02, 0x42, a, b, c, d];
    let add = || outside.add_pair(&name, bridge, LINK, mac, own);
    let mut added = add();
    if added
        .as_ref()
        .is_err_and(|error| error.kind() == std::io::ErrorKind::AlreadyExists)
    {
        // The kernel takes its time to remove the link of an instance that was just stopped.
        let _ = outside.remove(&name);
        added = add();
    }
    added.doing("make the link")?;
    inside.up(LOOPBACK).doing("switch the loopback on")?;
    let link = inside.index(LINK).doing("find the link")?;
    inside
        .add_address(link, boot.address, boot.prefix)
        .doing("give the link its address")?;
    inside.up(link).doing("switch the link on")?;
    match boot.gateway {
        Some(gateway) => inside
            .add_default_route(gateway)
            .doing("set the way to the world"),
        None => Ok(()),
    }
}

/// Waits for the order to stop, passes it on and ends when all others have.
fn serve() {
    sys::forget_code("/proc");
    sys::wait_for_term();
    sys::terminate_all();
    // Children vanish by themselves: this returns, with an error, once the last is gone.
    while rustix::process::wait(WaitOptions::empty()).is_ok() {}
}
