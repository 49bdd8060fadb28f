//! Puts entries below a directory, where the system has no calls that refuse links: links are left
//! out, and each directory on the way is looked at.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::{Meta, Rules, no_file, parted};

pub struct Tree(PathBuf);

impl Tree {
    pub fn new(into: &Path, _rules: Rules) -> io::Result<Self> {
        Ok(Self(into.to_owned()))
    }

    pub fn directory(&mut self, parts: &[OsString], _meta: Meta) -> io::Result<()> {
        self.enter(parts).map(drop)
    }

    pub fn file(
        &mut self,
        above: &[OsString],
        name: &OsStr,
        content: &mut impl Read,
        _meta: Meta,
    ) -> io::Result<()> {
        let path = self.cleared(above, name)?;
        let mut file = File::options().write(true).create_new(true).open(path)?;
        io::copy(content, &mut file).map(drop)
    }

    /// Links need a privilege.
    pub fn symlink(
        &mut self,
        _above: &[OsString],
        _name: &OsStr,
        _target: &Path,
        _meta: Meta,
    ) -> io::Result<()> {
        Ok(())
    }

    /// A copy of a file of the tree.
    pub fn hard_link(
        &mut self,
        above: &[OsString],
        name: &OsStr,
        target: &[OsString],
    ) -> io::Result<()> {
        let (file, place) = parted(target)?;
        let from = self.enter(place)?.join(file);
        if !fs::symlink_metadata(&from)?.is_file() {
            return Err(no_file());
        }
        fs::copy(from, self.cleared(above, name)?).map(drop)
    }

    pub fn finish(&mut self) -> io::Result<()> {
        Ok(())
    }

    fn cleared(&mut self, above: &[OsString], name: &OsStr) -> io::Result<PathBuf> {
        let path = self.enter(above)?.join(name);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(path),
        }
    }

    fn enter(&mut self, parts: &[OsString]) -> io::Result<PathBuf> {
        let mut path = self.0.clone();
        for part in parts {
            path.push(part);
            match fs::symlink_metadata(&path) {
                Ok(seen) if seen.is_dir() => {}
                Ok(_) => {
                    let message = format!("{} is a link or a file already", path.display());
                    return Err(io::Error::other(message));
                }
                Err(error) if error.kind() == io::ErrorKind::NotFound => fs::create_dir(&path)?,
                Err(error) => return Err(error),
            }
        }
        Ok(path)
    }
}
