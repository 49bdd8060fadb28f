//! Builds an instance's root directory from the workstation's, or from a directory, below a layer
//! in the keeper's store that takes what is written.

use std::fs;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, OFlags, XattrFlags, setxattr};
use rustix::mount::{MountAttrFlags, UnmountFlags, unmount};
use rustix::process::{fchdir, pivot_root};

use super::inside::{self, Root};
use super::keep::{ETC, HOST, LAYERS, NOTHING};
use super::{Doing, Failure, Result, mounts, system};
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

/// Builds the root directory and makes it this process's. `proc` is the instance's `/proc`, not yet
/// in its place.
pub fn build(boot: &Boot, own_users: bool, proc: OwnedFd) -> Result<()> {
    let layer = Layer::open(&boot.layer, own_users)?;
    let first = !layer.path.join(MADE).exists();
    if first && layer.path.exists() {
        // A first boot that was cut off: what hides the workstation's files may be missing.
        fs::remove_dir_all(&layer.path).doing("remove what an interrupted boot left")?;
    }
    let root = layer.path.join("root");
    make_dirs(&root)?;
    let root = match &boot.rootfs {
        Some(lower) => layer.of_directory(lower, &root)?,
        None if own_users => layer.share_host(&root, first)?,
        None => layer.overlay_host(&root, first)?,
    };
    system::mount(&root, proc, own_users)?;
    if first {
        write_names(&root, boot)?;
        fs::write(layer.path.join(MADE), "").doing("note that the layer is made")?;
    }
    fchdir(&root).doing("enter the root directory")?;
    pivot_root(".", ".").doing("change the root directory")?;
    unmount(".", UnmountFlags::DETACH).doing("leave the old root directory")?;
    std::env::set_current_dir("/").doing("enter the root directory")
}

/// The file in a layer that says that its first boot was not cut off.
const MADE: &str = "made";

/// An instance's part of the store.
struct Layer {
    path: PathBuf,
    own_users: bool,
}

