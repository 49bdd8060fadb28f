//! A driver and a transport under test, and the contexts and states that the suite gives them.

use std::borrow::Cow;
use std::hash::{BuildHasher, Hasher};
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::{Map, Value};
use tempfile::TempDir;
use tokio::sync::Notify;

use super::checks::{During, Exempt, Outcome, expect};
use crate::{
    Connection, Context, Driver, Error, Identity, Orphan, Peer, Peers, Result, Section, State,
    StateStore, Status, Transport,
};

/// A driver with a transport that reaches its machines, and how the suite is to use them.
pub struct Subject {
    pub(super) driver: Arc<dyn Driver>,
    pub(super) transport: Arc<dyn Transport>,
    pub(super) exempt: Exempt,
    pub(super) listen: Option<(u16, String)>,
    driver_settings: Section,
    transport_settings: Section,
    root: TempDir,
    made: Mutex<Vec<Context>>,
}

impl Subject {
    /// These plugins with no settings. Panics where no temporary directory can be made.
    pub fn new(driver: impl Driver + 'static, transport: impl Transport + 'static) -> Self {
        Self::of(Arc::new(driver), Arc::new(transport))
    }

    /// As [`Subject::new`], of plugins that others have too.
    pub fn of(driver: Arc<dyn Driver>, transport: Arc<dyn Transport>) -> Self {
        Self {
            driver,
            transport,
            exempt: Vec::new(),
            listen: None,
            driver_settings: Section::default(),
            transport_settings: Section::default(),
            root: TempDir::new().expect("a temporary directory"),
            made: Mutex::default(),
        }
    }

    /// The driver's settings: a JSON object.
    #[must_use]
    pub fn driver_settings(mut self, values: Value) -> Self {
        self.driver_settings = settings(values);
        self
    }

    /// The transport's settings: a JSON object.
    #[must_use]
    pub fn transport_settings(mut self, values: Value) -> Self {
        self.transport_settings = settings(values);
        self
    }

    /// Check `name` does not apply to these plugins, for a reason that is printed.
    #[must_use]
    pub fn exempt(
        mut self,
        name: impl Into<Cow<'static, str>>,
        reason: impl Into<Cow<'static, str>>,
    ) -> Self {
        self.exempt.push((name.into(), reason.into()));
        self
    }

    /// A command that listens on `port` of the machine and sends back what it receives; the suite
    /// runs it in the background and dials.
    #[must_use]
    pub fn listen(mut self, port: u16, command: impl Into<String>) -> Self {
        self.listen = Some((port, command.into()));
        self
    }

    /// A machine of a project of its own, not made yet.
    pub(super) fn machine(&self) -> Machine<'_> {
        self.machine_of(&unique(), None, "default")
    }

    pub(super) fn machine_of(
        &self,
        project: &str,
        cluster: Option<&str>,
        suite: &str,
    ) -> Machine<'_> {
        let identity = Identity {
            project: project.into(),
            cluster: cluster.map(Into::into),
            instance: format!("{suite}-conformance"),
            suite: suite.into(),
            platform: "conformance".into(),
            run: unique(),
        };
        let root = self.root.path().join(project);
        std::fs::create_dir_all(&root).expect("a directory for a project");
        let store = Arc::new(Recorder::default());
        let mut cx =
            Context::for_tests(identity.clone(), root.clone(), self.driver_settings.clone());
        let way = (
            self.transport.clone(),
            Arc::new(self.transport_settings.clone()),
        );
        cx.transport = Some(way);
        locked(&self.made).push(cx.clone());
        Machine {
            subject: self,
            cx,
            transport_cx: Context::for_tests(identity, root, self.transport_settings.clone()),
            state: State::new(Map::new(), store.clone()),
            store,
        }
    }
}

impl Subject {
    /// Removes what failed checks left of their machines, and says what that was.
    pub(super) async fn sweep(&self) -> Outcome {
        let made = std::mem::take(&mut *locked(&self.made));
        let Some(any) = made.first() else {
            return Ok(());
        };
        let mut left = self.driver.orphans(any).await.during("orphans")?;
        left.retain(|orphan| {
            made.iter()
                .any(|cx| cx.identity.project == orphan.identity.project)
        });
        for cx in &made {
            if left
                .iter()
                .any(|orphan| orphan.identity.project == cx.identity.project)
            {
                let gone = self.driver.destroy(cx, &mut State::in_memory()).await;
                gone.during("destroy what is left")?;
                self.driver.dissolve(cx).await.during("dissolve")?;
            }
        }
        let left: Vec<String> = left.into_iter().map(|orphan| orphan.resource).collect();
        expect(left.is_empty(), format_args!("nothing left, saw {left:?}"))
    }
}

/// Settings as a plugin gets them, from a JSON object. Panics on any other value.
pub fn settings(values: Value) -> Section {
    let Value::Object(values) = values else {
        panic!("settings are a map, not {values}");
    };
    Section {
        values,
        ..Section::default()
    }
}

