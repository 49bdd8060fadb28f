//! Plugins in other processes: where they are looked for, and what those that were found said of
//! themselves.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use banquet_sdk::Error;
use banquet_sdk::wire::Plugin;
use banquet_sdk::wire::message::PluginKind;

use super::handshakes::Handshakes;
use crate::matrix::Kind;

/// The directory for plugins beside the configuration.
const BESIDE: &str = "kitchen-plugins";

/// The plugins beside a project and on the PATH.
pub struct Outside {
    root: PathBuf,
    handshakes: Handshakes,
    asked: Mutex<BTreeMap<(&'static str, String), Asked>>,
    /// All of a kind, by its key: the PATH is read once.
    all: Mutex<BTreeMap<&'static str, Found>>,
}

/// Executables that look like plugins, by name.
type Found = BTreeMap<String, Vec<PathBuf>>;

/// What came of looking for a plugin.
#[derive(Clone)]
enum Asked {
    Absent,
    /// It cannot be used.
    Broken(Box<Error>),
    There(Arc<Plugin>),
}

impl Outside {
    /// Those of the project in directory `root`.
    pub fn new(root: &Path) -> Self {
        Self {
            root: root.into(),
            handshakes: Handshakes::of(root),
            asked: Mutex::default(),
            all: Mutex::default(),
        }
    }

    /// The plugin of this kind and name, once it has said what it is: now, or before; none where
    /// there is none.
    pub fn plugin(&self, kind: Kind, name: &str) -> Result<Option<Arc<Plugin>>, Error> {
        // Held while it starts, so that it starts once.
        let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        let asked = asked
            .entry((kind.key(), name.to_owned()))
            .or_insert_with(|| match self.place(kind, name) {
                None => Asked::Absent,
                Some(path) => {
                    let plugin = self.at(kind, name, &path);
                    match plugin.hello() {
                        Ok(_) => Asked::There(plugin),
                        Err(error) => Asked::Broken(Box::new(error)),
                    }
                }
            });
        match asked {
            Asked::Absent => Ok(None),
            Asked::Broken(error) => Err((**error).clone()),
            Asked::There(plugin) => Ok(Some(plugin.clone())),
        }
    }

    /// The plugin in the executable `path`; not started.
    pub fn at(&self, kind: Kind, name: &str, path: &Path) -> Arc<Plugin> {
        self.handshakes.plugin(wire(kind), name, path, &self.root)
    }

    /// Where the plugin of this kind and name is.
    fn place(&self, kind: Kind, name: &str) -> Option<PathBuf> {
        if name.is_empty() || name.contains(['/', '\\']) {
            return None;
        }
        let file = executable(kind, name);
        let beside = self.root.join(BESIDE).join(&file);
        if beside.is_file() {
            return Some(beside);
        }
        let mut places = path().map(|place| place.join(&file));
        places.find(|path| is_executable(path))
    }

    /// All directories that are looked in, in order.
    pub fn places(&self) -> Vec<PathBuf> {
        std::iter::once(self.root.join(BESIDE))
            .chain(path())
            .collect()
    }

    /// All that look like a plugin of this kind, by name, each with every place that has one; the
    /// first is used.
    pub fn all(&self, kind: Kind) -> Found {
        let mut all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        let found = all.entry(kind.key()).or_insert_with(|| self.look(kind));
        found.clone()
    }

    fn look(&self, kind: Kind) -> Found {
        let begin = executable(kind, "");
        let begin = begin.trim_end_matches(std::env::consts::EXE_SUFFIX);
        let mut found = Found::new();
        for (number, place) in self.places().into_iter().enumerate() {
            // A directory of the PATH need not be there.
            let entries = std::fs::read_dir(&place).into_iter().flatten().flatten();
            for entry in entries {
                let file = entry.file_name();
                let name = file.to_str().and_then(|name| name.strip_prefix(begin));
                let name = name.map(|it| it.trim_end_matches(std::env::consts::EXE_SUFFIX));
                let Some(name) = name.filter(|name| !name.is_empty()) else {
                    continue;
                };
                let path = entry.path();
                if (number == 0 && path.is_file()) || is_executable(&path) {
                    found.entry(name.to_owned()).or_default().push(path);
                }
            }
        }
        for paths in found.values_mut() {
            paths.dedup();
        }
        found
    }
}

/// The name of a plugin's executable.
pub fn executable(kind: Kind, name: &str) -> String {
    let (kind, suffix) = (kind.key(), std::env::consts::EXE_SUFFIX);
    format!("kitchen-{kind}-{name}{suffix}")
}

/// The directories of the PATH.
fn path() -> impl Iterator<Item = PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let places: Vec<PathBuf> = std::env::split_paths(&path)
        .filter(|place| place.is_absolute())
        .collect();
    places.into_iter()
}

fn is_executable(path: &Path) -> bool {
    let Ok(metadata) = path.metadata() else {
        return false;
    };
    #[cfg(unix)]
    let executable = {
        use std::os::unix::fs::PermissionsExt;
        metadata.permissions().mode() & 0o111 != 0
    };
    #[cfg(not(unix))]
    let executable = true;
    metadata.is_file() && executable
}

fn wire(kind: Kind) -> PluginKind {
    match kind {
        Kind::Driver => PluginKind::Driver,
        Kind::Transport => PluginKind::Transport,
        Kind::Provisioner => PluginKind::Provisioner,
        Kind::Verifier => PluginKind::Verifier,
    }
}
