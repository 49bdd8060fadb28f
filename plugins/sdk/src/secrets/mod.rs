//! The one place that knows what must not be shown: which values, in which forms, and how they are
//! found in what is printed.

mod forms;
mod gather;
mod matcher;
mod names;
mod seams;
mod sieve;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use serde_json::Value;

pub use gather::Gather;
use matcher::{Around, Matcher};
pub use seams::Seams;

/// What is shown in place of a secret.
const MASK: &str = "******";

/// Values that are replaced wherever the kitchen shows or records text. Clones share what is
/// learned: a password that a driver notes in a state is masked by all of them.
#[derive(Clone, Default)]
pub struct Secrets(Arc<RwLock<Known>>);

#[derive(Clone, Default)]
struct Known {
    patterns: BTreeMap<String, Around>,
    /// Made when it is first needed: many commands print next to nothing.
    matcher: Option<Arc<Matcher>>,
}

impl Secrets {
    /// These values; those too short to be told from ordinary text are left out.
    pub fn new(values: impl IntoIterator<Item = String>) -> Self {
        let mut gather = Gather::default();
        values.into_iter().for_each(|value| gather.value(&value));
        Self::of(gather)
    }

    /// What was gathered.
    pub fn of(gather: Gather) -> Self {
        let secrets = Self::default();
        secrets.learn(gather);
        secrets
    }

    /// Masks from now on also what was gathered.
    pub fn learn(&self, gather: Gather) {
        let mut fresh = gather.patterns();
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        fresh.retain(|text, around| known.patterns.get(text).is_none_or(|it| *around < *it));
        if fresh.is_empty() {
            return;
        }
        known.patterns.extend(fresh);
        known.matcher = None;
    }

    /// Whether `value` is a secret, told by the name of its key or variable: one with `password`,
    /// `secret`, `token` or `key` as a word, or a short form (`DB_PASS`, `MYSQL_PWD`, `REDIS_AUTH`,
    /// `GH_PAT`). A name that says that the value only points to a secret (`…_path`, `key_id`) or
    /// tells about it (`token_ttl`) is none, nor is a path or an address below `ssh_key` and its
    /// like, nor a word that keeps nobody out. The text of a private key is a secret under any name.
    pub fn is_secret(name: &str, value: &str) -> bool {
        gather::is_secret(name, value)
    }

    /// The secrets of a tree of settings.
    pub fn collect(value: &Value, into: &mut Vec<String>) {
        let mut gather = Gather::default();
        gather.tree(value);
        into.extend(gather.into_values());
    }

    /// `text` with every secret replaced.
    pub fn mask<'a>(&self, text: &'a str) -> Cow<'a, str> {
        self.matcher().mask(text)
    }

    /// Replaces the secrets in all text below `value`, and numbers that are one.
    pub fn mask_value(&self, value: &mut Value) {
        match value {
            Value::Object(map) => map.values_mut().for_each(|value| self.mask_value(value)),
            Value::Array(list) => list.iter_mut().for_each(|value| self.mask_value(value)),
            Value::String(text) => {
                if let Cow::Owned(masked) = self.mask(text) {
                    *text = masked;
                }
            }
            Value::Number(number) => {
                if self.mask(&number.to_string()) == MASK {
                    *value = MASK.into();
                }
            }
            Value::Null | Value::Bool(_) => {}
        }
    }

    /// The byte of `text` from which on it may be the beginning of a secret; else its length.
    fn open_end(&self, text: &str) -> usize {
        self.matcher().open_end(text)
    }

    fn matcher(&self) -> Arc<Matcher> {
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(matcher) = &known.matcher {
            return matcher.clone();
        }
        drop(known);
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let Known { patterns, matcher } = &mut *known;
        let make = || {
            let patterns = patterns.iter();
            let patterns = patterns.map(|(text, around)| (text.clone(), *around));
            Arc::new(Matcher::new(patterns.collect()))
        };
        matcher.get_or_insert_with(make).clone()
    }
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
        write!(f, "Secrets({} forms)", known.patterns.len())
    }
}
