//! How long things took the last time that they passed, from the verdicts of earlier runs.

use std::collections::HashMap;
use std::time::Duration;

use super::record::Runs;
use super::tally;
use super::verdict::{self, Ended};

/// Earlier runs that are looked at, the newest.
const RUNS: usize = 10;

/// Expected times of whole commands and of what is in them. A time is that of a run that can be
/// compared: the same command on the same subject, whose plan had the same items. One that began
/// in the middle, or found its machines made, took another time.
#[derive(Debug, Default)]
pub struct Expected {
    whole: HashMap<Key, Duration>,
    /// Behind the whole: of which member, and what.
    parts: HashMap<(Key, Option<String>, String), Duration>,
}

/// Command, subject and items of the plan.
type Key = (String, String, Vec<String>);

impl Expected {
    /// From the records of a project. What never passed has none.
    pub fn read(runs: &Runs) -> Self {
        let mut expected = Self::default();
        for entry in runs.list().iter().take(RUNS) {
            let subjects = entry.verdict().map(|verdict| verdict.subjects);
            subjects
                .unwrap_or_default()
                .into_iter()
                .for_each(|subject| expected.add(subject));
        }
        expected
    }

    fn add(&mut self, subject: verdict::Subject) {
        let key = (subject.command, subject.name, subject.items);
        for part in subject.parts {
            if let Some(took) = took(part.result, part.seconds) {
                let part = (key.clone(), part.instance, part.title);
                self.parts.entry(part).or_insert(took);
            }
        }
        if let Some(took) = took(subject.result, subject.seconds) {
            self.whole.entry(key).or_insert(took);
        }
    }

    /// How long the command on a subject may take.
    pub fn of(&self, subject: &tally::Subject) -> Option<Duration> {
        self.whole.get(&key(subject)).copied()
    }

    /// How long an action or step of it may take.
    pub fn of_part(
        &self,
        subject: &tally::Subject,
        instance: Option<&str>,
        what: &str,
    ) -> Option<Duration> {
        let part = (key(subject), instance.map(ToOwned::to_owned), what.into());
        self.parts.get(&part).copied()
    }
}

fn key(subject: &tally::Subject) -> Key {
    let (command, name) = (subject.command.clone(), subject.name.clone());
    (command, name, subject.items.clone())
}

fn took(result: Ended, seconds: f64) -> Option<Duration> {
    let took = Duration::try_from_secs_f64(seconds).ok()?;
    (result == Ended::Passed).then_some(took)
}
