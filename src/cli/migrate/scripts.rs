//! Calls of `kitchen` in a project's scripts: rake and make tasks, pipelines, shell.

use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use fancy_regex::Regex;

/// Longer files are not scripts.
const LARGEST: u64 = 1 << 20;

/// Files that may call `kitchen`.
const FILES: [&str; 12] = [
    "Rakefile",
    "Thorfile",
    "Makefile",
    "makefile",
    "justfile",
    "Taskfile.yml",
    "Jenkinsfile",
    ".gitlab-ci.yml",
    ".travis.yml",
    ".circleci/config.yml",
    "azure-pipelines.yml",
    "bitbucket-pipelines.yml",
];

/// Directories whose files may, and how their names end; without one any file may.
const DIRECTORIES: [(&str, &str); 8] = [
    (".", ".sh"),
    (".github/workflows", "yml"),
    (".github/workflows", "yaml"),
    ("bin", ""),
    ("script", ""),
    ("scripts", ""),
    ("ci", ""),
    ("tasks", ".rake"),
];

/// A script that calls `kitchen`.
#[derive(Clone, Debug)]
pub struct Script {
    /// Its path from the project.
    pub path: String,
    /// What it calls, in order.
    pub calls: Vec<Call>,
}

/// One call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// Line, from 1.
    pub line: usize,
    /// `create`, `converge`, `setup`, `verify`, `destroy` or `exec`.
    pub action: String,
    /// A name or regular expression.
    pub argument: String,
    /// The command of `exec`.
    pub command: Option<String>,
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

/// The calls in a text, those in comments left out, and those whose argument only the script
/// itself knows.
pub fn calls(text: &str) -> Vec<Call> {
    static CALL: LazyLock<Option<Regex>> = LazyLock::new(|| {
        Regex::new(r#"\bkitchen[ \t]+(create|converge|setup|verify|destroy|exec)\b([^&|;)`\n]*)"#)
            .ok()
    });
    static COMMAND: LazyLock<Option<Regex>> =
        LazyLock::new(|| Regex::new(r#"(?:-c|--command)[ =]?\s*(['"])(.*?)\1"#).ok());
    let mut found = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let start = line.trim_start();
        if start.starts_with('#') || start.starts_with("//") {
            continue;
        }
        let matches = CALL.iter().flat_map(|regex| regex.captures_iter(line));
        for captures in matches.filter_map(Result::ok) {
            let part = |number| captures.get(number).map_or("", |it| it.as_str());
            let (action, rest) = (part(1).to_owned(), part(2));
            let Some(argument) = argument(rest) else {
                continue;
            };
            let from = captures.get(2).map_or(0, |rest| rest.start());
            let command = COMMAND
                .as_ref()
                .filter(|_| action == "exec")
                .and_then(|regex| {
                    let captures = regex.captures(&line[from..]).ok()??;
                    Some(captures.get(2)?.as_str().to_owned())
                });
            if action == "exec" && command.is_none() {
                continue;
            }
            found.push(Call {
                line: index + 1,
                action,
                argument,
                command,
            });
        }
    }
    found
}

/// The first word that is no option, without the quotes around it or around the whole call; none
/// where it holds a variable.
fn argument(rest: &str) -> Option<String> {
    let words = rest.split_whitespace();
    let words = words.map(|word| word.trim_matches(['"', '\'', ',', ']', '}']));
    let is_name = |word: &&str| {
        !word.is_empty() && !word.starts_with('-') && !word.bytes().all(|it| it.is_ascii_digit())
    };
    let word = words.into_iter().find(is_name)?;
    (!word.contains(['$', '#', '{', '%', '<'])).then(|| word.to_owned())
}
