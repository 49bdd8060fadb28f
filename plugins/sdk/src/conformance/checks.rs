//! Runs named checks, prints each, and fails at the end with all that did not hold.

use std::fmt::Display;
use std::time::Duration;

use serde_json::Value;

use crate::{PluginInfo, Result};

/// What a check says: nothing, or what was expected and what was seen.
pub(super) type Outcome<T = ()> = std::result::Result<T, String>;

/// No single check may take longer.
const LIMIT: Duration = Duration::from_secs(300);

/// A run of checks.
pub(super) struct Checks<'a> {
    title: String,
    exempt: &'a [(&'static str, &'static str)],
    seen: Vec<&'static str>,
    failures: Vec<String>,
}

impl<'a> Checks<'a> {
    /// Checks of `title`; those named in `exempt` do not apply, with the reason.
    pub fn new(title: impl Into<String>, exempt: &'a [(&'static str, &'static str)]) -> Self {
        Self {
            title: title.into(),
            exempt,
            seen: Vec::new(),
            failures: Vec::new(),
        }
    }

    /// Runs one check unless it is exempt.
    pub async fn check(&mut self, name: &'static str, work: impl Future<Output = Outcome>) {
        self.seen.push(name);
        if let Some((_, reason)) = self.exempt.iter().find(|(exempt, _)| *exempt == name) {
            println!("{}: {name}: does not apply: {reason}", self.title);
            return;
        }
        let outcome = tokio::time::timeout(LIMIT, work)
            .await
            .unwrap_or_else(|_| Err(format!("expected an end within {LIMIT:?}")));
        match outcome {
            Ok(()) => println!("{}: {name}: ok", self.title),
            Err(seen) => {
                println!("{}: {name}: FAILED: {seen}", self.title);
                self.failures.push(format!("{name}: {seen}"));
            }
        }
    }

    /// Panics if a check failed.
    pub fn finish(self) {
        assert!(
            self.failures.is_empty(),
            "{}: {} of {} checks failed\n{}",
            self.title,
            self.failures.len(),
            self.seen.len(),
            self.failures.join("\n")
        );
    }
}

/// An error of the plugin, with what the suite was doing.
pub(super) trait During<T> {
    /// Puts `what` before the error.
    fn during(self, what: &str) -> Outcome<T>;
}

impl<T> During<T> for Result<T> {
    fn during(self, what: &str) -> Outcome<T> {
        self.map_err(|error| format!("{what}: {error}"))
    }
}

impl<T> During<T> for std::io::Result<T> {
    fn during(self, what: &str) -> Outcome<T> {
        self.map_err(|error| format!("{what}: {error}"))
    }
}

/// Fails with `expected` unless it holds.
pub(super) fn expect(holds: bool, expected: impl Display) -> Outcome {
    if holds {
        Ok(())
    } else {
        Err(format!("expected {expected}"))
    }
}

/// Fails unless both are the same.
pub(super) fn expect_eq<T: PartialEq + std::fmt::Debug>(what: &str, seen: T, want: T) -> Outcome {
    expect(
        seen == want,
        format_args!("{what} to be {want:?}, saw {seen:?}"),
    )
}

/// The plugin has a name, and its schema describes every key.
pub(super) fn info_is_complete(info: &PluginInfo) -> Outcome {
    expect(!info.name.is_empty(), "a name")?;
    expect(!info.summary.is_empty(), "a summary")?;
    expect(!info.keys().is_empty(), "keys in the schema")?;
    let schema = info.schema();
    let properties = schema.get("properties").and_then(Value::as_object);
    for (key, schema) in properties.into_iter().flatten() {
        expect(
            schema.get("description").is_some_and(Value::is_string),
            format_args!("a description of key {key}"),
        )?;
    }
    Ok(())
}
