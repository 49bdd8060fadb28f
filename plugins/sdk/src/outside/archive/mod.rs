//! The one way to unpack a tar archive. Whoever made it, nothing lands outside of the directory that
//! it is unpacked into: no `../`, no link below that directory is followed, and memory and time stay
//! bounded by what the archive really holds.

mod metered;
#[cfg(unix)]
mod tree;
#[cfg(not(unix))]
#[path = "plain.rs"]
mod tree;

use std::ffi::OsString;
use std::io::{self, Read};
use std::path::{Component, Path};

use metered::Metered;
use tree::Tree;

/// Most bytes that the headers of one entry may have: names, and what a format adds.
const HEADERS: u64 = 1 << 20;
/// Most bytes behind the end of an archive: tar fills its last record with zeros.
const BEHIND: u64 = 4 << 20;
/// Largest sum of the sizes that headers give, in bytes: a header of 512 bytes may claim more than
/// any disk holds.
const LARGEST: u64 = 1 << 40;
/// Most names of links that are told to have been left out.
const NAMED: usize = 10;

/// What a hard link names: a file, and the directories above it.
fn parted(target: &[OsString]) -> io::Result<(&OsString, &[OsString])> {
    let parts = target.split_last();
    parts.ok_or_else(|| io::Error::other("a hard link to a directory"))
}

/// The error of a hard link to anything else than a file.
fn no_file() -> io::Error {
    io::Error::other("a hard link to what is no file")
}

/// What an archive may bring.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rules {
    /// Files keep their whole mode; else it loses set-user, set-group and sticky bits and what
    /// lets group and others write, and the owner may always enter and change directories.
    pub modes: bool,
    /// Links may lead anywhere; else those that leave the directory are left out.
    pub links: bool,
    /// Files get the owners that the archive gives.
    pub owners: bool,
    /// Links below the directory are followed as if it were the root (Linux alone); else one in the
    /// way is an error.
    pub follow: bool,
}

impl Rules {
    /// For the workstation: what comes from a machine.
    pub const HOME: Self = Self {
        modes: false,
        links: false,
        owners: false,
        follow: false,
    };
    /// For the inside of a machine: what comes from the workstation.
    pub const MACHINE: Self = Self {
        modes: true,
        links: true,
        owners: false,
        follow: false,
    };
    /// For a machine's root directory, in a place that no other user can reach: set-user bits mean
    /// something inside the machine, and would on the workstation.
    pub const ROOT: Self = Self {
        modes: true,
        links: true,
        owners: true,
        follow: true,
    };
}

/// Links that were left out since they lead out of the directory.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LeftOut {
    /// Their names, of the first few.
    pub names: Vec<String>,
    /// How many there were.
    pub count: usize,
}

impl LeftOut {
    fn add(&mut self, path: &Path) {
        self.count += 1;
        if self.names.len() < NAMED {
            self.names.push(path.display().to_string());
        }
    }

    /// What to tell, if any was left out.
    pub fn note(&self) -> Option<String> {
        let names = self.names.join(", ");
        let more = match self.count.saturating_sub(self.names.len()) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        (self.count > 0).then(|| format!("left out links that lead elsewhere: {names}{more}"))
    }
}

/// Unpacks `stream` into the directory `into`, which is made. Devices and fifos are left out. Gives
/// the stream back, read to the end of the archive: one of its two empty blocks may still come.
pub fn unpack<R: Read>(stream: R, into: &Path, rules: Rules) -> io::Result<(R, LeftOut)> {
    std::fs::create_dir_all(into)?;
    let mut tree = Tree::new(into, rules)?;
    let mut left_out = LeftOut::default();
    let (stream, left) = Metered::new(stream);
    let mut archive = tar::Archive::new(stream);
    let mut entries = archive.entries()?;
    let mut total = 0u64;
    loop {
        left.set(HEADERS);
        let Some(entry) = entries.next() else { break };
        let mut entry = entry.map_err(explained)?;
        left.set(u64::MAX);
        let path = entry.path()?.into_owned();
        let at = |error: io::Error| {
            io::Error::new(
                error.kind(),
                format!("{}: {}", path.display(), explain(&error)),
            )
        };
        total = total.saturating_add(entry.size());
        if total > LARGEST {
            return Err(at(io::Error::other("the archive claims more than 1 TiB")));
        }
        if !place(&mut tree, &mut entry, &path, rules).map_err(at)? {
            left_out.add(&path);
        }
        io::copy(&mut entry, &mut io::sink()).map_err(at)?;
    }
    tree.finish()?;
    Ok((archive.into_inner().into_inner(), left_out))
}

