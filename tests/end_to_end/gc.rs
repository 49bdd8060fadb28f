//! `kitchen gc` finds what earlier runs left behind, and nothing else.
#![cfg(target_os = "linux")]

use std::process::Command;
use std::time::{Duration, Instant};

use crate::support::{Project, ask_docker, labelled, needs, processes};

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

const INSTANCES: &str = "
provisioner: dummy
verifier: dummy
platforms: [{name: host}]
";

const BUSYBOX: &str = "driver: {name: docker, image: 'banquet/busybox:1', pull: never}";

fn sandbox(rest: &str) -> Project {
    Project::new().file("kitchen.yml", &format!("driver: sandbox\n{rest}"))
}

fn docker(rest: &str) -> Project {
    Project::new().file("kitchen.yml", &format!("{BUSYBOX}\n{rest}"))
}

/// The number of the project's processes, once it stays: what a killed run had begun may still come.
fn settled(project: &Project) -> usize {
    let deadline = Instant::now() + Duration::from_secs(60);
    let (mut last, mut since) = (processes(project), Instant::now());
    while since.elapsed() < Duration::from_millis(500) {
        assert!(Instant::now() < deadline, "processes come and go");
        std::thread::sleep(Duration::from_millis(20));
        let now = processes(project);
        if now != last {
            (last, since) = (now, Instant::now());
        }
    }
    last
}

fn lose_everything(project: &Project) {
    std::fs::remove_dir_all(project.path().join(".kitchen")).expect("the state goes");
}

/// A container that somebody else made; gone with the test.
struct Foreign(String);

impl Foreign {
    fn new(label: &str) -> Self {
        let run = [
            "run",
            "-d",
            "--label",
            label,
            "banquet/busybox:1",
            "sleep",
            "600",
        ];
        Self(ask_docker(&run))
    }

    fn runs(&self) -> bool {
        ask_docker(&["inspect", "-f", "{{.State.Running}}", &self.0]) == "true"
    }
}

impl Drop for Foreign {
    fn drop(&mut self) {
        let _ = Command::new("docker").args(["rm", "-f", &self.0]).output();
    }
}

#[test]
fn a_killed_run_whose_state_is_lost_is_found_in_the_sandbox() {
    if !needs("sandbox") {
        return;
    }
    let project = sandbox(CLUSTER);
    let created = project.start("create").until("Creating <c-host>");
    created.signal("KILL").wait();
    lose_everything(&project);
    let left = settled(&project);
    assert!(left > 0, "a run that was killed leaves something behind");
    project.kitchen("gc").succeeds().prints_in_order(&[
        "sandbox process",
        "trio-host",
        "its state is lost",
        "gc --yes",
    ]);
    assert_eq!(processes(&project), left, "a list changes nothing");
    project
        .kitchen("gc --yes --older-than 1h")
        .succeeds()
        .prints("not older than asked for");
    assert_eq!(processes(&project), left, "what is young stays");
    project
        .kitchen("gc --yes")
        .succeeds()
        .prints("Removed sandbox process");
    assert_eq!(processes(&project), 0);
    project
        .kitchen("gc")
        .succeeds()
        .prints("Nothing was left behind");
}

#[test]
fn a_killed_run_is_cleared_away_whatever_it_had_made() {
    if !needs("sandbox") {
        return;
    }
    let project = sandbox(CLUSTER);
    let test = project.start("test").until("Converging <b-host>");
    test.signal("KILL").wait();
    project
        .kitchen("gc")
        .succeeds()
        .prints("kitchen test of")
        .prints("was killed");
    // What was looked at is not forgotten.
    project.kitchen("gc --yes --older-than 1h").succeeds();
    project.kitchen("gc").succeeds().prints("was killed");
    project
        .kitchen("gc --yes")
        .succeeds()
        .prints_no("Left behind");
    assert_eq!(processes(&project), 0);
    for member in ["a", "b", "c"] {
        assert!(
            !project.has(&format!(".kitchen/{member}-host.yml")),
            "the state of {member}"
        );
    }
    assert!(!project.has(".kitchen/clusters/trio-host.yml"));
}

