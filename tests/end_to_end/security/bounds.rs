//! A member that has no end: no wait without a limit, and SIGTERM ends every command.

use std::fs::File;
use std::io::Read;
use std::process::Command;
use std::time::{Duration, Instant};

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

/// Standard output and standard error without end: both are printed as they come, and neither may
/// keep a signal from its turn.
#[test]
fn exec_of_a_command_that_prints_without_end_ends_by_sigterm() {
    if !needs("sandbox") {
        return;
    }
    let project = Project::new().file(
        "kitchen.yml",
        "driver: sandbox\nprovisioner: dummy\nverifier: dummy\n\
         platforms: [{name: host}]\nsuites: [{name: a}]\n",
    );
    project.kitchen("create").succeeds();
    for command in ["yes endless", "yes endless >&2"] {
        let running = project
            .start(&format!("exec -c '{command}'"))
            .until("endless");
        let asked = Instant::now();
        let ran = running.signal("TERM").wait();
        assert_eq!(ran.code, Some(130), "{command}");
        assert!(asked.elapsed() < Duration::from_secs(10), "{command}");
    }
    project.kitchen("destroy").succeeds();
}

/// A template that waits for ever in Ruby: it holds a fifo open, whose end tells of its own.
#[test]
fn a_template_in_ruby_ends_with_the_kitchen() {
    if !needs("ruby") {
        return;
    }
    let template = "<% held = File.open('held', 'w'); held.syswrite('.'); File.read('never') %>";
    let project = Project::new().file("kitchen.yml", template);
    for fifo in ["held", "never"] {
        let made = Command::new("mkfifo")
            .arg(project.path().join(fifo))
            .status();
        assert!(made.expect("mkfifo runs").success());
    }
    let running = project.start("list");
    let mut held = File::open(project.path().join("held")).expect("Ruby opens it too");
    held.read_exact(&mut [0]).expect("Ruby has begun");
    running.signal("KILL").wait();
    let (ended, told) = std::sync::mpsc::channel();
    std::thread::spawn(move || ended.send(held.read_to_end(&mut Vec::new())));
    let read = told.recv_timeout(Duration::from_secs(20));
    read.expect("Ruby ends with the kitchen").expect("an end");
}

#[test]
fn a_template_in_ruby_does_not_fill_the_memory() {
    if !needs("ruby") {
        return;
    }
    let template = "<% File.open('/dev/zero').read(5_000_000_000) %>";
    let project = Project::new().file("kitchen.yml", template);
    project.kitchen("list").exits(3).complains("NoMemoryError");
}
