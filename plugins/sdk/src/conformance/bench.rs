//! A project directory with a verifier in it, for the tests of verifiers.

use std::path::Path;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use tempfile::TempDir;

use super::subject::{locked, settings};
use crate::{
    CaseStatus, Connection, Context, Identity, Line, Output, Result, State, TestCase, Transport,
    Verifier, async_trait,
};

/// A verifier, a way to a machine, and a project of suite `web`. Panics where a test should.
pub struct Bench {
    directory: TempDir,
    verifier: Arc<dyn Verifier>,
    transport: Arc<dyn Transport>,
    said: Arc<Said>,
}

#[derive(Default)]
struct Said(Mutex<Vec<Line>>);

#[async_trait]
impl Output for Said {
    async fn line(&self, line: Line) {
        locked(&self.0).push(line);
    }
}

impl Bench {
    /// An empty project with these plugins.
    pub fn new(verifier: impl Verifier + 'static, transport: impl Transport + 'static) -> Self {
        Self {
            directory: TempDir::new().expect("a temporary directory"),
            verifier: Arc::new(verifier),
            transport: Arc::new(transport),
            said: Arc::default(),
        }
    }

    /// With a file; its directories are made.
    #[must_use]
    pub fn file(self, path: &str, text: &str) -> Self {
        let path = self.root().join(path);
        let parent = path.parent().expect("a directory");
        std::fs::create_dir_all(parent).expect("directories");
        std::fs::write(path, text).expect("a file");
        self
    }

    /// With a program.
    #[cfg(unix)]
    #[must_use]
    pub fn program(self, path: &str, text: &str) -> Self {
        use std::os::unix::fs::PermissionsExt;
        let bench = self.file(path, text);
        let mode = std::fs::Permissions::from_mode(0o755);
        std::fs::set_permissions(bench.root().join(path), mode).expect("a mode");
        bench
    }

    /// Where the project is.
    pub fn root(&self) -> &Path {
        self.directory.path()
    }

    /// A path of the project as text.
    pub fn path(&self, path: &str) -> String {
        self.root().join(path).display().to_string()
    }

    /// Settings that keep to the project's directory and to this user.
    pub fn with(&self, mut values: Value) -> Value {
        values["root_path"] = json!(self.path("machine"));
        values["sudo"] = json!(false);
        values
    }

    /// What the verifier is told.
    pub fn cx(&self, values: Value) -> Context {
        let identity = Identity {
            project: "project".into(),
            cluster: None,
            instance: "web-here".into(),
            suite: "web".into(),
            platform: "here".into(),
            run: "run".into(),
        };
        let section = settings(self.with(values));
        let mut cx = Context::for_tests(identity, self.root().into(), section);
        cx.output = self.said.clone();
        cx
    }

    /// The way to the machine.
    pub async fn connection(&self) -> Box<dyn Connection> {
        let mut cx = self.cx(json!({}));
        cx.section = Arc::default();
        let connected = self.transport.connect(&cx, &State::in_memory()).await;
        connected.expect("a connection")
    }

    /// Checks, sets up and verifies.
    pub async fn verify(&self, values: Value) -> Result<Vec<TestCase>> {
        self.verify_as(&self.cx(values), &mut State::in_memory())
            .await
    }

    /// As [`Bench::verify`], told this.
    pub async fn verify_as(&self, cx: &Context, state: &mut State) -> Result<Vec<TestCase>> {
        let connection = self.connection().await;
        self.verifier.check(cx)?;
        self.verifier.setup(cx, &*connection, state).await?;
        self.verifier.verify(cx, &*connection, state).await
    }

    /// Everything that was printed and noted.
    pub fn said(&self) -> String {
        let lines = locked(&self.said.0);
        lines
            .iter()
            .map(|line| format!("{}\n", line.text))
            .collect()
    }
}

/// `+ name`, `- name` or `s name` for each case that passed, failed or was skipped.
pub fn told(cases: &[TestCase]) -> Vec<String> {
    let mark = |status| match status {
        CaseStatus::Passed => '+',
        CaseStatus::Failed => '-',
        CaseStatus::Skipped => 's',
    };
    let told = cases
        .iter()
        .map(|case| format!("{} {}", mark(case.status), case.name));
    told.collect()
}
