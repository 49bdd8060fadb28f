//! Which project this is, and names that nobody else has.

use std::path::{Path, PathBuf};

/// A project: one directory with a configuration.
#[derive(Clone, Debug)]
pub struct Project {
    /// Absolute path of the directory (`kitchen_root`).
    pub root: PathBuf,
    /// Absolute path of the directory with the tests (`test_base_path`).
    pub test_dir: PathBuf,
    /// Stable name: [`project_id`] of the directory.
    pub id: String,
}

impl Project {
    /// The project in `root`, with its tests in `test_dir`, relative to it (by default
    /// `test/integration`).
    pub fn new(root: &Path, test_dir: Option<&Path>) -> std::io::Result<Self> {
        let root = std::path::absolute(root)?;
        Ok(Self {
            test_dir: root.join(test_dir.unwrap_or(Path::new("test/integration"))),
            id: project_id(&root),
            root,
        })
    }

    /// Absolute path of `.kitchen`.
    pub fn kitchen(&self) -> PathBuf {
        self.root.join(".kitchen")
    }

    /// The state file of an instance.
    pub fn state_file(&self, instance: &str) -> super::StateFile {
        super::StateFile::new(&self.kitchen(), instance)
    }

    /// The log file of an instance.
    pub fn log_file(&self, instance: &str) -> PathBuf {
        self.kitchen().join("logs").join(format!("{instance}.log"))
    }
}

/// Stable name of the project in directory `root`: the same whatever way leads there.
pub fn project_id(root: &Path) -> String {
    let root = root.canonicalize().unwrap_or_else(|_| root.into());
    let hash = blake3::hash(root.as_os_str().as_encoded_bytes());
    hash.to_hex()[..16].to_owned()
}

/// A name that is unique in the world, in the form of a UUID (version 4), as Test Kitchen's ids.
pub fn unique_id() -> String {
    let bits = rand::random::<u128>() & !(0xf << 76) & !(0x3 << 62) | (4 << 76) | (2 << 62);
    let hex = format!("{bits:032x}");
    let parts = [
        &hex[..8],
        &hex[8..12],
        &hex[12..16],
        &hex[16..20],
        &hex[20..],
    ];
    parts.join("-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_uuids_and_differ() {
        let id = unique_id();
        assert_eq!(id.len(), 36);
        assert_eq!(&id[14..15], "4");
        assert!("89ab".contains(&id[19..20]), "{id}");
        assert_ne!(id, unique_id());
    }

    #[cfg(unix)]
    #[test]
    fn a_project_has_one_name_whatever_way_leads_there() {
        let directory = tempfile::tempdir().unwrap();
        let real = directory.path().join("real");
        let link = directory.path().join("link");
        std::fs::create_dir(&real).unwrap();
        std::os::unix::fs::symlink(&real, &link).unwrap();
        assert_eq!(project_id(&real), project_id(&link));
        assert_ne!(project_id(&real), project_id(directory.path()));
    }
}
