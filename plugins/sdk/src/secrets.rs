//! The one place that knows what must not be shown.

use std::borrow::Cow;
use std::sync::Arc;

use serde_json::{Map, Value};

const MASK: &str = "******";
/// Shorter values would mask half of every log.
const SHORTEST: usize = 4;

/// Words, or ends of words, that name a secret wherever they stand.
const CERTAIN: [&str; 6] = [
    "password",
    "passwd",
    "passphrase",
    "secret",
    "token",
    "apikey",
];
/// What stands before `key` where the key itself is written and not the place of one.
const KEYS: [&str; 9] = [
    "access",
    "account",
    "api",
    "application",
    "auth",
    "encryption",
    "license",
    "secret",
    "shared",
];
/// Last words of names whose values point to something.
const POINTERS: [&str; 14] = [
    "arn",
    "dir",
    "directory",
    "file",
    "files",
    "id",
    "ids",
    "location",
    "name",
    "names",
    "path",
    "paths",
    "url",
    "uri",
];

/// Values that are replaced wherever the kitchen shows or records text.
#[derive(Clone, Debug, Default)]
pub struct Secrets(Arc<Vec<String>>);

impl Secrets {
    /// These values; those too short to be told from ordinary text are left out.
    pub fn new(values: impl IntoIterator<Item = String>) -> Self {
        let mut values: Vec<String> = values.into_iter().filter(|v| v.len() >= SHORTEST).collect();
        // Longest first, so that a secret that contains another is masked whole.
        values.sort_by(|a, b| b.len().cmp(&a.len()).then_with(|| a.cmp(b)));
        values.dedup();
        Self(Arc::new(values))
    }

    /// Whether `value` is a secret, told by the name of its key or variable: one with `password`,
    /// `secret`, `token` or `key` as a word. A name that says that the value only points to a secret
    /// (`…_path`, `key_id`) is none, nor is a path or an address below `ssh_key` and its like. The
    /// text of a private key is a secret under any name.
    pub fn is_secret(name: &str, value: &str) -> bool {
        if is_private_key(value) {
            return true;
        }
        let name = name.to_ascii_lowercase();
        let words: Vec<&str> = name.split(|c: char| !c.is_ascii_alphanumeric()).collect();
        if words.last().is_some_and(|last| POINTERS.contains(last)) {
            return false;
        }
        let certain = |word: &&str| CERTAIN.iter().any(|secret| word.ends_with(secret));
        if words.iter().any(certain) {
            return true;
        }
        match words.as_slice() {
            [.., before, "key"] if KEYS.contains(before) => true,
            words => words.contains(&"key") && !is_place(value),
        }
    }

    /// The secret strings of a tree of settings.
    pub fn collect(value: &Value, into: &mut Vec<String>) {
        Self::collect_named("", value, into);
    }

    fn collect_named(name: &str, value: &Value, into: &mut Vec<String>) {
        match value {
            Value::Object(map) => {
                for (name, value) in map.iter().filter(|(_, it)| !is_known(it, map)) {
                    Self::collect_named(name, value, into);
                }
            }
            Value::Array(list) => {
                for value in list {
                    match value.as_str().and_then(variable) {
                        Some((name, value)) => Self::collect_named(name, &value.into(), into),
                        None => Self::collect_named("", value, into),
                    }
                }
            }
            Value::String(text) if Self::is_secret(name, text) => {
                // Logs show text line by line.
                let lines = text
                    .lines()
                    .filter(|line| text.len() > line.len() && !is_fence(line));
                into.extend(lines.map(str::to_owned));
                into.push(text.clone());
            }
            _ => {}
        }
    }

    /// `text` with every secret replaced.
    pub fn mask<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let mut masked = Cow::Borrowed(text);
        for secret in self.0.iter() {
            if masked.contains(secret.as_str()) {
                masked = Cow::Owned(masked.replace(secret.as_str(), MASK));
            }
        }
        masked
    }
}

/// Whether the value is the name of the user beside it, or the one that every Vagrant box has: it
/// keeps nobody out, and to mask it would blot out names and paths in every log.
fn is_known(value: &Value, beside: &Map<String, Value>) -> bool {
    let users = ["user", "username"];
    value == "vagrant" || users.iter().any(|user| beside.get(*user) == Some(value))
}

