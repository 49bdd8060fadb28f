//! The one place that knows what must not be shown.

use std::borrow::Cow;
use std::sync::Arc;

use serde_json::Value;

const MASK: &str = "******";
/// Shorter values would mask half of every log.
const SHORTEST: usize = 4;

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

    /// Whether the value of a key or variable of this name is a secret: `password`, `secret`,
    /// `token` or `key` as a word of it.
    pub fn is_secret_name(name: &str) -> bool {
        let name = name.to_ascii_lowercase();
        name.split(|c: char| !c.is_ascii_alphanumeric())
            .any(|word| {
                [
                    "password",
                    "passwd",
                    "passphrase",
                    "secret",
                    "token",
                    "key",
                    "apikey",
                ]
                .iter()
                .any(|secret| {
                    word == *secret
                        || (word.len() > secret.len() && word.ends_with(secret) && *secret != "key")
                })
            })
    }

    /// The secret strings of a tree of settings, found by the names of their keys.
    pub fn collect(value: &Value, into: &mut Vec<String>) {
        match value {
            Value::Object(map) => {
                for (name, value) in map {
                    match value {
                        Value::String(text) if Self::is_secret_name(name) => {
                            into.push(text.clone())
                        }
                        other => Self::collect(other, into),
                    }
                }
            }
            Value::Array(list) => list.iter().for_each(|value| Self::collect(value, into)),
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
        ] {
            assert!(Secrets::is_secret_name(name), "{name}");
        }
        for name in ["monkey", "keyboard", "user", "tokens_path", "image"] {
            assert!(!Secrets::is_secret_name(name), "{name}");
        }
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
