//! What can be broken, and the chance by which `chaos` does it.

use std::time::Duration;

use banquet_sdk::Power;

/// Something that is done to members' machines or links.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Fault {
    /// Stop, start, kill, reboot, pause, resume.
    Power(Power),
    /// No packet passes between the groups, in either direction.
    Partition,
    /// Packets to the peers leave later.
    Delay {
        /// By so much.
        by: Duration,
        /// More or less so much.
        jitter: Duration,
    },
    /// Packets from and to the peers are lost.
    Drop {
        /// So many of a hundred.
        percent: f64,
    },
}

impl Fault {
    /// The word of its step.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Power(Power::Stop) => "stop",
            Self::Power(Power::Start) => "start",
            Self::Power(Power::Kill) => "kill",
            Self::Power(Power::Reboot) => "reboot",
            Self::Power(Power::Pause) => "pause",
            Self::Power(Power::Resume) => "resume",
            Self::Partition => "partition",
            Self::Delay { .. } => "delay",
            Self::Drop { .. } => "drop",
        }
    }

    /// Whether it leaves something broken that can be undone.
    pub fn lasts(&self) -> bool {
        !matches!(
            self,
            Self::Power(Power::Start | Power::Reboot | Power::Resume)
        )
    }
}

/// Faults by chance; the seed decides all of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Chaos {
    /// What may happen.
    pub faults: Vec<Fault>,
    /// From one fault to the next.
    pub every: Duration,
    /// How long faults are set; then those that are left are healed.
    pub lasts: Duration,
    /// How long each fault lasts; none: by chance, from half of `every` to one and a half.
    pub fault_lasts: Option<Duration>,
    /// The same seed gives the same schedule.
    pub seed: u64,
    /// So many members always have no fault.
    pub min_in_service: usize,
}
