//! Containers, networks, volumes and images, by `docker`.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use super::Found;
use crate::foreign::Planted;

/// The `docker` command, with one engine.
#[derive(Clone, Debug, Default)]
pub struct Docker {
    /// Address of the engine; none for the usual one.
    pub host: Option<String>,
}

/// Everything that the engine lists: kind, and the arguments that list it with ids and labels.
const LISTS: [(&str, &[&str]); 4] = [
    (
        "container",
        &[
            "ps",
            "-a",
            "--no-trunc",
            "--format",
            "{{.ID}}\t{{.Names}} {{.Labels}}",
        ],
    ),
    (
        "network",
        &[
            "network",
            "ls",
            "--no-trunc",
            "--format",
            "{{.ID}}\t{{.Name}} {{.Labels}}",
        ],
    ),
    (
        "volume",
        &[
            "volume",
            "ls",
            "--format",
            "{{.Name}}\t{{.Name}} {{.Labels}}",
        ],
    ),
    (
        "image",
        &[
            "image",
            "ls",
            "--no-trunc",
            "--format",
            "{{.ID}}\t{{.Repository}}:{{.Tag}}",
        ],
    ),
];

impl Docker {
    /// What `docker` with these arguments prints.
    pub fn run(&self, arguments: &[&str]) -> Result<String, String> {
        let line = format!("docker {}", arguments.join(" "));
        let mut command = Command::new("docker");
        if let Some(host) = &self.host {
            command.env("DOCKER_HOST", host);
        }
        let ran = command.args(arguments).output();
        let ran = ran.map_err(|error| format!("{line}: {error}"))?;
        match ran.status.success() {
            true => Ok(String::from_utf8_lossy(&ran.stdout).into_owned()),
            false => Err(format!("{line}: {}", String::from_utf8_lossy(&ran.stderr))),
        }
    }

    /// Things that have `token` in their name or labels, but for those in `ours`.
    pub fn named(&self, token: &str, ours: &Planted) -> Result<Vec<Found>, String> {
        let mut found = Vec::new();
        for (kind, arguments) in LISTS {
            let listed = self.run(arguments)?;
            let named = listed.lines().filter(|line| line.contains(token));
            let things = named.filter_map(|line| line.split_once('\t'));
            let others = things.filter(|(id, _)| !ours.contains_key(*id));
            found.extend(others.map(|(id, text)| Found::Docker(kind, id.into(), text.into())));
        }
        Ok(found)
    }

    /// Removes what was found.
    pub fn remove(&self, kind: &str, id: &str) -> Result<String, String> {
        match kind {
            "container" => self.run(&["rm", "--force", "--volumes", id]),
            "network" => self.run(&["network", "rm", id]),
            "volume" => self.run(&["volume", "rm", id]),
            _ => self.run(&["image", "rm", id]),
        }
    }
}

/// Parts of containers and networks that bear no name of whom they belong to.
#[derive(Debug, Default)]
pub struct Noted {
    volumes: BTreeSet<String>,
    /// Links of networks, as files in `/sys/class/net`.
    links: BTreeSet<PathBuf>,
    /// Network namespaces: where they are mounted. The engine removes the files some time later.
    spaces: BTreeSet<PathBuf>,
}

impl Noted {
    /// Notes the parts of everything that has `token` in its name.
    pub fn add(&mut self, docker: &Docker, token: &str, ours: &Planted) -> Result<(), String> {
        for found in docker.named(token, ours)? {
            let Found::Docker(kind, id, _) = found else {
                continue;
            };
            match kind {
                // What is gone by now has no parts.
                "container" => {
                    let Ok(text) = docker.run(&["container", "inspect", &id]) else {
                        continue;
                    };
                    self.of_container(&text)
                        .ok_or_else(|| format!("not understood: {text}"))?;
                }
                "network" => {
                    let bridge = format!("/sys/class/net/br-{}", &id[..12]);
                    self.links.insert(bridge.into());
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn of_container(&mut self, text: &str) -> Option<()> {
        let inspected: Value = serde_json::from_str(text).ok()?;
        let container = inspected.get(0)?;
        for mount in container["Mounts"].as_array()? {
            if mount["Type"] == "volume" {
                self.volumes.insert(mount["Name"].as_str()?.to_owned());
            }
        }
        let space = container["NetworkSettings"]["SandboxKey"].as_str()?;
        if !space.is_empty() {
            // Where it is, whatever links lead there: `/var/run` is one.
            self.spaces.insert(
                Path::new(space)
                    .canonicalize()
                    .unwrap_or_else(|_| space.into()),
            );
        }
        Some(())
    }

    /// What of it is still there.
    pub fn left(&self, docker: &Docker) -> Result<Vec<Found>, String> {
        let links = self.links.iter().filter(|path| path.exists());
        let links = links.map(|path| Found::Path(path.clone(), "link of a network"));
        let mounts =
            std::fs::read_to_string("/proc/self/mountinfo").map_err(|error| error.to_string())?;
        let points: BTreeSet<&Path> = mounts
            .lines()
            .filter_map(|line| line.split(' ').nth(4).map(Path::new))
            .collect();
        let spaces = self
            .spaces
            .iter()
            .filter(|path| points.contains(path.as_path()));
        let spaces =
            spaces.map(|path| Found::Path(path.clone(), "network namespace of a container"));
        let mut left: Vec<Found> = links.chain(spaces).collect();
        if !self.volumes.is_empty() {
            let listed = docker.run(&["volume", "ls", "--quiet"])?;
            let still = listed.lines().filter(|name| self.volumes.contains(*name));
            left.extend(
                still.map(|name| Found::Docker("volume", name.into(), "without a name".into())),
            );
        }
        Ok(left)
    }
}
