//! Root directories whose links lead out of them.

use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use crate::support::{Project, needs};

/// What a boot writes or mounts.
const PLACES: [&str; 7] = ["etc", "dev", "proc", "sys", "run", "tmp", "var"];

fn project(rootfs: &str) -> Project {
    let driver = format!("{{name: sandbox, rootfs: {rootfs}}}");
    Project::new().file(
        "kitchen.yml",
        &format!(
            "driver: {driver}\nprovisioner: {{name: shell, command: \"true\"}}\n\
             platforms: [{{name: a}}]\nsuites: [{{name: web}}]\n"
        ),
    )
}

/// A directory that nothing may be written to, with a file that nothing may replace.
fn outside(project: &Project) -> String {
    project.write("outside/hosts", "kept");
    project.path().join("outside").display().to_string()
}

fn is_untouched(outside: &str) {
    let names: Vec<_> = std::fs::read_dir(outside)
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert_eq!(names, ["hosts"]);
    let text = std::fs::read_to_string(Path::new(outside).join("hosts")).unwrap();
    assert_eq!(text, "kept");
}

/// A root directory, as a directory and as an archive, in which `place` leads to `target`.
fn boots_nowhere_else(place: &str, target: &dyn Fn(&str) -> String, ordinary: bool) {
    for rootfs in ["image", "image.tar"] {
        let project = project(rootfs);
        let outside = outside(&project);
        let image = project.path().join("image");
        std::fs::create_dir(&image).unwrap();
        symlink(target(&outside), image.join(place)).unwrap();
        if rootfs == "image.tar" {
            let mut pack = Command::new("tar");
            pack.arg("-C").arg(&image).arg("-cf");
            let packed = pack.arg(project.path().join(rootfs)).arg(".").status();
            assert!(packed.unwrap().success());
        }
        let project = match ordinary {
            true => project.as_ordinary_user(),
            false => project,
        };
        let ran = project.kitchen("create");
        is_untouched(&outside);
        if ran.code != Some(0) {
            ran.exits(20).complains(&format!("/{place}"));
        }
        project.kitchen("destroy").succeeds();
    }
}

#[test]
fn a_root_directory_cannot_lead_the_boot_out_of_it() {
    if !needs("sandbox") {
        return;
    }
    for place in PLACES {
        // As the boot saw the workstation, as the workstation sees itself, and by the way up.
        boots_nowhere_else(place, &|outside| format!("/host{outside}"), false);
        boots_nowhere_else(place, &|outside| outside.to_owned(), false);
        boots_nowhere_else(
            place,
            &|outside| format!("../../../../host{outside}"),
            false,
        );
    }
}

#[test]
fn a_root_directory_cannot_lead_the_boot_of_an_ordinary_user_out_of_it() {
    if !needs("sandbox") || !needs("ordinary-user") {
        return;
    }
    for place in PLACES {
        boots_nowhere_else(place, &|outside| format!("/host{outside}"), true);
    }
}

/// A cluster of one member that plants a link and is booted again.
fn plants_a_link(plant: &str, ordinary: bool) {
    let project = Project::new();
    let outside = outside(&project);
    let plant = plant.replace("OUTSIDE", &format!("/host{outside}"));
    project.write(
        "kitchen.yml",
        &format!(
            "driver: sandbox\nprovisioner: {{name: shell, command: \"true\"}}\n\
             platforms: [{{name: a}}]\nsuites: [{{name: web}}]\n\
             multisuites:\n- name: one\n  steps:\n  - create web\n  - step: exec web\n    \
             command: \"{plant}\"\n  - reboot web\n"
        ),
    );
    let project = match ordinary {
        true => project.as_ordinary_user(),
        false => project,
    };
    let ran = project.kitchen("test --destroy=never");
    is_untouched(&outside);
    // The link was planted, and what became of the boot is said.
    let said = format!("{}{}", ran.out, ran.err);
    let refused = said.contains("does not lead to a directory of the instance");
    assert!(refused || ran.code == Some(0), "{}", ran.transcript());
    assert!(said.contains("reboot"), "{}", ran.transcript());
    project.kitchen("destroy").succeeds();
}

#[test]
fn a_member_cannot_lead_its_next_boot_out_of_its_root() {
    if !needs("sandbox") {
        return;
    }
    for ordinary in [false, true] {
        if ordinary && !needs("ordinary-user") {
            continue;
        }
        plants_a_link("mv /tmp /was && ln -s OUTSIDE /tmp", ordinary);
        if ordinary {
            plants_a_link("mv /var /was && ln -s OUTSIDE /var", ordinary);
        }
    }
}
