//! Files on their way to an instance.

use std::path::{Path, PathBuf};

use crate::scratch::Scratch;
use crate::{Error, Result};

/// Directories below which no copy goes, whatever links there are.
const DEEPEST: usize = 64;

/// A directory of the workstation whose content is put on an instance; it goes when this does.
#[derive(Debug)]
pub struct Stage(Scratch);

impl Stage {
    /// An empty one below `kitchen_dir` (`.kitchen`).
    pub fn new(kitchen_dir: &Path) -> Result<Self> {
        Scratch::below(kitchen_dir).map(Self)
    }

    /// An empty one outside of the project, for tools that copy the whole project to it.
    pub fn outside(kitchen_dir: &Path) -> Result<Self> {
        Scratch::outside(kitchen_dir).map(Self)
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        self.0.path()
    }

    /// Writes a file; its directories are made.
    pub fn write(&self, name: impl AsRef<Path>, text: impl AsRef<[u8]>) -> Result<()> {
        let path = self.make_room(name.as_ref())?;
        std::fs::write(&path, text).map_err(|error| failed(&path, &error))
    }

    /// Writes a file that only its owner may read.
    pub fn write_secret(&self, name: impl AsRef<Path>, text: impl AsRef<[u8]>) -> Result<()> {
        self.write(&name, "")?;
        self.hide(&name)?;
        self.write(name, text)
    }

    /// Makes a file one that only its owner may read.
    pub fn hide(&self, name: impl AsRef<Path>) -> Result<()> {
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let path = self.path().join(name);
            let mode = std::fs::Permissions::from_mode(0o600);
            std::fs::set_permissions(&path, mode).map_err(|error| failed(&path, &error))?;
        }
        #[cfg(not(unix))]
        let _ = name;
        Ok(())
    }

    /// Makes a directory.
    pub fn directory(&self, name: impl AsRef<Path>) -> Result<()> {
        let path = self.path().join(name);
        std::fs::create_dir_all(&path).map_err(|error| failed(&path, &error))
    }

    /// Copies a file, or a directory with all that is in it, under `name`; what is there is added
    /// to. Links are followed, but for those that lead to a directory that they are in (roles and
    /// modules have them for their tests). Left out are `.kitchen` and paths for which `keep` is
    /// false.
    pub fn copy(
        &self,
        from: &Path,
        name: impl AsRef<Path>,
        keep: &dyn Fn(&Path) -> bool,
    ) -> Result<()> {
        let to = self.make_room(name.as_ref())?;
        copy(from, &to, keep, DEEPEST)
    }

    /// Files and directories at the top.
    pub fn entries(&self) -> Result<Vec<PathBuf>> {
        let mut entries = Vec::new();
        for entry in std::fs::read_dir(self.path())? {
            entries.push(entry?.path());
        }
        entries.sort();
        Ok(entries)
    }

    fn make_room(&self, name: &Path) -> Result<PathBuf> {
        let path = self.path().join(name);
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent).map_err(|error| failed(parent, &error))?;
        }
        Ok(path)
    }
}

fn copy(from: &Path, to: &Path, keep: &dyn Fn(&Path) -> bool, depth: usize) -> Result<()> {
    let kind = std::fs::metadata(from).map_err(|error| failed(from, &error))?;
    if !kind.is_dir() {
        if !kind.is_file() {
            // A socket or a device.
            return Ok(());
        }
        return std::fs::copy(from, to)
            .map(|_| ())
            .map_err(|error| failed(from, &error));
    }
    if depth == 0 {
        let message = format!(
            "copy {}: more than {DEEPEST} directories deep",
            from.display()
        );
        return Err(Error::machine(message).hint("Is there a link to a directory above it?"));
    }
    std::fs::create_dir_all(to).map_err(|error| failed(to, &error))?;
    for entry in std::fs::read_dir(from).map_err(|error| failed(from, &error))? {
        let path = entry.map_err(|error| failed(from, &error))?.path();
        let name = path.file_name().unwrap_or_default();
        // A link that leads nowhere is nothing to copy.
        if name != ".kitchen" && keep(&path) && path.exists() && !leads_above(&path) {
            copy(&path, &to.join(name), keep, depth - 1)?;
        }
    }
    Ok(())
}

/// Whether `path` is a link to a directory that it is in.
fn leads_above(path: &Path) -> bool {
    if !path.is_symlink() {
        return false;
    }
    let place = path.parent().and_then(|parent| parent.canonicalize().ok());
    match (place, path.canonicalize()) {
        (Some(place), Ok(target)) => place.starts_with(target),
        _ => false,
    }
}

fn failed(path: &Path, error: &std::io::Error) -> Error {
    Error::machine(format!("copy {}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trees_are_copied_but_for_what_is_left_out() {
        let from = tempfile::tempdir().unwrap();
        for (path, text) in [
            ("a/b", "b"),
            ("a/c.pyc", "c"),
            (".kitchen/x", "x"),
            ("d", "d"),
        ] {
            let path = from.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        let stage = Stage::new(&from.path().join(".kitchen")).unwrap();
        let keep = |path: &Path| path.extension().is_none_or(|it| it != "pyc");
        stage.copy(from.path(), "roles/own", &keep).unwrap();
        stage.write("roles/own/more/e", "e").unwrap();
        let own = stage.path().join("roles/own");
        let there = |name: &str| own.join(name).exists();
        assert!(there("a/b") && there("d") && there("more/e"));
        assert!(!there("a/c.pyc") && !there(".kitchen"));
        assert_eq!(stage.entries().unwrap(), [stage.path().join("roles")]);
    }

    #[cfg(unix)]
    #[test]
    fn links_are_followed_but_not_to_where_they_are() {
        use std::os::unix::fs::symlink;
        let from = tempfile::tempdir().unwrap();
        let inner = from.path().join("tests/roles");
        std::fs::create_dir_all(&inner).unwrap();
        std::fs::write(from.path().join("task"), "t").unwrap();
        symlink("../..", inner.join("own")).unwrap();
        symlink("../task", from.path().join("tests/linked")).unwrap();
        symlink("nowhere", from.path().join("broken")).unwrap();
        let stage = Stage::new(&from.path().join(".kitchen")).unwrap();
        stage.copy(from.path(), "x", &|_| true).unwrap();
        let copied = stage.path().join("x");
        assert!(copied.join("tests/linked").is_file());
        assert!(copied.join("tests/roles").is_dir());
        assert!(!copied.join("tests/roles/own").exists());
        assert!(!copied.join("broken").exists());
    }

    #[cfg(unix)]
    #[test]
    fn a_secret_is_its_owners() {
        use std::os::unix::fs::PermissionsExt;
        let kitchen = tempfile::tempdir().unwrap();
        let stage = Stage::new(kitchen.path()).unwrap();
        stage.write_secret("vault", "x").unwrap();
        let mode = std::fs::metadata(stage.path().join("vault"))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}
