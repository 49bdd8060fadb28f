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

use std::io::Write;
use std::path::Path;

use banquet_sdk::scratch;

use banquet_sdk::outside::file as outside;
use banquet_sdk::private;

/// Largest file, in bytes: a record of a cluster with thousands of steps has some MiB.
const LARGEST: u64 = 256 << 20;

/// Puts `bytes` in the place of the file at `path`, making its directory. The caller holds the
/// lock: there is one writer. The file is not synced to the disk: a crash of the workstation may
/// lose the last write, and what it knew is found by the resources' labels.
pub(crate) fn write_atomically(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    private::replace(path, bytes).map_err(|error| Error::unwritable(path, error))
}

/// Ends the processes and removes the files that killed kitchens left in directory `kitchen`
/// (`.kitchen`); nothing of those that live. Gives what a person should know of it. Blocks.
pub fn tidy(kitchen: &Path) -> Vec<String> {
    private::sweep(kitchen);
    private::sweep(&kitchen.join("clusters"));
    let swept = scratch::sweep(kitchen);
    let ended = swept.ended.into_iter();
    let ended =
        ended.map(|it| format!("an earlier kitchen was killed; ended what it had started: {it}"));
    let doubtful = swept.doubtful.into_iter().map(|group| {
        format!("an earlier kitchen was killed, and what it had started may still run: `kill -9 -- -{group}` ends it")
    });
    ended.chain(doubtful).chain(swept.failed).collect()
}

/// Adds `bytes` to the file at `path`, all of them or, where the disk is full, none.
fn append(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    let added = || {
        let mut file = private::options().append(true).open(path)?;
        let length = file.metadata()?.len();
        file.write_all(bytes).inspect_err(|_| {
            let _ = file.set_len(length);
        })
    };
    added().map_err(|error| Error::unwritable(path, error))
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
