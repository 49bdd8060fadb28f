//! Which files of a cookbook go to the instance.

use std::path::Path;

use banquet_sdk::tool::Stage;
use banquet_sdk::{Error, Result};
use globset::{GlobBuilder, GlobSet, GlobSetBuilder};

/// What one of several patterns matches.
pub struct Patterns {
    set: GlobSet,
    /// The first directory that each pattern names, where it names one.
    tops: Option<Vec<String>>,
}

impl Patterns {
    /// Patterns with commas between them, as in Ruby's braces.
    pub fn new(text: &str) -> Result<Self> {
        let wrong =
            |error: globset::Error| Error::config("/cookbook_files_glob", error.to_string());
        let mut set = GlobSetBuilder::new();
        let mut tops = Some(Vec::new());
        for pattern in split(text) {
            let glob = GlobBuilder::new(pattern).literal_separator(true).build();
            set.add(glob.map_err(wrong)?);
            if let Some((top, _)) = pattern.split_once('/') {
                match top.contains(['*', '?', '[', '{']) {
                    true => tops = None,
                    false => tops.iter_mut().for_each(|tops| tops.push(top.to_owned())),
                }
            }
        }
        let set = set.build().map_err(wrong)?;
        Ok(Self { set, tops })
    }
}

/// Cuts at commas outside of braces.
fn split(text: &str) -> Vec<&str> {
    let (mut depth, mut start, mut parts) = (0_usize, 0, Vec::new());
    for (at, c) in text.char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth = depth.saturating_sub(1),
            ',' if depth == 0 => {
                parts.push(&text[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&text[start..]);
    parts.retain(|part| !part.is_empty());
    parts
}

impl Patterns {
    /// Copies what of the cookbook in `from` is matched to `name` in the stage; nothing that begins
    /// with a dot, at the top.
    pub fn copy(&self, from: &Path, stage: &Stage, name: &Path) -> Result<()> {
        let keep = |path: &Path| {
            let inside = path.strip_prefix(from).unwrap_or(path);
            let inside = inside.to_string_lossy().replace('\\', "/");
            !inside.starts_with('.')
                && match path.is_dir() {
                    true => self.enters(&inside),
                    false => self.set.is_match(&inside),
                }
        };
        stage.copy(from, name, &keep)
    }

    /// Whether anything in a directory may match.
    fn enters(&self, path: &str) -> bool {
        let top = path.split('/').next().unwrap_or_default();
        let named = |tops: &Vec<String>| tops.iter().any(|known| known == top);
        self.tops.as_ref().is_none_or(named)
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    fn files(of: &Path) -> Vec<String> {
        let (mut found, mut open) = (Vec::new(), vec![PathBuf::from(of)]);
        while let Some(next) = open.pop() {
            for entry in std::fs::read_dir(next).unwrap() {
                let path = entry.unwrap().path();
                match path.is_dir() {
                    true => open.push(path),
                    false => found.push(path.strip_prefix(of).unwrap().display().to_string()),
                }
            }
        }
        found.sort();
        found
    }

    #[test]
    fn of_a_cookbook_only_its_own_files_are_copied() {
        let from = tempfile::tempdir().unwrap();
        for file in [
            "metadata.rb",
            "README.md",
            "Berksfile",
            "spec/a_spec.rb",
            "recipes/default.rb",
            "recipes/.hidden.rb",
            "templates/default/a/b.erb",
            "test/integration/x.rb",
            ".git/metadata.rb",
            "files/x",
        ] {
            let path = from.path().join(file);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, file).unwrap();
        }
        let root = tempfile::tempdir().unwrap();
        let stage = Stage::new(&root.path().join(".kitchen")).unwrap();
        let patterns = Patterns::new(crate::settings::COOKBOOK_FILES).unwrap();
        patterns
            .copy(from.path(), &stage, Path::new("web"))
            .unwrap();
        assert_eq!(
            files(&stage.path().join("web")),
            [
                "README.md",
                "files/x",
                "metadata.rb",
                "recipes/.hidden.rb",
                "recipes/default.rb",
                "templates/default/a/b.erb"
            ]
        );
    }

    #[test]
    fn patterns_are_cut_outside_of_braces() {
        assert_eq!(split("a.{b,c},d/**/*,"), ["a.{b,c}", "d/**/*"]);
        assert!(Patterns::new("**/*").unwrap().enters("spec"));
        assert!(!Patterns::new("recipes/*").unwrap().enters("spec"));
        let error = Patterns::new("{a").err().unwrap();
        assert_eq!(error.key.as_deref(), Some("/cookbook_files_glob"));
    }
}
