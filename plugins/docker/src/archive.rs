//! Files of the workstation as entries of a tar archive.

use std::fs::File;
use std::io::{Read, Write};
use std::path::Path;

/// What an entry keeps of its file beside name, content and mode. Owners are never kept: those of
/// the workstation mean nothing elsewhere.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Keep {
    /// The time of the last change.
    Times,
    /// Nothing: equal files give equal archives.
    Nothing,
}

/// Appends file, directory (without what is in it) or link `path` under `name`. Sockets, pipes and
/// devices are left out.
pub fn append(
    archive: &mut tar::Builder<impl Write>,
    path: &Path,
    name: &Path,
    keep: Keep,
) -> std::io::Result<()> {
    let meta = path.symlink_metadata()?;
    let mut header = tar::Header::new_gnu();
    header.set_metadata_in_mode(&meta, tar::HeaderMode::Complete);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mode(mode(&meta));
    if keep == Keep::Nothing {
        header.set_mtime(0);
    }
    if meta.is_file() {
        // A file that grows meanwhile must not spoil the archive.
        return archive.append_data(&mut header, name, File::open(path)?.take(meta.len()));
    }
    header.set_size(0);
    if meta.is_symlink() {
        archive.append_link(&mut header, name, std::fs::read_link(path)?)
    } else if meta.is_dir() {
        archive.append_data(&mut header, name, std::io::empty())
    } else {
        Ok(())
    }
}

/// Appends `path` and all that is in it under `name`.
pub fn append_all(
    archive: &mut tar::Builder<impl Write>,
    path: &Path,
    name: &Path,
    keep: Keep,
) -> std::io::Result<()> {
    append(archive, path, name, keep)?;
    if path.symlink_metadata()?.is_dir() {
        for entry in std::fs::read_dir(path)? {
            let entry = entry?;
            append_all(archive, &entry.path(), &name.join(entry.file_name()), keep)?;
        }
    }
    Ok(())
}

/// Permission bits of a file of the workstation.
fn mode(meta: &std::fs::Metadata) -> u32 {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        meta.permissions().mode() & 0o7777
    }
    #[cfg(not(unix))]
    {
        // No bits here: what Docker's own client sends from such a workstation.
        let _ = meta;
        0o755
    }
}
