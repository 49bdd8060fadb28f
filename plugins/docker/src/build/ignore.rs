//! The patterns of a `.dockerignore`, read as Docker does (moby/patternmatcher): relative to the
//! context's root, the last that matches a path or a directory above it decides, `!` takes back.

use std::io;
use std::path::{Path, PathBuf};

use regex::Regex;

/// The kitchen's own directory changes all the time and belongs into no image.
const KITCHEN_DIR: &str = ".kitchen";

/// What is left out of a context.
pub struct Ignored(Vec<(Regex, bool)>);

impl Ignored {
    /// The patterns of `DOCKERFILE.dockerignore`, else of the context's `.dockerignore`.
    pub fn read(context: &Path, dockerfile: Option<&Path>) -> io::Result<Self> {
        let own = dockerfile.map(|path| {
            let mut name = path.as_os_str().to_owned();
            name.push(".dockerignore");
            PathBuf::from(name)
        });
        for path in own.into_iter().chain([context.join(".dockerignore")]) {
            match std::fs::read_to_string(&path) {
                Ok(text) => return Self::parse(&text),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        Self::parse("")
    }

    fn parse(text: &str) -> io::Result<Self> {
        let mut patterns = vec![(compiled(KITCHEN_DIR)?, true)];
        for line in text.trim_start_matches('\u{feff}').lines() {
            // A comment begins its line: after a space `#` belongs to a name.
            if line.starts_with('#') || line.trim().is_empty() {
                continue;
            }
            let line = line.trim();
            let (pattern, ignores) = match line.strip_prefix('!') {
                Some(pattern) => (pattern.trim(), false),
                None => (line, true),
            };
            if pattern.is_empty() {
                return Err(invalid(line, "a name is missing after `!`"));
            }
            patterns.push((compiled(&clean(pattern))?, ignores));
        }
        Ok(Self(patterns))
    }

    fn ignores(&self, path: &Path) -> bool {
        let above = path.ancestors().map(slashed);
        let parts: Vec<String> = above.take_while(|part| !part.is_empty()).collect();
        let matches = |pattern: &Regex| parts.iter().any(|part| pattern.is_match(part));
        let mut latest_first = self.0.iter().rev();
        latest_first
            .find(|(pattern, _)| matches(pattern))
            .is_some_and(|(_, ignores)| *ignores)
    }

    /// Everything below `root` that is not ignored, directories before what is in them.
    pub fn list(&self, root: &Path) -> io::Result<Vec<PathBuf>> {
        let takes_back = self.0.iter().any(|(_, ignores)| !ignores);
        let mut found = Vec::new();
        let mut directories = vec![PathBuf::new()];
        while let Some(directory) = directories.pop() {
            for entry in std::fs::read_dir(root.join(&directory))? {
                let entry = entry?;
                let path = directory.join(entry.file_name());
                let ignored = self.ignores(&path);
                if entry.file_type()?.is_dir() && (!ignored || takes_back) {
                    directories.push(path.clone());
                }
                if !ignored {
                    found.push(path);
                }
            }
        }
        found.sort();
        Ok(found)
    }
}

fn slashed(path: &Path) -> String {
    let text = path.to_string_lossy();
    match std::path::MAIN_SEPARATOR {
        '/' => text.into_owned(),
        separator => text.replace(separator, "/"),
    }
}

/// The pattern without `.`, `..` and needless slashes.
fn clean(pattern: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in pattern.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => drop(parts.pop()),
            ".." if pattern.starts_with('/') => {}
            part => parts.push(part),
        }
    }
    parts.join("/")
}

