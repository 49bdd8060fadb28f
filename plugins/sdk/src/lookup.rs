//! Where a verifier's tests are: the directories in order, and the one that is taken. The kitchen
//! names the directories, the verifier says what it finds in one, [`look_up`] chooses.

use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Context, Result, Verifier};

/// What a verifier would run of the directory [`Context::tests`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "in", rename_all = "snake_case")]
pub enum Tests {
    /// The verifier looks into no directory: settings name its tests, or a command judges.
    #[default]
    Settings,
    /// Files of a directory.
    Directory {
        /// The directory that was looked into; it need not exist.
        directory: PathBuf,
        /// Which of its files are tests, for people (`*.bats`).
        pattern: String,
        /// Those that are there, sorted.
        files: Vec<PathBuf>,
    },
}

impl Tests {
    /// Every file below `directory` that `is` a test by its path there; `pattern` says to people
    /// which these are. See [`files_in`].
    pub fn of(directory: PathBuf, pattern: &str, is: impl Fn(&str) -> bool) -> Result<Self> {
        Ok(Self::Directory {
            files: files_in(&directory, is)?,
            pattern: pattern.into(),
            directory,
        })
    }

    /// The files; none where no directory is looked into.
    pub fn files(&self) -> &[PathBuf] {
        match self {
            Self::Settings => &[],
            Self::Directory { files, .. } => files,
        }
    }
}

/// The directories that were looked into, and the one whose tests are run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lookup {
    /// What the verifier found under each name, in order.
    pub found: Vec<Tests>,
    /// Index of the directory whose tests are run; none where no directory holds any.
    pub chosen: Option<usize>,
}

impl Lookup {
    /// What is run.
    pub fn taken(&self) -> Option<&Tests> {
        self.chosen.and_then(|index| self.found.get(index))
    }

    /// Directories behind the one that is taken that hold tests as well, which are not run.
    pub fn passed_over(&self) -> impl Iterator<Item = &Tests> {
        let first = self.chosen.map_or(self.found.len(), |index| index + 1);
        let later = self.found.iter().skip(first);
        later.filter(|tests| !tests.files().is_empty())
    }

    /// Whether the verifier was asked in vain: it looks into directories, and none holds a test.
    pub fn is_vain(&self) -> bool {
        let looks = |tests: &Tests| matches!(tests, Tests::Directory { .. });
        self.chosen.is_none() && !self.found.is_empty() && self.found.iter().all(looks)
    }

    /// The directories that were looked into, for people, with what was looked for; paths below
    /// `root` are shown from there. Empty where the verifier looks into none.
    pub fn places(&self, root: &Path) -> String {
        let mut told: Vec<(&str, Vec<String>)> = Vec::new();
        for tests in &self.found {
            if let Tests::Directory {
                directory, pattern, ..
            } = tests
            {
                let shown = shown(directory, root);
                match told.iter_mut().find(|(known, _)| *known == pattern) {
                    Some((_, places)) if places.contains(&shown) => {}
                    Some((_, places)) => places.push(shown),
                    None => told.push((pattern, vec![shown])),
                }
            }
        }
        let told = told.into_iter();
        let told: Vec<_> = told
            .map(|(pattern, places)| format!("{pattern} in {}", places.join(", ")))
            .collect();
        told.join("; ")
    }
}

/// A path as people read it: from `root` on, where it is below.
pub fn shown(path: &Path, root: &Path) -> String {
    path.strip_prefix(root)
        .unwrap_or(path)
        .display()
        .to_string()
}

/// Asks `verifier` in which of the directories that `cx` names it finds tests, and makes the first
/// one of them the context's. Where none holds a test, or the verifier looks into none, it is the
/// first that exists, else the first. Fails where the verifier cannot look, as at a directory of
/// tests that nothing runs; behind a directory that holds tests such an error says nothing.
pub fn look_up(verifier: &dyn Verifier, cx: &mut Context) -> Result<Lookup> {
    let mut lookup = Lookup::default();
    cx.take_first_directory();
    let mut place = cx.clone();
    for name in &cx.tests_names {
        place.tests_name.clone_from(name);
        let tests = match verifier.tests(&place) {
            Ok(tests) => tests,
            Err(_) if lookup.chosen.is_some() => continue,
            Err(error) => return Err(error),
        };
        if lookup.chosen.is_none() && !tests.files().is_empty() {
            lookup.chosen = Some(lookup.found.len());
        }
        lookup.found.push(tests);
    }
    if let Some(index) = lookup.chosen {
        cx.tests_name.clone_from(&cx.tests_names[index]);
    }
    Ok(lookup)
}

/// Whether a file or directory of this name is looked at. Names that begin with a dot are those of
/// editors, of `macOS` and of tools, and no tests.
pub fn is_visible(name: &std::ffi::OsStr) -> bool {
    !name.to_string_lossy().starts_with('.')
}

