//! Puts entries below a directory, from file descriptor to file descriptor: whatever links are
//! there or come meanwhile, none leads out.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};

use rustix::fs::{
    AtFlags, CWD, FileType, Mode, OFlags, Timespec, Timestamps, chmodat, chownat, fchmod, fchown,
    futimens, linkat, mkdirat, openat, statat, symlinkat, unlinkat,
};
use rustix::io::Errno;

use super::{Meta, Rules, no_file, parted};

/// Bytes that are read at once; a piece of zeros becomes a hole.
const PIECE: usize = 64 * 1024;

pub struct Tree {
    root: OwnedFd,
    rules: Rules,
    /// Modes and owners of directories, set once they are full: a mode may forbid writing.
    directories: Vec<(Vec<OsString>, Meta)>,
    /// The directory of the last entry: most entries share theirs with the one before.
    last: Option<(Vec<OsString>, OwnedFd)>,
}

impl Tree {
    pub fn new(into: &Path, rules: Rules) -> io::Result<Self> {
        let root = openat(
            CWD,
            into,
            directory_flags() - OFlags::NOFOLLOW,
            Mode::empty(),
        )?;
        Ok(Self {
            root,
            rules,
            directories: Vec::new(),
            last: None,
        })
    }

    pub fn directory(&mut self, parts: &[OsString], meta: Meta) -> io::Result<()> {
        self.enter(parts)?;
        self.directories.push((parts.to_vec(), meta));
        Ok(())
    }

    pub fn file(
        &mut self,
        above: &[OsString],
        name: &OsStr,
        content: &mut impl Read,
        meta: Meta,
    ) -> io::Result<()> {
        let directory = self.cleared(above, name)?;
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
        let file = openat(
            directory,
            name,
            flags | OFlags::NOFOLLOW,
            Mode::RUSR | Mode::WUSR,
        )?;
        let mut file = File::from(file);
        fill(&mut file, content)?;
        if let Some((user, group)) = meta.owner {
            fchown(&file, Some(user_id(user)), Some(group_id(group)))?;
        }
        // After the owner, whose change takes bits away.
        fchmod(&file, mode_of(meta.mode))?;
        futimens(&file, &times(meta.modified))?;
        Ok(())
    }

    pub fn symlink(
        &mut self,
        above: &[OsString],
        name: &OsStr,
        target: &Path,
        meta: Meta,
    ) -> io::Result<()> {
        let directory = self.cleared(above, name)?;
        symlinkat(target, directory, name)?;
        if let Some((user, group)) = meta.owner {
            let (user, group) = (Some(user_id(user)), Some(group_id(group)));
            chownat(directory, name, user, group, AtFlags::SYMLINK_NOFOLLOW)?;
        }
        // What leads through it leads elsewhere now.
        self.last = None;
        Ok(())
    }

    /// A second name of a file of the tree.
    pub fn hard_link(
        &mut self,
        above: &[OsString],
        name: &OsStr,
        target: &[OsString],
    ) -> io::Result<()> {
        let (file, place) = parted(target)?;
        let from = self.enter(place)?.try_clone()?;
        let seen = statat(&from, file, AtFlags::SYMLINK_NOFOLLOW)?;
        let kind = FileType::from_raw_mode(seen.st_mode);
        if kind != FileType::RegularFile {
            // A root directory has hard links to its own links; they stay links.
            let is_link = kind == FileType::Symlink && self.rules.links;
            if !is_link {
                return Err(no_file());
            }
        }
        let to = self.cleared(above, name)?;
        linkat(&from, file, to, name, AtFlags::empty())?;
        Ok(())
    }

