//! What the tests with a real engine share.
#![allow(dead_code, reason = "two test binaries use different parts")]

use banquet_docker::{Docker, DockerTransport};
use banquet_sdk::conformance::{requires, settings, unique};
use banquet_sdk::process::Collect;
use banquet_sdk::{
    Connection, Context, Driver, Exec, ExitStatus, Identity, Peers, Power, Result, State, Status,
    Transport,
};
use serde_json::{Value, json};

/// Made by `fixtures/images/build busybox`.
pub const IMAGE: &str = "banquet/busybox:1";

/// Whether an engine with the image is there; else the test is skipped, saying why.
pub async fn docker() -> bool {
    requires("docker", engine_with_image().await)
}

async fn engine_with_image() -> Result<(), String> {
    let engine = bollard::Docker::connect_with_defaults().map_err(|error| error.to_string())?;
    let engine = engine
        .negotiate_version()
        .await
        .map_err(|error| error.to_string())?;
    let found = engine.inspect_image(IMAGE).await;
    found
        .map(|_| ())
        .map_err(|error| format!("{error}: fixtures/images/build busybox makes the image"))
}

/// The engine itself, for a look behind the driver's back.
pub async fn engine() -> bollard::Docker {
    let engine = bollard::Docker::connect_with_defaults().unwrap();
    engine.negotiate_version().await.unwrap()
}

/// A project of its own; one driver for all of its machines, as in the kitchen.
pub struct Project {
    pub root: tempfile::TempDir,
    pub name: String,
    pub run: String,
    pub driver: Docker,
    pub transport: DockerTransport,
}

impl Project {
    pub fn new() -> Self {
        Self {
            root: tempfile::tempdir().unwrap(),
            name: unique(),
            run: unique(),
            driver: Docker::default(),
            transport: DockerTransport::default(),
        }
    }

    pub fn machine(&self, suite: &str, section: Value) -> Machine<'_> {
        self.member(None, suite, section)
    }

    pub fn member(&self, cluster: Option<&str>, suite: &str, mut section: Value) -> Machine<'_> {
        let defaults = section.as_object_mut().unwrap();
        defaults.entry("image").or_insert(json!(IMAGE));
        let identity = Identity {
            project: self.name.clone(),
            cluster: cluster.map(Into::into),
            instance: format!("{suite}-busybox"),
            suite: suite.into(),
            platform: "busybox".into(),
            run: self.run.clone(),
        };
        let root = self.root.path().to_owned();
        Machine {
            project: self,
            cx: Context::for_tests(identity, root, settings(section)),
            state: State::in_memory(),
        }
    }
}

/// One instance and what is remembered of it.
pub struct Machine<'a> {
    pub project: &'a Project,
    pub cx: Context,
    pub state: State,
}

impl Machine<'_> {
    pub async fn gossip(&mut self) {
        let driver = &self.project.driver;
        let told = driver
            .gossip(&self.cx, &Peers::default(), &mut self.state)
            .await;
        told.unwrap();
    }

    pub async fn create(&mut self) -> Result<()> {
        self.project.driver.create(&self.cx, &mut self.state).await
    }

    pub async fn destroy(&mut self) {
        self.project
            .driver
            .destroy(&self.cx, &mut self.state)
            .await
            .unwrap();
    }

    pub async fn dissolve(&self) {
        self.project.driver.dissolve(&self.cx).await.unwrap();
    }

    pub async fn power(&mut self, power: Power) {
        let driver = &self.project.driver;
        driver
            .power(&self.cx, &mut self.state, power)
            .await
            .unwrap();
    }

    pub async fn status(&self) -> Status {
        self.project
            .driver
            .status(&self.cx, &self.state)
            .await
            .unwrap()
    }

    pub async fn connect_with(&self, section: Value) -> Result<Box<dyn Connection>> {
        let root = self.cx.root.clone();
        let cx = Context::for_tests(self.cx.identity.clone(), root, settings(section));
        self.project.transport.connect(&cx, &self.state).await
    }

    pub async fn connect(&self) -> Box<dyn Connection> {
        self.connect_with(json!({})).await.unwrap()
    }

    /// Runs `command`; its exit code, standard output and standard error.
    pub async fn sh(&self, command: &str) -> (ExitStatus, String, String) {
        run(&*self.connect().await, &Exec::new(command)).await
    }

    /// What `command` prints, which must succeed.
    pub async fn says(&self, command: &str) -> String {
        let (status, out, err) = self.sh(command).await;
        assert_eq!(status, ExitStatus(0), "{command}: {out}{err}");
        out.trim_end().to_owned()
    }

    pub fn container(&self) -> String {
        self.state.str("container_id").unwrap().to_owned()
    }
}

pub async fn run(connection: &dyn Connection, exec: &Exec) -> (ExitStatus, String, String) {
    let text = Collect::default();
    let status = connection.exec(exec, &text).await.unwrap();
    let (out, err) = text.into_parts();
    (status, out, err)
}
