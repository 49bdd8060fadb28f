//! A kill -9 of `kitchen` at any moment leaves nothing that `kitchen destroy` does not find.
#![cfg(target_os = "linux")]

use crate::support::{Project, labelled, needs, processes};

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
            let left = processes(&project);
            assert_eq!(left, 0, "{moment}, state lost: {lose_state}");
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
            let left = labelled(&project);
            assert_eq!(left, [""; 0], "{moment}, state lost: {lose_state}");
        }
    }
}
