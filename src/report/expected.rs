//! How long things took the last time that they passed, from the verdicts of earlier runs.

use std::collections::HashMap;
use std::time::Duration;

use super::record::Runs;
use super::verdict::Ended;

/// Earlier runs that are looked at, the newest.
const RUNS: usize = 10;

/// Expected times.
#[derive(Debug, Default)]
pub struct Expected(HashMap<(String, String), Duration>);

impl Expected {
    /// From the records of a project. What never passed has none.
    pub fn read(runs: &Runs) -> Self {
        let mut times = HashMap::new();
        for entry in runs.list().iter().take(RUNS) {
            let subjects = entry.verdict().map(|verdict| verdict.subjects);
            for subject in subjects.unwrap_or_default() {
                let took = Duration::try_from_secs_f64(subject.seconds);
                if let (Ended::Passed, Ok(took)) = (subject.result, took) {
                    times.entry((subject.name, subject.command)).or_insert(took);
                }
            }
        }
        Self(times)
    }

    /// How long a command on a subject may take.
    pub fn of(&self, subject: &str, command: &str) -> Option<Duration> {
        self.0.get(&(subject.into(), command.into())).copied()
    }
}