/// `*` and `?` stay within a name, `**` goes through directories; braces mean themselves.
fn compiled(pattern: &str) -> io::Result<Regex> {
    let mut text = String::from("^");
    let mut rest = pattern.chars().peekable();
    while let Some(next) = rest.next() {
        match next {
            '*' if rest.next_if_eq(&'*').is_some() => {
                rest.next_if_eq(&'/');
                text.push_str(match rest.peek() {
                    Some(_) => "(?:.*/)?",
                    None => ".*",
                });
            }
            '*' => text.push_str("[^/]*"),
            '?' => text.push_str("[^/]"),
            '[' | ']' | '-' | '^' => text.push(next),
            '\\' => {
                let escaped = rest.next().unwrap_or('\\');
                text.push_str(&regex::escape(&escaped.to_string()));
            }
            plain => text.push_str(&regex::escape(&plain.to_string())),
        }
    }
    text.push('$');
    Regex::new(&text).map_err(|_| invalid(pattern, "it is no pattern"))
}

fn invalid(pattern: &str, why: &str) -> io::Error {
    let text = format!(".dockerignore: {pattern}: {why}");
    io::Error::new(io::ErrorKind::InvalidData, text)
}

#[cfg(test)]
mod tests {
    use super::super::tests::project;
    use super::*;

    fn listed(files: &[(&str, &str)]) -> Vec<String> {
        let root = project(files);
        let dockerfile = root.path().join("Dockerfile");
        let ignored = Ignored::read(root.path(), Some(&dockerfile)).unwrap();
        let paths = ignored.list(root.path()).unwrap();
        let files = paths.iter().filter(|path| root.path().join(path).is_file());
        files
            .map(|path| path.to_str().unwrap().to_owned())
            .collect()
    }

    #[test]
    fn patterns_start_at_the_root() {
        let files = [
            (
                ".dockerignore",
                "# logs\n*.log\n/tmp/\nsub/*.txt\n**/deep.bin\n",
            ),
            ("a.log", ""),
            ("sub/a.log", ""),
            ("sub/b.txt", ""),
            ("sub/c/deep.bin", ""),
            ("tmp/x", ""),
            ("kept", ""),
            (".kitchen/logs/x.log", ""),
        ];
        assert_eq!(listed(&files), [".dockerignore", "kept", "sub/a.log"]);
    }

    #[test]
    fn the_last_pattern_decides_and_takes_back_what_is_deep_inside() {
        let files = [
            (".dockerignore", "*\n!keep/this\nkeep/this/not\n"),
            ("other", ""),
            ("keep/this/a", ""),
            ("keep/this/not", ""),
            ("keep/that", ""),
        ];
        assert_eq!(listed(&files), ["keep/this/a"]);
    }

    #[test]
    fn a_dockerfile_may_have_patterns_of_its_own() {
        let files = [
            (".dockerignore", "b\n"),
            ("Dockerfile.dockerignore", "*\n!b\n"),
            ("a", ""),
            ("b", ""),
        ];
        assert_eq!(listed(&files), ["b"]);
    }

    /// Rows of moby/patternmatcher's own tests, and where globs of other programs differ.
    #[test]
    fn patterns_match_as_dockers_do() {
        for (pattern, path, ignored) in [
            ("**", "dir/file", true),
            ("**/", "file", true),
            ("**/**", "dir/file", true),
            ("dir/**", "dir/dir2/file", true),
            ("**/file", "dir/dir/file", true),
            ("a**/*.txt", "abc/def.txt", true),
            ("a/**/b", "a/c/d/b", true),
            ("a/**/b", "a/b", true),
            ("a[b-d]e", "ae", false),
            ("a[b-d]e", "ace", true),
            ("a[^b-d]e", "aze", true),
            ("a?c", "a/c", false),
            ("a\\*b", "a*b", true),
            ("a\\*b", "acb", false),
            ("{a,b}", "a", false),
            ("{a,b}", "{a,b}", true),
            ("./dir/../file/", "file", true),
            ("file", "file/below", true),
            (".*", ".foo", true),
            ("abc.def", "abcdef", false),
            (" #x", "#x", true),
            ("#x", "#x", false),
            ("*\n! file", "file", false),
        ] {
            let ignores = Ignored::parse(pattern).unwrap().ignores(Path::new(path));
            assert_eq!(ignores, ignored, "{pattern} {path}");
        }
        for pattern in ["[", "!"] {
            assert!(Ignored::parse(pattern).is_err(), "{pattern}");
        }
    }
}