/// Every file below `directory` whose path there `is` wanted, sorted; none where it is no directory.
/// Files and directories whose name begins with a dot are left out.
pub fn files_in(directory: &Path, is: impl Fn(&str) -> bool) -> Result<Vec<PathBuf>> {
    let seen = walk(directory)?.into_iter();
    let visible = seen.filter(|(_, hidden)| !hidden).map(|(path, _)| path);
    let wanted = |path: &PathBuf| {
        let inner = path.strip_prefix(directory);
        inner.is_ok_and(|inner| is(&inner.to_string_lossy()))
    };
    let mut found: Vec<PathBuf> = visible.filter(wanted).collect();
    found.sort();
    Ok(found)
}

/// The files in visible directories below `directory` whose own name begins with a dot, sorted: for
/// a tool that would run them unless it is told not to.
pub fn hidden_in(directory: &Path) -> Result<Vec<PathBuf>> {
    let seen = walk(directory)?.into_iter();
    let mut found: Vec<PathBuf> = seen.filter(|(_, hidden)| *hidden).map(|it| it.0).collect();
    found.sort();
    Ok(found)
}

/// Every file below `directory`, and whether its name begins with a dot; not below directories of
/// such names.
fn walk(directory: &Path) -> Result<Vec<(PathBuf, bool)>> {
    let mut found = Vec::new();
    let mut open = vec![directory.to_path_buf()];
    while let Some(next) = open.pop() {
        if !next.is_dir() {
            continue;
        }
        for entry in std::fs::read_dir(&next)? {
            let entry = entry?;
            let (path, hidden) = (entry.path(), !is_visible(&entry.file_name()));
            // Not through links, which may lead in circles.
            match path.is_dir() && !path.is_symlink() {
                true if hidden => {}
                true => open.push(path),
                false => found.push((path, hidden)),
            }
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Connection, PluginInfo, Section, State, TestCase, async_trait};

    /// Looks for `*.t` in a directory `t`.
    struct Tool;

    #[async_trait]
    impl Verifier for Tool {
        fn info(&self) -> PluginInfo {
            PluginInfo::of::<()>("tool", "a test")
        }

        fn tests(&self, cx: &Context) -> Result<Tests> {
            Tests::of(cx.tests().join("t"), "*.t", |path| path.ends_with(".t"))
        }

        async fn verify(
            &self,
            _cx: &Context,
            _connection: &dyn Connection,
            _state: &mut State,
        ) -> Result<Vec<TestCase>> {
            Ok(Vec::new())
        }
    }

    fn project(files: &[&str], names: &[&str]) -> (tempfile::TempDir, Context) {
        let root = tempfile::tempdir().unwrap();
        for file in files {
            let path = root.path().join("test/integration").join(file);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "").unwrap();
        }
        let identity = crate::conformance::identity();
        let mut cx = Context::for_tests(identity, root.path().into(), Section::default());
        cx.tests_names = names.iter().map(|name| (*name).to_owned()).collect();
        (root, cx)
    }

    #[test]
    fn the_first_directory_that_holds_a_test_for_the_verifier_is_taken() {
        let files = [
            "suite/t/b.t",
            "multi/t/a.t",
            "multi/t/deep/c.t",
            "label/readme",
        ];
        let (root, mut cx) = project(&files, &["label", "multi", "suite"]);
        let lookup = look_up(&Tool, &mut cx).unwrap();
        assert_eq!(cx.tests_name, "multi");
        assert_eq!(lookup.taken().unwrap().files().len(), 2);
        let over: Vec<_> = lookup.passed_over().flat_map(Tests::files).collect();
        assert_eq!(over, [&root.path().join("test/integration/suite/t/b.t")]);
        assert!(!lookup.is_vain());
    }

    #[test]
    fn where_nothing_is_found_each_directory_is_told() {
        let (root, mut cx) = project(&["multi/x/a"], &["lb answers", "multi", "lb"]);
        let lookup = look_up(&Tool, &mut cx).unwrap();
        assert!(lookup.is_vain());
        assert_eq!(
            lookup.places(root.path()),
            "*.t in test/integration/lb answers/t, test/integration/multi/t, test/integration/lb/t"
        );
        // For commands that are told the name, it is one that exists.
        assert_eq!(cx.tests_name, "multi");
    }

    #[test]
    fn names_that_begin_with_a_dot_are_no_tests() {
        let files = ["s/t/.#a.t", "s/t/._b.t", "s/t/.git/c.t", "s/t/d.t"];
        let (root, cx) = project(&files, &["s"]);
        let directory = root.path().join("test/integration/s/t");
        assert_eq!(Tool.tests(&cx).unwrap().files(), [directory.join("d.t")]);
        let hidden = hidden_in(&directory).unwrap();
        assert_eq!(hidden, [directory.join(".#a.t"), directory.join("._b.t")]);
    }

    #[test]
    fn a_verifier_that_looks_nowhere_is_never_asked_in_vain() {
        let lookup = Lookup {
            found: vec![Tests::Settings],
            chosen: None,
        };
        assert!(!lookup.is_vain());
        assert_eq!(lookup.places(Path::new("/")), "");
    }
}
