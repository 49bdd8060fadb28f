//! A cloud for all tests of this process, and projects in it.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, OnceLock};

use aws_sdk_ec2::Client;
use aws_sdk_ec2::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_ec2::types::{Filter, Instance};
use banquet_ec2::Ec2;
use banquet_sdk::conformance::{Recorder, requires, settings, unique};
use banquet_sdk::process::Collect;
use banquet_sdk::{
    Context, Driver, Exec, Identity, Line, Output, Peers, Result, Section, State, Status,
    Transport, async_trait,
};
use banquet_ssh::Ssh;
use serde_json::{Value, json};

/// The newest Debian of Debian's own account; the cloud has a newer one of somebody else's.
pub const DEBIAN: &str = "ami-0000000000debian2";

/// Where the cloud is. It goes when this process does: its input ends then.
pub struct Cloud {
    _process: Mutex<Child>,
    facts: Value,
}

/// The cloud of this process; none where what it needs is missing.
pub fn cloud() -> Option<&'static Cloud> {
    static CLOUD: OnceLock<Result<Cloud, String>> = OnceLock::new();
    let found = CLOUD.get_or_init(Cloud::start);
    let found = found.as_ref().map_err(Clone::clone);
    let here = found.as_ref().map(|_| ()).map_err(Clone::clone);
    requires("moto", here).then(|| found.expect("a cloud"))
}

impl Cloud {
    fn start() -> Result<Self, String> {
        let script = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/moto/cloud.py");
        let python = std::env::var("BANQUET_MOTO").unwrap_or_else(|_| "python3".into());
        let mut process = Command::new(&python)
            .arg(script)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| format!("{python}: {error}"))?;
        let mut line = String::new();
        let out = process.stdout.take().expect("a pipe");
        BufReader::new(out)
            .read_line(&mut line)
            .map_err(|error| error.to_string())?;
        let facts = serde_json::from_str(&line)
            .map_err(|_| "BANQUET_MOTO names no Python with moto[server,ec2]".to_owned())?;
        Ok(Self {
            _process: Mutex::new(process),
            facts,
        })
    }

    /// What the cloud says of itself under this name.
    pub fn fact(&self, name: &str) -> &str {
        self.facts[name].as_str().expect("a text")
    }

    /// Settings that lead there, and do not wait long.
    pub fn settings(&self, values: Value) -> Value {
        let mut all = json!({
            "endpoint_url": self.fact("endpoint"), "region": self.fact("region"),
            "interface": "private", "retryable_sleep": 0.1, "retryable_tries": 600,
            "consistency_wait": 2, "spot_wait": 0.5,
        });
        for (key, value) in values.as_object().expect("settings") {
            all[key] = value.clone();
        }
        all
    }

    /// For a look behind the driver's back.
    pub fn client(&self) -> Client {
        let config = aws_sdk_ec2::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .endpoint_url(self.fact("endpoint"))
            .region(Region::new(self.fact("region").to_owned()))
            .credentials_provider(Credentials::new("test", "test", None, None, "test"))
            .http_client(aws_smithy_http_client::Builder::new().build_http());
        Client::from_conf(config.build())
    }
}

/// The driver, with credentials of its own.
pub fn driver() -> Ec2 {
    Ec2::with_credentials("test", "test")
}

/// How the tests connect.
pub fn over_ssh() -> Section {
    settings(json!({"connection_retry_sleep": 0.1, "max_wait_until_ready": 60}))
}

/// What a driver notes.
#[derive(Default)]
pub struct Notes(Mutex<Vec<String>>);

#[async_trait]
impl Output for Notes {
    async fn line(&self, line: Line) {
        self.0.lock().unwrap().push(line.text);
    }
}

impl Notes {
    pub fn text(&self) -> String {
        self.0.lock().unwrap().join("\n")
    }
}

/// A project of its own.
pub struct Project {
    pub cloud: &'static Cloud,
    pub root: tempfile::TempDir,
    pub name: String,
    pub driver: Ec2,
}

impl Project {
    pub fn new(cloud: &'static Cloud) -> Self {
        Self {
            cloud,
            root: tempfile::tempdir().unwrap(),
            name: unique(),
            driver: driver(),
        }
    }

    pub fn machine(&self, values: Value) -> Machine<'_> {
        self.member(None, "web", values)
    }

    pub fn member(&self, cluster: Option<&str>, suite: &str, values: Value) -> Machine<'_> {
        let identity = Identity {
            project: self.name.clone(),
            cluster: cluster.map(Into::into),
            instance: format!("{suite}-debian-12"),
            suite: suite.into(),
            platform: "debian-12".into(),
            run: unique(),
        };
        let section = settings(self.cloud.settings(values));
        let mut cx = Context::for_tests(identity, self.root.path().into(), section);
        let notes = Arc::new(Notes::default());
        cx.output = notes.clone();
        cx.transport = Some((Arc::new(Ssh::default()), Arc::new(over_ssh())));
        let store = Arc::new(Recorder::default());
        Machine {
            project: self,
            cx,
            notes,
            state: State::new(serde_json::Map::new(), store.clone()),
            store,
        }
    }

    /// What EC2 has of this project and is not gone.
    pub async fn machines(&self) -> Vec<Instance> {
        let project = Filter::builder()
            .name("tag:org.banquet.project")
            .values(&self.name);
        let alive = Filter::builder().name("instance-state-name");
        let alive = ["pending", "running", "stopping", "stopped"]
            .into_iter()
            .fold(alive, |filter, state| filter.values(state));
        let request = self.cloud.client().describe_instances();
        let answer = request
            .filters(project.build())
            .filters(alive.build())
            .send()
            .await
            .unwrap();
        let reservations = answer.reservations.unwrap_or_default();
        reservations
            .into_iter()
            .flat_map(|it| it.instances.unwrap_or_default())
            .collect()
    }

    /// Everything that the tags find.
    pub async fn left(&self, machine: &Machine<'_>) -> Vec<String> {
        let mut left = self.driver.orphans(&machine.cx).await.unwrap();
        left.retain(|orphan| orphan.identity.project == self.name);
        left.into_iter().map(|orphan| orphan.resource).collect()
    }
}

/// One instance and what is remembered of it.
pub struct Machine<'a> {
    pub project: &'a Project,
    pub cx: Context,
    pub notes: Arc<Notes>,
    pub state: State,
    pub store: Arc<Recorder>,
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
        let gone = self.project.driver.destroy(&self.cx, &mut self.state).await;
        gone.unwrap();
    }

    pub async fn status(&self) -> Status {
        let status = self.project.driver.status(&self.cx, &self.state).await;
        status.unwrap()
    }

    /// As another kitchen has it that was started after this one was killed.
    pub fn killed(&mut self) {
        self.state = State::new(self.store.on_disk(), self.store.clone());
        self.cx.after_crash = true;
        self.cx.identity.run = unique();
    }

    pub fn id(&self) -> String {
        self.state.str("server_id").expect("a machine").to_owned()
    }

    /// What a command on the machine prints.
    pub async fn says(&self, command: &str) -> String {
        let mut cx = self.cx.clone();
        cx.section = Arc::new(over_ssh());
        let connection = Ssh::default().connect(&cx, &self.state).await.unwrap();
        let text = Collect::default();
        let status = connection.exec(&Exec::new(command), &text).await.unwrap();
        let (out, err) = text.into_parts();
        assert_eq!(status.0, 0, "{command}: {out}{err}");
        out.trim_end().to_owned()
    }
}
