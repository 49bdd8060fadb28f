//! The real Vagrant with its docker provider, through `kitchen`.
#![cfg(target_os = "linux")]

mod support;

use std::process::Command;

use support::{Project, needs};

/// What Docker still has of the project, made through Vagrant.
fn left(project: &Project) -> String {
    let root = project.path().canonicalize().expect("the project is there");
    let id = kitchen::state::project_id(&root);
    let filter = format!("label=org.banquet.vagrant.project={id}");
    let mut left = String::new();
    for what in [&["ps", "-aq"][..], &["network", "ls", "-q"]] {
        let listed = Command::new("docker")
            .args(what)
            .args(["--filter", &filter]);
        let listed = listed.output().expect("docker runs");
        left += &String::from_utf8_lossy(&listed.stdout);
    }
    left
}

/// A project with driver vagrant and the provider docker; `driver` are more of its lines.
fn project(driver: &str, rest: &str) -> Project {
    Project::new().file(
        "kitchen.yml",
        &format!(
            "driver:\n  name: vagrant\n  provider: docker\n  ssh: {{insert_key: false}}\n{driver}\
             provisioner: {{name: shell, command: 'true'}}\nverifier: dummy\n\
             platforms: [{{name: linux}}]\n{rest}"
        ),
    )
}

const IMAGE: &str = "  customize: {image: 'banquet/debian-vagrant:1'}\n";
const PAIR: &str =
    "suites: [{name: a}, {name: b}]\nmultisuites:\n- name: pair\n  steps: [converge a]\n";

#[test]
fn a_cluster_is_brought_up_converged_verified_and_removed() {
    if !needs("vagrant") {
        return;
    }
    let project = Project::copy_of("fixtures/vagrant-cluster");
    project
        .kitchen("test")
        .succeeds()
        .prints("one vagrant up for db-debian-12, web-debian-12")
        .prints("Creating and configuring docker networks");
    assert_eq!(left(&project), "");
    assert!(!project.has(".kitchen/kitchen-vagrant/greeting-debian-12"));
}

#[test]
fn a_kill_at_any_moment_leaves_nothing_that_destroy_does_not_find() {
    if !needs("vagrant") {
        return;
    }
    for (moment, lost) in [
        ("one vagrant up for", None),
        ("Creating the container", Some(".kitchen/a-linux.yml")),
        (
            "Container created",
            Some(".kitchen/kitchen-vagrant/pair-linux/Vagrantfile"),
        ),
        ("Waiting for machine to boot", Some(".kitchen")),
    ] {
        let project = project(IMAGE, PAIR);
        project.start("create").until(moment).signal("KILL").wait();
        match lost {
            Some(".kitchen") => std::fs::remove_dir_all(project.path().join(".kitchen")).unwrap(),
            Some(file) => std::fs::remove_file(project.path().join(file)).unwrap(),
            None => {}
        }
        project.kitchen("destroy").succeeds();
        assert_eq!(left(&project), "", "killed at {moment:?}, {lost:?} lost");
    }
}