    /// Sets what directories get last, the deepest first.
    pub fn finish(&mut self) -> io::Result<()> {
        let mut directories = std::mem::take(&mut self.directories);
        let own = if self.rules.modes { 0 } else { 0o700 };
        directories.sort_by_key(|(parts, _)| std::cmp::Reverse(parts.len()));
        for (parts, meta) in directories {
            let Some((name, above)) = parts.split_last() else {
                continue;
            };
            let directory = self.enter(above)?;
            // It may have become a link, or be gone, by a later entry of the same name.
            let seen = statat(directory, name, AtFlags::SYMLINK_NOFOLLOW);
            if !seen.is_ok_and(|it| FileType::from_raw_mode(it.st_mode) == FileType::Directory) {
                continue;
            }
            if let Some((user, group)) = meta.owner {
                let (user, group) = (Some(user_id(user)), Some(group_id(group)));
                chownat(directory, name, user, group, AtFlags::SYMLINK_NOFOLLOW)?;
            }
            chmodat(directory, name, mode_of(meta.mode | own), AtFlags::empty())?;
        }
        Ok(())
    }

    /// The directory `above`, in which nothing is called `name` any more.
    fn cleared(&mut self, above: &[OsString], name: &OsStr) -> io::Result<&OwnedFd> {
        let directory = self.enter(above)?;
        match unlinkat(directory, name, AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT) => Ok(directory),
            Err(error) => Err(error.into()),
        }
    }

    /// The directory of these parts; made where it is missing.
    fn enter(&mut self, parts: &[OsString]) -> io::Result<&OwnedFd> {
        let known = self.last.as_ref().is_some_and(|(last, _)| last == parts);
        if !known {
            let mut at = self.root.try_clone()?;
            for deep in 0..parts.len() {
                at = self.step(&at, &parts[..=deep])?;
            }
            self.last = Some((parts.to_vec(), at));
        }
        Ok(self.last.as_ref().map_or(&self.root, |(_, at)| at))
    }

    /// The directory of `parts`, the last of which is in `at`.
    fn step(&self, at: &OwnedFd, parts: &[OsString]) -> io::Result<OwnedFd> {
        let name = parts.last().map_or(OsStr::new("."), OsString::as_os_str);
        match self.open(at, name, parts) {
            Err(Errno::NOENT) => {
                mkdirat(at, name, Mode::RWXU)?;
                Ok(self.open(at, name, parts)?)
            }
            Err(Errno::LOOP | Errno::NOTDIR) => {
                let path: PathBuf = parts.iter().collect();
                let message = format!("{} is a link or a file already", path.display());
                Err(io::Error::other(message))
            }
            opened => Ok(opened?),
        }
    }

    fn open(&self, at: &OwnedFd, name: &OsStr, parts: &[OsString]) -> rustix::io::Result<OwnedFd> {
        #[cfg(target_os = "linux")]
        if self.rules.follow {
            use rustix::fs::{ResolveFlags, openat2};
            let path: PathBuf = parts.iter().collect();
            let flags = directory_flags() - OFlags::NOFOLLOW;
            let inside = ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS;
            return openat2(&self.root, path, flags, Mode::empty(), inside);
        }
        let _ = parts;
        openat(at.as_fd(), name, directory_flags(), Mode::empty())
    }
}

fn directory_flags() -> OFlags {
    #[cfg(target_os = "linux")]
    let read = OFlags::PATH;
    #[cfg(not(target_os = "linux"))]
    let read = OFlags::RDONLY;
    read | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC
}

/// Writes all of `content`; where it has nothing but zeros, the file gets a hole.
fn fill(file: &mut File, content: &mut impl Read) -> io::Result<()> {
    let mut piece = vec![0; PIECE];
    let mut length = 0u64;
    loop {
        let read = match content.read(&mut piece) {
            Ok(0) => break,
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        length += read as u64;
        if read == PIECE && piece.iter().all(|byte| *byte == 0) {
            file.seek(SeekFrom::Start(length))?;
        } else {
            file.write_all(&piece[..read])?;
        }
    }
    file.set_len(length)
}

fn times(modified: u64) -> Timestamps {
    let at = Timespec {
        tv_sec: i64::try_from(modified).unwrap_or_default(),
        tv_nsec: 0,
    };
    Timestamps {
        last_access: at,
        last_modification: at,
    }
}

fn mode_of(mode: u32) -> Mode {
    Mode::from_raw_mode(mode as rustix::fs::RawMode)
}

fn user_id(id: u32) -> rustix::fs::Uid {
    rustix::fs::Uid::from_raw(id)
}

fn group_id(id: u32) -> rustix::fs::Gid {
    rustix::fs::Gid::from_raw(id)
}
