//! Where scripts and data are found on the workstation.

use std::path::{Path, PathBuf};

use banquet_sdk::{Context, Error, Result, tool};

/// The script: the one that is configured, which must be there; else `bootstrap.sh` where one is
/// found.
pub fn script(cx: &Context, configured: Option<&str>) -> Result<Option<PathBuf>> {
    let Some(configured) = configured else {
        return Ok(tool::lookup(cx, None, "bootstrap.sh", Path::is_file));
    };
    let path = cx.root.join(configured);
    if path.is_file() {
        return Ok(Some(path));
    }
    Err(Error::missing(
        "/script",
        format!("script {}: no such file", path.display()),
    )
    .hint(
        "Relative paths count from the directory of the configuration; a command line goes \
             into the key `command`.",
    ))
}

/// The directory with data: the one that is configured, else `data` where one is found.
pub fn data(cx: &Context, configured: Option<&str>) -> Option<PathBuf> {
    match configured {
        Some(configured) => Some(cx.root.join(configured)),
        None => tool::lookup(cx, None, "data", Path::is_dir),
    }
}

/// What is in a directory of data, without names that begin with a dot, as in Test Kitchen
/// (util.rb, `list_directory`); sorted.
pub fn entries(directory: &Path) -> Result<Vec<PathBuf>> {
    let failed = |error| Error::config("/data_path", format!("{}: {error}", directory.display()));
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(directory).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        let name = path.file_name().unwrap_or_default();
        if !name.to_string_lossy().starts_with('.') {
            paths.push(path);
        }
    }
    paths.sort();
    Ok(paths)
}
