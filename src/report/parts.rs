//! A file that may grow without end, in parts: what is full is compressed under the file's name, a
//! number and `.gz` (`web.log.0001.gz`), as `zcat` reads it. A kill at any moment leaves each part
//! whole, compressed or not.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::vec::IntoIter;

use banquet_sdk::private;
use flate2::Compression;
use flate2::read::MultiGzDecoder;
use flate2::write::GzEncoder;

/// Bytes of a part before it is compressed.
pub const FULL: u64 = 16 << 20;

const GZ: &str = ".gz";

/// A part that is on the disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// Counts from 1.
    pub number: u32,
    /// Where it is.
    pub path: PathBuf,
}

/// Where part `number` of the file at `path` is before it is compressed.
pub fn path_of(path: &Path, number: u32) -> PathBuf {
    with(path, &format!(".{number:04}"))
}

fn with(path: &Path, end: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(end);
    name.into()
}

/// Compresses the file at `path`; gives the place and the size of what has taken its place.
pub fn compress(path: &Path) -> io::Result<(PathBuf, u64)> {
    let (new, place) = (with(path, ".gz.new"), with(path, GZ));
    let packed = pack(path, &new).and_then(|size| std::fs::rename(&new, &place).map(|()| size));
    let size = match packed {
        Ok(size) => size,
        Err(error) => {
            // A part of it helps nobody, least of all on a disk that is full.
            let _ = std::fs::remove_file(&new);
            return Err(error);
        }
    };
    std::fs::remove_file(path)?;
    Ok((place, size))
}

fn pack(from: &Path, to: &Path) -> io::Result<u64> {
    let mut source = File::open(from)?;
    let mut packed = GzEncoder::new(private::create(to)?, Compression::fast());
    let mut bytes = vec![0; 256 << 10];
    loop {
        match source.read(&mut bytes)? {
            0 => break,
            read => packed.write_all(&bytes[..read])?,
        }
    }
    let packed = packed.finish()?;
    // Its age is that of what it holds.
    if let Ok(modified) = source.metadata().and_then(|about| about.modified()) {
        let _ = packed.set_modified(modified);
    }
    Ok(packed.metadata()?.len())
}

/// The parts in a directory, by the name of their file, each in order. Of a part that is there twice,
/// as its compression was cut off, one counts.
pub fn listed(dir: &Path) -> HashMap<String, Vec<Part>> {
    let mut found: HashMap<String, Vec<Part>> = HashMap::new();
    for entry in std::fs::read_dir(dir).into_iter().flatten().flatten() {
        let Ok(name) = entry.file_name().into_string() else {
            continue;
        };
        if let Some((of, number)) = parsed(&name) {
            let path = entry.path();
            found
                .entry(of.to_owned())
                .or_default()
                .push(Part { number, path });
        }
    }
    for parts in found.values_mut() {
        parts.sort_by(|a, b| (a.number, &a.path).cmp(&(b.number, &b.path)));
        parts.dedup_by_key(|part| part.number);
    }
    found
}

/// The file's name and the number in the name of a part.
fn parsed(name: &str) -> Option<(&str, u32)> {
    let (of, number) = name.strip_suffix(GZ).unwrap_or(name).rsplit_once('.')?;
    let digits = number.len() >= 4 && number.bytes().all(|byte| byte.is_ascii_digit());
    let number = number.parse().ok().filter(|_| digits)?;
    Some((of, number))
}

/// The text of several files, one after another; those whose names say so are unpacked.
pub struct Joined {
    rest: IntoIter<PathBuf>,
    current: Option<Box<dyn Read>>,
}

impl Joined {
    /// Of these files.
    pub fn of(paths: Vec<PathBuf>) -> Self {
        Self {
            rest: paths.into_iter(),
            current: None,
        }
    }
}

impl Read for Joined {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        loop {
            if self.current.is_none() {
                let Some(next) = self.rest.next() else {
                    return Ok(0);
                };
                self.current = Some(open(&next)?);
            }
            let read = match &mut self.current {
                Some(current) => current.read(into)?,
                None => 0,
            };
            if read > 0 || into.is_empty() {
                return Ok(read);
            }
            self.current = None;
        }
    }
}

/// Opens a file; one that was compressed is unpacked as it is read.
pub fn open(path: &Path) -> io::Result<Box<dyn Read>> {
    let packed = path.extension().is_some_and(|end| end == "gz");
    let file = File::open(path)?;
    Ok(match packed {
        true => Box::new(MultiGzDecoder::new(BufReader::new(file))),
        false => Box::new(file),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_found_in_order_and_read_as_one() {
        let dir = tempfile::tempdir().expect("a directory");
        let log = dir.path().join("web.log");
        for (number, text) in [(2, "two\n"), (1, "one\n"), (10, "ten\n")] {
            std::fs::write(path_of(&log, number), text).expect("a part");
        }
        let (packed, size) = compress(&path_of(&log, 1)).expect("compressed");
        assert_eq!(packed, dir.path().join("web.log.0001.gz"));
        assert_eq!(std::fs::metadata(packed).expect("a file").len(), size);
        assert!(!path_of(&log, 1).exists());
        // Its compression was cut off after the new file had its name, and before it had it.
        std::fs::copy(path_of(&log, 2), dir.path().join("web.log.0002.gz.new")).expect("a copy");
        std::fs::write(path_of(&log, 1), "one\n").expect("a part");
        for other in ["web.log", "web.log.12", "web.log.gz", "web.0001x"] {
            std::fs::write(dir.path().join(other), "other\n").expect("a file");
        }
        let mut found = listed(dir.path());
        let parts = found.remove("web.log").expect("parts");
        assert!(found.is_empty(), "{found:?}");
        let numbers: Vec<u32> = parts.iter().map(|part| part.number).collect();
        assert_eq!(numbers, [1, 2, 10]);
        let mut text = String::new();
        let mut paths: Vec<PathBuf> = parts.into_iter().map(|part| part.path).collect();
        paths.push(dir.path().join("web.log.0001.gz"));
        Joined::of(paths).read_to_string(&mut text).expect("text");
        assert_eq!(text, "one\ntwo\nten\none\n");
    }
}
