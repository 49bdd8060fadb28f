//! Which project this is, and names that nobody else has.

use std::collections::BTreeMap;
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

    /// Every state file, by the name of its instance; the configuration need not know of it.
    pub fn state_files(&self) -> Result<BTreeMap<String, super::StateFile>, super::Error> {
        let kitchen = self.kitchen();
        let entries = match std::fs::read_dir(&kitchen) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Ok(BTreeMap::new());
            }
            entries => entries.map_err(|source| super::Error::Unreadable {
                path: kitchen.clone(),
                source,
            })?,
        };
        let names = entries.flatten().filter_map(|entry| {
            let name = entry.file_name().into_string().ok()?;
            let name = name.strip_suffix(".yml")?;
            (!name.is_empty() && !name.starts_with('.')).then(|| name.to_owned())
        });
        Ok(names
            .map(|name| (name.clone(), self.state_file(&name)))
            .collect())
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
    fn states_are_found_without_a_configuration() {
        let directory = tempfile::tempdir().unwrap();
        let project = Project::new(directory.path(), None).unwrap();
        assert!(project.state_files().unwrap().is_empty());
        let state = project.state_file("web-old");
        state.write(&serde_json::Map::new()).unwrap();
        for other in [".web.yml.new", "console_history", "web-old.yml.broken"] {
            std::fs::write(project.kitchen().join(other), "").unwrap();
        }
        let found = project.state_files().unwrap();
        assert_eq!(found.keys().collect::<Vec<_>>(), ["web-old"]);
        assert_eq!(found["web-old"].path(), state.path());
    }

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