impl Layer {
    fn open(name: &str, own_users: bool) -> Result<Self> {
        if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            return Err(Failure::new(format!("{name:?} is no name of a layer")));
        }
        let path = Path::new(LAYERS).join(name);
        Ok(Self { path, own_users })
    }

    /// An overlay of the directory `lower`, without a place yet. What is written goes to the layer,
    /// under `name`; without a name nothing can be written. Sockets and pipes of the workstation
    /// lead nowhere when they are seen through an overlay: a bind mount would connect to them.
    fn overlay(&self, lower: impl AsFd, name: Option<&str>) -> Result<OwnedFd> {
        let mut options = Vec::new();
        if let Some(name) = name {
            for (option, prefix) in [("upperdir", "upper"), ("workdir", "work")] {
                let path = self.path.join(format!("{prefix}-{name}"));
                make_dirs(&path)?;
                options.push((option, path.display().to_string()));
            }
            options.push(("lowerdir", ".".to_owned()));
        } else {
            // The kernel wants two directories where there is none to write to.
            options.push(("lowerdir", format!(".:{NOTHING}")));
        }
        if self.own_users {
            options.push(("userxattr", String::new()));
        }
        let options: Vec<(&str, &str)> = options
            .iter()
            .map(|(option, value)| (*option, value.as_str()))
            .collect();
        let mut attributes = MountAttrFlags::MOUNT_ATTR_NODEV;
        attributes.set(MountAttrFlags::MOUNT_ATTR_RDONLY, name.is_none());
        // A path in an option could hold characters that have a meaning there.
        fchdir(lower).doing("enter the directory below the overlay")?;
        mounts::new("overlay", &options, attributes).doing("mount an overlay")
    }

    /// A directory or unpacked archive as the root, writable.
    fn of_directory(&self, lower: &Path, root: &Path) -> Result<Root> {
        let path = lower.display().to_string();
        let host = Root::open(Path::new(HOST))?;
        let lower = host.find(path.trim_start_matches('/'), OFlags::DIRECTORY);
        let lower = lower.doing(format_args!("open {path}"))?;
        let overlay = self.overlay(lower, Some("root"));
        place(overlay.map_err(|failure| failure.at(&path))?, root)
    }

    /// The whole of the workstation's system, writable.
    fn overlay_host(&self, root: &Path, first: bool) -> Result<Root> {
        if first {
            let upper = self.path.join("upper-root");
            make_dirs(&upper)?;
            let above = Root::open(&upper)?;
            for (name, mode) in FRESH {
                above.dir_with_mode(name, mode)?;
                let path = upper.join(name);
                setxattr(&path, "trusted.overlay.opaque", b"y", XattrFlags::empty())
                    .doing(format_args!("empty /{name}"))?;
            }
        }
        let host = Root::open(Path::new(HOST))?;
        let overlay = self.overlay(&host, Some("root"));
        let root = place(overlay.map_err(|failure| failure.at("/"))?, root)?;
        let table = fs::read_to_string("/host/proc/self/mountinfo").doing("read the mounts")?;
        for point in system_mounts(&table) {
            let below = point.trim_start_matches('/');
            let lower = Path::new(HOST).join(below);
            if lower.is_dir() {
                let lower = Root::open(&lower)?;
                let overlay = self.overlay(&lower, Some(&name_of(&point)));
                let overlay = overlay.map_err(|failure| failure.at(&point))?;
                mounts::attach(overlay, root.dir(below)?)
                    .doing(format_args!("mount an overlay of {point}"))?;
            } else if first {
                // A file that is mounted for itself, as container engines do with some in /etc.
                let content = fs::read(&lower).doing(format_args!("read {point}"))?;
                root.replace(below, &content)?;
            }
        }
        Ok(root)
    }

    /// What an ordinary user can have: programs shared and read-only, all else anew.
    fn share_host(&self, path: &Path, first: bool) -> Result<Root> {
        // Mounts need a mount above them that is this namespace's own.
        let own = mounts::copy(CWD, &path.display().to_string(), false);
        let root = place(own.doing("mount the root directory")?, path)?;
        for name in OWN {
            root.dir(name)?;
        }
        if first {
            for (name, mode) in FRESH {
                root.dir_with_mode(name, mode)?;
            }
            for (name, target) in [("var/run", "/run"), ("var/lock", "/run/lock")] {
                root.link(name, Path::new(target))?;
            }
        }
        let table = fs::read_to_string("/host/proc/self/mountinfo").doing("read the mounts")?;
        let points = all_mounts(&table);
        let opt = entries(&Path::new(HOST).join("opt"));
        let shared = SYSTEM.iter().chain(&DATABASES).map(ToString::to_string);
        for name in shared.chain(opt.iter().map(|name| format!("opt/{name}"))) {
            self.share(&name, &root, &points)?;
        }
        let etc = self.overlay(Root::open(Path::new(ETC))?, Some("etc"));
        mounts::attach(etc.map_err(|failure| failure.at("/etc"))?, root.dir("etc")?)
            .doing("mount an overlay of /etc")?;
        Ok(root)
    }

    /// Shows `name` of the workstation below `root`, read-only; nothing where it has none. `points`
    /// are the workstation's mounts.
    fn share(&self, name: &str, root: &Root, points: &[String]) -> Result<()> {
        let source = Path::new(HOST).join(name);
        let Ok(meta) = source.symlink_metadata() else {
            return Ok(());
        };
        if meta.is_symlink() {
            if !root.has(name) {
                let to = fs::read_link(&source).doing(format_args!("read /{name}"))?;
                root.link(name, &to)?;
            }
            return Ok(());
        }
        if meta.is_file() {
            return share_file(name, root);
        }
        if !meta.is_dir() {
            return Ok(());
        }
        let target = root.dir(name)?;
        let below = format!("/{name}/");
        if points.iter().any(|point| point.starts_with(&below)) {
            // The kernel lays no overlay over other mounts: what is beside them is shared by itself.
            for entry in entries(&source) {
                self.share(&format!("{name}/{entry}"), root, points)?;
            }
            return Ok(());
        }
        let overlay = self.overlay(Root::open(&source)?, None);
        if overlay.is_err()
            && points
                .iter()
                .any(|point| *point == below[..below.len() - 1])
        {
            // A file system for itself that the kernel takes into no overlay is left out.
            return Ok(());
        }
        mounts::attach(
            overlay.map_err(|failure| failure.at(&format!("/{name}")))?,
            target,
        )
        .doing(format_args!("share /{name}"))
    }
}

/// Shows the file `name` of the workstation below `root`, read-only.
fn share_file(name: &str, root: &Root) -> Result<()> {
    let (above, last) = root.above(name)?;
    if !root.has(name) {
        inside::new_file(above, last).doing(format_args!("make /{name}"))?;
    }
    let file = mounts::copy(CWD, &format!("{HOST}/{name}"), false);
    let file = file.doing(format_args!("share /{name}"))?;
    let attributes = mounts::NO_DEVICES | MountAttrFlags::MOUNT_ATTR_RDONLY;
    mounts::set(&file, attributes).doing(format_args!("make /{name} read-only"))?;
    let target = root.find(name, OFlags::PATH | OFlags::NOFOLLOW);
    mounts::attach(file, target.doing(format_args!("open /{name}"))?)
        .doing(format_args!("share /{name}"))
}

/// Gives a mount its place at `path`, a directory of the store, and opens it.
fn place(mount: OwnedFd, path: &Path) -> Result<Root> {
    mounts::attach(mount, Root::open(path)?).doing("mount the root directory")?;
    Root::open(path)
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

/// All mounts of the workstation below its root. `table` is the keeper's list.
fn all_mounts(table: &str) -> Vec<String> {
    let point = |line: &str| {
        let point = line.split(' ').nth(4)?.strip_prefix(HOST)?;
        (!point.is_empty()).then(|| unescape(point))
    };
    table.lines().filter_map(point).collect()
}

/// Host name, hosts and name servers. Each replaces what was there, be it a link.
fn write_names(root: &Root, boot: &Boot) -> Result<()> {
    let hosts = format!(
        "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n{}\t{}\n",
        boot.address, boot.hostname
    );
    for (name, content) in [
        ("hostname", format!("{}\n", boot.hostname)),
        ("hosts", hosts),
        ("resolv.conf", boot.resolv_conf.clone()),
    ] {
        root.replace(&format!("etc/{name}"), content.as_bytes())?;
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