#[test]
fn what_is_in_use_stays_and_what_the_configuration_dropped_goes() {
    if !needs("sandbox") {
        return;
    }
    let suites = |names: &str| format!("driver: sandbox\n{INSTANCES}\nsuites: [{names}]\n");
    let project = Project::new().file("kitchen.yml", &suites("{name: new}, {name: old}"));
    project.kitchen("create").succeeds();
    project
        .kitchen("gc --yes")
        .succeeds()
        .prints("Nothing was left behind")
        .prints("Still in use: 4");
    project.write("kitchen.yml", &suites("{name: new}"));
    project
        .kitchen("gc")
        .succeeds()
        .prints("not in the configuration")
        .prints_no("new-host");
    project.kitchen("gc --yes").succeeds().prints("of old-host");
    assert!(!project.has(".kitchen/old-host.yml"));
    project.kitchen("exec new-host -c true").succeeds();
    project
        .kitchen("gc --yes --all")
        .succeeds()
        .prints("of new-host");
    assert_eq!(processes(&project), 0);
    project.kitchen("list").succeeds().prints("<Not Created>");
}

#[test]
fn what_a_live_lock_holds_stays() {
    if !needs("sandbox") {
        return;
    }
    let project = sandbox(CLUSTER);
    let running = project.start("test").until("Converging <b-host>");
    for member in ["a", "b", "c"] {
        let state = project.path().join(format!(".kitchen/{member}-host.yml"));
        std::fs::remove_file(state).expect("a state to lose");
    }
    let before = processes(&project);
    for arguments in ["gc", "gc --yes", "gc --yes --all"] {
        project
            .kitchen(arguments)
            .succeeds()
            .prints("trio-host is in use by process")
            .prints("(kitchen test, since");
    }
    assert_eq!(processes(&project), before);
    running.signal("INT").wait();
    project.kitchen("destroy").succeeds();
    assert_eq!(processes(&project), 0);
}

#[test]
fn docker_loses_what_is_ours_and_nothing_else() {
    if !needs("docker") {
        return;
    }
    let foreign = [
        Foreign::new("org.banquet.project=0123456789abcdef"),
        Foreign::new("somebody=else"),
    ];
    let project = docker(CLUSTER);
    let created = project.start("create").until("Finished creating");
    created.signal("KILL").wait();
    lose_everything(&project);
    let left = labelled(&project).len();
    assert!(left > 1, "a container and a network");
    project
        .kitchen("gc")
        .succeeds()
        .prints("container banquet-")
        .prints("network banquet-trio-host");
    project.kitchen("gc --yes --older-than 1h").succeeds();
    assert_eq!(labelled(&project).len(), left);
    project
        .kitchen("gc --yes")
        .succeeds()
        .prints("Removed network banquet-trio-host");
    assert_eq!(labelled(&project), [""; 0]);
    assert!(foreign.iter().all(Foreign::runs));
}

#[test]
fn a_container_that_was_replaced_goes_alone() {
    if !needs("docker") {
        return;
    }
    let project = docker(&format!("{INSTANCES}\nsuites: [{{name: web}}]\n"));
    project.kitchen("create").succeeds();
    let first = labelled(&project);
    lose_everything(&project);
    project.kitchen("create").succeeds();
    let both = labelled(&project);
    assert_eq!((first.len(), both.len()), (1, 2));
    let listed = project.kitchen("gc --json").succeeds();
    let json: serde_json::Value = serde_json::from_str(&listed.out).expect("JSON");
    let mut fates: Vec<_> = json["things"].as_array().expect("things").iter().collect();
    fates.sort_by_key(|thing| thing["fate"].to_string());
    assert_eq!(
        (&fates[0]["fate"], &fates[0]["standing"]),
        (&"kept".into(), &"in_use".into())
    );
    assert_eq!(
        (&fates[1]["fate"], &fates[1]["standing"]),
        (&"left".into(), &"replaced".into())
    );
    project
        .kitchen("gc --yes")
        .succeeds()
        .prints("Removed container banquet-web-host");
    let after = labelled(&project);
    assert_eq!(after.len(), 1);
    assert!(
        !first.contains(&after[0]),
        "the one that the state knows stays"
    );
    project.kitchen("exec -c true").succeeds();
    project.kitchen("destroy").succeeds();
}

#[test]
fn an_engine_that_is_away_is_a_failure_only_where_it_is_used() {
    let nowhere = "unix:///nonexistent/docker.sock";
    let suites = "suites: [{name: a}]";
    let unused = Project::new()
        .file(
            "kitchen.yml",
            &format!("driver: dummy\n{INSTANCES}\n{suites}"),
        )
        .env("DOCKER_HOST", nowhere);
    unused
        .kitchen("gc")
        .succeeds()
        .prints("Nothing was left behind")
        .complains("not used here: driver docker");
    let used = docker(&format!("{INSTANCES}\n{suites}")).env("DOCKER_HOST", nowhere);
    used.kitchen("gc")
        .exits(20)
        .complains("/nonexistent/docker.sock");
}
