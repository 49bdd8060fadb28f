//! Builds an instance's root directory from the workstation's, or from a directory, below a layer
//! in the keeper's store that takes what is written.

use std::fs;
use std::io;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use rustix::fs::{XattrFlags, setxattr};
use rustix::mount::{
    MountFlags, UnmountFlags, mount, mount_bind, mount_bind_recursive, mount_remount, unmount,
};
use rustix::process::pivot_root;

use super::keep::{ETC, HOST, LAYERS};
use super::{Doing, Result, sys};
use crate::wire::Boot;

/// Directories of the workstation that every instance has anew and empty.
const FRESH: [(&str, u32); 4] = [
    ("root", 0o700),
    ("home", 0o755),
    ("tmp", 0o1777),
    ("var/tmp", 0o1777),
];
/// Directories of the workstation with programs, which an ordinary user's instances share.
const SYSTEM: [&str; 10] = [
    "bin", "sbin", "lib", "lib32", "lib64", "libx32", "usr", "nix", "gnu", "emul",
];
/// Directories that an ordinary user's instance has anew, beyond [`FRESH`].
const OWN: [&str; 16] = [
    "dev",
    "media",
    "mnt",
    "opt",
    "proc",
    "run",
    "srv",
    "sys",
    "var/cache",
    "var/lib",
    "var/log",
    "var/mail",
    "var/opt",
    "var/spool",
    "var/lib/misc",
    "var/local",
];
/// Databases of package managers, so that tools can ask what is installed.
const DATABASES: [&str; 3] = ["var/lib/dpkg", "var/lib/rpm", "var/lib/pacman"];
/// Types of file systems that hold a workstation's system, where it is spread over several.
const DISKS: [&str; 8] = [
    "ext2", "ext3", "ext4", "xfs", "btrfs", "zfs", "f2fs", "bcachefs",
];
/// Where mounts of the workstation are not part of its system.
const NOT_SYSTEM: [&str; 14] = [
    "/dev",
    "/home",
    "/media",
    "/mnt",
    "/proc",
    "/root",
    "/run",
    "/snap",
    "/sys",
    "/tmp",
    "/var/lib/containerd",
    "/var/lib/containers",
    "/var/lib/docker",
    "/var/tmp",
];

/// Builds the root directory and makes it this process's.
pub fn build(boot: &Boot, own_users: bool) -> Result<()> {
    let layer = Layer {
        path: Path::new(LAYERS).join(&boot.layer),
        own_users,
    };
    let first = !layer.path.exists();
    let root = layer.path.join("root");
    make_dirs(&root)?;
    match &boot.rootfs {
        Some(lower) => {
            let lower = Path::new(HOST).join(lower.strip_prefix("/").unwrap_or(lower));
            layer.overlay(&lower, &root, "root")?;
        }
        None if own_users => layer.share_host(&root, first)?,
        None => layer.overlay_host(&root, first)?,
    }
    mount_system(&root, own_users)?;
    if first {
        write_names(&root, boot)?;
    }
    std::env::set_current_dir(&root).doing("enter the root directory")?;
    pivot_root(".", ".").doing("change the root directory")?;
    unmount(".", UnmountFlags::DETACH).doing("leave the old root directory")?;
    std::env::set_current_dir("/").doing("enter the root directory")
}

/// An instance's part of the store.
struct Layer {
    path: PathBuf,
    own_users: bool,
}

impl Layer {
    /// Mounts `lower` at `target`, with what is written going to the layer, under `name`.
    fn overlay(&self, lower: &Path, target: &Path, name: &str) -> Result<()> {
        let upper = self.path.join(format!("upper-{name}"));
        let work = self.path.join(format!("work-{name}"));
        make_dirs(&upper)?;
        make_dirs(&work)?;
        // A path in an option could hold characters that have a meaning there.
        std::env::set_current_dir(lower).doing(format_args!("enter {}", lower.display()))?;
        let users = if self.own_users { ",userxattr" } else { "" };
        let options = format!(
            "lowerdir=.,upperdir={},workdir={}{users}",
            upper.display(),
            work.display()
        );
        let options = std::ffi::CString::new(options).map_err(io::Error::other);
        let options = options.doing("mount the overlay")?;
        mount(
            "overlay",
            target,
            "overlay",
            MountFlags::NODEV,
            Some(options.as_c_str()),
        )
        .doing(format_args!("mount an overlay of {}", lower.display()))
    }

    /// The whole of the workstation's system, writable.
    fn overlay_host(&self, root: &Path, first: bool) -> Result<()> {
        if first {
            let upper = self.path.join("upper-root");
            for (name, mode) in FRESH {
                let path = upper.join(name);
                make_dirs(&path)?;
                set_mode(&path, mode)?;
                setxattr(&path, "trusted.overlay.opaque", b"y", XattrFlags::empty())
                    .doing(format_args!("empty /{name}"))?;
            }
        }
        self.overlay(Path::new(HOST), root, "root")?;
        let table = fs::read_to_string("/host/proc/self/mountinfo").doing("read the mounts")?;
        for point in system_mounts(&table) {
            let below = point.trim_start_matches('/');
            let lower = Path::new(HOST).join(below);
            if lower.is_dir() {
                self.overlay(&lower, &root.join(below), &name_of(&point))?;
            } else if first {
                // A file that is mounted for itself, as container engines do with some in /etc.
                fs::copy(&lower, root.join(below)).doing(format_args!("copy {point}"))?;
            }
        }
        Ok(())
    }

