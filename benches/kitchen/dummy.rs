//! The engine alone: 1,000 members that cost nothing.

use crate::measure::{Table, median, millis, peak};
use crate::project::Project;

const MEMBERS: usize = 1000;

/// Create, converge, verify and destroy, with the largest resident size.
pub fn measure(table: &mut Table, runs: usize) {
    let plugins = "driver: dummy\ntransport: dummy\nprovisioner: dummy\nverifier: dummy";
    let suites: String = (1..=MEMBERS).map(|n| format!("- name: m{n}\n")).collect();
    let block = |action: &str| -> String {
        let steps = (1..=MEMBERS).map(|n| format!("    - {action} m{n}\n"));
        format!("  - concurrent:\n{}", steps.collect::<String>())
    };
    let project = Project::new(&format!(
        "{plugins}\nplatforms:\n- name: host\nsuites:\n{suites}multisuites:\n- name: bench\n  \
         steps:\n{}{}",
        block("converge"),
        block("verify")
    ));
    let (times, sizes): (Vec<_>, Vec<_>) = (0..runs)
        .map(|_| peak(&mut project.kitchen(&["test", "--destroy=always"])))
        .unzip();
    let size = sizes.into_iter().max().unwrap_or_default() / 1024;
    table.plain(
        "1,000 dummy members, whole `test`",
        &format!("{}, at most {size} MiB", millis(median(times))),
    );
}
