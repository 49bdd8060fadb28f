//! OpenSSH's client configuration (ssh_config(5)), as far as this transport uses it: the first
//! value of a keyword wins, `IdentityFile` collects. `Match` knows `all`, `host`, `originalhost`
//! and `user`; a block with any other condition is passed over, for it cannot be judged here.

use std::path::{Path, PathBuf};

/// What the configuration says of one host.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct HostSettings {
    pub host_name: Option<String>,
    pub port: Option<u16>,
    pub user: Option<String>,
    pub identity_files: Vec<String>,
    pub identity_agent: Option<String>,
    pub proxy_jump: Option<String>,
    pub proxy_command: Option<String>,
}

/// Includes go no deeper, as in OpenSSH.
const MAX_DEPTH: usize = 16;

/// Reads the settings of `host` from `file`; a missing file has none.
pub(crate) fn settings(
    file: &Path,
    home: Option<&Path>,
    host: &str,
    user: &str,
) -> std::io::Result<HostSettings> {
    let mut reader = Reader {
        host,
        user,
        home,
        found: HostSettings::default(),
    };
    reader.file(file, 0, true)?;
    let mut found = reader.found;
    found.host_name = found.host_name.map(|name| name.replace("%h", host));
    Ok(found)
}

struct Reader<'a> {
    host: &'a str,
    user: &'a str,
    home: Option<&'a Path>,
    found: HostSettings,
}

impl Reader<'_> {
    fn file(&mut self, file: &Path, depth: usize, applies: bool) -> std::io::Result<()> {
        let text = match std::fs::read_to_string(file) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(error),
        };
        self.text(
            &text,
            file.parent().unwrap_or(Path::new("")),
            depth,
            applies,
        )
    }

    fn text(
        &mut self,
        text: &str,
        directory: &Path,
        depth: usize,
        outer: bool,
    ) -> std::io::Result<()> {
        let mut applies = outer;
        for line in text.lines() {
            let Some((keyword, words)) = split(line) else {
                continue;
            };
            match keyword.as_str() {
                "host" => applies = outer && matches(&words, self.host),
                "match" => applies = outer && self.conditions(&words),
                "include" if applies && depth < MAX_DEPTH => {
                    for pattern in &words {
                        for file in self.included(pattern, directory) {
                            self.file(&file, depth + 1, true)?;
                        }
                    }
                }
                _ if applies => self.keyword(&keyword, &words),
                _ => {}
            }
        }
        Ok(())
    }

    fn keyword(&mut self, keyword: &str, words: &[String]) {
        let Some(first) = words.first().cloned() else {
            return;
        };
        let found = &mut self.found;
        match keyword {
            "hostname" => first_wins(&mut found.host_name, first),
            "user" => first_wins(&mut found.user, first),
            "proxyjump" => first_wins(&mut found.proxy_jump, first),
            "proxycommand" => first_wins(&mut found.proxy_command, words.join(" ")),
            "identityagent" => first_wins(&mut found.identity_agent, first),
            "identityfile" => found.identity_files.push(first),
            "port" => {
                if let (None, Ok(port)) = (found.port, first.parse()) {
                    found.port = Some(port);
                }
            }
            _ => {}
        }
    }

    fn conditions(&self, words: &[String]) -> bool {
        let mut words = words.iter();
        while let Some(word) = words.next() {
            let holds = match word.to_ascii_lowercase().as_str() {
                "all" => true,
                kind @ ("host" | "originalhost" | "user") => {
                    let Some(patterns) = words.next() else {
                        return false;
                    };
                    let patterns: Vec<String> = patterns.split(',').map(Into::into).collect();
                    let subject = match kind {
                        "user" => self.found.user.as_deref().unwrap_or(self.user),
                        "host" => self.found.host_name.as_deref().unwrap_or(self.host),
                        _ => self.host,
                    };
                    matches(&patterns, subject)
                }
                _ => false,
            };
            if !holds {
                return false;
            }
        }
        true
    }

    /// The files of an `Include`, in order; `*` and `?` stand in the last part of the path only.
    fn included(&self, pattern: &str, directory: &Path) -> Vec<PathBuf> {
        let path = directory.join(expand_home(pattern, self.home));
        let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else {
            return Vec::new();
        };
        let Some(name) = name.to_str().filter(|name| name.contains(['*', '?'])) else {
            return vec![path];
        };
        let Ok(entries) = std::fs::read_dir(parent) else {
            return Vec::new();
        };
        let mut files: Vec<PathBuf> = entries
            .flatten()
            .filter(|entry| entry.file_name().to_str().is_some_and(|n| wild(name, n)))
            .map(|entry| entry.path())
            .collect();
        files.sort();
        files
    }
}

fn first_wins(slot: &mut Option<String>, value: String) {
    if slot.is_none() {
        *slot = Some(value);
    }
}

