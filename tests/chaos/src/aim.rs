//! The moment at which something is done to a running command.

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use rand::Rng;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;

use crate::config::Config;
use crate::kitchen::{Kitchen, LOOK};
use crate::place::Place;
use crate::plan::Driver;

/// A moment.
#[derive(Clone, Debug)]
pub enum Aim {
    /// After so much of the time that the command usually takes.
    After(f64, Duration),
    /// When its output has this text so often, and a little later.
    Line(&'static str, usize, Duration),
    /// When a file below `.kitchen` appears, and a little later.
    File(PathBuf, Duration),
}

impl fmt::Display for Aim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::After(part, usual) => write!(
                f,
                "after {part:.3} of its usual {:.2} s",
                usual.as_secs_f64()
            ),
            Self::Line(text, count, later) => {
                write!(
                    f,
                    "{} ms after {text:?} came {count} times",
                    later.as_millis()
                )
            }
            Self::File(path, later) => write!(
                f,
                "{} ms after {} appeared",
                later.as_millis(),
                path.display()
            ),
        }
    }
}

impl Aim {
    /// Half of them at any time, half of them where something is noted, made or removed.
    pub fn draw(dice: &mut StdRng, driver: Driver, config: &Config, call: &Call) -> Self {
        // All are drawn, whichever is taken: so a round's dice fall alike.
        let part = dice.random_range(0.0..0.97);
        let later = Duration::from_micros(dice.random_range(0..30_000));
        let count = dice.random_range(1..=3);
        let line = *call.lines(driver).choose(dice).unwrap_or(&"Starting");
        let state = PathBuf::from(format!("{}.yml", config.first()));
        let record = PathBuf::from(format!("clusters/{}.yml", config.cluster()));
        let file = if dice.random_bool(0.5) { state } else { record };
        match dice.random_range(0..10) {
            0..5 => Self::After(part, call.usual),
            9 if call.makes => Self::File(file, later),
            _ => Self::Line(line, count, later),
        }
    }

    /// Waits for it; false where the command ended before.
    pub fn comes(&self, kitchen: &mut Kitchen, place: &Place) -> io::Result<bool> {
        let later = loop {
            let (is_here, later) = match self {
                Self::After(part, usual) => (kitchen.age() >= usual.mul_f64(*part), Duration::ZERO),
                Self::Line(text, count, later) => (kitchen.count(text)? >= *count, *later),
                Self::File(path, later) => (place.state().join(path).exists(), *later),
            };
            if is_here {
                break later;
            }
            if kitchen.has_ended()? {
                return Ok(false);
            }
            std::thread::sleep(LOOK);
        };
        std::thread::sleep(later);
        Ok(!kitchen.has_ended()?)
    }
}

/// A command that something is done to.
#[derive(Clone, Copy, Debug)]
pub struct Call {
    /// Its arguments.
    pub arguments: &'static str,
    /// How long it takes undisturbed.
    pub usual: Duration,
    /// Whether it makes machines; else they must be there before.
    pub makes: bool,
}

impl Call {
    /// Texts at whose coming something is made, noted or removed.
    fn lines(&self, driver: Driver) -> Vec<&'static str> {
        let mut lines = vec!["Destroying <"];
        if self.makes {
            lines.extend(["Creating <", "Creating <", "Finished creating"]);
        } else {
            lines.push("Finished destroying");
        }
        if self.arguments.starts_with("test") {
            lines.extend([
                "Converging <",
                "In force: partition",
                "In force: pause",
                "Verifying <",
            ]);
        }
        match driver {
            Driver::Docker if self.makes => {
                lines.extend(["creating the container", "creating the network"]);
            }
            Driver::Docker => lines.extend(["removing the container", "removing the network"]),
            Driver::Vagrant if self.makes => {
                lines.extend([
                    "one vagrant up for",
                    "Creating the container",
                    "Waiting for machine",
                ]);
            }
            _ => {}
        }
        lines
    }
}
