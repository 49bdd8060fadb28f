//! What a `kill -9` of the kitchen leaves on the workstation: files of tools, and processes.
#![cfg(target_os = "linux")]

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::support::Project;

/// Whether a process lives; one that has ended and that nobody has waited for does not.
fn lives(pid: &str) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let state = stat.rsplit_once(')').map_or("", |(_, rest)| rest.trim());
    !state.is_empty() && !state.starts_with(['Z', 'X'])
}

/// Waits until the process has ended.
fn ends(pid: &str) {
    let patience = Instant::now() + Duration::from_secs(30);
    while lives(pid) {
        assert!(Instant::now() < patience, "process {pid} lives");
        std::thread::yield_now();
    }
}

/// All files below `directory`.
fn files(directory: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(directory).into_iter().flatten().flatten();
    let found = entries.flat_map(|entry| match entry.path().is_dir() {
        true => files(&entry.path()),
        false => vec![entry.path()],
    });
    found.collect()
}

const TREE: &str = "
driver: exec
provisioner: dummy
verifier:
  name: shell
  command: |
    sh -c 'trap \"\" TERM HUP; sleep 600; :' & below=$!
    echo pids $$ $below
    wait
platforms: [{name: host}]
suites: [{name: web}]
";

#[test]
fn what_it_had_started_ends_with_it_or_with_the_next_command() {
    let project = Project::new().file("kitchen.yml", TREE);
    let running = project.start("verify").until("pids ");
    let ran = running.signal("KILL").wait();
    let transcript = ran.transcript();
    let told = transcript
        .split("pids ")
        .nth(1)
        .expect("it tells its processes");
    let mut pids = told.split_whitespace();
    let (command, below) = (pids.next().expect("one"), pids.next().expect("two"));
    ends(command);
    assert!(lives(below), "the kernel ends the command alone");
    let told = format!("ended what it had started: sh (process {command})");
    project.kitchen("destroy").succeeds().prints(&told);
    ends(below);
    assert!(!project.has(".kitchen/tmp"));
    project
        .kitchen("destroy")
        .succeeds()
        .prints_no("ended what");
}

#[test]
fn what_a_command_leaves_running_on_purpose_is_left_alone() {
    let hooks = "
driver: exec
provisioner: dummy
verifier: {name: shell, command: 'echo waiting; sleep 600'}
lifecycle: {post_create: 'sleep 600 >/dev/null 2>&1 & echo server $!'}
platforms: [{name: host}]
suites: [{name: web}]
";
    let project = Project::new().file("kitchen.yml", hooks);
    let running = project.start("verify").until("waiting");
    let transcript = running.signal("KILL").wait().transcript();
    let told = transcript
        .split("server ")
        .nth(1)
        .expect("it tells its process");
    let server = told.split_whitespace().next().expect("a number").to_owned();
    project.kitchen("destroy").succeeds();
    let living = lives(&server);
    let killed = std::process::Command::new("kill").arg(&server).status();
    assert!(living && killed.expect("kill runs").success());
}

#[test]
fn files_of_tools_are_private_and_go_with_the_next_command() {
    let play = "
driver: exec
provisioner: {name: ansible_playbook, run_from: workstation, playbook: site.yml, extra_vars: {word: secretword}}
verifier: dummy
platforms: [{name: host}]
suites: [{name: web}]
";
    let project = Project::new()
        .file("kitchen.yml", play)
        .file("site.yml", "- hosts: all\n")
        .script(
            "bin/ansible-playbook",
            "#!/bin/sh\necho playing\nsleep 600\n",
        );
    let path = std::env::var("PATH").expect("a path");
    let path = format!("{}:{path}", project.path().join("bin").display());
    let project = project.env("PATH", &path);
    project
        .start("converge")
        .until("playing")
        .signal("KILL")
        .wait();
    let left = files(&project.path().join(".kitchen/tmp"));
    let text = |path: &PathBuf| std::fs::read_to_string(path).unwrap_or_default();
    assert!(
        left.iter().any(|path| text(path).contains("secretword")),
        "{left:?}"
    );
    for path in left {
        let mode = path.metadata().expect("it is there").permissions().mode();
        assert_eq!(mode & 0o077, 0, "{}", path.display());
    }
    project.kitchen("list").succeeds();
    assert!(project.has(".kitchen/tmp"), "`list` only looks");
    project.kitchen("destroy").succeeds();
    assert!(!project.has(".kitchen/tmp"));
}

#[test]
fn halves_of_files_go_and_a_directory_for_a_state_stops_nobody() {
    let two = "
driver: dummy
provisioner: dummy
verifier: dummy
platforms: [{name: host}]
suites: [{name: a}, {name: b}]
multisuites: [{name: pair, steps: [converge a, converge b]}]
";
    let project = Project::new().file("kitchen.yml", two);
    project.kitchen("create").succeeds();
    std::fs::remove_file(project.path().join(".kitchen/a-host.yml")).expect("a state");
    std::fs::create_dir(project.path().join(".kitchen/a-host.yml")).expect("a directory");
    project.write(".kitchen/.b-host.yml.new", "---\nhal");
    project
        .kitchen("converge")
        .exits(3)
        .complains("a-host.yml is no state file: it is a directory");
    project
        .kitchen("destroy")
        .succeeds()
        .prints("a-host.yml.broken");
    assert!(!project.has(".kitchen/b-host.yml") && !project.has(".kitchen/.b-host.yml.new"));
}
