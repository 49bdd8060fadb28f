//! What the performance claims stand on: each figure beside a floor or a peer of the same run.
//!
//! `cargo bench` prints the tables of docs/performance.md; `cargo bench -- --smoke` runs each
//! measurement once. Docker's are left out, and named, where no engine runs.

#[path = "../../tests/end_to_end/chromium/mod.rs"]
mod chromium;
mod docker;
mod dummy;
mod faults;
#[path = "../../tests/end_to_end/large/mod.rs"]
mod large;
mod list;
mod measure;
mod project;
mod report;
mod sandbox;

use measure::Table;

fn main() {
    let smoke = std::env::args().any(|argument| argument == "--smoke");
    let runs = if smoke { 1 } else { 11 };
    let mut table = Table::default();
    list::measure(&mut table, runs);
    report::record(&mut table, runs);
    report::disk(&mut table);
    report::page(&mut table, runs.min(5));
    dummy::measure(&mut table, runs.min(5));
    if cfg!(target_os = "linux") {
        sandbox::measure(&mut table, runs.min(7));
        sandbox::large(&mut table);
        faults::measure(
            &mut table,
            "sandbox",
            "sandbox",
            &faults::SIGNALS,
            runs.min(7),
        );
        faults::heartbeat(&mut table, runs.min(3));
    }
    match docker::available() {
        Ok(()) => {
            docker::measure(&mut table, runs.min(7));
            let driver = format!("{{name: docker, image: '{}', pull: never}}", docker::IMAGE);
            faults::measure(&mut table, &driver, "Docker", &faults::DOCKER, runs.min(7));
        }
        Err(reason) => println!("Docker is not measured: {reason}"),
    }
    println!("{table}");
}
