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
}