/// Keyword in small letters and its words; none for an empty line or a comment.
fn split(line: &str) -> Option<(String, Vec<String>)> {
    let line = line.trim();
    if line.is_empty() || line.starts_with('#') {
        return None;
    }
    let end = line.find(|c: char| c.is_whitespace() || c == '=')?;
    let (keyword, rest) = line.split_at(end);
    let rest = rest.trim_start();
    let rest = rest.strip_prefix('=').unwrap_or(rest).trim();
    let keyword = keyword.to_ascii_lowercase();
    if keyword == "proxycommand" {
        // The rest of the line is for a shell, quotes and all.
        return Some((keyword, vec![rest.to_owned()]));
    }
    let mut words = Vec::new();
    let mut word = String::new();
    let mut quoted = false;
    for c in rest.chars() {
        match c {
            '"' => quoted = !quoted,
            c if c.is_whitespace() && !quoted => {
                if !word.is_empty() {
                    words.push(std::mem::take(&mut word));
                }
            }
            '#' if !quoted && word.is_empty() => break,
            c => word.push(c),
        }
    }
    if !word.is_empty() {
        words.push(word);
    }
    Some((keyword, words))
}

/// Whether one of `patterns` fits and none with `!` does.
fn matches(patterns: &[String], name: &str) -> bool {
    let mut fits = false;
    for pattern in patterns {
        match pattern.strip_prefix('!') {
            Some(refused) if wild(refused, name) => return false,
            Some(_) => {}
            None => fits |= wild(pattern, name),
        }
    }
    fits
}

/// `*` and `?` as in ssh_config(5).
fn wild(pattern: &str, text: &str) -> bool {
    let mut text = text.chars();
    let mut pattern = pattern.chars();
    match pattern.next() {
        None => text.next().is_none(),
        Some('*') => {
            let rest = pattern.as_str();
            let mut tail = text.as_str();
            loop {
                if wild(rest, tail) {
                    return true;
                }
                let mut chars = tail.chars();
                if chars.next().is_none() {
                    return false;
                }
                tail = chars.as_str();
            }
        }
        Some(wanted) => match text.next() {
            Some(c) if wanted == '?' || wanted.eq_ignore_ascii_case(&c) => {
                wild(pattern.as_str(), text.as_str())
            }
            _ => false,
        },
    }
}

/// `~/…` below the home directory.
pub(crate) fn expand_home(path: &str, home: Option<&Path>) -> PathBuf {
    match (path.strip_prefix("~/"), home) {
        (Some(rest), Some(home)) => home.join(rest),
        _ => PathBuf::from(path),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str, host: &str) -> HostSettings {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("config");
        std::fs::write(&file, text).unwrap();
        settings(&file, None, host, "me").unwrap()
    }

    #[test]
    fn the_first_value_wins() {
        let text =
            "Host web*\n  Port 2222\n  User=deploy\nHost *\n  Port 22\n  HostName %h.example\n";
        let web = of(text, "web1");
        assert_eq!(
            (web.port, web.user.as_deref()),
            (Some(2222), Some("deploy"))
        );
        assert_eq!(web.host_name.as_deref(), Some("web1.example"));
        assert_eq!(of(text, "db").port, Some(22));
        assert_eq!(of(text, "db").user, None);
    }

    #[test]
    fn a_pattern_may_refuse() {
        let text = "Host 10.0.0.* !10.0.0.9\nUser a\n";
        assert_eq!(of(text, "10.0.0.1").user.as_deref(), Some("a"));
        assert_eq!(of(text, "10.0.0.9").user, None);
    }

    #[test]
    fn identity_files_collect_and_quotes_hold_spaces() {
        let text = "identityfile \"my key\" # comment\nHost x\nIdentityFile other\n";
        assert_eq!(of(text, "x").identity_files, ["my key", "other"]);
    }

    #[test]
    fn a_condition_that_cannot_be_judged_is_passed_over() {
        let text = "Match exec \"true\"\n  User wrong\nMatch host db,web user me\n  User right\n";
        assert_eq!(of(text, "web").user.as_deref(), Some("right"));
        assert_eq!(of(text, "other").user, None);
    }

    #[test]
    fn a_proxy_command_is_kept_whole() {
        let text = "ProxyCommand  ssh -q \"a b\" %h # not a comment\n";
        assert_eq!(
            of(text, "x").proxy_command.as_deref(),
            Some("ssh -q \"a b\" %h # not a comment")
        );
    }

    #[test]
    fn includes_are_read_in_place() {
        let directory = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            std::fs::write(directory.path().join(name), text).unwrap();
        };
        write("config", "Host web\nInclude conf_*\nHost *\nUser late\n");
        write("conf_a", "User early\n");
        write("other", "Port 1\n");
        let file = directory.path().join("config");
        let found = settings(&file, None, "web", "me").unwrap();
        assert_eq!((found.user.as_deref(), found.port), (Some("early"), None));
        let found = settings(&file, None, "db", "me").unwrap();
        assert_eq!(found.user.as_deref(), Some("late"));
    }

    #[test]
    fn no_file_has_no_settings() {
        let nowhere = Path::new("/there/is/no/such/config");
        assert_eq!(
            settings(nowhere, None, "web", "me").unwrap(),
            HostSettings::default()
        );
    }
}
