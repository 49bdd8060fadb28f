//! A temporary project and the `kitchen` command in it:
//! `Project::new().file("kitchen.yml", …).kitchen("test web").succeeds().prints("…")`.
//! Every project is a directory of its own; what a failed test leaves running is destroyed with it.
#![allow(clippy::wrong_self_convention, reason = "sentences are chains")]

mod project;
mod ran;
mod remains;
mod running;

use std::io::Write;
use std::process::{Command, Stdio};
use std::time::Duration;

pub use project::Project;
pub use ran::Ran;
pub use remains::{ask_docker, labelled, processes};
pub use running::Running;

/// Whether this machine has what a test needs; where not it is skipped, saying why, or fails if
/// `BANQUET_REQUIRE` names the need.
pub fn needs(need: &str) -> bool {
    let found = match need {
        "sandbox" if is_root() => Ok(()),
        "sandbox" => succeeds("unshare", &["-Urnm", "true"]),
        // Only root mounts what all processes see.
        "root" if is_root() => Ok(()),
        "root" => Err("the tests are not run by root".into()),
        "xmllint" => succeeds("xmllint", &["--version"]),
        "terminal" => succeeds("script", &["--version"]),
        "rake" => succeeds("rake", &["--version"]),
        "ruby" => succeeds("ruby", &["--version"]),
        "ordinary-user" => {
            succeeds("setpriv", &["--version"]).and_then(|()| succeeds("perl", &["-e", "1"]))
        }
        "bats" => succeeds("bats", &["--version"]),
        "testinfra" => succeeds("pytest", &["--ssh-identity-file=/", "--version"]),
        "python3" => succeeds("python3", &["--version"]),
        "make" => succeeds("make", &["--version"]),
        "docker" => images(&["busybox", "debian-redis"]),
        "ansible" => succeeds("ansible-playbook", &["--version"]),
        "vagrant" => succeeds("vagrant", &["--version"]).and_then(|()| images(&["debian-vagrant"])),
        // An image on top of Debian, with what the need is named after: `docker-ssh`.
        image if image.starts_with("docker-") => images(&[&image.replace("docker", "debian")]),
        other => Err(format!("{other} is no requirement that tests know")),
    };
    banquet_sdk::conformance::requires(need, found)
}

/// Whether Docker has these images of `fixtures/images`.
fn images(names: &[&str]) -> Result<(), String> {
    names.iter().try_for_each(|name| {
        let image = format!("banquet/{name}:1");
        succeeds("docker", &["image", "inspect", &image])
    })
}

fn succeeds(program: &str, arguments: &[&str]) -> Result<(), String> {
    let line = format!("{program} {}", arguments.join(" "));
    match Command::new(program).args(arguments).output() {
        Ok(output) if output.status.success() => Ok(()),
        Ok(output) => Err(format!(
            "`{line}`: {}",
            String::from_utf8_lossy(&output.stderr).trim()
        )),
        Err(error) => Err(format!("`{line}`: {error}")),
    }
}

fn is_root() -> bool {
    let id = Command::new("id").arg("-u").output().expect("id runs");
    id.stdout == b"0\n"
}

/// The largest resident size of a process that is running, in KiB, once it has ended.
pub fn peak_kib(process: u32) -> std::thread::JoinHandle<u64> {
    std::thread::spawn(move || {
        let mut largest = 0;
        while let Ok(status) = std::fs::read_to_string(format!("/proc/{process}/status")) {
            let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
            let Some(kib) = line.and_then(|rest| rest.split_whitespace().next()?.parse().ok())
            else {
                break;
            };
            largest = largest.max(kib);
            std::thread::sleep(Duration::from_millis(10));
        }
        largest
    })
}

/// Whether a report is what Jenkins' JUnit plugin takes; `xmllint` is needed.
#[track_caller]
pub fn is_junit(text: &str) {
    let schema = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/schemas/junit-10.xsd");
    let mut check = Command::new("xmllint")
        .args(["--noout", "--nonet", "--huge", "--schema", schema, "-"])
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("xmllint runs");
    let mut input = check.stdin.take().expect("a pipe");
    input.write_all(text.as_bytes()).expect("xmllint reads");
    drop(input);
    let checked = check.wait_with_output().expect("xmllint ends");
    let said = String::from_utf8_lossy(&checked.stderr);
    assert!(checked.status.success(), "{said}\n{text}");
}
