//! What came of it, in numbers.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use crate::plan::{Kind, Round};
use crate::round::Trouble;

/// A round in which something was not as it must be.
#[derive(Debug)]
pub struct Failure {
    /// Which round.
    pub round: Round,
    /// What was not.
    pub trouble: Trouble,
    /// What happened.
    pub story: String,
    /// The command that plays it alone.
    pub again: String,
    /// Where its project is, with all that its commands said.
    pub place: PathBuf,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}\n{}  {}\n  kept: {}\n  again: {}",
            self.round,
            self.story,
            self.trouble,
            self.place.display(),
            self.again
        )
    }
}

/// Counts of one kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Count {
    /// Projects.
    pub rounds: u32,
    /// How often a command that ran was hit.
    pub hits: u32,
    /// Rounds after which something of the project was there.
    pub leaked: u32,
    /// Rounds after which something of others was gone.
    pub lost: u32,
    /// Rounds in which a command did not end, or failed where it must not.
    pub stuck: u32,
}

/// All of it.
#[derive(Debug, Default)]
pub struct Figures {
    /// By kind.
    pub counts: BTreeMap<Kind, Count>,
    /// What was wrong.
    pub failures: Vec<Failure>,
    /// What was not played, and why.
    pub skipped: Vec<String>,
    /// How long all of it took.
    pub took: Duration,
}

impl Figures {
    /// Counts a round.
    pub fn add(&mut self, round: Round, hits: u32, trouble: Option<&Trouble>) {
        let count = self.counts.entry(round.kind).or_default();
        count.rounds += 1;
        count.hits += hits;
        match trouble {
            None => {}
            Some(Trouble::Leaked(_)) => count.leaked += 1,
            Some(Trouble::Lost(_)) => count.lost += 1,
            Some(Trouble::Stuck(_)) => count.stuck += 1,
        }
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{:8}{:>8}{:>8}{:>8}{:>8}{:>8}",
            "kind", "rounds", "hits", "leaked", "lost", "stuck"
        )?;
        for (kind, count) in &self.counts {
            let Count {
                rounds,
                hits,
                leaked,
                lost,
                stuck,
            } = count;
            let kind = kind.to_string();
            writeln!(
                f,
                "{kind:8}{rounds:>8}{hits:>8}{leaked:>8}{lost:>8}{stuck:>8}"
            )?;
        }
        for reason in &self.skipped {
            writeln!(f, "not played: {reason}")?;
        }
        write!(f, "in {:.0} s", self.took.as_secs_f64())
    }
}
