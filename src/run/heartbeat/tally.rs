//! What comes of samples: counts, quantiles, outages; flat in memory however long it goes on.

use std::collections::BTreeMap;

use super::super::event::{HeartbeatSummary, Outage, Sample};
use super::super::fault::Begun;

/// Most outages that are told.
const MOST: usize = 1000;

/// Samples so far.
pub(super) struct Tally {
    every: u64,
    sent: u64,
    lost: u64,
    took: Quantiles,
    late: Quantiles,
    /// Runs of lost questions by the number of the first.
    runs: BTreeMap<u64, Run>,
    /// Number of the last question of all.
    newest: u64,
}

/// Questions that were lost one after another.
struct Run {
    /// Number of the last one, and when it was given up.
    last: u64,
    ended: u64,
    /// When the first was to be asked, and when it was given up.
    since: u64,
    known: u64,
    error: String,
}

impl Tally {
    /// With a question every `every` microseconds.
    pub fn new(every: u64) -> Self {
        Self {
            every,
            sent: 0,
            lost: 0,
            took: Quantiles::default(),
            late: Quantiles::default(),
            runs: BTreeMap::new(),
            newest: 0,
        }
    }

    /// Takes a sample; they come in the order in which they ended.
    pub fn add(&mut self, sample: &Sample) {
        self.sent += 1;
        self.newest = self.newest.max(sample.number);
        self.late.add(sample.late);
        let Some(error) = &sample.error else {
            self.took.add(sample.took);
            return;
        };
        self.lost += 1;
        let mut run = Run {
            last: sample.number,
            ended: sample.planned + sample.took,
            since: sample.planned,
            known: sample.planned + sample.took,
            error: error.clone(),
        };
        let mut first = sample.number;
        if let Some(next) = self.runs.remove(&(sample.number + 1)) {
            run.last = next.last;
            run.ended = next.ended;
        }
        let before = self.runs.range_mut(..first).next_back();
        if let Some((start, before)) = before
            && before.last + 1 == first
        {
            before.last = run.last;
            before.ended = run.ended;
            first = *start;
            debug_assert!(first < sample.number);
            return;
        }
        self.runs.insert(first, run);
    }

    /// What came of it; each outage follows the last of `faults` that began before its first
    /// question was given up.
    pub fn summary(&self, faults: &[Begun]) -> HeartbeatSummary {
        let outage = |(first, run): (&u64, &Run)| {
            let lost = run.last - first + 1;
            let mut lasted = lost * self.every;
            if run.last == self.newest {
                // No later question was answered: it is known to have lasted so long.
                lasted = lasted.min(run.ended - run.since);
            }
            let before = faults.iter().rev().find(|fault| fault.at <= run.known);
            Outage {
                since: run.since,
                lasted,
                lost,
                error: run.error.clone(),
                follows: before.map(|fault| fault.what.clone()),
            }
        };
        HeartbeatSummary {
            sent: self.sent,
            answered: self.sent - self.lost,
            lost: self.lost,
            p50: self.took.at(0.5),
            p90: self.took.at(0.9),
            p99: self.took.at(0.99),
            max: self.took.largest,
            late_p99: self.late.at(0.99),
            longest: self
                .runs
                .iter()
                .map(|run| outage(run).lasted)
                .max()
                .unwrap_or(0),
            outages: self.runs.iter().take(MOST).map(outage).collect(),
        }
    }

    /// The longest outage; none where nothing was lost.
    pub fn longest(&self, faults: &[Begun]) -> Option<Outage> {
        let outages = self.summary(faults).outages;
        // Of several the first.
        outages.into_iter().rev().max_by_key(|it| it.lasted)
    }
}

/// Counts of values, exact below 256 and within 1% above.
struct Quantiles {
    counts: Vec<u64>,
    total: u64,
    largest: u64,
}

/// Values of one power of two share so many counts.
const SHARES: u64 = 128;

impl Default for Quantiles {
    fn default() -> Self {
        Self {
            counts: vec![0; Self::index(u64::MAX) + 1],
            total: 0,
            largest: 0,
        }
    }
}

impl Quantiles {
    fn index(value: u64) -> usize {
        let shift = u64::from((value | SHARES).ilog2() - SHARES.ilog2());
        (shift * SHARES + (value >> shift)) as usize
    }

    /// The largest value that is counted at `index`.
    fn value(index: usize) -> u64 {
        let index = index as u64;
        let shift = (index / SHARES).saturating_sub(1);
        let start = index - shift * SHARES;
        // The last one would be one past the end.
        ((u128::from(start) + 1) << shift)
            .saturating_sub(1)
            .try_into()
            .unwrap_or(u64::MAX)
    }

