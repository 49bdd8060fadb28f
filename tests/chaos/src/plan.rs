//! What is to be done: kinds of chaos, how many rounds of each, and the dice of each round.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use rand::SeedableRng;
use rand::rngs::StdRng;

/// What makes the machines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Driver {
    /// Linux namespaces.
    Sandbox,
    /// Containers of Docker.
    Docker,
    /// Vagrant with its provider docker.
    Vagrant,
    /// EC2, played by `plugins/ec2/tests/moto/cloud.py`.
    Ec2,
}

/// What is done to the kitchen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// SIGKILL, four times, and by chance in the `destroy` that follows as well.
    Kill,
    /// SIGINT, SIGTERM or SIGHUP, once or twice.
    Signal,
    /// The disk of `.kitchen` is small, and is filled.
    Disk,
    /// Between create and destroy the configuration changes.
    Change,
    /// The Docker engine is killed, or ended, and started again.
    Engine,
}

/// Every kind, in the order in which they are played.
pub const KINDS: [Kind; 5] = [
    Kind::Kill,
    Kind::Signal,
    Kind::Disk,
    Kind::Change,
    Kind::Engine,
];

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Kill => "kill",
            Self::Signal => "signal",
            Self::Disk => "disk",
            Self::Change => "change",
            Self::Engine => "engine",
        })
    }
}

impl fmt::Display for Driver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Sandbox => "sandbox",
            Self::Docker => "docker",
            Self::Vagrant => "vagrant",
            Self::Ec2 => "ec2",
        })
    }
}

/// One round: a project, one piece of chaos, and what must be true afterwards.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Round {
    /// What is done.
    pub kind: Kind,
    /// Which of its kind.
    pub index: u32,
}

impl fmt::Display for Round {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.kind, self.index)
    }
}

impl FromStr for Round {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("{text:?} is no round: write KIND:INDEX, as in kill:12");
        let (kind, index) = text.split_once(':').ok_or_else(wrong)?;
        let mut kinds = KINDS.into_iter();
        let kind = kinds.find(|it| it.to_string() == kind).ok_or_else(wrong)?;
        let index = index.parse().map_err(|_| wrong())?;
        Ok(Self { kind, index })
    }
}

/// All that is to be done.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The `kitchen` command.
    pub kitchen: PathBuf,
    /// What makes the machines.
    pub driver: Driver,
    /// From which everything is drawn.
    pub seed: u64,
    /// The rounds.
    pub rounds: Vec<Round>,
    /// How many projects at once.
    pub jobs: usize,
    /// Directory in which the projects are made. Those of failed rounds stay.
    pub directory: PathBuf,
}

impl Plan {
    /// `count` rounds of each kind.
    pub fn rounds(counts: &[(Kind, u32)]) -> Vec<Round> {
        let rounds =
            |&(kind, count): &(Kind, u32)| (0..count).map(move |index| Round { kind, index });
        counts.iter().flat_map(rounds).collect()
    }

    /// The dice of a round: the same whatever was played before it, and in which order.
    pub fn dice(&self, round: Round) -> StdRng {
        let driver = self.driver.to_string();
        let text = format!("{} {driver} {round}", self.seed);
        // FNV-1a: stays the same in every version of every library.
        let seed = text.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
        StdRng::seed_from_u64(seed)
    }

    /// The command line that plays `round` alone.
    pub fn again(&self, round: Round) -> String {
        format!(
            "cargo run -p banquet-chaos -- --driver {} --seed {} --only {round}",
            self.driver, self.seed
        )
    }
}

#[cfg(test)]
mod tests {
    use rand::Rng;

    use super::*;

    fn plan(seed: u64) -> Plan {
        Plan {
            kitchen: "kitchen".into(),
            driver: Driver::Sandbox,
            seed,
            rounds: Plan::rounds(&[(Kind::Kill, 2), (Kind::Disk, 1)]),
            jobs: 1,
            directory: "/tmp".into(),
        }
    }

    #[test]
    fn a_round_is_named_and_read() {
        let names: Vec<String> = plan(7).rounds.iter().map(ToString::to_string).collect();
        assert_eq!(names, ["kill:0", "kill:1", "disk:0"]);
        assert_eq!("disk:0".parse(), Ok(plan(7).rounds[2]));
        for wrong in ["disk", "disk:", "disk:x", "flood:1"] {
            assert!(wrong.parse::<Round>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn dice_fall_by_seed_and_round() {
        let draw = |seed, round: usize| {
            let plan = plan(seed);
            plan.dice(plan.rounds[round]).random::<u64>()
        };
        assert_eq!(draw(7, 0), draw(7, 0));
        assert_ne!(draw(7, 0), draw(8, 0));
        assert_ne!(draw(7, 0), draw(7, 1));
        assert_ne!(draw(7, 0), draw(7, 2));
    }
}
