//! The schedule of `chaos`: a pure function of its settings and the members, printed by `kitchen
//! plan` and followed by the run.

use std::time::Duration;

use banquet_sdk::Power;

use crate::matrix::{Chaos, Fault};

/// A fault that is to come.
#[derive(Clone, Debug, PartialEq)]
pub struct Strike {
    /// When, from the start of the step.
    pub at: Duration,
    /// What.
    pub fault: Fault,
    /// To whom: a suite.
    pub victim: String,
    /// For how long.
    pub lasts: Duration,
}

impl Strike {
    /// Whether its victim has no fault at `time`.
    fn is_over(&self, time: Duration) -> bool {
        self.at + self.lasts <= time
    }

    /// As a step would be written.
    pub fn text(&self, members: &[String]) -> String {
        let others: Vec<&str> = members
            .iter()
            .map(String::as_str)
            .filter(|it| *it != self.victim)
            .collect();
        match self.fault {
            Fault::Partition => format!("partition {} | {}", self.victim, others.join(" ")),
            fault => format!("{} {}", fault.word(), self.victim),
        }
    }
}

/// What happens when, and to whom: one fault every `every`, until `lasts`. At every moment
/// `min_in_service` of `members` have no fault; where that leaves nobody, nothing happens.
pub fn schedule(chaos: &Chaos, members: &[String]) -> Vec<Strike> {
    let mut chance = Chance(chaos.seed);
    let mut strikes: Vec<Strike> = Vec::new();
    let mut at = chaos.every;
    while at < chaos.lasts {
        let struck = |suite: &String| {
            let mut all = strikes.iter();
            all.any(|strike| strike.victim == *suite && !strike.is_over(at))
        };
        let whole: Vec<&String> = members.iter().filter(|suite| !struck(suite)).collect();
        // Each moment draws as often, so that a fault more changes nothing else.
        let (which, whom, how_long) = (chance.next(), chance.next(), chance.next());
        if whole.len() > chaos.min_in_service
            && let (Some(fault), Some(victim)) = (pick(&chaos.faults, which), pick(&whole, whom))
        {
            strikes.push(Strike {
                at,
                fault: *fault,
                victim: (*victim).clone(),
                lasts: length(chaos, *fault, how_long).min(chaos.lasts - at),
            });
        }
        at += chaos.every;
    }
    strikes
}

/// How long a fault lasts: as set, else from half of `every` to one and a half. A reboot ends by
/// itself.
fn length(chaos: &Chaos, fault: Fault, chance: u64) -> Duration {
    match (fault, chaos.fault_lasts) {
        (Fault::Power(Power::Reboot), _) => Duration::ZERO,
        (_, Some(lasts)) => lasts,
        (_, None) => {
            let share = (chance % 1001) as u32;
            chaos.every / 2 + chaos.every * share / 1000
        }
    }
}

fn pick<T>(from: &[T], chance: u64) -> Option<&T> {
    let count = u64::try_from(from.len()).ok().filter(|count| *count > 0)?;
    from.get(usize::try_from(chance % count).ok()?)
}

/// Numbers by chance (splitmix64): the same in every version of every library.
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn chaos(seed: u64, min_in_service: usize, every: u64, fault_lasts: Option<u64>) -> Chaos {
        Chaos {
            faults: vec![
                Fault::Power(Power::Kill),
                Fault::Partition,
                Fault::Power(Power::Reboot),
            ],
            every: Duration::from_millis(every),
            lasts: Duration::from_secs(60),
            fault_lasts: fault_lasts.map(Duration::from_millis),
            seed,
            min_in_service,
        }
    }

    fn members(count: usize) -> Vec<String> {
        (1..=count).map(|number| format!("web{number}")).collect()
    }

    #[test]
    fn a_seed_has_the_schedule_that_it_always_had() {
        let schedule = schedule(&chaos(42, 1, 10_000, None), &members(2));
        let lines: Vec<String> = schedule
            .iter()
            .map(|it| format!("{:?} {} for {:?}", it.at, it.text(&members(2)), it.lasts))
            .collect();
        insta::assert_snapshot!(lines.join("\n"));
    }

    #[test]
    fn nothing_happens_where_nobody_may_be_struck() {
        assert_eq!(schedule(&chaos(1, 2, 1000, None), &members(2)), []);
        assert_eq!(schedule(&chaos(1, 0, 1000, None), &[]), []);
    }

    proptest! {
        #[test]
        fn the_same_seed_gives_the_same_schedule(seed: u64, count in 1usize..6, every in 1u64..20_000) {
            let chaos = chaos(seed, 1, every.max(100), None);
            prop_assert_eq!(schedule(&chaos, &members(count)), schedule(&chaos, &members(count)));
        }

        #[test]
        fn so_many_are_always_in_service(
            seed: u64,
            count in 1usize..7,
            least in 0usize..4,
            every in 100u64..5000,
            lasts in proptest::option::of(1u64..100_000),
        ) {
            let chaos = chaos(seed, least, every, lasts);
            let schedule = schedule(&chaos, &members(count));
            for strike in &schedule {
                prop_assert!(strike.at + strike.lasts <= chaos.lasts);
                let down: std::collections::HashSet<&str> = schedule
                    .iter()
                    .filter(|other| other.at <= strike.at && !other.is_over(strike.at))
                    .map(|other| other.victim.as_str())
                    .chain([strike.victim.as_str()])
                    .collect();
                prop_assert!(count - down.len() >= least.min(count), "{:?}", schedule);
            }
        }
    }
}