    fn add(&mut self, value: u64) {
        self.counts[Self::index(value)] += 1;
        self.total += 1;
        self.largest = self.largest.max(value);
    }

    /// A value that this share of all does not exceed; 0 of none.
    fn at(&self, share: f64) -> u64 {
        let wanted = ((self.total as f64) * share).ceil() as u64;
        let mut seen = 0;
        for (index, count) in self.counts.iter().enumerate() {
            seen += count;
            if seen >= wanted.max(1) {
                return Self::value(index).min(self.largest);
            }
        }
        0
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn sample(number: u64, lost: bool) -> Sample {
        Sample {
            number,
            planned: 1000 + number * 10,
            late: 0,
            took: 5,
            error: lost.then(|| format!("lost {number}")),
        }
    }

    fn tally(lost: &[u64], order: impl Iterator<Item = u64>) -> Tally {
        let mut tally = Tally::new(10);
        order.for_each(|number| tally.add(&sample(number, lost.contains(&number))));
        tally
    }

    #[test]
    fn outages_are_runs_of_lost_questions_in_whatever_order_they_end() {
        let lost = [3, 4, 5, 9];
        for tally in [
            tally(&lost, 0..12),
            tally(&lost, (0..12).rev()),
            tally(&lost, [0, 1, 2, 6, 7, 8, 9, 10, 11, 5, 3, 4].into_iter()),
        ] {
            let summary = tally.summary(&[]);
            assert_eq!((summary.sent, summary.answered, summary.lost), (12, 8, 4));
            let outages: Vec<_> = summary
                .outages
                .iter()
                .map(|it| (it.since, it.lasted, it.lost))
                .collect();
            assert_eq!(outages, [(1030, 30, 3), (1090, 10, 1)]);
            assert_eq!(tally.longest(&[]).map(|it| it.lost), Some(3));
        }
    }

    #[test]
    fn an_outage_lasts_no_longer_than_questions_were_asked() {
        for (lost, order) in [
            (vec![10, 11], (0..12).collect::<Vec<_>>()),
            (vec![10, 11], (0..12).rev().collect()),
        ] {
            let summary = tally(&lost, order.into_iter()).summary(&[]);
            // The last of two questions, 10 apart, was given up after 5.
            assert_eq!(summary.outages[0].lasted, 15);
            assert_eq!(summary.longest, 15);
        }
    }

    #[test]
    fn an_outage_follows_the_last_fault_before_it() {
        let begun = |at, what: &str| Begun {
            at,
            what: what.into(),
        };
        let faults = [
            begun(900, "kill a"),
            begun(1034, "pause b"),
            begun(1091, "kill c"),
        ];
        let summary = tally(&[3, 9], 0..12).summary(&faults);
        let follows: Vec<_> = summary
            .outages
            .iter()
            .map(|it| it.follows.as_deref())
            .collect();
        // A question may be asked before the fault and given up after it.
        assert_eq!(follows, [Some("pause b"), Some("kill c")]);
        let summary = tally(&[3], 0..12).summary(&[begun(2000, "kill a")]);
        assert_eq!(summary.outages[0].follows, None);
    }

    #[test]
    fn quantiles_of_nothing_are_zero() {
        assert_eq!(Quantiles::default().at(0.99), 0);
    }

    proptest! {
        #[test]
        fn quantiles_are_within_one_percent(mut values in proptest::collection::vec(0u64..100_000_000, 1..300)) {
            let mut quantiles = Quantiles::default();
            values.iter().for_each(|value| quantiles.add(*value));
            values.sort_unstable();
            for share in [0.5, 0.9, 0.99, 1.0] {
                let exact = values[((values.len() as f64) * share).ceil() as usize - 1];
                let told = quantiles.at(share);
                prop_assert!(told >= exact && told <= exact + exact / 100 + 1, "{} for {}", told, exact);
            }
        }

        #[test]
        fn outages_are_the_same_in_every_order(lost in proptest::collection::hash_set(0u64..40, 0..30), seed: u64) {
            let lost: Vec<u64> = lost.into_iter().collect();
            let mut order: Vec<u64> = (0..40).collect();
            order.sort_by_key(|number| number.wrapping_mul(seed | 1).rotate_left(17));
            let expected = tally(&lost, 0..40).summary(&[]);
            let outages = tally(&lost, order.into_iter()).summary(&[]).outages;
            let ranges = |outages: &[Outage]| -> Vec<_> { outages.iter().map(|it| (it.lasted, it.lost)).collect() };
            prop_assert_eq!(ranges(&outages), ranges(&expected.outages));
        }
    }
}
