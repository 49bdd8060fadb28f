//! A kill -9 of `kitchen` at any moment leaves nothing that `kitchen destroy` does not find.
#![cfg(target_os = "linux")]

use std::process::Command;

use crate::support::{Project, needs};

const CLUSTER: &str = "
provisioner: {name: shell, command: 'sleep 600'}
verifier: dummy
platforms: [{name: host}]
suites: [{name: a}, {name: b}, {name: c}]
multisuites:
- name: trio
  steps:
  - concurrent: [converge a, converge b, converge c]
";

/// Kills `kitchen test` as soon as it has printed `moment`, `lose` the state or not, destroys.
fn killed(driver: &str, moment: &str, lose_state: bool) -> Project {
    let project = Project::new().file("kitchen.yml", &format!("driver: {driver}\n{CLUSTER}"));
    project.start("test").until(moment).signal("KILL").wait();
    if lose_state {
        for member in ["a", "b", "c"] {
            let _ =
                std::fs::remove_file(project.path().join(format!(".kitchen/{member}-host.yml")));
        }
    }
    project.kitchen("destroy").succeeds();
    project
}

#[test]
fn nothing_is_left_of_a_sandbox() {
    if !needs("sandbox") {
        return;
    }
    for moment in [
        "Creating <a-host>",
        "Creating <c-host>",
        "Finished creating",
        "Converging <b-host>",
    ] {
        for lose_state in [false, true] {
            let project = killed("sandbox", moment, lose_state);
            let left = processes_of(&kitchen::state::project_id(project.path()));
            assert!(
                left.is_empty(),
                "{moment}, state lost: {lose_state}: {left:?}"
            );
        }
    }
}

#[test]
fn nothing_is_left_of_docker() {
    if !needs("docker") {
        return;
    }
    let driver = "{name: docker, image: 'banquet/busybox:1', pull: never}";
    for moment in [
        "Creating <a-host>",
        "Finished creating",
        "Converging <b-host>",
    ] {
        for lose_state in [false, true] {
            let project = killed(driver, moment, lose_state);
            let root = project.path().canonicalize().expect("the project is there");
            let left = containers_and_networks_of(&root.to_string_lossy());
            assert_eq!(left, "", "{moment}, state lost: {lose_state}");
        }
    }
}

/// Processes of the sandbox whose labels name the project.
fn processes_of(label: &str) -> Vec<String> {
    let entries = std::fs::read_dir("/proc").expect("/proc").flatten();
    entries
        .filter_map(|entry| {
            let line = std::fs::read(entry.path().join("cmdline")).ok()?;
            let line = String::from_utf8_lossy(&line).replace('\0', " ");
            (line.contains("__sandbox") && line.contains(label)).then_some(line)
        })
        .collect()
}

/// What Docker still has that carries labels of the project in `root`.
fn containers_and_networks_of(root: &str) -> String {
    let project = kitchen::state::project_id(std::path::Path::new(root));
    let filter = format!("label=org.banquet.project={project}");
    let mut left = String::new();
    for what in [&["ps", "-aq"][..], &["network", "ls", "-q"]] {
        let listed = Command::new("docker")
            .args(what)
            .args(["--filter", &filter])
            .output();
        left += &String::from_utf8_lossy(&listed.expect("docker runs").stdout);
    }
    left
}
