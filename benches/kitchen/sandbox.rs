//! The embedded driver: clusters of 3, 10 and 50 members, and one of 500.

use std::fs;

use crate::measure::{Table, median, millis, time};
use crate::project::Project;

/// Creation, destruction and memory a member.
pub fn measure(table: &mut Table, runs: usize) {
    for members in [3, 10, 50] {
        let project = Project::cluster("driver: sandbox", members, "exec {}");
        let project = with_commands(project);
        let mut created = Vec::new();
        let mut destroyed = Vec::new();
        let mut kib = 0;
        for _ in 0..runs {
            created.push(time(&mut project.kitchen(&["create"])));
            kib = resident_kib(&project) / members as u64;
            destroyed.push(time(&mut project.kitchen(&["destroy"])));
        }
        table.plain(
            &format!("{members} sandbox members"),
            &format!(
                "created in {}, destroyed in {}, {:.1} MiB each",
                millis(median(created)),
                millis(median(destroyed)),
                kib as f64 / 1024.0
            ),
        );
    }
}

/// Members of the large cluster, and the memory that it needs, in MiB.
const MANY: usize = 500;
const NEEDED: u64 = 4096;

/// A cluster of 500 members, of which each resolves the names of all: made, tested and destroyed.
pub fn large(table: &mut Table) {
    let available = available_mib();
    if available < NEEDED {
        println!("{MANY} sandbox members are not measured: {available} MiB of {NEEDED} are free");
        return;
    }
    let names: String = (1..=MANY).map(|n| format!(" m{n}")).collect();
    let file = "driver: sandbox\nverifier: dummy\nprovisioner: dummy";
    let step = format!(
        "{{step: 'exec {{}}', command: 'getent hosts{names} | wc -l', expect: {{matches: '^{MANY}$'}}}}"
    );
    let project = Project::cluster(file, MANY, &step);
    let took = time(&mut project.kitchen(&["test", "--destroy=always"]));
    table.plain(
        &format!("{MANY} sandbox members, each resolves the names of all"),
        &format!("whole `test` in {}", millis(took)),
    );
}

fn available_mib() -> u64 {
    let told = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let line = told
        .lines()
        .find_map(|line| line.strip_prefix("MemAvailable:"));
    let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    kib.unwrap_or_default() / 1024
}

/// Proportional size of all processes of the sandbox that belong to this project, in KiB.
fn resident_kib(project: &Project) -> u64 {
    let label = kitchen::state::project_id(project.path());
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    let ours = processes.filter(|entry| {
        let line = fs::read(entry.path().join("cmdline")).unwrap_or_default();
        let line = String::from_utf8_lossy(&line).into_owned();
        line.contains("__sandbox") && line.contains(&label)
    });
    ours.filter_map(|entry| {
        let sizes = fs::read_to_string(entry.path().join("smaps_rollup")).ok()?;
        let line = sizes.lines().find_map(|line| line.strip_prefix("Pss:"))?;
        line.split_whitespace().next()?.parse::<u64>().ok()
    })
    .sum()
}

/// `exec` needs a command; this rewrites the project's steps with one.
fn with_commands(project: Project) -> Project {
    let file = project.path().join("kitchen.yml");
    let text = fs::read_to_string(&file).expect("the project was just written");
    let text = text.replace("- exec ", "- command: \"true\"\n      step: exec ");
    fs::write(&file, text).expect("the project can be written");
    project
}
