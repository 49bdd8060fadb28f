//! A disk that fills while a run goes on: what is lost is told, the verdict is right, and the
//! machines are found.
#![cfg(target_os = "linux")]

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::{Project, is_junit, needs};

/// A small disk, for as long as this lives.
struct Disk(PathBuf);

impl Disk {
    /// On the directory `path` of a project.
    fn on(project: &Project, path: &str, kib: u32) -> Self {
        let path = project.path().join(path);
        std::fs::create_dir_all(&path).expect("a directory");
        let size = format!("size={kib}k");
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &size, "tmpfs"])
            .arg(&path)
            .status();
        assert!(mounted.expect("mount runs").success());
        Self(path)
    }

    /// Takes all the room that is left.
    fn fill(&self) {
        let mut file = std::fs::File::create(self.0.join("filler")).expect("a file");
        let full = std::io::copy(&mut std::io::repeat(0), &mut file);
        let error = full.expect_err("no room is left");
        assert_eq!(error.kind(), std::io::ErrorKind::StorageFull);
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(&self.0).status();
    }
}

/// Members that say more than a small disk holds.
fn talkative(driver: &str) -> String {
    format!(
        "driver: {driver}\nverifier: dummy\nplatforms: [{{name: x}}]\nsuites: [{{name: a}}, {{name: b}}]\n\
         provisioner: {{name: shell, command: 'seq -f \"line %.0f of a long tale\" 20000'}}\n\
         multisuites:\n- name: pair\n  steps:\n  - converge a\n  - verify a\n  - converge b\n"
    )
}

/// Processes of the sandbox that belong to a project.
fn machines(project: &Path) -> usize {
    let label = kitchen::state::project_id(project);
    let processes = std::fs::read_dir("/proc").expect("processes").flatten();
    let ours = processes.filter(|entry| {
        let line = std::fs::read(entry.path().join("cmdline")).unwrap_or_default();
        let line = String::from_utf8_lossy(&line).into_owned();
        line.contains("__sandbox") && line.contains(&label)
    });
    ours.count()
}

#[test]
fn a_run_whose_disk_fills_says_so_and_its_machines_are_found() {
    if !needs("root") || !needs("sandbox") || !needs("xmllint") {
        return;
    }
    let project = Project::new().file("kitchen.yml", &talkative("sandbox"));
    let disk = Disk::on(&project, ".kitchen", 400);
    project
        .kitchen("test --destroy=never --junit junit.xml")
        .exits(20)
        .prints("1 converge a  FAILED")
        .prints("2 verify a    not run")
        .complains("the run is not recorded any further")
        .complains("the log files end here: No space left on device")
        .complains(".kitchen/a-x.yml: No space left on device")
        .complains("`kitchen destroy` needs none")
        .complains("line 20000 of a long tale");
    // What was asked for on another disk is whole, but for the output.
    let junit = project.read("junit.xml");
    is_junit(&junit);
    assert!(junit.contains("No space left on device"), "{junit}");
    assert_unfinished(&project);

    assert_ne!(machines(project.path()), 0);
    disk.fill();
    project.kitchen("destroy").succeeds();
    assert_eq!(machines(project.path()), 0);
    drop(disk);
}

/// Every form of the newest record says that it ends early.
fn assert_unfinished(project: &Project) {
    project.kitchen("runs").succeeds().prints("unfinished");
    for (format, mark) in [
        ("terminal", "unfinished"),
        ("json", "\"result\": \"unfinished\""),
        ("tap", "Bail out!"),
        ("html", "has no end"),
        ("junit", "<error message=\"unfinished"),
    ] {
        let ran = project.kitchen(&format!("report -f {format}")).succeeds();
        let ran = ran
            .prints(mark)
            .complains("This record is unfinished: the run was killed, or its disk was full");
        if format == "junit" {
            is_junit(&ran.out);
        }
    }
}

/// A driver that forgets in the state file what it has removed.
#[test]
fn containers_are_destroyed_without_any_room() {
    if !needs("root") || !needs("docker") {
        return;
    }
    let driver = "{name: docker, image: 'banquet/busybox:1', pull: never}";
    let project = Project::new().file("kitchen.yml", &talkative(driver));
    let disk = Disk::on(&project, ".kitchen", 4000);
    project.kitchen("create").succeeds();
    disk.fill();
    project.kitchen("destroy").succeeds();
    assert!(!project.has(".kitchen/a-x.yml"));
    project
        .kitchen("gc")
        .succeeds()
        .prints("Nothing was left behind");
    drop(disk);
}

#[test]
fn a_record_that_finds_no_room_changes_no_verdict() {
    if !needs("root") || !needs("xmllint") {
        return;
    }
    let text = talkative("exec").replace(
        "verifier: dummy",
        "verifier: {name: shell, command: 'true'}",
    );
    let project = Project::new().file("kitchen.yml", &text);
    let disk = Disk::on(&project, ".kitchen/runs", 100);
    project
        .kitchen("test --junit junit.xml")
        .succeeds()
        .prints("3 converge b  passed")
        .complains("the run is not recorded any further");
    let junit = project.read("junit.xml");
    is_junit(&junit);
    assert!(
        junit.contains("name=\"converge b\"") && junit.contains("errors=\"0\""),
        "{junit}"
    );
    assert_unfinished(&project);
    drop(disk);
}

#[test]
fn a_report_that_finds_no_room_fails_the_command() {
    if !needs("root") {
        return;
    }
    let project = Project::new().file("kitchen.yml", &talkative("exec"));
    let disk = Disk::on(&project, "out", 40);
    project
        .kitchen("test --html out/page.html")
        .exits(20)
        .prints("3 converge b  passed")
        .complains("no report is written to out/page.html: No space left on device");
    assert!(!project.has("out/page.html"), "no part of a report is left");
    let left = std::fs::read_dir(project.path().join("out")).expect("a directory");
    assert_eq!(left.count(), 0);
    drop(disk);
}

#[test]
fn standard_output_that_finds_no_room_fails_the_command() {
    let project = Project::new().file("kitchen.yml", &talkative("exec"));
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full");
    let ran = project
        .command("test")
        .stdout(full.expect("a device"))
        .output()
        .expect("kitchen runs");
    let told = String::from_utf8_lossy(&ran.stderr);
    assert_eq!(ran.status.code(), Some(20), "{told}");
    assert!(
        told.contains("standard output is not written any further"),
        "{told}"
    );
    project.kitchen("runs").succeeds().prints("passed");
}

#[test]
fn blocks_that_find_no_room_are_shown_as_they_come() {
    if !needs("root") {
        return;
    }
    // More than a mebibyte is held back in a temporary file.
    let text = "driver: exec\nverifier: dummy\nplatforms: [{name: x}]\nsuites: [{name: a}, {name: b}]\n\
         provisioner: {name: shell, command: 'seq -f \"line %.0f of a very long tale indeed\" 40000'}\n";
    let mut project = Project::new().file("kitchen.yml", text).env("CI", "true");
    let disk = Disk::on(&project, "tmp", 64);
    project = project.env("TMPDIR", &disk.0.display().to_string());
    let ran = project
        .kitchen("converge -c 2")
        .complains("output comes as it is printed: No space left on device");
    for name in ["a-x", "b-x"] {
        let line = format!("[{name}] line 40000 of a very long tale indeed");
        assert!(ran.out.contains(&line), "{line}");
    }
    ran.succeeds();
    drop(disk);
}
