//! Where a round happens: a directory with the project, its own home and temporary directory, and
//! what every command said.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// The directories of one round.
pub struct Place {
    root: PathBuf,
}

impl Place {
    /// Makes them anew.
    pub fn new(root: PathBuf) -> io::Result<Self> {
        match fs::remove_dir_all(&root) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let place = Self { root };
        for directory in [
            place.project(),
            place.home(),
            place.temporary(),
            place.said(),
        ] {
            fs::create_dir_all(directory)?;
        }
        Ok(place)
    }

    /// All of it.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Where `kitchen.yml` is.
    pub fn project(&self) -> PathBuf {
        self.root.join("project")
    }

    /// `.kitchen` of the project.
    pub fn state(&self) -> PathBuf {
        self.root.join("project/.kitchen")
    }

    /// `HOME` of the commands.
    pub fn home(&self) -> PathBuf {
        self.root.join("home")
    }

    /// `TMPDIR` of the commands.
    pub fn temporary(&self) -> PathBuf {
        self.root.join("tmp")
    }

    /// What the commands said, a file each.
    pub fn said(&self) -> PathBuf {
        self.root.join("said")
    }

    /// Writes `kitchen.yml`.
    pub fn configure(&self, text: &str) -> io::Result<()> {
        fs::write(self.project().join("kitchen.yml"), text)
    }

    /// The project's name in labels, which the kitchen notes; none before it has.
    pub fn project_id(&self) -> Option<String> {
        let text = fs::read_to_string(self.state().join("project")).ok()?;
        text.lines().next().map(str::to_owned)
    }
}
