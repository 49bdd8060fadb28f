//! The engine alone: members that cost nothing, and how what they cost grows with their number.

use crate::measure::{Table, median, millis, pair, peak, user};
use crate::project::Project;

/// Create, converge, verify and destroy: the time and largest resident size of 1,000 members, and
/// the processor time of 2,000 beside that of 500, which is 4 where a member costs the same in both.
pub fn measure(table: &mut Table, runs: usize) {
    let project = members(1000);
    let (times, sizes): (Vec<_>, Vec<_>) = (0..runs)
        .map(|_| peak(&mut project.kitchen(&["test", "--destroy=always"])))
        .unzip();
    let size = sizes.into_iter().max().unwrap_or_default() / 1024;
    table.plain(
        "1,000 dummy members, whole `test`",
        &format!("{}, at most {size} MiB", millis(median(times))),
    );
    if cfg!(target_os = "linux") {
        let [many, few] = [2000, 500].map(members);
        let test = |project: &Project| user(&mut project.kitchen(&["test", "--destroy=always"]));
        let found = pair(runs, || test(&many), || test(&few));
        let what = "whole `test` of 2,000 dummy members, processor time of the program";
        table.compared(what, &found, "the same with 500");
    }
}

fn members(count: usize) -> Project {
    let plugins = "driver: dummy\ntransport: dummy\nprovisioner: dummy\nverifier: dummy";
    let suites: String = (1..=count).map(|n| format!("- name: m{n}\n")).collect();
    let block = |action: &str| -> String {
        let steps = (1..=count).map(|n| format!("    - {action} m{n}\n"));
        format!("  - concurrent:\n{}", steps.collect::<String>())
    };
    Project::new(&format!(
        "{plugins}\nplatforms:\n- name: host\nsuites:\n{suites}multisuites:\n- name: bench\n  \
         steps:\n{}{}",
        block("converge"),
        block("verify")
    ))
}