    /// What an ordinary user can have: programs shared and read-only, all else anew.
    fn share_host(&self, root: &Path, first: bool) -> Result<()> {
        // Mounts need a mount above them that is this namespace's own.
        mount_bind(root, root).doing("mount the root directory")?;
        for name in OWN {
            make_dirs(&root.join(name))?;
        }
        if first {
            for (name, mode) in FRESH {
                make_dirs(&root.join(name))?;
                set_mode(&root.join(name), mode)?;
            }
            for (name, target) in [("var/run", "/run"), ("var/lock", "/run/lock")] {
                symlink(target, root.join(name)).doing(format_args!("make /{name}"))?;
            }
        }
        let opt = entries(&Path::new(HOST).join("opt"));
        let shared = SYSTEM.iter().chain(&DATABASES).map(ToString::to_string);
        for name in shared.chain(opt.iter().map(|name| format!("opt/{name}"))) {
            share(&name, root)?;
        }
        make_dirs(&root.join("etc"))?;
        self.overlay(Path::new(ETC), &root.join("etc"), "etc")
    }
}

/// Shows `name` of the workstation below `root`, read-only; nothing where it has none.
fn share(name: &str, root: &Path) -> Result<()> {
    let source = Path::new(HOST).join(name);
    let target = root.join(name);
    let Ok(meta) = source.symlink_metadata() else {
        return Ok(());
    };
    if meta.is_symlink() {
        if target.symlink_metadata().is_err() {
            let to = fs::read_link(&source).doing(format_args!("read /{name}"))?;
            symlink(to, &target).doing(format_args!("make /{name}"))?;
        }
        return Ok(());
    }
    if !meta.is_dir() {
        return Ok(());
    }
    make_dirs(&target)?;
    mount_bind_recursive(&source, &target).doing(format_args!("share /{name}"))?;
    sys::read_only(&target).doing(format_args!("make /{name} read-only"))
}

/// The mounts of the workstation, below its root, that are part of its system. `table` is the
/// keeper's list, in which they lie below [`HOST`].
fn system_mounts(table: &str) -> Vec<String> {
    let mut points: Vec<String> = table
        .lines()
        .filter_map(|line| {
            let (before, after) = line.split_once(" - ")?;
            let point = before.split(' ').nth(4)?.strip_prefix(HOST)?;
            let kind = after.split(' ').next()?;
            let system = !point.is_empty()
                && DISKS.contains(&kind)
                && !NOT_SYSTEM
                    .iter()
                    .any(|other| Path::new(point).starts_with(other));
            system.then(|| unescape(point))
        })
        .collect();
    points.sort();
    points.dedup();
    points
}

/// A name for a layer that holds nothing but letters, digits and `%`.
fn name_of(point: &str) -> String {
    point
        .bytes()
        .map(|byte| match byte {
            b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' => char::from(byte).to_string(),
            other => format!("%{other:02x}"),
        })
        .collect()
}

/// Spaces, tabs, line ends and backslashes stand in the list of mounts as octal numbers.
fn unescape(point: &str) -> String {
    [
        ("\\040", " "),
        ("\\011", "\t"),
        ("\\012", "\n"),
        ("\\134", "\\"),
    ]
    .iter()
    .fold(point.to_owned(), |text, (code, letter)| {
        text.replace(code, letter)
    })
}

/// The file systems that every instance has for itself.
fn mount_system(root: &Path, own_users: bool) -> Result<()> {
    let quiet = MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC;
    for name in ["proc", "sys", "dev", "run", "tmp"] {
        make_dirs(&root.join(name))?;
    }
    mount("proc", root.join("proc"), "proc", quiet, None).doing("mount /proc")?;
    let sys = root.join("sys");
    if mount("sysfs", &sys, "sysfs", quiet | MountFlags::RDONLY, None).is_err() {
        // Forbidden where parts of the workstation's own are covered, as in a container.
        mount_bind_recursive("/host/sys", &sys).doing("share /sys")?;
        sys::read_only(&sys).doing("make /sys read-only")?;
    }
    if !own_users {
        protect_kernel(&root.join("proc"))?;
    }
    let no_devices = MountFlags::NOSUID | MountFlags::NODEV;
    let mode = Some(c"mode=0755");
    mount("tmpfs", root.join("run"), "tmpfs", no_devices, mode).doing("mount /run")?;
    make_dirs(&root.join("run/lock"))?;
    set_mode(&root.join("run/lock"), 0o1777)?;
    mount_devices(&root.join("dev"), own_users)
}

