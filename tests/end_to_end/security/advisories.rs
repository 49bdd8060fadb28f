//! The gate says when it could not ask for known vulnerabilities.

use std::path::Path;
use std::process::{Command, Output};

use crate::support::Project;

/// Runs `.ci/advisories` with a `cargo` that does `script`.
fn asked(script: &str) -> Output {
    let project = Project::new().script("bin/cargo", &format!("#!/bin/sh\n{script}\n"));
    let path = std::env::var("PATH").unwrap_or_default();
    Command::new(Path::new(env!("CARGO_MANIFEST_DIR")).join(".ci/advisories"))
        .env(
            "PATH",
            format!("{}:{path}", project.path().join("bin").display()),
        )
        .output()
        .expect("the script runs")
}

#[test]
fn a_database_that_cannot_be_had_is_said_and_no_failure() {
    let asked = asked("echo 'failed to fetch advisory database' >&2; exit 1");
    assert!(asked.status.success());
    let said = String::from_utf8_lossy(&asked.stdout);
    assert!(
        said.starts_with("NOT CHECKED: advisories and yanked crates"),
        "{said}"
    );
    assert!(said.contains("failed to fetch advisory database"), "{said}");
}

#[test]
fn an_advisory_is_a_failure() {
    let finds = "case \"$*\" in *fetch*) exit 0 ;; *'check advisories'*) exit 4 ;; esac; exit 9";
    assert_eq!(asked(finds).status.code(), Some(4));
}
