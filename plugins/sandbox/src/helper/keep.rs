//! The keeper of a group: owns the network's bridge and the store of the members' layers, and is
//! the first process of a PID namespace around theirs, so that all of it ends with it.

use std::fs;
use std::net::Ipv4Addr;
use std::os::fd::OwnedFd;
use std::path::Path;

use rustix::mount::{MountFlags, MountPropagationFlags, mount, mount_change};
use rustix::process::{getegid, geteuid, pivot_root};
use rustix::thread::UnshareFlags;

use super::netlink::{LOOPBACK, Netlink};
use super::sys::{self, Fork};
use super::{Doing, Failure, Result, answer, refuse, rootfs};
use crate::labels::parse_stat;
use crate::wire::{Answer, Process, Target};

/// The workstation's root directory, as the keeper and a booting instance see it.
pub const HOST: &str = "/host";
/// Where the members' layers are.
pub const LAYERS: &str = "/layers";
/// The copy of the workstation's `/etc` that members without privileges share.
pub const ETC: &str = "/etc";
/// An empty directory, for overlays that have one directory only.
pub const NOTHING: &str = "/nothing";
/// The name of the bridge in the keeper's own network namespace.
pub const BRIDGE: &str = "banquet0";

/// Makes the group's namespaces and stays until it is killed.
pub fn keep(socket: &OwnedFd, gateway: Ipv4Addr, prefix: u8) -> Result<()> {
    let own_users = !sys::is_admin();
    if own_users {
        let ids = (geteuid().as_raw(), getegid().as_raw());
        sys::new_users((0, 0), ids)?;
    }
    sys::unshare(UnshareFlags::NEWNS | UnshareFlags::NEWNET | UnshareFlags::NEWPID)
        .doing("make namespaces")?;
    match sys::fork().doing("fork")? {
        Fork::Parent(_) => Ok(()),
        Fork::Child => {
            if let Err(failure) = prepare(socket, own_users, gateway, prefix) {
                refuse(socket, failure);
                return Ok(());
            }
            sys::forget_code("/host/proc");
            loop {
                std::thread::park();
            }
        }
    }
}

fn prepare(socket: &OwnedFd, own_users: bool, gateway: Ipv4Addr, prefix: u8) -> Result<()> {
    sys::reap_children();
    let process = own_process("/proc")?;
    make_store()?;
    if own_users {
        rootfs::copy_tree(&Path::new(HOST).join("etc"), Path::new(ETC));
    }
    let network = Netlink::open().doing("open netlink")?;
    network.up(LOOPBACK).doing("switch the loopback on")?;
    network.add_bridge(BRIDGE).doing("make the bridge")?;
    let bridge = network.index(BRIDGE).doing("find the bridge")?;
    network
        .add_address(bridge, gateway, prefix)
        .doing("give the bridge its address")?;
    network.up(bridge).doing("switch the bridge on")?;
    answer(socket, &Answer::Ready(Target { process, own_users }))
}

/// This process as the workstation sees it; `proc` is where the workstation's `/proc` is.
pub fn own_process(proc: &str) -> Result<Process> {
    let link = fs::read_link(format!("{proc}/self")).doing("read /proc/self")?;
    let stat = fs::read_to_string(format!("{proc}/self/stat")).doing("read /proc/self/stat")?;
    let pid = link.to_str().and_then(|pid| pid.parse().ok());
    match (pid, parse_stat(&stat)) {
        (Some(pid), Some(stat)) => Ok(Process {
            pid,
            start: stat.start,
        }),
        _ => Err(Failure::new("/proc/self makes no sense")),
    }
}

/// Puts a root of its own below the keeper: a store in memory, and the workstation's root in it.
fn make_store() -> Result<()> {
    let private = MountPropagationFlags::PRIVATE | MountPropagationFlags::REC;
    mount_change("/", private).doing("make mounts private")?;
    // Any directory that every workstation has will do: the store moves away from it at once.
    let base = Path::new("/tmp");
    let flags = MountFlags::NOSUID | MountFlags::NODEV;
    mount("banquet", base, "tmpfs", flags, Some(c"mode=0755")).doing("mount the store")?;
    for name in [HOST, LAYERS, ETC, NOTHING] {
        fs::create_dir(base.join(&name[1..])).doing("make the store's directories")?;
    }
    std::env::set_current_dir(base).doing("enter the store")?;
    pivot_root(".", "host").doing("make the store the root")?;
    std::env::set_current_dir("/").doing("enter the store")?;
    Ok(())
}