/// Members of a cluster of which every fact is known, each another one: for tests of what tells
/// them to a tool.
pub fn members() -> Peers {
    let member = |suite: &str, address: &str, roles: &[&str]| Peer {
        suite: suite.into(),
        instance: format!("{suite}-here"),
        platform: "here".into(),
        driver: format!("driver-of-{suite}"),
        address: Some(address.into()),
        hostname: Some(format!("{suite}.example")),
        roles: roles.iter().map(ToString::to_string).collect(),
    };
    Peers(vec![
        member("db", "10.0.0.2", &["store", "first"]),
        member("web", "10.0.0.3", &["front"]),
    ])
}

/// Of an instance of no cluster, for tests to which its names are all the same.
pub fn identity() -> Identity {
    Identity {
        project: "p".into(),
        cluster: None,
        instance: "i".into(),
        suite: "s".into(),
        platform: "p".into(),
        run: "r".into(),
    }
}

/// A name that no other run uses: twelve hexadecimal digits.
pub fn unique() -> String {
    let hasher = std::collections::hash_map::RandomState::new().build_hasher();
    format!("{:012x}", hasher.finish() & 0xffff_ffff_ffff)
}

/// One machine of the suite: contexts, state, and the record of its checkpoints.
pub(super) struct Machine<'a> {
    subject: &'a Subject,
    pub cx: Context,
    pub transport_cx: Context,
    pub state: State,
    pub store: Arc<Recorder>,
}

impl Machine<'_> {
    pub async fn create(&mut self) -> Outcome {
        let created = self.subject.driver.create(&self.cx, &mut self.state).await;
        created.during("create")
    }

    pub async fn destroy(&mut self) -> Outcome {
        let gone = self.subject.driver.destroy(&self.cx, &mut self.state).await;
        gone.during("destroy")
    }

    /// Destroys from `values`, as a kitchen does that has only those on disk.
    pub async fn destroy_from(&mut self, values: Map<String, Value>) -> Outcome {
        self.state = State::new(values, self.store.clone());
        self.destroy().await
    }

    pub async fn status(&self) -> Outcome<Status> {
        let status = self.subject.driver.status(&self.cx, &self.state).await;
        status.during("status")
    }

    pub async fn expect_status(&self, want: Status, when: &str) -> Outcome {
        let status = self.status().await?;
        expect(
            status == want,
            format_args!("status {want:?} {when}, saw {status:?}"),
        )
    }

    /// What bears the labels of this machine's project.
    pub async fn labelled(&self) -> Outcome<Vec<Orphan>> {
        let all = self.subject.driver.orphans(&self.cx).await;
        let mut ours = all.during("orphans")?;
        ours.retain(|orphan| orphan.identity.project == self.cx.identity.project);
        Ok(ours)
    }

    /// Neither the state nor the labels know of anything.
    pub async fn expect_gone(&self, when: &str) -> Outcome {
        self.expect_status(Status::Absent, when).await?;
        let left: Vec<String> = self
            .labelled()
            .await?
            .into_iter()
            .map(|orphan| orphan.resource)
            .collect();
        expect(
            left.is_empty(),
            format_args!("nothing left {when}, saw {left:?}"),
        )
    }

    pub async fn connect(&self) -> Outcome<Box<dyn Connection>> {
        let transport = &self.subject.transport;
        let connection = transport.connect(&self.transport_cx, &self.state).await;
        connection.during("connect")
    }
}

/// A store that remembers every checkpoint, and can fail at one or tell when it was reached.
#[derive(Default)]
pub struct Recorder {
    checkpoints: Mutex<Vec<Map<String, Value>>>,
    refuse: std::sync::atomic::AtomicBool,
    watch: Mutex<Option<(usize, Arc<Notify>)>>,
}

impl Recorder {
    /// All checkpoints in order.
    pub fn checkpoints(&self) -> Vec<Map<String, Value>> {
        locked(&self.checkpoints).clone()
    }

    /// What is on disk: the last checkpoint.
    pub fn on_disk(&self) -> Map<String, Value> {
        self.checkpoints().pop().unwrap_or_default()
    }

    /// From now on every checkpoint fails, as on a full disk.
    pub fn refuse(&self) {
        self.refuse
            .store(true, std::sync::atomic::Ordering::Relaxed);
    }

    /// Notified once checkpoint `number` (from 0) is on disk.
    pub fn reached(&self, number: usize) -> Arc<Notify> {
        let notify = Arc::new(Notify::new());
        *locked(&self.watch) = Some((number, notify.clone()));
        notify
    }
}

pub(super) fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl StateStore for Recorder {
    fn save(&self, values: &Map<String, Value>) -> Result<()> {
        if self.refuse.load(std::sync::atomic::Ordering::Relaxed) {
            return Err(Error::machine("the state cannot be written"));
        }
        let mut checkpoints = locked(&self.checkpoints);
        checkpoints.push(values.clone());
        if let Some((number, notify)) = &*locked(&self.watch)
            && *number + 1 == checkpoints.len()
        {
            notify.notify_one();
        }
        Ok(())
    }
}
