//! What is not the kitchen's, planted beside what is, under names that are alike: it must stay.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use crate::config::{Config, IMAGE};
use crate::look::Docker;
use crate::place::Place;

/// A file in the temporary directory, named as if it were the kitchen's.
pub const NEIGHBOUR: &str = "kitchen-notes";

/// Name of a project that is not there.
const NOBODY: &str = "feedfacefeedface";

/// What was planted in Docker: ids, and the kind of each.
pub type Planted = BTreeMap<String, &'static str>;

/// A process that bears the labels of a sandbox of another project with the same names.
pub struct Stranger(Child);

impl Stranger {
    /// Starts it; it ends when this does.
    pub fn plant(directory: &std::path::Path, config: &Config) -> io::Result<Self> {
        // The second word of its arguments is that of a sandbox's processes.
        fs::write(directory.join("__sandbox"), "read line\n")?;
        let child = Command::new("sh")
            .args(["__sandbox", "boot"])
            .args(labels(config).map(|(name, value)| format!("--{name}={value}")))
            .arg("--id=0123456789abcdef")
            .current_dir(directory)
            .stdin(Stdio::piped())
            .spawn()?;
        Ok(Self(child))
    }

    /// Its number.
    pub fn pid(&self) -> i32 {
        self.0.id().cast_signed()
    }

    /// Whether it still runs.
    pub fn runs(&self) -> bool {
        runs(self.pid())
    }
}

impl Drop for Stranger {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        let _ = self.0.wait();
    }
}

fn labels(config: &Config) -> [(&'static str, String); 6] {
    [
        ("project", NOBODY.into()),
        ("cluster", config.cluster()),
        ("instance", config.first()),
        ("suite", config.suite().into()),
        ("platform", config.platform().into()),
        ("run", "00000000-0000-4000-8000-000000000000".into()),
    ]
}

fn runs(pid: i32) -> bool {
    let state = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let state = state.rsplit(") ").next().unwrap_or_default();
    !state.is_empty() && !state.starts_with(['Z', 'X'])
}

/// Containers, a network and a volume of a project that is not there, and a container without labels.
pub fn plant_in_docker(docker: &Docker, config: &Config) -> Result<Planted, String> {
    let name = format!("banquet-{}-0123456789ab", config.first());
    let network = format!("banquet-{}-0123456789ab", config.cluster());
    let all: Vec<String> = labels(config)
        .iter()
        .map(|(label, value)| format!("--label=org.banquet.{label}={value}"))
        .collect();
    let all: Vec<&str> = all.iter().map(String::as_str).collect();
    let mut planted = Planted::new();
    let mut plant = |kind, first: &[&str], last: &[&str]| {
        let arguments = [first, &all[..], last].concat();
        let id = docker.run(&arguments)?;
        planted.insert(id.trim().to_owned(), kind);
        Ok::<(), String>(())
    };
    plant("network", &["network", "create"], &[&network])?;
    plant("volume", &["volume", "create"], &[&name])?;
    let run = [
        "run",
        "--detach",
        "--init",
        "--network",
        &network,
        "--name",
        &name,
    ];
    plant("container", &run, &[IMAGE, "sleep", "1000000"])?;
    let unlabelled = docker.run(&["create", "--name", &config.first(), IMAGE, "true"])?;
    planted.insert(unlabelled.trim().to_owned(), "container");
    Ok(planted)
}

/// What of `planted` is gone.
pub fn lost_in_docker(docker: &Docker, planted: &Planted) -> Result<Vec<String>, String> {
    let listed = [
        docker.run(&["ps", "--all", "--quiet", "--no-trunc"])?,
        docker.run(&["network", "ls", "--quiet", "--no-trunc"])?,
        docker.run(&["volume", "ls", "--quiet"])?,
    ];
    let there: BTreeSet<&str> = listed.iter().flat_map(|it| it.lines()).collect();
    let gone = planted.keys().filter(|id| !there.contains(id.as_str()));
    Ok(gone.map(|id| format!("planted in Docker: {id}")).collect())
}

/// Containers before the network that they are in.
pub fn in_order(planted: &Planted) -> Vec<(&str, &'static str)> {
    let mut all: Vec<_> = planted
        .iter()
        .map(|(id, kind)| (id.as_str(), *kind))
        .collect();
    all.sort_by_key(|(_, kind)| *kind);
    all
}

/// A process of somebody who works in the project's directory, and files there.
pub struct Bystander {
    child: Child,
    files: Vec<PathBuf>,
}

impl Bystander {
    /// Starts it and writes them.
    pub fn plant(place: &Place, token: &str) -> io::Result<Self> {
        let files = vec![
            place.project().join(format!("notes-of-{token}")),
            place.project().join("kitchen.yml.bak"),
            place.temporary().join(NEIGHBOUR),
        ];
        for file in &files {
            fs::write(file, "mine\n")?;
        }
        // Without the token: it is no leftover of the kitchen.
        let child = Command::new("sh")
            .args(["-c", "cd project && read line", "editor of kitchen.yml"])
            .current_dir(place.root())
            .stdin(Stdio::piped())
            .spawn()?;
        Ok(Self { child, files })
    }

    /// Its number.
    pub fn pid(&self) -> i32 {
        self.child.id().cast_signed()
    }

    /// What of it is gone.
    pub fn lost(&self) -> Vec<String> {
        let gone = self.files.iter().filter(|file| {
            let text = fs::read_to_string(file).unwrap_or_default();
            text != "mine\n"
        });
        let mut lost: Vec<String> = gone.map(|file| file.display().to_string()).collect();
        if !runs(self.pid()) {
            lost.push("a process that worked in the project".into());
        }
        lost
    }
}

impl Drop for Bystander {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}
