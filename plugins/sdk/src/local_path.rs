//! Settings that name something of the workstation. A plugin says once which of its settings do so
//! ([`PluginInfo::paths`](crate::PluginInfo::paths)); the kitchen looks before a machine is made.

use std::borrow::Cow;
use std::path::Path;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::weaker::{escaped, values};
use crate::{Error, Section};

/// What a setting names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Named {
    /// A file.
    File,
    /// A directory.
    Directory,
    /// A file or a directory.
    Any,
    /// A command line of the workstation: where its first word is a path of the project, that file.
    Command,
}

/// A setting whose value names something of the workstation. Paths count from the directory of the
/// configuration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LocalPath {
    /// JSON pointer of the setting; `*` stands for each item of a list, each value of a map,
    /// or a value that is neither, `#` for each key of a map.
    pub at: Cow<'static, str>,
    /// What it names.
    pub is: Named,
    /// Pointer of the setting that names the directory from which the path counts.
    #[serde(default)]
    pub within: Option<Cow<'static, str>>,
    /// Another setting on which it depends whether this one is read.
    #[serde(default)]
    pub when: Option<When>,
}

/// A setting that is read only where another one has a value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct When {
    /// Pointer of the other setting.
    pub at: Cow<'static, str>,
    /// Its value.
    pub is: bool,
    /// Its value where it is not written.
    pub default: bool,
}

impl LocalPath {
    /// The setting at `at` names a file.
    pub fn file(at: &'static str) -> Self {
        Self::new(at, Named::File)
    }

    /// The setting at `at` names a directory.
    pub fn directory(at: &'static str) -> Self {
        Self::new(at, Named::Directory)
    }

    /// The setting at `at` names a file or a directory.
    pub fn any(at: &'static str) -> Self {
        Self::new(at, Named::Any)
    }

    /// The setting at `at` is a command line of the workstation.
    pub fn command(at: &'static str) -> Self {
        Self::new(at, Named::Command)
    }

    fn new(at: &'static str, is: Named) -> Self {
        Self {
            at: Cow::Borrowed(at),
            is,
            within: None,
            when: None,
        }
    }

    /// From the directory that the setting at `within` names.
    #[must_use]
    pub fn within(self, within: &'static str) -> Self {
        let within = Some(Cow::Borrowed(within));
        Self { within, ..self }
    }

    /// Read only where the setting at `at`, which is `default` where it is not written, is `is`.
    #[must_use]
    pub fn when(self, at: &'static str, is: bool, default: bool) -> Self {
        let at = Cow::Borrowed(at);
        let when = Some(When { at, is, default });
        Self { when, ..self }
    }

    /// What it names in `section` and is not there, below the project's directory `root`.
    fn missing(&self, section: &Section, root: &Path) -> Vec<Error> {
        let at = |pointer: &str| values(section, pointer).into_iter().next().map(|it| it.1);
        if let Some(when) = &self.when
            && at(&when.at)
                .and_then(Value::as_bool)
                .unwrap_or(when.default)
                != when.is
        {
            return Vec::new();
        }
        let directory = match self.within.as_ref().and_then(|within| at(within)) {
            None => root.to_path_buf(),
            Some(within) => match within.as_str().map(|text| root.join(text)) {
                // What is wrong with that is told there.
                Some(directory) if directory.is_dir() => directory,
                _ => return Vec::new(),
            },
        };
        let named = self.named(section).into_iter();
        named
            .filter_map(|(pointer, text)| {
                let reason = match self.is {
                    Named::Command => missing_program(&text, &directory)?,
                    _ => missing(&text, &directory, self.is)?,
                };
                let from = match self.within {
                    Some(_) => directory.display().to_string(),
                    None => "the directory of the configuration".to_owned(),
                };
                let hint = format!("Relative paths count from {from}.");
                Some(Error::missing(pointer, reason).hint(hint))
            })
            .collect()
    }

    /// The texts at its pointer, each with its own pointer.
    fn named(&self, section: &Section) -> Vec<(String, String)> {
        if let Some(map) = self.at.strip_suffix("/#") {
            let maps = values(section, map).into_iter();
            let keys = maps.filter_map(|(at, value)| Some((at, value.as_object()?.keys())));
            return keys
                .flat_map(|(at, keys)| {
                    keys.map(move |key| {
                        let pointer = format!("{at}/{}", escaped(key));
                        (pointer, key.clone())
                    })
                })
                .collect();
        }
        let texts = values(section, &self.at).into_iter();
        texts
            .filter_map(|(at, value)| Some((at, value.as_str()?.to_owned())))
            .collect()
    }
}

/// What `paths` name in `section` and is not there, each with the setting's pointer.
pub fn missing_of(paths: &[LocalPath], section: &Section, root: &Path) -> Vec<Error> {
    let mut all = Vec::new();
    for path in paths {
        all.extend(path.missing(section, root));
    }
    all
}

