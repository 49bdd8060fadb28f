//! Images that are built for a project: `gc` and `destroy` say of each what becomes of it.
#![cfg(target_os = "linux")]

use std::process::Command;

use crate::support::{Project, needs};

const KITCHEN: &str = "
driver: {name: docker, dockerfile: Dockerfile}
provisioner: dummy
verifier: dummy
platforms: [{name: host}]
suites: [{name: a}, {name: b}]
multisuites:
- name: pair
  steps:
  - concurrent: [converge a, converge b]
";

fn project() -> Project {
    Project::new()
        .file("kitchen.yml", KITCHEN)
        .file(
            "Dockerfile",
            "FROM banquet/busybox:1\nCOPY greeting /greeting\n",
        )
        .file("greeting", "hello\n")
}

/// The ids of the images that were built for the project.
fn images(project: &Project) -> Vec<String> {
    let id = kitchen::state::project_id(project.path());
    let filter = format!("label=org.banquet.image.project={id}");
    let ran = Command::new("docker")
        .args(["images", "--quiet", "--no-trunc", "--filter", &filter])
        .output();
    let out = String::from_utf8(ran.expect("docker runs").stdout).expect("text");
    out.lines().map(str::to_owned).collect()
}

#[test]
fn members_share_one_build_and_a_superseded_image_goes_with_gc() {
    if !needs("docker") {
        return;
    }
    let project = project();
    let created = project.kitchen("create").succeeds();
    let builds = created.transcript().matches("building the image").count();
    assert_eq!(builds, 1, "{}", created.transcript());
    project
        .kitchen("gc")
        .succeeds()
        .prints("Nothing was left behind")
        .prints("Still in use: 3. `kitchen destroy` removes it")
        .prints("Kept to be used again: 1. `kitchen gc --all` counts it");
    project.kitchen("destroy").succeeds();
    assert_eq!(images(&project).len(), 1);
    project.write("greeting", "good day\n");
    project
        .kitchen("gc")
        .succeeds()
        .prints("nothing uses it as it is")
        .prints("the project");
    project
        .kitchen("create")
        .succeeds()
        .prints("building the image");
    assert_eq!(images(&project).len(), 2);
    project
        .kitchen("gc --yes")
        .succeeds()
        .prints("Removed image")
        .prints("Kept to be used again: 1");
    assert_eq!(images(&project).len(), 1);
    project.kitchen("exec a-host -c 'cat /greeting'").succeeds();
    project
        .kitchen("gc --yes --all")
        .succeeds()
        .prints("Removed image")
        .prints_no("Kept to be used again");
    assert_eq!(images(&project).len(), 0);
}

#[test]
fn destroy_removes_what_earlier_states_of_the_files_left_where_that_is_wanted() {
    if !needs("docker") {
        return;
    }
    let project = project();
    for greeting in ["one", "two"] {
        project.write("greeting", greeting);
        project.kitchen("create").succeeds();
        project.kitchen("destroy").succeeds();
    }
    assert_eq!(images(&project).len(), 2);
    let wanted = KITCHEN.replace("dockerfile:", "remove_images: true, dockerfile:");
    project.write("kitchen.yml", &wanted);
    std::fs::remove_dir_all(project.path().join(".kitchen")).expect("the states go");
    project.kitchen("destroy").succeeds();
    assert_eq!(images(&project).len(), 0);
}