/// Keeps root in the instance from changing the workstation's kernel; its own network's settings
/// stay open.
fn protect_kernel(proc: &Path) -> Result<()> {
    let quiet = MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC;
    for name in ["sys", "sysrq-trigger", "irq", "bus"] {
        let path = proc.join(name);
        if path.exists() {
            mount_bind(&path, &path).doing(format_args!("mount /proc/{name}"))?;
            mount_remount(&path, MountFlags::BIND | MountFlags::RDONLY | quiet, c"")
                .doing(format_args!("make /proc/{name} read-only"))?;
        }
    }
    let network = proc.join("sys/net");
    mount_bind(&network, &network).doing("mount /proc/sys/net")?;
    mount_remount(&network, MountFlags::BIND | quiet, c"").doing("open /proc/sys/net")
}

fn mount_devices(dev: &Path, own_users: bool) -> Result<()> {
    let flags = MountFlags::NOSUID | MountFlags::NOEXEC;
    mount("tmpfs", dev, "tmpfs", flags, Some(c"mode=0755")).doing("mount /dev")?;
    for name in ["null", "zero", "full", "random", "urandom", "tty"] {
        fs::write(dev.join(name), "").doing(format_args!("make /dev/{name}"))?;
        mount_bind(format!("/host/dev/{name}"), dev.join(name))
            .doing(format_args!("share /dev/{name}"))?;
    }
    for (name, target) in [
        ("fd", "/proc/self/fd"),
        ("stdin", "/proc/self/fd/0"),
        ("stdout", "/proc/self/fd/1"),
        ("stderr", "/proc/self/fd/2"),
        ("ptmx", "pts/ptmx"),
    ] {
        symlink(target, dev.join(name)).doing(format_args!("make /dev/{name}"))?;
    }
    make_dirs(&dev.join("pts"))?;
    make_dirs(&dev.join("shm"))?;
    // Group 5 is `tty` everywhere, but an ordinary user's instance has one group only.
    let terminals = if own_users {
        c"newinstance,ptmxmode=0666,mode=0620"
    } else {
        c"newinstance,ptmxmode=0666,mode=0620,gid=5"
    };
    mount("devpts", dev.join("pts"), "devpts", flags, Some(terminals)).doing("mount /dev/pts")?;
    let shared = flags | MountFlags::NODEV;
    mount("shm", dev.join("shm"), "tmpfs", shared, Some(c"mode=1777")).doing("mount /dev/shm")
}

/// Host name, hosts and name servers. Each replaces what was there, be it a link.
fn write_names(root: &Path, boot: &Boot) -> Result<()> {
    let etc = root.join("etc");
    make_dirs(&etc)?;
    let hosts = format!(
        "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n{}\t{}\n",
        boot.address, boot.hostname
    );
    for (name, content) in [
        ("hostname", format!("{}\n", boot.hostname)),
        ("hosts", hosts),
        ("resolv.conf", boot.resolv_conf.clone()),
    ] {
        let path = etc.join(name);
        let _ = fs::remove_file(&path);
        fs::write(&path, content).doing(format_args!("write /etc/{name}"))?;
        set_mode(&path, 0o644)?;
    }
    Ok(())
}

/// Copies what can be read below `from`; what cannot is the workstation's secret.
pub fn copy_tree(from: &Path, to: &Path) {
    for name in entries(from) {
        let (source, target) = (from.join(&name), to.join(&name));
        let Ok(meta) = source.symlink_metadata() else {
            continue;
        };
        if meta.is_symlink() {
            if let Ok(link) = fs::read_link(&source) {
                let _ = symlink(link, &target);
            }
        } else if meta.is_dir() {
            if fs::create_dir(&target).is_ok() {
                copy_tree(&source, &target);
                let _ = fs::set_permissions(&target, meta.permissions());
            }
        } else if meta.is_file() {
            let _ = fs::copy(&source, &target);
        }
    }
}

fn entries(directory: &Path) -> Vec<String> {
    fs::read_dir(directory)
        .map(|entries| {
            let names = entries.flatten().map(|entry| entry.file_name());
            names.filter_map(|name| name.into_string().ok()).collect()
        })
        .unwrap_or_default()
}

fn make_dirs(path: &Path) -> Result<()> {
    fs::create_dir_all(path).doing(format_args!("make {}", path.display()))
}

fn set_mode(path: &Path, mode: u32) -> Result<()> {
    fs::set_permissions(path, fs::Permissions::from_mode(mode))
        .doing(format_args!("set the mode of {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_systems_own_mounts_are_taken() {
        let line = |point: &str, kind: &str| {
            format!("30 28 254:0 / {point} rw,relatime shared:1 - {kind} /dev/vda rw\n")
        };
        let table = [
            line("/host", "ext4"),
            line("/host/usr", "ext4"),
            line("/host/my\\040data", "xfs"),
            line("/host/proc", "proc"),
            line("/host/home", "ext4"),
            line("/host/var/lib/docker", "ext4"),
            line("/host/etc/hosts", "ext4"),
            line("/layers", "tmpfs"),
        ]
        .concat();
        assert_eq!(system_mounts(&table), ["/etc/hosts", "/my data", "/usr"]);
        assert_eq!(name_of("/my data"), "%2fmy%20data");
    }
}
