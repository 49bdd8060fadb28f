//! A project in a temporary directory with sandboxes in it.
#![allow(dead_code, reason = "each test program uses its part")]

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use banquet_sandbox::{SandboxDriver, SandboxTransport};
use banquet_sdk::conformance::requires;
use banquet_sdk::process::Collect;
use banquet_sdk::{
    Connection, Context, Driver, Exec, Identity, MemoryStore, Peer, Peers, Section, State,
    Transport,
};

/// Where the helper is, if not where cargo put it: an ordinary user may not look there.
pub const HELPER: &str = "BANQUET_TEST_HELPER";

pub fn helper() -> PathBuf {
    std::env::var_os(HELPER)
        .unwrap_or_else(|| env!("CARGO_BIN_EXE_banquet-sandbox").into())
        .into()
}

/// A project, or none where the kernel forbids namespaces to this user and nobody requires them.
pub async fn project() -> Option<Project> {
    let project = Project::new();
    let machine = project.machine(None, "doctor");
    let faults = project.driver.doctor(&machine.cx).await.unwrap();
    let found = match faults.first() {
        None => Ok(()),
        Some(fault) => Err(&fault.message),
    };
    requires("user", found).then_some(project)
}

pub struct Project {
    /// Removed in the end by the process that made it.
    place: Option<tempfile::TempDir>,
    pub root: PathBuf,
    pub driver: SandboxDriver,
    pub transport: SandboxTransport,
    name: String,
}

/// One instance and what is remembered of it.
pub struct Machine {
    pub cx: Context,
    pub state: State,
    pub store: Arc<MemoryStore>,
}

impl Project {
    fn new() -> Self {
        let place = tempfile::tempdir().unwrap();
        let mut project = Self::of(place.path());
        project.place = Some(place);
        project
    }

    /// The project in this directory, whichever process asks.
    pub fn of(root: &Path) -> Self {
        let name = format!("test-{}", root.file_name().unwrap().display());
        Self {
            driver: SandboxDriver::new(helper()),
            transport: SandboxTransport::new(helper()),
            place: None,
            root: root.to_owned(),
            name,
        }
    }

    pub fn machine(&self, cluster: Option<&str>, suite: &str) -> Machine {
        self.machine_with(cluster, suite, serde_json::json!({}))
    }

    pub fn machine_with(
        &self,
        cluster: Option<&str>,
        suite: &str,
        config: serde_json::Value,
    ) -> Machine {
        let identity = Identity {
            project: self.name.clone(),
            cluster: cluster.map(Into::into),
            instance: format!("{suite}-linux"),
            suite: suite.into(),
            platform: "linux".into(),
            run: "r1".into(),
        };
        let section = Section {
            values: config.as_object().unwrap().clone(),
            ..Section::default()
        };
        let store = Arc::new(MemoryStore::default());
        Machine {
            cx: Context::for_tests(identity, self.root.clone(), section),
            state: State::new(serde_json::Map::new(), store.clone()),
            store,
        }
    }

    pub async fn connect(&self, machine: &Machine) -> Box<dyn Connection> {
        self.transport
            .connect(&machine.cx, &machine.state)
            .await
            .unwrap()
    }

    /// Exit code and both outputs of a command.
    pub async fn run(&self, machine: &Machine, command: &str) -> (i32, String, String) {
        let output = Collect::default();
        let connection = self.connect(machine).await;
        let status = connection.exec(&Exec::new(command), &output).await.unwrap();
        let (out, err) = output.into_parts();
        (status.0, out, err)
    }

    /// Standard output of a command that must succeed.
    pub async fn out(&self, machine: &Machine, command: &str) -> String {
        let (code, out, err) = self.run(machine, command).await;
        assert_eq!(code, 0, "{command}: {out}{err}");
        out.trim_end().to_owned()
    }

    /// The helpers of this project that live: pids and command lines.
    pub fn helpers(&self) -> Vec<(u32, String)> {
        let wanted = format!("--project={}", self.name);
        std::fs::read_dir("/proc")
            .unwrap()
            .flatten()
            .filter_map(|entry| {
                let pid = entry.file_name().to_str()?.parse().ok()?;
                let line = std::fs::read(entry.path().join("cmdline")).ok()?;
                let line = String::from_utf8_lossy(&line).replace('\0', " ");
                line.contains(&wanted).then_some((pid, line))
            })
            .collect()
    }
}

impl Drop for Project {
    fn drop(&mut self) {
        // A test that failed midway leaves nothing on the machine either.
        for (pid, _) in self.helpers() {
            let pid = rustix::process::Pid::from_raw(pid.cast_signed()).unwrap();
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
        }
    }
}

pub fn peers(machines: &[&Machine]) -> Peers {
    let peer = |machine: &&Machine| Peer {
        suite: machine.cx.identity.suite.clone(),
        instance: machine.cx.identity.instance.clone(),
        platform: machine.cx.identity.platform.clone(),
        driver: "sandbox".into(),
        address: machine.state.address().map(Into::into),
        ..Peer::default()
    };
    Peers(machines.iter().map(peer).collect())
}

/// Makes all the machines at once.
pub async fn create_all(driver: &SandboxDriver, machines: &mut [Machine]) {
    let mut tasks = tokio::task::JoinSet::new();
    for (index, machine) in machines.iter().enumerate() {
        let (driver, cx, mut state) = (driver.clone(), machine.cx.clone(), machine.state.clone());
        tasks.spawn(async move {
            driver.create(&cx, &mut state).await.unwrap();
            (index, state)
        });
    }
    while let Some(done) = tasks.join_next().await {
        let (index, state) = done.unwrap();
        machines[index].state = state;
    }
}

/// Removes all the machines at once, and what they share.
pub async fn destroy_all(driver: &SandboxDriver, machines: &mut [Machine]) {
    let mut tasks = tokio::task::JoinSet::new();
    for machine in machines.iter() {
        let (driver, cx, mut state) = (driver.clone(), machine.cx.clone(), machine.state.clone());
        tasks.spawn(async move { driver.destroy(&cx, &mut state).await.unwrap() });
    }
    tasks.join_all().await;
    driver.dissolve(&machines[0].cx).await.unwrap();
}

/// Waits until no helper is left: those that watch pipes see the end of the instance by themselves.
pub async fn gone(project: &Project) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while !project.helpers().is_empty() {
        assert!(Instant::now() < deadline, "{:?}", project.helpers());
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}