/// Name and value of a variable that is written `NAME=value`, with or without quotes around it.
fn variable(text: &str) -> Option<(&str, &str)> {
    let (name, value) = text.split_once('=')?;
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let quotes = |c: char| c == '"' || c == '\'';
    (!name.is_empty() && name.chars().all(is_name)).then(|| (name, value.trim_matches(quotes)))
}

fn is_private_key(text: &str) -> bool {
    text.contains("-----BEGIN") && text.contains("PRIVATE KEY-----")
}

/// A line around a key, which is the same for all keys.
fn is_fence(line: &str) -> bool {
    line.trim_start().starts_with("-----")
}

/// Whether the text is a path or an address.
fn is_place(text: &str) -> bool {
    let ends = [".pem", ".key", ".pub", ".gpg", ".asc"];
    text.starts_with(['/', '~', '.', '\\'])
        || text.contains("://")
        || text.contains('@')
        || text.get(1..3) == Some(":\\")
        || ends.iter().any(|end| text.ends_with(end))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_secrets() {
        for name in [
            "password",
            "DB_PASSWORD",
            "api-token",
            "ssh_key",
            "client_secret",
            "dbpassword",
            "aws_secret_access_key",
            "sumo_access_key",
            "APIKEY",
            "key",
        ] {
            assert!(Secrets::is_secret(name, "x7fd2/a+9"), "{name}");
        }
        for name in [
            "monkey",
            "keyboard",
            "user",
            "tokens_path",
            "image",
            "aws_ssh_key_id",
            "encrypted_data_bag_secret_key_path",
            "key_url",
            "key_name",
        ] {
            assert!(!Secrets::is_secret(name, "x7fd2/a+9"), "{name}");
        }
    }

    #[test]
    fn places_of_keys_are_no_secrets() {
        for (name, value) in [
            ("ssh_key", "~/.ssh/id_ed25519"),
            ("ssh_key", "./keys/id"),
            ("tls_key", "C:\\keys\\tls"),
            ("ssl_key", "server.pem"),
            ("salt_apt_repo_key", "https://example.com/key.pub"),
            ("gpg_key", "cook@example.com"),
        ] {
            assert!(!Secrets::is_secret(name, value), "{name}: {value}");
        }
        assert!(Secrets::is_secret("api_key", "/x"));
        assert!(Secrets::is_secret("password", "/x"));
    }

    #[test]
    fn private_keys_are_masked_line_by_line_under_any_name() {
        let text = "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1r\n-----END OPENSSH PRIVATE KEY-----\n";
        let mut found = Vec::new();
        let tree = serde_json::json!({"list": [{"content": text}], "user": "b3BlbnNzaC1r!"});
        Secrets::collect(&tree, &mut found);
        let secrets = Secrets::new(found);
        assert_eq!(secrets.mask("got b3BlbnNzaC1r"), "got ******");
        assert_eq!(secrets.mask(text), "******");
    }

    #[test]
    fn passwords_that_everybody_knows_are_not_masked() {
        let mut found = Vec::new();
        let tree = serde_json::json!({
            "driver": {"username": "admin", "password": "admin"},
            "transport": {"password": "vagrant"},
            "verifier": {"username": "admin", "password": "x7fd2"},
        });
        Secrets::collect(&tree, &mut found);
        assert_eq!(found, ["x7fd2"]);
    }

    #[test]
    fn variables_in_lists_are_masked() {
        let mut found = Vec::new();
        let env = [
            "DB_PASSWORD=hunter2",
            "STAGE=test",
            "API_TOKEN='abcdef'",
            "--key=x y z",
        ];
        Secrets::collect(&serde_json::json!({"env": env}), &mut found);
        assert_eq!(found, ["hunter2", "abcdef"]);
    }

    #[test]
    fn a_secret_that_contains_another_is_masked_whole() {
        let secrets = Secrets::new(["hunter2".into(), "hunter2extra".into(), "abc".into()]);
        assert_eq!(
            secrets.mask("hunter2extra hunter2 abc"),
            "****** ****** abc"
        );
    }
}
