//! `.kitchen/`: what must outlive the process. Atomic, locked, noted before made. Files are written
//! beside their place and renamed: whenever the process is killed, the old or the new one is there.
//! Called by the plan and the run; calls nothing of the kitchen.

mod error;
mod file;
mod lock;
mod maker;
mod project;
mod record;

pub use error::{Error, Holder};
pub use file::StateFile;
pub use lock::{Found, Lock};
pub use maker::{Maker, is_state};
pub use project::{Project, project_id, unique_id};
pub use record::{Broken, ClusterRecord, Damage, Ended};

use std::path::Path;

use banquet_sdk::outside::file as outside;
use banquet_sdk::private;

/// Largest file, in bytes: a record of a cluster with thousands of steps has some MiB.
const LARGEST: u64 = 256 << 20;

/// Puts `bytes` in the place of the file at `path`, making its directory. The caller holds the
/// lock: there is one writer. The file is not synced to the disk: a crash of the workstation may
/// lose the last write, and what it knew is found by the resources' labels.
pub(crate) fn write_atomically(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    let unwritable = |error| Error::unwritable(path, error);
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let beside = path.with_file_name(format!(".{name}.new"));
    let written = match private::write(&beside, bytes) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            if let Some(directory) = path.parent() {
                private::directory(directory).map_err(unwritable)?;
            }
            private::write(&beside, bytes)
        }
        written => written,
    };
    if written.is_err() {
        // A part of it helps nobody, least of all on a disk that is full.
        let _ = std::fs::remove_file(&beside);
    }
    written
        .and_then(|()| std::fs::rename(&beside, path))
        .map_err(unwritable)
}

/// The text of the file at `path`; none where there is no such file.
fn read_if_there(path: &Path) -> Result<Option<String>, Error> {
    match outside::read(path, LARGEST) {
        Ok(bytes) => Ok(Some(String::from_utf8_lossy(&bytes).into_owned())),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(Error::Unreadable {
            path: path.into(),
            source,
        }),
    }
}

/// What is in a directory of `.kitchen`; nothing where there is no such directory.
fn listed(directory: &Path) -> Result<Vec<std::fs::DirEntry>, Error> {
    let unreadable = |source| Error::Unreadable {
        path: directory.into(),
        source,
    };
    match std::fs::read_dir(directory) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Vec::new()),
        entries => {
            let entries: std::io::Result<_> = entries.map_err(unreadable)?.collect();
            entries.map_err(unreadable)
        }
    }
}

fn remove_if_there(path: &Path) -> Result<(), Error> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(Error::unwritable(path, error))
        }
        _ => Ok(()),
    }
}
