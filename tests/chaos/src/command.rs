//! The command line.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;

use crate::plan::{Driver, Kind, Plan, Round};

/// Kills, interrupts and hinders `kitchen`, and looks at what it leaves behind.
#[derive(Parser)]
struct Options {
    /// What makes the machines.
    #[arg(long, value_enum, default_value_t = Driver::Sandbox)]
    driver: Driver,
    /// From which everything is drawn; a new one where none is given.
    #[arg(long)]
    seed: Option<u64>,
    /// Rounds in which `kitchen` is killed, four times each.
    #[arg(long, default_value_t = 0)]
    kills: u32,
    /// Rounds in which it is interrupted by signals.
    #[arg(long, default_value_t = 0)]
    signals: u32,
    /// Rounds in which the disk of `.kitchen` fills.
    #[arg(long, default_value_t = 0)]
    disks: u32,
    /// Rounds in which the configuration changes between create and destroy.
    #[arg(long, default_value_t = 0)]
    changes: u32,
    /// Rounds in which the Docker engine, one of the harness' own, is restarted.
    #[arg(long, default_value_t = 0)]
    engines: u32,
    /// This round alone, as a failure names it (`kill:12`).
    #[arg(long, value_name = "ROUND")]
    only: Vec<Round>,
    /// Projects at once.
    #[arg(long, default_value_t = 4)]
    jobs: usize,
    /// The command under test.
    #[arg(long, value_name = "PATH")]
    kitchen: Option<PathBuf>,
    /// Where the projects are made; those of failed rounds stay there.
    #[arg(long, value_name = "DIRECTORY")]
    directory: Option<PathBuf>,
}

/// Does what the command line says; 1 where a round failed.
pub fn main() -> ExitCode {
    match run(Options::parse()) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::from(2)
        }
    }
}

fn run(options: Options) -> Result<ExitCode, String> {
    let mut rounds = Plan::rounds(&[
        (Kind::Kill, options.kills),
        (Kind::Signal, options.signals),
        (Kind::Disk, options.disks),
        (Kind::Change, options.changes),
        (Kind::Engine, options.engines),
    ]);
    rounds.extend(options.only);
    if rounds.is_empty() {
        return Err(
            "nothing to do: say how many --kills, --signals, --disks, --changes or --engines"
                .into(),
        );
    }
    let unique = format!("chaos-{}", std::process::id());
    let plan = Plan {
        kitchen: kitchen(options.kitchen)?,
        driver: options.driver,
        seed: options.seed.unwrap_or_else(rand::random),
        rounds,
        jobs: options.jobs.max(1),
        directory: options
            .directory
            .unwrap_or_else(|| std::env::temp_dir().join(unique)),
    };
    println!(
        "driver {}, seed {}, {} rounds, {} at once, {}",
        plan.driver,
        plan.seed,
        plan.rounds.len(),
        plan.jobs,
        plan.kitchen.display()
    );
    let figures = crate::run(&plan)?;
    println!("{figures}");
    match figures.failures.len() {
        0 => Ok(ExitCode::SUCCESS),
        count => {
            println!(
                "{count} of {} rounds failed, seed {}",
                plan.rounds.len(),
                plan.seed
            );
            Ok(ExitCode::FAILURE)
        }
    }
}

/// The command that was named, or the one that was built beside this program.
fn kitchen(named: Option<PathBuf>) -> Result<PathBuf, String> {
    let text = |error: std::io::Error| error.to_string();
    let path = match named {
        Some(path) => path,
        None => std::env::current_exe()
            .map_err(text)?
            .with_file_name("kitchen"),
    };
    path.canonicalize()
        .map_err(|error| format!("{}: {error}; `cargo build` makes it", path.display()))
}
