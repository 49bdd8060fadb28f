//! One build of a Dockerfile at a time, whichever kitchen of the project wants it.

use std::fs::{File, TryLockError};
use std::path::PathBuf;
use std::time::Duration;

use banquet_sdk::{Context, Error, Result, private};

use crate::engine::ASK_AGAIN;

/// Longest wait for another kitchen's build. The limit of the step comes first.
const OTHERS: Duration = Duration::from_secs(3600);

/// Waits until nobody else builds from `source`; it is ours until the file is dropped.
pub async fn take(cx: &Context, source: &str) -> Result<File> {
    let directory = directory(cx);
    private::directory(&cx.kitchen_dir)?;
    private::directory(&directory)?;
    let path = directory.join(name(source));
    let file = private::create(&path)?;
    let what = "waiting for another kitchen that builds the image";
    cx.poll(what, ASK_AGAIN, OTHERS, || async {
        match file.try_lock() {
            Ok(()) => Ok(Some(())),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => {
                Err(Error::from(error).while_doing(format!("lock {}", path.display())))
            }
        }
    })
    .await?;
    Ok(file)
}

/// Whether somebody builds from `source` now. It comes from a label: no file is looked for by it,
/// only among those that are there.
pub fn is_taken(cx: &Context, source: &str) -> bool {
    let wanted = name(source);
    let files = std::fs::read_dir(directory(cx)).into_iter().flatten();
    let files = files.flatten().filter(|file| file.file_name() == *wanted);
    let mut opened = files.filter_map(|file| File::open(file.path()).ok());
    opened.any(|file| matches!(file.try_lock(), Err(TryLockError::WouldBlock)))
}

fn directory(cx: &Context) -> PathBuf {
    cx.kitchen_dir.join("work")
}

fn name(source: &str) -> String {
    format!("image-{source}.lock")
}
