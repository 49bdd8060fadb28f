//! A project in a directory of its own, destroyed and removed at the end.

use std::path::Path;
use std::process::Command;

/// A directory with a `kitchen.yml`.
pub struct Project(tempfile::TempDir);

impl Project {
    /// With this configuration.
    pub fn new(kitchen_yml: &str) -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        std::fs::write(directory.path().join("kitchen.yml"), kitchen_yml).expect("written");
        Self(directory)
    }

    /// One cluster named `bench` of `members` members, with one step.
    pub fn cluster(driver: &str, members: usize, step: &str) -> Self {
        let suites: String = (1..=members).map(|n| format!("- name: m{n}\n")).collect();
        let steps: String = (1..=members)
            .map(|n| step.replace("{}", &format!("m{n}")))
            .map(|step| format!("    - {step}\n"))
            .collect();
        Self::new(&format!(
            "{driver}\nplatforms:\n- name: host\nsuites:\n{suites}multisuites:\n- name: bench\n  \
             steps:\n  - concurrent:\n{steps}"
        ))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        self.0.path()
    }

    /// The kitchen in it.
    pub fn kitchen(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_kitchen"));
        command.arg("-C").arg(self.path()).args(arguments);
        command
    }
}

impl Drop for Project {
    fn drop(&mut self) {
        // What a failed measurement left; nothing is there otherwise.
        let _ = self.kitchen(&["destroy"]).output();
    }
}
