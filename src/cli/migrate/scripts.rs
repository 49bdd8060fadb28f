//! Calls of `kitchen` in a project's scripts: rake and make tasks, pipelines, shell.

use std::path::{Path, PathBuf};

use super::calls::{Call, calls};

/// Longer files are not scripts.
const LARGEST: u64 = 1 << 20;

/// Files that may call `kitchen`.
const FILES: [&str; 24] = [
    "Rakefile",
    "Thorfile",
    "Makefile",
    "makefile",
    "GNUmakefile",
    "justfile",
    "Justfile",
    "Taskfile.yml",
    "Jenkinsfile",
    ".gitlab-ci.yml",
    ".travis.yml",
    ".circleci/config.yml",
    ".buildkite/pipeline.yml",
    ".drone.yml",
    ".woodpecker.yml",
    "appveyor.yml",
    "azure-pipelines.yml",
    "bitbucket-pipelines.yml",
    "noxfile.py",
    "tasks.py",
    "tox.ini",
    "Earthfile",
    "Dangerfile",
    "README.md",
];

/// Directories whose files may, and how their names end; without one any file may.
const DIRECTORIES: [(&str, &str); 14] = [
    (".", ".sh"),
    (".", ".mk"),
    (".", ".ps1"),
    (".github/workflows", "yml"),
    (".github/workflows", "yaml"),
    (".gitlab", "yml"),
    (".ci", ""),
    ("bin", ""),
    ("script", ""),
    ("scripts", ""),
    ("ci", ""),
    ("tasks", ".rake"),
    ("lib/tasks", ".rake"),
    ("rakelib", ".rake"),
];

/// A script that calls `kitchen`.
#[derive(Clone, Debug)]
pub struct Script {
    /// Its path from the project.
    pub path: String,
    /// What it calls, in order.
    pub calls: Vec<Call>,
}

/// The scripts of the project in `root`.
pub fn read(root: &Path) -> Vec<Script> {
    let mut paths: Vec<PathBuf> = FILES.iter().map(PathBuf::from).collect();
    for (directory, end) in DIRECTORIES {
        let Ok(entries) = std::fs::read_dir(root.join(directory)) else {
            continue;
        };
        let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        let mut names: Vec<String> = names.filter(|name| name.ends_with(end)).collect();
        names.sort();
        let directory = Path::new(directory);
        paths.extend(names.iter().map(|name| match directory == Path::new(".") {
            true => name.into(),
            false => directory.join(name),
        }));
    }
    let script = |path: PathBuf| {
        let data = std::fs::metadata(root.join(&path)).ok()?;
        if !data.is_file() || data.len() > LARGEST {
            return None;
        }
        let text = std::fs::read(root.join(&path)).ok()?;
        let calls = calls(&String::from_utf8_lossy(&text));
        (!calls.is_empty()).then(|| Script {
            path: path.display().to_string(),
            calls,
        })
    };
    paths.into_iter().filter_map(script).collect()
}
