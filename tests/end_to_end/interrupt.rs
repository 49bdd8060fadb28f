//! Ctrl-C and SIGTERM end a run in order and clean up by the `--destroy` rule.
#![cfg(unix)]

use crate::support::Project;

fn project() -> Project {
    Project::new().file(
        "kitchen.yml",
        "driver: {name: dummy, journal: journal}\ntransport: dummy\nverifier: dummy\n\
         provisioner: {name: dummy, sleep: 600}\n\
         platforms: [{name: host}]\nsuites: [{name: a}, {name: b}]\n\
         multisuites:\n- name: pair\n  steps:\n  - concurrent: [converge a, converge b]\n",
    )
}

#[test]
fn ctrl_c_with_destroy_always_destroys() {
    let project = project();
    let ran = project
        .start("test --destroy=always")
        .until("Converging <b-host>")
        .signal("INT")
        .wait();
    assert_eq!(ran.code, Some(130), "{}", ran.transcript());
    assert!(!project.has(".kitchen/a-host.yml"), "{}", ran.transcript());
    assert!(!project.has(".kitchen/b-host.yml"));
}

#[test]
fn sigterm_with_destroy_passing_leaves_the_members() {
    let project = project();
    let ran = project
        .start("test")
        .until("Converging <b-host>")
        .signal("TERM")
        .wait();
    assert_eq!(ran.code, Some(130), "{}", ran.transcript());
    assert!(project.has(".kitchen/a-host.yml"));
    project.kitchen("destroy").succeeds();
    assert!(!project.has(".kitchen/a-host.yml"));
}

#[test]
fn a_second_ctrl_c_ends_the_cleanup_too() {
    let project = Project::new().file(
        "kitchen.yml",
        "driver:\n  name: exec\n  pre_create_command: touch made; echo creating; sleep 600\n  \
         reset_command: if [ -e made ]; then echo resetting; sleep 600; fi\n\
         verifier: dummy\nplatforms: [{name: host}]\nsuites: [{name: a}]\n",
    );
    let ran = project
        .start("test --destroy=always")
        .until("creating")
        .signal("INT")
        .until("resetting")
        .signal("INT")
        .wait();
    assert_eq!(ran.code, Some(130), "{}", ran.transcript());
    std::fs::remove_file(project.path().join("made")).expect("the machine was begun");
}
