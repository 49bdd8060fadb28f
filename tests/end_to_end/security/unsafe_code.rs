//! `unsafe` stays where one reader can look at all of it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

#[test]
fn unsafe_stays_in_one_file_of_a_crate_each_with_its_reason() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut crates = vec![root.join("src")];
    for rooms in ["crates", "plugins"] {
        crates.extend(entries(&root.join(rooms)).map(|one| one.join("src")));
    }
    let mut found: BTreeMap<PathBuf, Vec<PathBuf>> = BTreeMap::new();
    for source in crates.into_iter().filter(|source| source.is_dir()) {
        let mut folders = vec![source.clone()];
        while let Some(folder) = folders.pop() {
            for path in entries(&folder) {
                if path.is_dir() {
                    folders.push(path);
                } else if path.extension().is_some_and(|end| end == "rs") {
                    let text = std::fs::read_to_string(&path).unwrap();
                    let blocks = text.matches("unsafe {").count();
                    if blocks + text.matches("allow(unsafe_code)").count() > 0 {
                        let reasons = text.matches("// SAFETY: ").count();
                        assert_eq!(blocks, reasons, "reasons in {}", path.display());
                        found.entry(source.clone()).or_default().push(path);
                    }
                }
            }
        }
    }
    assert!(!found.is_empty(), "the sandbox needs some");
    for files in found.values() {
        assert_eq!(files.len(), 1, "{files:?}");
    }
}

fn entries(folder: &Path) -> impl Iterator<Item = PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap();
    entries.map(|entry| entry.unwrap().path())
}
