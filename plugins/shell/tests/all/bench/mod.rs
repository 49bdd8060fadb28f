//! A project directory, the workstation as its instance, and what was printed.

use std::path::Path;
use std::sync::{Arc, Mutex};

use banquet_exec::transport;
use banquet_sdk::conformance::settings;
use banquet_sdk::{
    Connection, Context, Converged, Identity, Line, Output, Provisioner, Result, State, Stream,
    TestCase, Transport, Verifier, async_trait,
};
use banquet_shell::{provisioner, verifier};
use serde_json::{Value, json};

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

impl Bench {
    pub fn new() -> Self {
        Self {
            directory: tempfile::tempdir().unwrap(),
            lines: Arc::default(),
        }
    }

    pub fn root(&self) -> &Path {
        self.directory.path()
    }

    pub fn file(self, path: &str, text: &str) -> Self {
        let path = self.root().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
        self
    }

    /// Settings that keep to this directory, and to this user unless they say otherwise.
    pub fn with(&self, mut values: Value) -> Value {
        if values.get("sudo").is_none() {
            values["sudo"] = json!(false);
        }
        values["root_path"] = json!(self.root().join("kitchen").display().to_string());
        values
    }

    pub fn cx(&self, values: Value) -> Context {
        let identity = Identity {
            project: "project".into(),
            cluster: None,
            instance: "web-here".into(),
            suite: "web".into(),
            platform: "here".into(),
            run: "run".into(),
        };
        let mut cx = Context::for_tests(identity, self.root().into(), settings(values));
        cx.environment.insert("KITCHEN_SUITE", "web");
        cx.output = self.lines.clone();
        cx
    }

    pub async fn connection(&self) -> Box<dyn Connection> {
        let state = State::in_memory();
        let cx = self.cx(json!({}));
        transport::Exec.connect(&cx, &state).await.unwrap()
    }

    pub async fn converge(&self, values: Value) -> Result<Converged> {
        let cx = self.cx(self.with(values));
        let connection = self.connection().await;
        let mut state = State::in_memory();
        provisioner::Shell
            .converge(&cx, connection.as_ref(), &mut state)
            .await
    }

    pub async fn verify(&self, values: Value, state: &mut State) -> Result<Vec<TestCase>> {
        let cx = self.cx(values);
        let connection = self.connection().await;
        verifier::Shell
            .verify(&cx, connection.as_ref(), state)
            .await
    }

    pub fn out(&self) -> String {
        self.text(Stream::Out)
    }

    pub fn notes(&self) -> String {
        self.text(Stream::Note)
    }

    fn text(&self, stream: Stream) -> String {
        let lines = self.lines.0.lock().unwrap();
        lines
            .iter()
            .filter(|line| line.stream == stream)
            .map(|line| format!("{}\n", line.text))
            .collect()
    }
}
