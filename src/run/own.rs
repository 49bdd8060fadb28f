//! Commands of the workstation find this very kitchen: tests, hooks and scripts that call `kitchen`
//! mean the one that runs them.

use std::io;
use std::path::{Path, PathBuf};

use banquet_sdk::process;

use crate::state::unique_id;

/// The name under which commands look.
const NAME: &str = if cfg!(windows) {
    "kitchen.exe"
} else {
    "kitchen"
};

/// Makes all later commands of the workstation find this very kitchen first under its name. Where
/// `PATH` leads to another one, a directory below `kitchen_dir` leads to it; that holds nothing
/// else, so that no other program is found in place of the one that the user means.
pub(super) fn find_own(kitchen_dir: &Path) -> io::Result<()> {
    let own = own_binary()?;
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path).map(|directory| directory.join(NAME));
    let found = found.filter(|file| file.is_file()).find_map(real);
    if found.is_some() && found == real(own.clone()) {
        return Ok(());
    }
    process::look_first_in(&linked(kitchen_dir, &own)?);
    Ok(())
}

fn real(file: PathBuf) -> Option<PathBuf> {
    file.canonicalize().ok()
}

/// The running binary: also where its file was replaced or removed since it started.
fn own_binary() -> io::Result<PathBuf> {
    let named = std::env::current_exe()?;
    if cfg!(target_os = "linux") && !named.is_file() {
        return Ok(format!("/proc/{}/exe", std::process::id()).into());
    }
    Ok(named)
}

/// A directory below `kitchen_dir` in which `kitchen` is `binary` and nothing else is.
fn linked(kitchen_dir: &Path, binary: &Path) -> io::Result<PathBuf> {
    let hash = blake3::hash(binary.as_os_str().as_encoded_bytes()).to_hex();
    let directory = kitchen_dir.join("bin").join(&hash[..12]);
    let link = directory.join(NAME);
    if std::fs::read_link(&link).is_ok_and(|there| there == binary) {
        return Ok(directory);
    }
    banquet_sdk::private::directory(&directory)?;
    let new = directory.join(format!(".{}", unique_id()));
    make(binary, &new)?;
    std::fs::rename(&new, &link)?;
    Ok(directory)
}

#[cfg(unix)]
fn make(binary: &Path, link: &Path) -> io::Result<()> {
    std::os::unix::fs::symlink(binary, link)
}

/// Links need rights that users of Windows lack.
#[cfg(not(unix))]
fn make(binary: &Path, link: &Path) -> io::Result<()> {
    std::fs::hard_link(binary, link).or_else(|_| std::fs::copy(binary, link).map(drop))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_of_its_own_leads_to_the_binary_also_a_second_time() {
        let kitchen = tempfile::tempdir().expect("a directory");
        let binary = std::env::current_exe().expect("the test runs");
        let first = linked(kitchen.path(), &binary).expect("it can be linked");
        let second = linked(kitchen.path(), &binary).expect("it is there already");
        assert_eq!(first, second);
        let entries: Vec<_> = std::fs::read_dir(&first)
            .expect("a directory")
            .map(|entry| entry.expect("an entry").file_name())
            .collect();
        assert_eq!(entries, [NAME]);
        assert_eq!(real(first.join(NAME)), real(binary));
    }
}
