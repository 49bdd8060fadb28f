//! An instance's root directory while it is made. Members write to it, and archives come from
//! anywhere: no link in it may lead out of it. Every path is looked up by the kernel with this
//! directory as the root (`RESOLVE_IN_ROOT`), and every mount and file is placed by an open file.

use std::fs::File;
use std::io::Write;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

use rustix::fs::{
    AtFlags, CWD, Mode, OFlags, ResolveFlags, fchmod, mkdirat, openat, openat2, statat, symlinkat,
    unlinkat,
};
use rustix::io::Errno;

use super::{Doing, Failure, Result};

const DIRECTORY: OFlags = OFlags::DIRECTORY.union(OFlags::CLOEXEC);

/// A directory that is the root of every path below it.
pub struct Root(OwnedFd);

impl Root {
    /// The directory `path`, which the caller trusts.
    pub fn open(path: &Path) -> Result<Self> {
        let flags = DIRECTORY | OFlags::PATH;
        let opened = openat(CWD, path, flags, Mode::empty());
        opened
            .map(Self)
            .doing(format_args!("open {}", path.display()))
    }

    /// Opens what is at `path`, links followed within the root.
    pub fn find(&self, path: &str, flags: OFlags) -> rustix::io::Result<OwnedFd> {
        let within = ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS;
        loop {
            let flags = flags | OFlags::CLOEXEC;
            match openat2(&self.0, path, flags, Mode::empty(), within) {
                // A `..` in a link was looked up while somebody moved or mounted something.
                Err(Errno::AGAIN) => {}
                other => return other,
            }
        }
    }

    /// The directory `path` (relative), made with the directories above it where it is missing.
    pub fn dir(&self, path: &str) -> Result<OwnedFd> {
        let explain = |error: Errno| match error {
            Errno::EXIST => Failure::new(format!(
                "make /{path}: a link or file of that name does not lead to a directory of the instance"
            )),
            other => Failure {
                message: format!("make /{path}: {other}"),
                errno: Some(other.raw_os_error()),
            },
        };
        match self.find(path, DIRECTORY) {
            Err(Errno::NOENT) => {}
            Err(Errno::NOTDIR | Errno::LOOP) => return Err(explain(Errno::EXIST)),
            other => return other.map_err(explain),
        }
        let (above, name) = path.rsplit_once('/').unwrap_or((".", path));
        let above = self.dir(above)?;
        mkdirat(&above, name, Mode::from_raw_mode(0o755)).map_err(explain)?;
        let flags = DIRECTORY | OFlags::NOFOLLOW;
        openat(&above, name, flags, Mode::empty()).map_err(explain)
    }

    /// The directory above `path`, made where it is missing, and the last name of `path`.
    pub fn above<'a>(&self, path: &'a str) -> Result<(OwnedFd, &'a str)> {
        let (above, name) = path.rsplit_once('/').unwrap_or((".", path));
        Ok((self.dir(above)?, name))
    }

    /// Whether there is anything by the name `path`, be it a link to nowhere.
    pub fn has(&self, path: &str) -> bool {
        let (above, name) = path.rsplit_once('/').unwrap_or((".", path));
        let found = self.find(above, DIRECTORY | OFlags::PATH);
        found.is_ok_and(|above| statat(above, name, AtFlags::SYMLINK_NOFOLLOW).is_ok())
    }

    /// Makes the link `path` to `to`.
    pub fn link(&self, path: &str, to: &Path) -> Result<()> {
        let (above, name) = self.above(path)?;
        symlinkat(to, above, name).doing(format_args!("make /{path}"))
    }

    /// Sets the mode of the directory `path`, which is made where it is missing.
    pub fn dir_with_mode(&self, path: &str, mode: u32) -> Result<()> {
        let directory = self.dir(path)?;
        set_mode(&directory, mode).doing(format_args!("set the mode of /{path}"))
    }

    /// Puts a file in the place of whatever has the name `path`, be it a link.
    pub fn replace(&self, path: &str, content: &[u8]) -> Result<()> {
        let (above, name) = self.above(path)?;
        let _ = unlinkat(&above, name, AtFlags::empty());
        let made = new_file(&above, name);
        let mut file = File::from(made.doing(format_args!("make /{path}"))?);
        file.write_all(content)
            .doing(format_args!("write /{path}"))?;
        set_mode(&file, 0o644).doing(format_args!("set the mode of /{path}"))
    }
}

impl AsFd for Root {
    fn as_fd(&self) -> std::os::fd::BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// A new and empty file; an error where the name is taken, be it by a link.
pub fn new_file(above: impl AsFd, name: &str) -> rustix::io::Result<OwnedFd> {
    let flags = OFlags::CREATE | OFlags::EXCL | OFlags::WRONLY | OFlags::CLOEXEC;
    openat(above, name, flags, Mode::from_raw_mode(0o644))
}

/// Sets the mode of an open file or directory.
pub fn set_mode(file: impl AsFd, mode: u32) -> rustix::io::Result<()> {
    fchmod(file, Mode::from_raw_mode(mode))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::symlink;

    #[test]
    fn no_link_leads_out_of_the_root() {
        let place = tempfile::tempdir().unwrap();
        let (outside, inside) = (place.path().join("outside"), place.path().join("inside"));
        fs::create_dir(&outside).unwrap();
        fs::create_dir(&inside).unwrap();
        symlink(&outside, inside.join("etc")).unwrap();
        symlink("../outside", inside.join("var")).unwrap();
        symlink("/proc/self/cwd", inside.join("tmp")).unwrap();
        let root = Root::open(&inside).unwrap();
        for path in ["etc", "var/lib", "tmp/a"] {
            let error = root.dir(path).unwrap_err().message;
            assert!(error.contains("does not lead to a directory"), "{error}");
        }
        root.replace("etc/hosts", b"x").unwrap_err();
        assert!(fs::read_dir(&outside).unwrap().next().is_none());
        // A link that leads to a directory inside is followed, from the root.
        fs::create_dir(inside.join("real")).unwrap();
        symlink("/real", inside.join("srv")).unwrap();
        root.dir("srv/deep").unwrap();
        assert!(inside.join("real/deep").is_dir());
    }

    #[test]
    fn a_file_takes_the_place_of_a_link() {
        let place = tempfile::tempdir().unwrap();
        let (secret, inside) = (place.path().join("secret"), place.path().join("inside"));
        fs::write(&secret, "kept").unwrap();
        fs::create_dir_all(inside.join("etc")).unwrap();
        symlink(&secret, inside.join("etc/hosts")).unwrap();
        let root = Root::open(&inside).unwrap();
        assert!(root.has("etc/hosts") && !root.has("etc/other"));
        root.replace("etc/hosts", b"names").unwrap();
        assert_eq!(fs::read_to_string(&secret).unwrap(), "kept");
        assert_eq!(
            fs::read_to_string(inside.join("etc/hosts")).unwrap(),
            "names"
        );
    }
}
