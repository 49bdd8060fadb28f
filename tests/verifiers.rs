//! Verifiers through the command, with the real tools.
#![cfg(target_os = "linux")]

mod support;

use support::{Project, needs};

/// One cluster of two on the embedded driver, whose machines have the workstation's own tools.
const SANDBOX: &str = "\
driver: sandbox
provisioner: dummy
platforms: [{name: host}]
suites: [{name: db}, {name: web}]
multisuites:
- name: app
  steps: [verify db, verify web]
";

#[test]
fn a_suite_without_tests_passes_with_a_warning_unless_tests_are_required() {
    if !needs("sandbox") {
        return;
    }
    let project = Project::new().file("kitchen.yml", SANDBOX);
    project
        .kitchen("test")
        .succeeds()
        .prints("zero cases ran: there are no tests of app");
    project
        .kitchen("test --require-tests")
        .exits(10)
        .complains("zero cases ran: there are no tests of app");
}

#[test]
fn busser_runs_the_tests_of_the_multisuite_on_each_member() {
    if !needs("sandbox") || !needs("bats") {
        return;
    }
    let project = Project::new().file("kitchen.yml", SANDBOX).file(
        "test/integration/app/bats/names.bats",
        "@test \"I am $KITCHEN_SUITE_NAME\" { [ \"$(hostname)\" = \"$KITCHEN_SUITE_NAME-host\" ]; }\n\
         @test \"db resolves\" { getent hosts db; }\n",
    );
    project
        .kitchen("test --destroy=never")
        .succeeds()
        .prints_in_order(&[
            "[db-host] ok: I am db",
            "[db-host] ok: db resolves",
            "[web-host] ok: I am web",
        ]);
    project.kitchen("doctor").succeeds();
}
