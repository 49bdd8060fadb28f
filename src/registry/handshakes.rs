//! What plugins in other processes said of themselves, kept in `.kitchen/plugins.json`, so that a
//! command that only reads the configuration starts none of them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::UNIX_EPOCH;

use banquet_sdk::wire::Plugin;
use banquet_sdk::wire::message::{Initialized, PROTOCOL, PluginKind};
use serde::{Deserialize, Serialize};

use crate::state::write_atomically;

/// The file.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Kept {
    /// Version of the protocol in which it was said.
    #[serde(default)]
    protocol: String,
    /// By kind, name and path.
    #[serde(default)]
    plugins: BTreeMap<String, Said>,
}

/// What one said, and what its executable was like.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Said {
    #[serde(flatten)]
    file: File,
    hello: Initialized,
}

/// What tells that an executable is still the same.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct File {
    size: u64,
    /// Nanoseconds since 1970.
    modified: u64,
}

impl File {
    fn of(path: &Path) -> Option<Self> {
        let metadata = path.metadata().ok()?;
        let modified = metadata.modified().ok()?.duration_since(UNIX_EPOCH).ok()?;
        Some(Self {
            size: metadata.len(),
            modified: modified.as_nanos().try_into().ok()?,
        })
    }
}

/// The handshakes of a project.
#[derive(Clone)]
pub struct Handshakes {
    root: PathBuf,
    kept: Arc<Mutex<Option<Kept>>>,
}

impl Handshakes {
    /// Those of the project in directory `root`; read when first needed.
    pub fn of(root: &Path) -> Self {
        Self {
            root: root.into(),
            kept: Arc::default(),
        }
    }

    fn file(&self) -> PathBuf {
        self.root.join(".kitchen").join("plugins.json")
    }

    /// The plugin in the executable `path`, with what it said before, where it is still the same.
    pub fn plugin(&self, kind: PluginKind, name: &str, path: &Path, root: &Path) -> Arc<Plugin> {
        let key = format!("{} {name} {}", kind.word(), path.display());
        let file = File::of(path);
        let before = self.with(|kept| kept.plugins.get(&key).cloned());
        let before = before.filter(|said| Some(&said.file) == file.as_ref());
        let learner = self.clone();
        let learn = move |hello: &Initialized| {
            if let Some(file) = &file {
                learner.keep(&key, file, hello);
            }
        };
        let hello = before.map(|said| said.hello);
        Plugin::new((kind, name), path, root, hello, learn)
    }

    /// It is no loss where it cannot be kept: then it is asked again.
    fn keep(&self, key: &str, file: &File, hello: &Initialized) {
        if !is_project(&self.root) {
            return;
        }
        let text = self.with(|kept| {
            let said = Said {
                file: file.clone(),
                hello: hello.clone(),
            };
            kept.plugins.insert(key.to_owned(), said);
            serde_json::to_vec_pretty(kept)
        });
        if let Ok(text) = text {
            let _ = write_atomically(&self.file(), &text);
        }
    }

    fn with<T>(&self, work: impl FnOnce(&mut Kept) -> T) -> T {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        work(kept.get_or_insert_with(|| self.read()))
    }

    fn read(&self) -> Kept {
        let text = std::fs::read(self.file()).unwrap_or_default();
        let kept: Kept = serde_json::from_slice(&text).unwrap_or_default();
        match kept.protocol == PROTOCOL {
            true => kept,
            false => Kept {
                protocol: PROTOCOL.into(),
                ..Kept::default()
            },
        }
    }
}

/// Whether a directory has a configuration or what the kitchen made of one: elsewhere nothing is
/// left behind.
fn is_project(root: &Path) -> bool {
    let signs = [".kitchen", "kitchen.yml", ".kitchen.yml"];
    signs.iter().any(|sign| root.join(sign).exists())
}
