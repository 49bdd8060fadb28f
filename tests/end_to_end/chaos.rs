//! A short piece of what `cargo run -p banquet-chaos` does at length: docs/reliability.md.
#![cfg(target_os = "linux")]

use banquet_chaos::{Driver, Kind, Plan};

use crate::support::needs;

/// Plays rounds of a fixed seed; nothing may be leaked, lost or stuck.
fn survives(driver: Driver, counts: &[(Kind, u32)]) {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let plan = Plan {
        kitchen: env!("CARGO_BIN_EXE_kitchen").into(),
        driver,
        seed: 7,
        rounds: Plan::rounds(counts),
        jobs: 2,
        directory: directory.path().join("chaos"),
    };
    let figures = banquet_chaos::run(&plan).expect("the rounds are played");
    let failures: Vec<String> = figures.failures.iter().map(ToString::to_string).collect();
    if !failures.is_empty() {
        let kept = directory.keep();
        panic!("{}\nkept: {}", failures.join("\n"), kept.display());
    }
    let hits: u32 = figures.counts.values().map(|count| count.hits).sum();
    assert!(hits > 0, "nothing was hit: {figures}");
}

#[test]
fn sandboxes_survive_kills_signals_full_disks_and_changes() {
    if needs("sandbox") {
        survives(
            Driver::Sandbox,
            &[
                (Kind::Kill, 4),
                (Kind::Signal, 4),
                (Kind::Disk, 3),
                (Kind::Change, 5),
            ],
        );
    }
}

#[test]
fn containers_survive_kills_signals_and_changes() {
    if needs("docker") {
        survives(
            Driver::Docker,
            &[(Kind::Kill, 2), (Kind::Signal, 1), (Kind::Change, 2)],
        );
    }
}
