//! The file systems of the kernel that every instance has for itself: `/proc`, `/sys`, `/dev`,
//! `/run`.

use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

use rustix::fs::{CWD, Mode, OFlags, mkdirat, openat, symlinkat};
use rustix::mount::MountAttrFlags;

use super::inside::{self, Root};
use super::keep::HOST;
use super::mounts::{self, NO_DEVICES, QUIET};
use super::{Doing, Result};

/// Parts of `/proc` that change the workstation's kernel. Their files belong to the workstation's
/// root, who in an instance of root is the same user.
const READ_ONLY: [&str; 10] = [
    "acpi",
    "asound",
    "bus",
    "driver",
    "fs",
    "irq",
    "mtrr",
    "scsi",
    "sys",
    "sysrq-trigger",
];
/// Files of `/proc` that tell of the workstation's memory, kernel and keys.
const HIDDEN: [&str; 9] = [
    "kallsyms",
    "kcore",
    "keys",
    "kpagecgroup",
    "kpagecount",
    "kpageflags",
    "latency_stats",
    "sched_debug",
    "timer_list",
];

/// The instance's `/proc`, without a place yet. It shows the processes of the PID namespace that
/// this process is in.
pub fn new_proc() -> Result<OwnedFd> {
    mounts::new("proc", &[], QUIET).doing("mount /proc")
}

/// Mounts all of them below `root`.
pub fn mount(root: &Root, proc: OwnedFd, own_users: bool) -> Result<()> {
    root.dir("tmp")?;
    mounts::attach(&proc, root.dir("proc")?).doing("mount /proc")?;
    let sys = mounts::new("sysfs", &[], QUIET | MountAttrFlags::MOUNT_ATTR_RDONLY)
        .or_else(|_| share_sys());
    mounts::attach(sys.doing("mount /sys")?, root.dir("sys")?).doing("mount /sys")?;
    if !own_users {
        protect_kernel(&proc)?;
    }
    let run = mounts::new("tmpfs", &[("mode", "0755")], NO_DEVICES).doing("mount /run")?;
    let lock = directory(&run, "lock").doing("make /run/lock")?;
    inside::set_mode(lock, 0o1777).doing("set the mode of /run/lock")?;
    mounts::attach(run, root.dir("run")?).doing("mount /run")?;
    mount_devices(&root.dir("dev")?, own_users)
}

/// The workstation's own, where the kernel forbids a new one because parts of it are covered, as
/// in a container.
fn share_sys() -> rustix::io::Result<OwnedFd> {
    let sys = mounts::copy(CWD, &format!("{HOST}/sys"), true)?;
    let set = mounts::set(&sys, QUIET | MountAttrFlags::MOUNT_ATTR_RDONLY);
    set.map_err(|error| rustix::io::Errno::from_io_error(&error).unwrap_or(rustix::io::Errno::IO))?;
    Ok(sys)
}

/// Keeps root in the instance from changing the workstation's kernel and from reading its memory;
/// the settings of the instance's own network stay open.
fn protect_kernel(proc: &OwnedFd) -> Result<()> {
    let network = mounts::copy(proc, "sys/net", false).doing("mount /proc/sys/net")?;
    for name in READ_ONLY {
        let Ok(target) = openat(proc, name, OFlags::PATH | OFlags::CLOEXEC, Mode::empty()) else {
            continue;
        };
        let part = mounts::copy(proc, name, false).doing(format_args!("mount /proc/{name}"))?;
        mounts::set(&part, QUIET | MountAttrFlags::MOUNT_ATTR_RDONLY)
            .doing(format_args!("make /proc/{name} read-only"))?;
        mounts::attach(part, target).doing(format_args!("mount /proc/{name}"))?;
    }
    let target = openat(
        proc,
        "sys/net",
        OFlags::PATH | OFlags::CLOEXEC,
        Mode::empty(),
    );
    mounts::attach(network, target.doing("open /proc/sys/net")?).doing("mount /proc/sys/net")?;
    for name in HIDDEN {
        let Ok(target) = openat(proc, name, OFlags::PATH | OFlags::CLOEXEC, Mode::empty()) else {
            continue;
        };
        let null = mounts::copy(CWD, &format!("{HOST}/dev/null"), false);
        mounts::attach(null.doing("share /dev/null")?, target)
            .doing(format_args!("hide /proc/{name}"))?;
    }
    Ok(())
}

fn mount_devices(place: &OwnedFd, own_users: bool) -> Result<()> {
    let flags = MountAttrFlags::MOUNT_ATTR_NOSUID | MountAttrFlags::MOUNT_ATTR_NOEXEC;
    let dev = mounts::new("tmpfs", &[("mode", "0755")], flags).doing("mount /dev")?;
    for (name, target) in [
        ("fd", "/proc/self/fd"),
        ("stdin", "/proc/self/fd/0"),
        ("stdout", "/proc/self/fd/1"),
        ("stderr", "/proc/self/fd/2"),
        ("ptmx", "pts/ptmx"),
    ] {
        symlinkat(Path::new(target), &dev, name).doing(format_args!("make /dev/{name}"))?;
    }
    // Only on what has its place already can anything else be mounted.
    mounts::attach(&dev, place).doing("mount /dev")?;
    for name in ["null", "zero", "full", "random", "urandom", "tty"] {
        let target = inside::new_file(&dev, name).doing(format_args!("make /dev/{name}"))?;
        let device = mounts::copy(CWD, &format!("{HOST}/dev/{name}"), false);
        mounts::attach(device.doing(format_args!("share /dev/{name}"))?, target)
            .doing(format_args!("share /dev/{name}"))?;
    }
    let pts = directory(&dev, "pts").doing("make /dev/pts")?;
    let shm = directory(&dev, "shm").doing("make /dev/shm")?;
    let mut terminals = vec![("newinstance", ""), ("ptmxmode", "0666"), ("mode", "0620")];
    if !own_users {
        // Group 5 is `tty` everywhere, but an ordinary user's instance has one group only.
        terminals.push(("gid", "5"));
    }
    let terminals = mounts::new("devpts", &terminals, flags).doing("mount /dev/pts")?;
    mounts::attach(terminals, pts).doing("mount /dev/pts")?;
    let memory = flags | MountAttrFlags::MOUNT_ATTR_NODEV;
    let memory = mounts::new("tmpfs", &[("mode", "1777")], memory).doing("mount /dev/shm")?;
    mounts::attach(memory, shm).doing("mount /dev/shm")
}

/// A new directory in a file system that nobody else has.
fn directory(above: impl AsFd, name: &str) -> rustix::io::Result<OwnedFd> {
    mkdirat(&above, name, Mode::from_raw_mode(0o755))?;
    let flags = OFlags::DIRECTORY | OFlags::CLOEXEC;
    openat(above, name, flags, Mode::empty())
}
