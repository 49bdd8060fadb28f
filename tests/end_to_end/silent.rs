//! An engine that takes a question and answers nothing.
#![cfg(unix)]

use std::os::unix::net::UnixListener;
use std::path::PathBuf;

use crate::support::Project;

const CONFIG: &str = "
driver: {name: docker, answer_timeout: 2}
transport: {name: docker, answer_timeout: 2}
provisioner: dummy
verifier: dummy
platforms: [{name: host, driver: {image: 'banquet/busybox:1'}}]
suites: [{name: web}]
";

/// A project whose engine hears and says nothing; keep the listener.
fn project() -> (Project, UnixListener, PathBuf) {
    let project = Project::new().file("kitchen.yml", CONFIG);
    let socket = project.path().join("s");
    let listener = UnixListener::bind(&socket).expect("a short path");
    let host = format!("unix://{}", socket.display());
    (project.env("DOCKER_HOST", &host), listener, socket)
}

#[test]
fn commands_end_and_name_it() {
    let (project, _listener, socket) = project();
    let named = format!("unix://{}", socket.display());
    let state = format!("---\ncontainer_id: abc\ndocker_host: {named}\nlast_action: create\n");
    project.write(".kitchen/web-host.yml", &state);
    for (command, code) in [
        ("destroy", 21),
        ("doctor", 21),
        ("list --live --json", 0),
        ("list --live --json --timeout 1s", 0),
        ("gc --timeout 1s", 21),
        ("doctor --timeout 1s", 21),
    ] {
        let transcript = project.kitchen(command).exits(code).transcript();
        assert!(transcript.contains(&named), "{command}: {transcript}");
    }
    assert!(
        project.has(".kitchen/web-host.yml"),
        "it may be there still"
    );
}

#[test]
fn a_signal_ends_the_run() {
    let (project, _listener, socket) = project();
    let running = project
        .start("test --destroy=always")
        .until("Destroying <web-host>");
    let ran = running.signal("TERM").wait();
    let transcript = ran.transcript();
    assert!(
        transcript.contains(&socket.display().to_string()),
        "{transcript}"
    );
}

#[test]
fn a_driver_that_does_not_end_is_left() {
    let config = "
kitchen: {destroy_timeout: 1s}
driver: {name: exec, reset_command: 'test ! -e stuck || sleep 600'}
provisioner: dummy
verifier: dummy
platforms: [{name: host}]
suites: [{name: web}]
";
    let project = Project::new().file("kitchen.yml", config);
    project.kitchen("create").succeeds();
    project.write("stuck", "");
    project
        .kitchen("destroy")
        .prints("destroying it by driver exec took longer than 1s (`kitchen: {destroy_timeout}`");
    assert!(project.has(".kitchen/web-host.yml"));
}