/// Why `text` names no file or directory of the workstation, as a clause; none where it does, or
/// where that cannot be said: an address, an expression, a path of the user's home or of the
/// kitchen's own directory.
pub fn missing(text: &str, directory: &Path, named: Named) -> Option<String> {
    let open = text.is_empty() || text.contains("{{") || text.contains("://");
    if open
        || text.starts_with(['~', '$'])
        || text.trim_start_matches("./").starts_with(".kitchen/")
    {
        return None;
    }
    let path = directory.join(text.trim_start_matches("./"));
    let shown = path.display();
    match named {
        Named::File if path.is_dir() => Some(format!("{shown} is a directory, and no file")),
        Named::Directory if path.is_file() => Some(format!("{shown} is no directory")),
        // A device or a pipe is no file, and can be read.
        _ if path.exists() => None,
        Named::File => Some(format!("{shown}: no such file")),
        Named::Directory => Some(format!("{shown}: no such directory")),
        Named::Any | Named::Command => Some(format!("{shown}: no such file or directory")),
    }
}

/// Why a shell of the workstation in `directory` cannot run `command`, as a clause: its first word
/// is a path of the project that is no file. None where that is not sure: a line of several commands
/// may end well whatever its first one does, and programs elsewhere are the workstation's.
pub fn missing_program(command: &str, directory: &Path) -> Option<String> {
    let command = command.trim();
    let certain = command.replace("&&", "");
    if certain.contains(['\n', ';', '|', '&', '`', '#']) || command.contains("{{") {
        return None;
    }
    let is_variable = |word: &&str| {
        word.split_once('=').is_some_and(|(name, _)| {
            !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        })
    };
    let first = command.split_whitespace().find(|word| !is_variable(word))?;
    let plain = |c: char| c.is_alphanumeric() || "/._-+@%".contains(c);
    if !first.contains('/') || first.starts_with('/') || !first.chars().all(plain) {
        return None;
    }
    let path = directory.join(first.trim_start_matches("./"));
    match path.is_file() {
        true => None,
        false => Some(format!("{}: no such file", path.display())),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn section(values: Value) -> Section {
        let Value::Object(values) = values else {
            panic!("no map");
        };
        Section {
            values,
            ..Section::default()
        }
    }

    #[test]
    fn what_settings_name_and_is_not_there_is_told_by_pointer() {
        let root = tempfile::tempdir().expect("a directory");
        std::fs::create_dir(root.path().join("there")).expect("a directory");
        std::fs::write(root.path().join("there/run.sh"), "").expect("a file");
        let paths = [
            LocalPath::file("/file"),
            LocalPath::directory("/options/cwd"),
            LocalPath::any("/list/*"),
            LocalPath::any("/uploads/#"),
            LocalPath::command("/command")
                .within("/options/cwd")
                .when("/remote", false, false),
        ];
        let keys = |values: Value| -> Vec<String> {
            let found = missing_of(&paths, &section(values), root.path()).into_iter();
            found
                .inspect(|error| assert!(error.missing, "{error}"))
                .filter_map(|error| error.key)
                .collect()
        };
        for (values, expected) in [
            (json!({"file": "there/run.sh", "list": ["there"]}), vec![]),
            (json!({"file": "there"}), vec!["/file"]),
            (
                json!({"file": "gone", "list": ["there", "no"]}),
                vec!["/file", "/list/1"],
            ),
            (json!({"list": "no"}), vec!["/list"]),
            (json!({"uploads": {"a/b": "/tmp"}}), vec!["/uploads/a~1b"]),
            (
                json!({"file": "{{peers.a.address}}", "list": "https://x"}),
                vec![],
            ),
            (json!({"file": "~/x", "list": ".kitchen/key"}), vec![]),
            (json!({"file": false, "options": true}), vec![]),
            (
                json!({"options": {"cwd": "gone"}, "command": "./run.sh"}),
                vec!["/options/cwd"],
            ),
            (
                json!({"options": {"cwd": "there"}, "command": "./run.sh"}),
                vec![],
            ),
            (json!({"command": "./run.sh"}), vec!["/command"]),
            (json!({"command": "./run.sh", "remote": true}), vec![]),
        ] {
            assert_eq!(keys(values.clone()), expected, "{values}");
        }
    }

    #[test]
    fn only_a_command_that_surely_fails_is_told() {
        let root = tempfile::tempdir().expect("a directory");
        std::fs::write(root.path().join("run.sh"), "").expect("a file");
        for (command, missing) in [
            ("./run.sh a", false),
            ("./gone.sh a", true),
            ("A=b C='d' ./gone.sh", true),
            ("./gone.sh && ./run.sh", true),
            ("bin/gone", true),
            ("./gone.sh || true", false),
            ("./gone.sh; true", false),
            ("make ./gone.sh", false),
            ("/opt/gone", false),
            ("$HOME/gone", false),
            ("{{peers.a.address}}/gone", false),
            ("", false),
        ] {
            let told = missing_program(command, root.path());
            assert_eq!(told.is_some(), missing, "{command}: {told:?}");
        }
    }
}
