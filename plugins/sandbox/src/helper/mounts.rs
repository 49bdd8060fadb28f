//! Mounts that are made first and get their place afterwards, so that no path of an instance is
//! looked up by a system call that would follow its links.

use std::os::fd::{AsFd, OwnedFd};

use rustix::io::Result;
use rustix::mount::{
    FsMountFlags, FsOpenFlags, MountAttrFlags, MoveMountFlags, OpenTreeFlags, fsconfig_create,
    fsconfig_set_flag, fsconfig_set_string, fsmount, fsopen, move_mount, open_tree,
};

use crate::raw;

/// Attributes of file systems of the kernel's own.
pub const QUIET: MountAttrFlags = NO_DEVICES.union(MountAttrFlags::MOUNT_ATTR_NOEXEC);
/// Attributes of a file system without privileges.
pub const NO_DEVICES: MountAttrFlags =
    MountAttrFlags::MOUNT_ATTR_NOSUID.union(MountAttrFlags::MOUNT_ATTR_NODEV);

/// A new file system. An option without a value is a flag.
pub fn new(kind: &str, options: &[(&str, &str)], attributes: MountAttrFlags) -> Result<OwnedFd> {
    let made = fsopen(kind, FsOpenFlags::FSOPEN_CLOEXEC)?;
    for (name, value) in options {
        match *value {
            "" => fsconfig_set_flag(&made, *name)?,
            value => fsconfig_set_string(&made, *name, value)?,
        }
    }
    fsconfig_create(&made)?;
    fsmount(&made, FsMountFlags::FSMOUNT_CLOEXEC, attributes)
}

/// The same as is mounted at `path` below `directory`; with `all` also what is mounted below it.
pub fn copy(directory: impl AsFd, path: &str, all: bool) -> Result<OwnedFd> {
    let mut flags = OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC;
    flags.set(OpenTreeFlags::AT_RECURSIVE, all);
    open_tree(directory, path, flags)
}

/// Sets attributes of a mount and of all below it.
pub fn set(mount: impl AsFd, attributes: MountAttrFlags) -> std::io::Result<()> {
    raw::set_mount_attributes(mount, attributes.bits().into(), 0)
}

/// Places a mount on what `target` has open.
pub fn attach(mount: impl AsFd, target: impl AsFd) -> Result<()> {
    let flags = MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH | MoveMountFlags::MOVE_MOUNT_T_EMPTY_PATH;
    move_mount(mount, "", target, "", flags)
}
