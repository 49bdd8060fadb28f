//! Files and directories as a tar stream: modes are kept, each arrives under its own name.

use std::io::{self, BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

pub use banquet_sdk::outside::archive::explain;
use banquet_sdk::outside::archive::{LeftOut, Rules, unpack};

/// Writes files and directories to `stream`, each under its own name; links stay links.
pub fn write(paths: &[PathBuf], stream: impl Write) -> io::Result<()> {
    let mut archive = tar::Builder::new(BufWriter::with_capacity(64 * 1024, stream));
    archive.follow_symlinks(false);
    for path in paths {
        // `..` and `.` have no name of their own before they are resolved.
        let resolved = match path.file_name() {
            Some(_) => path.clone(),
            None => path.canonicalize()?,
        };
        let name = resolved.file_name().unwrap_or("root".as_ref());
        // What is named may be a link to what is meant.
        if resolved.is_dir() {
            archive.append_dir_all(name, &resolved)?;
        } else if resolved.is_file() {
            let mut file = std::fs::File::open(&resolved)?;
            archive.append_file(name, &mut file)?;
        } else {
            archive.append_path_with_name(&resolved, name)?;
        }
    }
    archive.into_inner()?.flush()
}

/// Unpacks `stream` into the directory `into`, which is made, by `rules`; nothing lands outside of
/// it. Gives the stream back, which has been read to the end of the archive and not beyond.
pub fn read<R: Read>(stream: R, into: &Path, rules: Rules) -> io::Result<(R, LeftOut)> {
    let (mut stream, left_out) = unpack(stream, into, rules)?;
    // Two empty blocks end an archive and the reader takes one. A stream that was cut off has none.
    stream.read_exact(&mut [0; 512])?;
    Ok((stream, left_out))
}

/// The bytes of a file that may be compressed with gzip.
pub fn open(path: &Path) -> io::Result<Box<dyn Read>> {
    let mut file = BufReader::with_capacity(256 * 1024, std::fs::File::open(path)?);
    let compressed = io::BufRead::fill_buf(&mut file)?.starts_with(&[0x1f, 0x8b]);
    Ok(if compressed {
        Box::new(flate2::bufread::MultiGzDecoder::new(file))
    } else {
        Box::new(file)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_directory_arrives_under_its_own_name_with_modes_and_links() {
        let source = tempfile::tempdir().unwrap();
        let tree = source.path().join("tree");
        std::fs::create_dir_all(tree.join("sub")).unwrap();
        std::fs::write(tree.join("sub/run"), "#!").unwrap();
        let mode = std::fs::Permissions::from_mode(0o750);
        std::fs::set_permissions(tree.join("sub/run"), mode).unwrap();
        std::os::unix::fs::symlink("sub/run", tree.join("link")).unwrap();
        let mut bytes = Vec::new();
        write(&[tree.clone(), tree.join("sub/run")], &mut bytes).unwrap();
        bytes.extend_from_slice(b"rest");
        let target = tempfile::tempdir().unwrap();
        let new = target.path().join("new");
        let (rest, _) = read(bytes.as_slice(), &new, Rules::MACHINE).unwrap();
        assert_eq!(rest, b"rest");
        let arrived = target.path().join("new/tree");
        let meta = std::fs::metadata(arrived.join("sub/run")).unwrap();
        assert_eq!(meta.permissions().mode() & 0o777, 0o750);
        assert_eq!(
            std::fs::read_link(arrived.join("link")).unwrap(),
            Path::new("sub/run")
        );
        assert!(target.path().join("new/run").is_file());
    }
}
