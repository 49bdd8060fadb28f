//! A member that has no end: no wait without a limit, and SIGTERM ends every command.

use std::time::Duration;

use crate::support::{Project, needs};

const CLUSTER: &str = "
driver: sandbox
provisioner: dummy
verifier: dummy
platforms: [{name: host}]
suites:
- name: a
  lifecycle: {post_create: [{remote: 'WICKED'}]}
- name: b
multisuites:
- name: pair
  steps: [converge a, converge b]
";

fn with(wicked: &str) -> Project {
    Project::new().file("kitchen.yml", &CLUSTER.replace("WICKED", wicked))
}

#[test]
fn a_fifo_in_the_place_of_the_hosts_file_stops_nobody() {
    if !needs("sandbox") {
        return;
    }
    let wicked = || with("rm -f /etc/hosts; mkfifo /etc/hosts");
    passes_a_fifo(&wicked());
    if needs("ordinary-user") {
        passes_a_fifo(&wicked().as_ordinary_user());
    }
}

fn passes_a_fifo(project: &Project) {
    let ran = project.kitchen("converge").succeeds();
    assert!(ran.took < Duration::from_secs(120), "{:?}", ran.took);
    let seen = project.kitchen("exec a -c 'cat /etc/hosts'").succeeds();
    seen.prints("b-host");
    project.kitchen("destroy").succeeds();
}

#[test]
fn a_hosts_file_of_two_gigabytes_is_refused_and_not_read() {
    if !needs("sandbox") {
        return;
    }
    let project = with("truncate -s 2G /etc/hosts");
    let running = project.start("create");
    let peak = crate::support::peak_kib(running.id());
    let ran = running.wait();
    assert_ne!(ran.code, Some(0), "{}", ran.transcript());
    ran.complains("/etc/hosts").complains("larger than");
    let peak = peak.join().expect("a peak");
    assert!(peak < 500 * 1024, "{peak} KiB");
    project.kitchen("destroy").succeeds();
}

/// A tool of the machine without end, while its output is fetched: memory stays flat, and the
/// command ends by SIGTERM.
#[test]
fn a_download_without_end_ends_by_sigterm() {
    if !needs("docker") {
        return;
    }
    // The machine's own `tar` complains without end.
    let endless = "printf \"#!/bin/sh\\necho begun; while :; do echo complaint >&2; done\\n\" > /bin/tar.new; \
        chmod 755 /bin/tar.new; mv /bin/tar.new /bin/tar";
    let text = format!(
        "driver: {{name: docker, image: 'banquet/busybox:1', pull: never}}\n\
         provisioner: {{name: shell, command: '{endless}; echo tar-is-wicked', downloads: {{/etc: fetched}}}}\n\
         verifier: dummy\nplatforms: [{{name: host}}]\nsuites: [{{name: a}}]\n"
    );
    let project = Project::new().file("kitchen.yml", &text);
    let running = project.start("converge").until("tar-is-wicked");
    let peak = crate::support::peak_kib(running.id());
    let ran = running.signal("TERM").wait();
    assert_ne!(ran.code, Some(0), "{}", ran.transcript());
    let peak = peak.join().expect("a peak");
    assert!(peak < 500 * 1024, "{peak} KiB");
    project.kitchen("destroy").succeeds();
}
