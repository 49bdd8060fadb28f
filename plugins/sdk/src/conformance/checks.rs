//! Runs named checks and tells each; a test fails at the end with all that did not hold.

use std::borrow::Cow;
use std::fmt::Display;
use std::sync::Mutex;
use std::time::Duration;

use serde_json::Value;

use super::subject::locked;
use crate::{PluginInfo, Result};

/// What a check says: nothing, or what was expected and what was seen.
pub(super) type Outcome<T = ()> = std::result::Result<T, String>;

/// No single check may take longer.
const LIMIT: Duration = Duration::from_secs(300);

/// A check that was done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// What was checked.
    pub name: &'static str,
    /// What came of it.
    pub verdict: Verdict,
}

/// What came of a check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It held.
    Held,
    /// It does not apply, for this reason.
    Exempt(String),
    /// It did not hold: what was expected, and what was seen.
    Failed(String),
}

/// Hears of every check once it is done.
pub type Told<'a> = &'a (dyn Fn(&Check) + Sync);

/// Checks that do not apply, each with the reason.
pub(super) type Exempt = Vec<(Cow<'static, str>, Cow<'static, str>)>;

/// A run of checks.
pub(super) struct Checks<'a> {
    exempt: &'a Exempt,
    told: Told<'a>,
}

impl<'a> Checks<'a> {
    /// Checks that `told` hears of; those named in `exempt` do not apply.
    pub fn new(exempt: &'a Exempt, told: Told<'a>) -> Self {
        Self { exempt, told }
    }

    /// Runs one check unless it is exempt.
    pub async fn check(&mut self, name: &'static str, work: impl Future<Output = Outcome>) {
        let verdict = match self.exempt.iter().find(|(exempt, _)| *exempt == name) {
            Some((_, reason)) => Verdict::Exempt(reason.clone().into_owned()),
            None => match tokio::time::timeout(LIMIT, work).await {
                Ok(Ok(())) => Verdict::Held,
                Ok(Err(seen)) => Verdict::Failed(seen),
                Err(_) => Verdict::Failed(format!("expected an end within {LIMIT:?}")),
            },
        };
        (self.told)(&Check { name, verdict });
    }
}

/// What tests hear: prints every check, and panics at the end where one failed.
pub(super) struct Judge {
    title: String,
    seen: Mutex<(usize, Vec<String>)>,
}

impl Judge {
    /// A judge of `title`.
    pub fn new(title: String) -> Self {
        Self {
            title,
            seen: Mutex::default(),
        }
    }

    /// Hears of a check.
    pub fn hear(&self, check: &Check) {
        let (title, name) = (&self.title, check.name);
        let mut seen = locked(&self.seen);
        seen.0 += 1;
        match &check.verdict {
            Verdict::Held => println!("{title}: {name}: ok"),
            Verdict::Exempt(reason) => println!("{title}: {name}: does not apply: {reason}"),
            Verdict::Failed(why) => {
                println!("{title}: {name}: FAILED: {why}");
                seen.1.push(format!("{name}: {why}"));
            }
        }
    }

    /// Panics if a check failed.
    pub fn finish(self) {
        let (count, failures) = &*locked(&self.seen);
        assert!(
            failures.is_empty(),
            "{}: {} of {count} checks failed\n{}",
            self.title,
            failures.len(),
            failures.join("\n")
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
