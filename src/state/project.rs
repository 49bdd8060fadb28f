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
    /// Absolute path of the configuration that `KITCHEN_YAML` chooses in place of `kitchen.yml`.
    pub file: Option<PathBuf>,
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
            file: None,
            root,
        })
    }

    /// Whether a state that was noted with the configuration `file` belongs to another one than this,
    /// which is still there.
    pub fn is_anothers(&self, file: Option<&Path>) -> bool {
        let usual = || ["kitchen.yml", ".kitchen.yml"].map(|name| self.root.join(name));
        let is_there = match file {
            Some(file) => file.is_file(),
            None => usual().iter().any(|it| it.is_file()),
        };
        file != self.file.as_deref() && is_there
    }

    /// Absolute path of `.kitchen`.
    pub fn kitchen(&self) -> PathBuf {
        self.root.join(".kitchen")
    }

    /// Keeps its name for when the workstation's changes. That it cannot stops nobody.
    pub(crate) fn keep(&self) {
        let Ok(root) = self.root.canonicalize() else {
            return;
        };
        if kept(&root).is_none() {
            let text = format!("{}\n{}\n", self.id, root.display());
            let _ = super::write_atomically(&self.kitchen().join(KEPT), text.as_bytes());
        }
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

/// Stable name of the project in directory `root`: the same whatever way leads there, and another
/// one on every workstation, since build servers work in directories of the same name and share
/// engines and accounts. It stays when the workstation is renamed. `KITCHEN_PROJECT` gives
/// workstations that follow each other one name.
pub fn project_id(root: &Path) -> String {
    if let Some(name) = std::env::var_os("KITCHEN_PROJECT").filter(|name| !name.is_empty()) {
        return named(&[name.as_encoded_bytes()]);
    }
    let root = root.canonicalize().unwrap_or_else(|_| root.into());
    kept(&root).unwrap_or_else(|| {
        let [host, id] = workstation();
        let root = root.as_os_str().as_encoded_bytes();
        named(&[root, host.as_bytes(), id.as_bytes()])
    })
}

fn named(parts: &[&[u8]]) -> String {
    let hash = blake3::hash(&parts.join(&0));
    hash.to_hex()[..16].to_owned()
}

/// What tells this workstation from others: in a container its host name alone may, on a machine
/// made from an image its id alone.
fn workstation() -> [String; 2] {
    #[cfg(unix)]
    let name = rustix::system::uname()
        .nodename()
        .to_string_lossy()
        .into_owned();
    #[cfg(not(unix))]
    let name = std::env::var("COMPUTERNAME").unwrap_or_default();
    let id = std::fs::read_to_string("/etc/machine-id").unwrap_or_default();
    [name, id.trim().to_owned()]
}

/// File in `.kitchen` that keeps the project's name, and the directory that it is for.
const KEPT: &str = "project";

fn kept(root: &Path) -> Option<String> {
    let text = std::fs::read_to_string(root.join(".kitchen").join(KEPT)).ok()?;
    let (id, directory) = text.split_once('\n')?;
    (Path::new(directory.trim_end_matches('\n')) == root).then(|| id.to_owned())
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

    #[test]
    fn a_kept_name_stays_and_goes_with_no_copy() {
        let directory = tempfile::tempdir().unwrap();
        let [first, copy] = ["first", "copy"].map(|name| directory.path().join(name));
        let id = project_id(&first);
        for root in [&first, &copy] {
            std::fs::create_dir_all(root.join(".kitchen")).unwrap();
        }
        Project::new(&first, None).unwrap().keep();
        let file = first.join(".kitchen").join(KEPT);
        let text = std::fs::read_to_string(&file).unwrap();
        assert!(text.starts_with(&id), "{text}");

        std::fs::write(&file, text.replace(&id, "made-elsewhere")).unwrap();
        assert_eq!(project_id(&first), "made-elsewhere");
        std::fs::copy(&file, copy.join(".kitchen").join(KEPT)).unwrap();
        assert_ne!(project_id(&copy), "made-elsewhere");
    }
}
