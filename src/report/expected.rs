//! How long things took the last time that they passed, from the verdicts of earlier runs.

use std::collections::HashMap;
use std::time::Duration;

use super::record::Runs;
use super::verdict::Ended;

/// Earlier runs that are looked at, the newest.
const RUNS: usize = 10;

/// Expected times, by what is done to which subject and member.
#[derive(Debug, Default)]
pub struct Expected(HashMap<(String, Option<String>, String), Duration>);

impl Expected {
    /// From the records of a project. What never passed has none.
    pub fn read(runs: &Runs) -> Self {
        let mut expected = Self::default();
        for entry in runs.list().iter().take(RUNS) {
            let subjects = entry.verdict().map(|verdict| verdict.subjects);
            for subject in subjects.unwrap_or_default() {
                for part in subject.parts {
                    let whose = (subject.name.clone(), part.instance, part.title);
                    expected.add(whose, part.result, part.seconds);
                }
                let whole = (subject.name, None, subject.command);
                expected.add(whole, subject.result, subject.seconds);
            }
        }
        expected
    }

    fn add(&mut self, what: (String, Option<String>, String), result: Ended, seconds: f64) {
        if let (Ended::Passed, Ok(took)) = (result, Duration::try_from_secs_f64(seconds)) {
            self.0.entry(what).or_insert(took);
        }
    }

    /// How long a command on a subject, or an action or step of it, may take.
    pub fn of(&self, subject: &str, instance: Option<&str>, what: &str) -> Option<Duration> {
        let instance = instance.map(ToOwned::to_owned);
        self.0
            .get(&(subject.into(), instance, what.into()))
            .copied()
    }
}
