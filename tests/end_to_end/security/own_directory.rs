//! The driver `exec`: what the kitchen puts on the workstation lies where no other user waits.

use std::os::unix::fs::{MetadataExt, symlink};

use crate::support::{Project, needs};

const KITCHEN: &str = "
driver: exec
provisioner: {name: shell, command: 'cp /proc/self/environ /dev/null; pwd > ran'}
verifier: dummy
platforms: [{name: host}]
suites: [{name: a}]
";

/// A project with a directory for temporary files of its own, and the name of this user's
/// directory in it.
fn project() -> (Project, String) {
    let project = Project::new().file("kitchen.yml", KITCHEN);
    std::fs::create_dir(project.path().join("tmp")).expect("a directory");
    let user = std::fs::metadata(project.path())
        .expect("it is there")
        .uid();
    let tmp = project.path().join("tmp").display().to_string();
    (project.env("TMPDIR", &tmp), format!("tmp/kitchen-{user}"))
}

#[test]
fn files_lie_in_a_directory_of_the_users_own() {
    let (project, own) = project();
    project.kitchen("converge").succeeds();
    let seen = std::fs::symlink_metadata(project.path().join(&own)).expect("it was made");
    assert_eq!(seen.mode() & 0o7777, 0o700);
    assert!(project.has(&format!("{own}/kitchen")));
}

#[test]
fn a_link_in_its_place_is_refused_before_anything_is_put_there() {
    let (project, own) = project();
    project.write("waiting/here", "");
    symlink(project.path().join("waiting"), project.path().join(&own)).expect("a link");
    let ran = project.kitchen("converge");
    assert_ne!(ran.code, Some(0), "{}", ran.transcript());
    ran.complains("it is a link").complains("root_path");
    assert!(!project.has("waiting/kitchen"));
}

#[test]
fn a_directory_of_another_user_is_refused() {
    if !needs("root") || !needs("ordinary-user") {
        return;
    }
    let (project, _) = project();
    let waiting = project.path().join("tmp/kitchen-54321");
    let project = project.as_ordinary_user();
    std::fs::create_dir(&waiting).expect("a directory of root's");
    let ran = project.kitchen("converge");
    assert_ne!(ran.code, Some(0), "{}", ran.transcript());
    ran.complains("belongs to another user");
    assert_eq!(std::fs::read_dir(waiting).expect("it is there").count(), 0);
}

#[test]
fn root_path_is_as_before_where_it_is_set() {
    let (project, own) = project();
    let there = project.path().join("there").display().to_string();
    let set = KITCHEN.replace(
        "{name: shell,",
        &format!("{{name: shell, root_path: {there},"),
    );
    project.write("kitchen.yml", &set);
    project.kitchen("converge").succeeds();
    assert!(project.has("there") && !project.has(&own));
}
