//! A project directory, and a container as its instance.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use banquet_docker::{Docker, DockerTransport};
use banquet_sdk::conformance::{requires, settings, unique};
use banquet_sdk::process::Collect;
use banquet_sdk::{
    Connection, Context, Converged, Driver, Exec, Identity, Peer, Peers, Provisioner, Result,
    State, Transport,
};
use serde_json::{Value, json};

pub struct Machine {
    directory: tempfile::TempDir,
    identity: Identity,
    state: State,
    transport: DockerTransport,
}

impl Machine {
    /// A container of `banquet/debian-NAME:1`; none where this machine has no such image.
    pub async fn of(name: &str) -> Option<Self> {
        let image = format!("banquet/debian-{name}:1");
        let inspected = Command::new("docker")
            .args(["image", "inspect", &image])
            .output();
        let found = match inspected {
            Ok(output) if output.status.success() => Ok(()),
            Ok(output) => Err(String::from_utf8_lossy(&output.stderr).trim().to_owned()),
            Err(error) => Err(format!("docker: {error}")),
        };
        if !requires(&format!("docker-{name}"), found) {
            return None;
        }
        let project = unique();
        let identity = Identity {
            cluster: None,
            instance: format!("web-{project}"),
            suite: "web".into(),
            platform: "debian-12".into(),
            run: project.clone(),
            project,
        };
        let mut machine = Self {
            directory: tempfile::tempdir().unwrap(),
            identity,
            state: State::in_memory(),
            transport: DockerTransport::default(),
        };
        let cx = machine.cx(json!({"image": image, "pull": "never"}));
        Docker::default()
            .create(&cx, &mut machine.state)
            .await
            .unwrap();
        Some(machine)
    }

    pub fn root(&self) -> &Path {
        self.directory.path()
    }

    pub fn file(self, name: &str, text: &str) -> Self {
        self.write(name, text);
        self
    }

    pub fn write(&self, name: &str, text: &str) {
        let path = self.root().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    pub fn cx(&self, values: Value) -> Context {
        let root = self.root().to_path_buf();
        let mut cx = Context::for_tests(self.identity.clone(), root, settings(values));
        let peer = |suite: &str, address: &str| Peer {
            suite: suite.into(),
            instance: format!("{suite}-here"),
            address: Some(address.into()),
            ..Peer::default()
        };
        let peers = vec![peer("db", "10.0.0.2"), peer("web", "10.0.0.3")];
        cx.peers = Arc::new(Peers(peers));
        cx
    }

    pub async fn connection(&self) -> Box<dyn Connection> {
        let cx = self.cx(json!({}));
        self.transport.connect(&cx, &self.state).await.unwrap()
    }

    pub async fn converge(&self, plugin: &dyn Provisioner, values: Value) -> Result<Converged> {
        let connection = self.connection().await;
        let mut state = State::in_memory();
        plugin
            .converge(&self.cx(values), connection.as_ref(), &mut state)
            .await
    }

    /// What a command prints there.
    pub async fn prints(&self, command: &str) -> String {
        let text = Collect::default();
        let connection = self.connection().await;
        connection.exec(&Exec::new(command), &text).await.unwrap();
        text.into_parts().0
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        if let Some(id) = self.state.str("container_id") {
            let removed = Command::new("docker").args(["rm", "-f", "-v", id]).output();
            // A failed test must not hide why.
            drop(removed);
        }
    }
}
