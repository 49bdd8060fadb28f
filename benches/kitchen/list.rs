//! Start-up: `list` and `plan` of 100 instances beside a process that does nothing.

use std::process::Command;

use crate::measure::{Table, pair, time};
use crate::project::Project;

/// Ten suites on ten platforms, and the same as ten clusters.
pub fn measure(table: &mut Table, runs: usize) {
    let names = |word: &str| {
        (1..=10)
            .map(|n| format!("- name: {word}{n}\n"))
            .collect::<String>()
    };
    let matrix = format!("platforms:\n{}suites:\n{}", names("p"), names("s"));
    let steps: String = (1..=10).map(|n| format!("  - converge s{n}\n")).collect();
    let clusters = format!("{matrix}multisuites:\n- name: all\n  steps:\n{steps}");
    for (what, text, command) in [
        ("`list` of 100 instances", &matrix, "list"),
        ("`plan` of 100 instances", &clusters, "plan"),
    ] {
        let project = Project::new(text);
        let found = pair(
            runs * 3,
            || time(&mut project.kitchen(&[command])),
            || time(&mut Command::new("true")),
        );
        table.compared(what, &found, "a process that does nothing");
    }
    complete(table, runs);
}

/// A shell that asks for names, in a project as large as the largest that people wrote.
fn complete(table: &mut Table, runs: usize) {
    let list = |word: &str, count: usize| -> String {
        (1..=count)
            .map(|n| format!("- name: {word}{n}\n"))
            .collect()
    };
    let (suites, platforms) = (list("s", 43), list("p", 40));
    let project = Project::new(&format!("platforms:\n{platforms}suites:\n{suites}"));
    // As the script of `kitchen completions bash` asks.
    let ask = || {
        let mut command = Command::new(env!("CARGO_BIN_EXE_kitchen"));
        command
            .current_dir(project.path())
            .args(["--", "kitchen", "login", "s1"])
            .env("KITCHEN_COMPLETE", "bash")
            .env("_CLAP_IFS", "\n")
            .env("_CLAP_COMPLETE_INDEX", "2")
            .env("_CLAP_COMPLETE_COMP_TYPE", "9")
            .env("_CLAP_COMPLETE_SPACE", "true");
        command
    };
    let told = ask().output().expect("names");
    let told = String::from_utf8_lossy(&told.stdout).into_owned();
    assert!(told.contains("s1-p1"), "{told}");
    let found = pair(
        runs * 3,
        || time(&mut ask()),
        || time(&mut Command::new("true")),
    );
    let what = "a name completed, of 1,720 instances";
    table.compared(what, &found, "a process that does nothing");
}
