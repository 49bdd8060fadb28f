//! The real Vagrant with its docker provider, through `kitchen`.
#![cfg(target_os = "linux")]

use std::process::Command;

use crate::support::{Project, needs};

/// What Docker still has of the project, made through Vagrant.
fn left(project: &Project) -> String {
    let root = project.path().canonicalize().expect("the project is there");
    let id = kitchen::state::project_id(&root);
    let filter = format!("label=org.banquet.vagrant.project={id}");
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

/// A project with driver vagrant and the provider docker; `driver` are more of its lines.
fn project(driver: &str, rest: &str) -> Project {
    Project::new().file(
        "kitchen.yml",
        &format!(
            "driver:\n  name: vagrant\n  provider: docker\n{driver}\
             provisioner: {{name: shell, command: 'true'}}\nverifier: dummy\n\
             platforms: [{{name: linux}}]\n{rest}"
        ),
    )
}

const IMAGE: &str =
    "  customize: {image: 'banquet/debian-vagrant:1'}\n  ssh: {insert_key: false}\n";
const PAIR: &str = "suites: [{name: a}, {name: b}]\nmultisuites:\n- name: pair\n  steps: [converge a, converge b]\n";

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

/// A suite by itself.
const ONE: &str = "suites: [{name: a}]\n";

#[test]
fn no_vagrant_no_image_and_no_provider_are_told_with_what_to_do() {
    if !needs("vagrant") {
        return;
    }
    let missing = project(&format!("  vagrant_binary: /nowhere/vagrant\n{IMAGE}"), ONE);
    missing
        .kitchen("create")
        .exits(20)
        .complains("start /nowhere/vagrant")
        .complains("Set `vagrant_binary` to where Vagrant is.");
    missing
        .kitchen("doctor")
        .exits(1)
        .prints("start /nowhere/vagrant");
    missing.kitchen("destroy").succeeds();
    project("", ONE)
        .kitchen("create")
        .exits(3)
        .complains("provider docker has neither an image nor a box")
        .complains("customize: {image: NAME}");
    let file = format!(
        "driver: {{name: vagrant, provider: libvirtt, box: a/b}}\nplatforms: [{{name: linux}}]\n{ONE}"
    );
    let unknown = Project::new().file("kitchen.yml", &file);
    unknown
        .kitchen("create")
        .exits(20)
        .complains("The provider 'libvirtt' could not be found")
        .complains("Install what the provider needs");
    let advice = "vagrant plugin install vagrant-libvirtt";
    unknown.kitchen("doctor").exits(1).prints(advice);
    unknown.kitchen("destroy").succeeds();
    let boxless = project("  box: ./no-such.box\n", ONE);
    boxless
        .kitchen("create")
        .exits(20)
        .complains("no-such.box")
        .complains("Set `box` to the name of a box");
    boxless.kitchen("destroy").succeeds();
}

#[test]
fn a_boot_that_times_out_is_that_members_error_alone() {
    if !needs("vagrant") {
        return;
    }
    // No secure shell ever answers there.
    let deaf =
        "  boot_timeout: 2\n  customize: {image: 'banquet/busybox:1', cmd: [sleep, '600']}\n";
    let suites = format!(
        "suites:\n- name: a\n  driver:\n{}- {{name: b, driver: {{customize: {{image: 'banquet/debian-vagrant:1'}}, ssh: {{insert_key: false}}}}}}\n\
         multisuites:\n- name: pair\n  steps: [converge a, converge b]\n",
        deaf.replace("  ", "    ")
    );
    let project = project("", &suites);
    project
        .kitchen("create")
        .exits(21)
        .complains("Timed out while waiting for the machine to boot")
        .complains("Set `boot_timeout` (seconds) higher")
        .prints("Finished creating <b-linux>");
    project.kitchen("destroy").succeeds();
    assert_eq!(left(&project), "");
}

#[test]
fn an_instance_is_an_environment_where_vagrant_itself_works() {
    if !needs("vagrant") {
        return;
    }
    // With a key of its own, as Vagrant does it unless it is told otherwise.
    let keyless = IMAGE.replace("insert_key: false", "");
    let project = project(&keyless, ONE);
    project.kitchen("converge").succeeds();
    let environment = project.path().join(".kitchen/kitchen-vagrant/a-linux");
    let asked = Command::new("vagrant")
        .args(["ssh", "--command", "id --user --name"])
        .current_dir(&environment)
        .env("HOME", project.path().join("home"))
        .output()
        .expect("vagrant runs");
    assert_eq!(
        String::from_utf8_lossy(&asked.stdout),
        "vagrant\n",
        "{asked:?}"
    );
    // A Vagrantfile that nobody can read is no reason to keep a machine.
    std::fs::write(environment.join("Vagrantfile"), "not Ruby at all (").expect("a file");
    project.kitchen("destroy").succeeds();
    assert_eq!(left(&project), "");
    assert!(!environment.exists());
}
