//! A project directory, the workstation as its instance, and the stand-in of the client.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use banquet_chef::Chef;
use banquet_exec::transport;
use banquet_sdk::conformance::settings;
use banquet_sdk::{
    Connection, Context, Converged, Identity, Line, Output, Peer, Peers, Provisioner, Result,
    State, Transport, async_trait,
};
use serde_json::{Map, Value, json};

pub struct Bench {
    directory: tempfile::TempDir,
    lines: Arc<Lines>,
}

#[derive(Default)]
struct Lines(Mutex<Vec<Line>>);

#[async_trait]
impl Output for Lines {
    async fn line(&self, line: Line) {
        self.0.lock().unwrap().push(line);
    }
}

/// The provisioner of this name.
pub fn chef(name: &str) -> Chef {
    Chef::all().find(|chef| chef.info().name == name).unwrap()
}

/// The stand-in of the client.
pub fn stand_in() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/chef-cluster/stand-in/chef-client")
}

/// Whether the stand-in can run; a test is skipped where not.
pub fn python() -> bool {
    let found = std::process::Command::new("python3")
        .arg("--version")
        .output();
    let found = found
        .map(drop)
        .map_err(|error| format!("`python3`: {error}"));
    banquet_sdk::conformance::requires("python3", found)
}

impl Bench {
    /// A project whose cookbook `app` writes the file `made`, and the stand-in as the client.
    pub fn new() -> Self {
        let bench = Self {
            directory: tempfile::tempdir().unwrap(),
            lines: Arc::default(),
        };
        for tool in ["client", "solo", "apply"] {
            let program = bench.root().join(format!("opt/bin/chef-{tool}"));
            std::fs::create_dir_all(program.parent().unwrap()).unwrap();
            std::fs::copy(stand_in(), program).unwrap();
        }
        bench
            .file("cookbooks/app/metadata.rb", "name 'app'\n")
            .file(
                "cookbooks/app/recipes/default.rb",
                "file \"#{node['dir']}/made\" do\n  content 'x'\nend\n",
            )
    }

    pub fn root(&self) -> &Path {
        self.directory.path()
    }

    pub fn path(&self, path: &str) -> String {
        self.root().join(path).display().to_string()
    }

    pub fn file(self, path: &str, text: &str) -> Self {
        self.write(path, text);
        self
    }

    pub fn write(&self, path: &str, text: &str) {
        let path = self.root().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    pub fn has(&self, path: &str) -> bool {
        self.root().join(path).exists()
    }

    /// Settings that keep to this directory, with `more`.
    pub fn with(&self, more: Value) -> Value {
        let mut values = json!({
            "sudo": false, "install_strategy": "skip", "chef_omnibus_root": self.path("opt"),
            "root_path": self.path("kitchen"), "run_list": ["recipe[app]"],
            "attributes": {"dir": self.path("")},
        });
        let all = values.as_object_mut().unwrap();
        let more: Map<String, Value> = serde_json::from_value(more).unwrap();
        all.extend(more);
        values
    }

    /// The context of member `suite` of a cluster, or of an instance alone.
    pub fn cx(&self, suite: &str, cluster: Option<&[&str]>, values: Value) -> Context {
        let identity = Identity {
            project: "project".into(),
            cluster: cluster.map(|_| "all-here".into()),
            instance: format!("{suite}-here"),
            suite: suite.into(),
            platform: "here".into(),
            run: "run".into(),
        };
        let mut cx = Context::for_tests(identity, self.root().into(), settings(values));
        let peer = |suite: &&str| Peer {
            suite: suite.to_string(),
            instance: format!("{suite}-here"),
            platform: "here".into(),
            address: Some(format!("192.0.2.{}", suite.len())),
            ..Peer::default()
        };
        cx.peers = Arc::new(Peers(
            cluster.unwrap_or_default().iter().map(peer).collect(),
        ));
        cx.output = self.lines.clone();
        cx
    }

    pub async fn connection(&self) -> Box<dyn Connection> {
        let cx = self.cx("any", None, json!({}));
        transport::Exec
            .connect(&cx, &State::in_memory())
            .await
            .unwrap()
    }

    /// Converges an instance alone.
    pub async fn converge(&self, name: &str, more: Value) -> Result<Converged> {
        let cx = self.cx("web", None, self.with(more));
        let connection = self.connection().await;
        let mut state = State::in_memory();
        chef(name).converge(&cx, &*connection, &mut state).await
    }

    /// All that was printed and noted.
    pub fn said(&self) -> String {
        let lines = self.lines.0.lock().unwrap();
        lines
            .iter()
            .map(|line| format!("{}\n", line.text))
            .collect()
    }
}
