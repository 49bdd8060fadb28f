//! The fixtures that people are told to run first, run for real.
#![cfg(target_os = "linux")]

use std::path::Path;
use std::process::Command;

use crate::support::{Project, needs};

#[test]
fn the_first_command_passes_on_the_embedded_driver() {
    if !needs("sandbox") {
        return;
    }
    let project = Project::copy_of("fixtures/hello-db");
    project
        .kitchen("test")
        .succeeds()
        .prints("hello world from web1-host");
    assert!(
        left_behind(project.path()).is_empty(),
        "{:?}",
        left_behind(project.path())
    );
}

#[test]
fn the_first_command_passes_for_an_ordinary_user() {
    if !needs("ordinary-user") {
        return;
    }
    let project = Project::copy_of("fixtures/hello-db").as_ordinary_user();
    project
        .kitchen("test")
        .succeeds()
        .prints("hello world from web2-host");
    assert!(
        left_behind(project.path()).is_empty(),
        "{:?}",
        left_behind(project.path())
    );
}

#[test]
fn the_same_passes_on_docker_with_redis() {
    if !needs("docker") {
        return;
    }
    let project = Project::copy_of("fixtures/hello-redis");
    let beside = Project::copy_of("fixtures/hello-db");
    let text = project.read("kitchen.yml");
    project.write(
        "kitchen.yml",
        &text.replace("../hello-db", &beside.path().to_string_lossy()),
    );
    project
        .kitchen("test --destroy=always")
        .succeeds()
        .prints("hello world from web1");
}

#[test]
fn members_live_from_one_command_to_the_next() {
    if !needs("sandbox") {
        return;
    }
    let project = Project::copy_of("fixtures/hello-db");
    project.kitchen("create").succeeds();
    assert!(
        left_behind(project.path()).len() >= 3,
        "what lives can be seen"
    );
    project.kitchen("converge").succeeds();
    project
        .kitchen("verify")
        .succeeds()
        .prints("hello world from web1-host");
    project
        .kitchen("exec -c hostname")
        .succeeds()
        .prints("web1-host")
        .prints("db-host");
    project.kitchen("destroy").succeeds();
    assert!(left_behind(project.path()).is_empty());
}

#[test]
fn copies_of_one_job_do_not_touch_each_other() {
    if !needs("sandbox") {
        return;
    }
    let jobs: Vec<Project> = (0..3)
        .map(|_| Project::copy_of("fixtures/hello-db"))
        .collect();
    let running: Vec<_> = jobs.iter().map(|job| job.start("test")).collect();
    for ran in running {
        ran.wait().succeeds();
    }
}

/// Processes of the sandbox that belong to the project in `directory`.
fn left_behind(directory: &Path) -> Vec<String> {
    let found = Command::new("pgrep")
        .args(["-af", "__sandbox"])
        .output()
        .expect("pgrep runs");
    let lines = String::from_utf8_lossy(&found.stdout).into_owned();
    let ours = kitchen::state::project_id(directory);
    lines
        .lines()
        .filter(|line| line.contains(&ours))
        .map(str::to_owned)
        .collect()
}