/// As [`unpack`], of a stream that holds nothing but the archive, which is read to its end.
pub fn unpack_all<R: Read>(stream: R, into: &Path, rules: Rules) -> io::Result<LeftOut> {
    let (stream, left_out) = unpack(stream, into, rules)?;
    let behind = io::copy(&mut stream.take(BEHIND + 1), &mut io::sink())?;
    match behind > BEHIND {
        true => Err(io::Error::other("the archive has no end")),
        false => Ok(left_out),
    }
}

/// Puts an entry in its place; false where it is a link that leads elsewhere.
fn place<R: Read>(
    tree: &mut Tree,
    entry: &mut tar::Entry<'_, R>,
    path: &Path,
    rules: Rules,
) -> io::Result<bool> {
    use tar::EntryType;
    let parts = parts_of(path)?;
    let kind = entry.header().entry_type();
    let Some((name, above)) = parts.split_last() else {
        // The directory itself.
        return Ok(true);
    };
    let meta = Meta::of(entry.header(), rules)?;
    match kind {
        EntryType::Directory => tree.directory(&parts, meta)?,
        EntryType::Regular | EntryType::Continuous | EntryType::GNUSparse => {
            tree.file(above, name, entry, meta)?;
        }
        EntryType::Symlink => {
            let target = linked(entry)?;
            if !rules.links && !stays(above.len(), &target) {
                return Ok(false);
            }
            tree.symlink(above, name, &target, meta)?;
        }
        EntryType::Link => {
            let target = linked(entry)?;
            tree.hard_link(above, name, &parts_of(&target)?)?;
        }
        // Devices and fifos, and what only a later tar knows.
        _ => {}
    }
    Ok(true)
}

fn linked<R: Read>(entry: &tar::Entry<'_, R>) -> io::Result<std::path::PathBuf> {
    let target = entry.link_name()?.map(std::borrow::Cow::into_owned);
    target.ok_or_else(|| io::Error::other("a link to nothing"))
}

/// Mode, owner and time of an entry, as far as the rules let them through.
#[derive(Clone, Copy, Debug)]
#[cfg_attr(not(unix), allow(dead_code, reason = "there are no modes and owners"))]
struct Meta {
    mode: u32,
    owner: Option<(u32, u32)>,
    modified: u64,
}

impl Meta {
    fn of(header: &tar::Header, rules: Rules) -> io::Result<Self> {
        let mode = header.mode()?;
        let small = |id: io::Result<u64>| id.map(|id| u32::try_from(id).unwrap_or(u32::MAX - 1));
        Ok(Self {
            mode: mode & if rules.modes { 0o7777 } else { 0o755 },
            owner: match rules.owners {
                true => Some((small(header.uid())?, small(header.gid())?)),
                false => None,
            },
            modified: header.mtime()?,
        })
    }
}

/// The parts of a path in an archive; where it begins at the root, it is meant from the directory.
fn parts_of(path: &Path) -> io::Result<Vec<OsString>> {
    let mut parts = Vec::new();
    for component in path.components() {
        match component {
            Component::Normal(part) if part.as_encoded_bytes().contains(&0) => {
                return Err(io::Error::other("a name with a NUL"));
            }
            Component::Normal(part) => parts.push(part.to_owned()),
            Component::ParentDir => return Err(io::Error::other("it would lie outside")),
            Component::CurDir | Component::RootDir | Component::Prefix(_) => {}
        }
    }
    Ok(parts)
}

/// Whether a link so many directories deep stays inside. Only a target that first goes up, then
/// down, tells that by itself: what `name/..` means depends on where `name` leads.
fn stays(deep: usize, target: &Path) -> bool {
    let (mut up, mut down) = (0, false);
    for component in target.components() {
        match component {
            Component::ParentDir if down => return false,
            Component::ParentDir => up += 1,
            Component::Normal(_) => down = true,
            Component::CurDir => {}
            Component::RootDir | Component::Prefix(_) => return false,
        }
    }
    up <= deep && target.components().next().is_some()
}

/// The whole chain of causes: an archive's error hides the reason in the last.
pub fn explain(error: &dyn std::error::Error) -> String {
    match error.source() {
        Some(cause) => format!("{error}: {}", explain(cause)),
        None => error.to_string(),
    }
}

fn explained(error: io::Error) -> io::Error {
    io::Error::new(error.kind(), explain(&error))
}

#[cfg(all(test, unix))]
mod tests;
