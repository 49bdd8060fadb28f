//! The real Vagrant with its docker provider, and a stand-in for other providers.

use std::path::{Path, PathBuf};
use std::process::Command;

use banquet_sdk::conformance::{requires, settings, unique};
use banquet_sdk::{Context, Driver, Error, Identity, Peer, Peers, Result, State, Status};
use banquet_vagrant::Vagrant;
use serde_json::{Value, json};
use tempfile::TempDir;

/// An image that Vagrant can log in to.
pub const IMAGE: &str = "banquet/debian-vagrant:1";

/// Whether the real Vagrant, Docker and the image are here.
pub fn vagrant() -> bool {
    requires("vagrant", there("vagrant", &["--version"]))
        && requires("docker", there("docker", &["image", "inspect", IMAGE]))
}

fn there(program: &str, arguments: &[&str]) -> Result<(), String> {
    match Command::new(program).args(arguments).output() {
        Ok(output) if output.status.success() => Ok(()),
        Ok(output) => Err(String::from_utf8_lossy(&output.stderr).into_owned()),
        Err(error) => Err(format!("{program}: {error}")),
    }
}

/// A driver's section for containers.
pub fn section() -> Value {
    json!({"provider": "docker", "customize": {"image": IMAGE}, "ssh": {"insert_key": false}})
}

/// A project with a run of its own.
pub struct Project {
    pub root: TempDir,
    pub name: String,
    run: String,
}

impl Project {
    pub fn new() -> Self {
        let (name, run) = (unique(), unique());
        let root = TempDir::new().unwrap();
        // Paths of machines are compared by their real names.
        Self { root, name, run }
    }

    /// The directory of an environment.
    pub fn environment(&self, group: &str) -> PathBuf {
        self.root
            .path()
            .join(".kitchen/kitchen-vagrant")
            .join(group)
    }

    /// A machine by itself, or a member of `cluster`.
    pub fn machine(&self, cluster: Option<&str>, suite: &str, section: Value) -> Machine {
        let identity = Identity {
            project: self.name.clone(),
            cluster: cluster.map(Into::into),
            instance: format!("{suite}-linux"),
            suite: suite.into(),
            platform: "linux".into(),
            run: self.run.clone(),
        };
        let cx = Context::for_tests(identity, self.root.path().into(), settings(section));
        Machine {
            cx,
            state: State::in_memory(),
        }
    }

    /// Members of the cluster `shop` that have heard of each other.
    pub async fn members(&self, suites: &[&str], section: impl Fn(&str) -> Value) -> Vec<Machine> {
        let machine = |suite: &&str| self.machine(Some("shop"), suite, section(suite));
        let mut members: Vec<Machine> = suites.iter().map(machine).collect();
        let peers = Peers(members.iter().map(Machine::peer).collect());
        for member in &mut members {
            Vagrant
                .gossip(&member.cx, &peers, &mut member.state)
                .await
                .unwrap();
        }
        members
    }
}

/// A machine with its state.
pub struct Machine {
    pub cx: Context,
    pub state: State,
}

impl Machine {
    pub fn peer(&self) -> Peer {
        Peer {
            suite: self.cx.identity.suite.clone(),
            instance: self.cx.identity.instance.clone(),
            ..Peer::default()
        }
    }

    pub async fn create(&mut self) -> Result<()> {
        Vagrant.create(&self.cx, &mut self.state).await
    }

    pub async fn destroy(&mut self) {
        Vagrant.destroy(&self.cx, &mut self.state).await.unwrap();
    }

    pub async fn status(&self) -> Status {
        Vagrant.status(&self.cx, &self.state).await.unwrap()
    }
}

/// Creates all members at once, as the kitchen does.
pub async fn create_all(members: &mut [Machine]) -> Vec<Result<(), Error>> {
    futures::future::join_all(members.iter_mut().map(Machine::create)).await
}

/// The stand-in for Vagrant, with a directory of its own for what it notes.
pub struct StandIn {
    pub dir: TempDir,
    program: PathBuf,
}

impl StandIn {
    pub fn new() -> Self {
        let dir = TempDir::new().unwrap();
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/stand-in/vagrant");
        let program = dir.path().join("vagrant");
        let path = dir.path().display();
        let text = format!(
            "#!/bin/sh\nSTAND_IN='{path}' exec sh '{}' \"$@\"\n",
            script.display()
        );
        std::fs::write(&program, text).unwrap();
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
        }
        Self { dir, program }
    }

    /// A driver's section that uses it.
    pub fn section(&self) -> Value {
        json!({"provider": "virtualbox", "box": "mine", "vagrant_binary": self.program})
    }

    /// What it was called with.
    pub fn calls(&self) -> Vec<String> {
        let text = std::fs::read_to_string(self.dir.path().join("calls")).unwrap_or_default();
        let calls = text
            .lines()
            .map(|line| line.replace(" --machine-readable", ""));
        calls.collect()
    }

    pub fn write(&self, name: &str, text: &str) {
        std::fs::write(self.dir.path().join(name), text).unwrap();
    }
}
