//! Chaos for the `kitchen` command: it is killed, signalled, its disk is filled, its engine is
//! restarted, its configuration is changed; then `kitchen destroy` must remove all that it made, and
//! nothing else, and the next `kitchen test` must pass.
//!
//! Everything that is drawn is drawn from a seed. The kitchen is a command under test: nothing of its
//! code is used here, and what it left behind is looked for in `/proc`, in the file system and with
//! `docker`.
#![cfg(unix)]

mod aim;
mod blow;
mod cloud;
pub mod command;
mod config;
mod disk;
mod engine;
mod figures;
mod foreign;
mod kitchen;
mod look;
mod place;
mod plan;
mod play;
mod round;
mod worker;

pub use figures::{Failure, Figures};
pub use plan::{Driver, Kind, Plan, Round};

/// Plays every round of `plan`; failures are also printed to standard error as they come.
///
/// # Errors
/// What the plan needs and this machine does not have.
pub fn run(plan: &Plan) -> Result<Figures, String> {
    play::play(plan)
}
