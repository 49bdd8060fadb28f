//! The plugins of this repository that are no Rust, and the skeletons of new ones: each passes the
//! conformance suite, and a cluster works with all of them.
#![cfg(target_os = "linux")]

use crate::support::{Project, needs};

/// The suite against a plugin of the project.
#[track_caller]
fn check(project: &Project, kind: &str, name: &str) {
    project
        .kitchen(&format!("plugin check {name} --kind {kind}"))
        .succeeds()
        .prints(" 0 failed");
}

fn examples() -> Project {
    Project::copy_of("fixtures/plugins")
}

#[test]
fn the_driver_in_python_holds_to_the_contract() {
    if needs("python3") {
        check(&examples(), "driver", "process");
    }
}

#[test]
fn the_verifier_in_python_holds_to_the_contract() {
    if needs("python3") {
        check(&examples(), "verifier", "pyunit");
    }
}

#[test]
fn the_provisioner_in_shell_holds_to_the_contract() {
    if needs("sandbox") && needs("make") {
        check(&examples(), "provisioner", "make");
    }
}

#[test]
fn a_cluster_works_with_plugins_in_other_languages() {
    if !(needs("python3") && needs("make")) {
        return;
    }
    let project = examples();
    project
        .kitchen("test")
        .succeeds()
        .prints("web2/' page.in > index.html")
        .prints("ok: test_site.Site.test_every_member_serves_its_page")
        .prints_in_order(&["kill web1", "ok: test_failover.Failover.test_web1_is_gone"]);
    project
        .kitchen("gc")
        .succeeds()
        .prints("Nothing was left behind");
}

#[test]
fn a_failed_test_in_python_is_a_failed_case() {
    if !(needs("python3") && needs("make")) {
        return;
    }
    let project = examples().file("make/page.in", "another page\n");
    project
        .kitchen("test --destroy=always")
        .exits(10)
        .prints("test_every_member_serves_its_page")
        .prints("another page");
    project
        .kitchen("gc")
        .succeeds()
        .prints("Nothing was left behind");
}

#[test]
fn a_target_that_cannot_be_made_is_a_failed_converge() {
    if !(needs("python3") && needs("make")) {
        return;
    }
    let project = examples().file("make/Makefile", "all:\n\texit 3\n");
    project
        .kitchen("test --destroy=always")
        .exits(11)
        .prints("make all: exit code 2");
}

#[test]
fn what_a_driver_in_python_left_behind_is_found_without_any_state() {
    if !needs("python3") {
        return;
    }
    let project = examples();
    let created = project.start("create").until("Finished creating");
    created.signal("KILL").wait();
    std::fs::remove_dir_all(project.path().join(".kitchen")).expect("the state goes");
    project
        .kitchen("gc")
        .succeeds()
        .prints_in_order(&["process ", "its state is lost"]);
    project
        .kitchen("gc --yes")
        .succeeds()
        .prints("Removed process ");
    project
        .kitchen("gc")
        .succeeds()
        .prints("Nothing was left behind");
}

#[test]
fn a_new_plugin_works_as_it_is_written() {
    if !needs("python3") {
        return;
    }
    let project = Project::new();
    for kind in ["driver", "transport", "provisioner", "verifier"] {
        project
            .kitchen(&format!("plugin new {kind} lab"))
            .succeeds()
            .prints(&format!("kitchen-plugins/kitchen-{kind}-lab"));
        check(&project, kind, "lab");
    }
}

#[test]
fn a_new_plugin_in_shell_works_as_it_is_written() {
    let project = Project::new();
    for kind in ["driver", "provisioner", "verifier"] {
        project
            .kitchen(&format!("plugin new {kind} lab --language sh"))
            .succeeds();
        check(&project, kind, "lab");
    }
    project
        .kitchen("plugin new transport lab --language sh")
        .exits(2)
        .complains("a transport is concurrent");
}

#[test]
fn a_new_plugin_is_written_over_nothing_and_hidden_by_nothing() {
    let project = Project::new().file("kitchen-plugins/kitchen-driver-lab", "mine");
    project
        .kitchen("plugin new driver lab")
        .exits(2)
        .complains("is there already");
    assert_eq!(project.read("kitchen-plugins/kitchen-driver-lab"), "mine");
    project
        .kitchen("plugin new driver docker")
        .exits(2)
        .complains("is built in");
    project
        .kitchen("plugin new driver ../lab")
        .exits(2)
        .complains("is no name");
}
