//! What the kitchen hands to a plugin with every call.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tokio::process::Command;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::output::discard;
use crate::{
    Connection, Environment, Error, Line, Output, Peers, Result, Secrets, Section, State, Stream,
    Target, Transport, process,
};

/// Whose resource something is. Every resource that a driver makes bears all of it, as labels,
/// tags or arguments, so that it can be found when the state is lost.
///
/// Read from a file or a message it is checked as [`Claim::identity`](crate::outside::Claim::identity)
/// does: a name in it never leads out of a directory that it is joined to.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "crate::outside::Claim")]
pub struct Identity {
    /// Stable name of the project: a hash of its directory and workstation.
    pub project: String,
    /// Name of the cluster (`web-centos-7`), none for a plain instance.
    pub cluster: Option<String>,
    /// Name of the instance (`web1-centos-7`).
    pub instance: String,
    /// Name of the suite.
    pub suite: String,
    /// Name of the platform.
    pub platform: String,
    /// Id of the run that made it, unique in the world.
    pub run: String,
}

impl Identity {
    /// Name under which resources that all members share are known: cluster or instance.
    pub fn group(&self) -> &str {
        self.cluster.as_deref().unwrap_or(&self.instance)
    }

    /// Whether it consists of names that this program gives; those of a machine's labels may not.
    pub fn is_sound(&self) -> bool {
        crate::outside::Claim::from(self.clone()).identity().is_ok()
    }
}

/// Names of the plugins that an instance uses, as the configuration has them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plugins {
    /// Makes it.
    pub driver: String,
    /// Reaches it.
    pub transport: String,
    /// Converges it.
    pub provisioner: String,
    /// Judges it.
    pub verifier: String,
}

/// What kind of system a platform is (platform.rb).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Platform {
    /// `unix` or `windows`.
    pub os: String,
    /// `bourne` or `powershell`.
    pub shell: String,
}

impl Default for Platform {
    fn default() -> Self {
        Self {
            os: "unix".into(),
            shell: "bourne".into(),
        }
    }
}

/// Everything a call needs besides the state. Cheap to clone.
#[derive(Clone)]
pub struct Context {
    /// Whose call it is.
    pub identity: Identity,
    /// The plugins of the instance.
    pub plugins: Plugins,
    /// What kind of system it is.
    pub platform: Platform,
    /// The plugin's settings with their origins.
    pub section: Arc<Section>,
    /// Whether the last command on the instance was killed: what it had asked an engine for may
    /// still come, even where the state knows nothing of it.
    pub after_crash: bool,
    /// The settings of the instance's provisioner, for a driver that brings what it needs.
    pub provisioner: Arc<Section>,
    /// All living members; empty for an instance without a cluster.
    pub peers: Arc<Peers>,
    /// Absolute path of the directory that holds the configuration (`kitchen_root`).
    pub root: PathBuf,
    /// Absolute path of `.kitchen`; a plugin's own files go below `work_dir()`.
    pub kitchen_dir: PathBuf,
    /// Absolute path of the directory with the tests (`test_base_path`).
    pub test_dir: PathBuf,
    /// Name of the directory below `test_dir` whose tests are run: of `tests_names` the first that
    /// holds a test for the verifier ([`look_up`](crate::lookup::look_up)).
    pub tests_name: String,
    /// Names of the directories below `test_dir` that may hold tests, the one that is preferred
    /// first: of an instance its suite's, in a cluster those of the step and the multisuite before.
    pub tests_names: Vec<String>,
    /// Variables for every process of the user's: instance, suite, platform, peers.
    pub environment: Environment,
    /// Words before a command of the workstation so that it reaches the members' addresses
    /// ([`Driver::local_prefix`](crate::Driver::local_prefix)); mostly none.
    pub local_prefix: Vec<String>,
    /// The instance's transport and its settings; none in calls of the transport itself.
    pub transport: Option<(Arc<dyn Transport>, Arc<Section>)>,
    /// Where each member of the cluster is, by suite, for tools of provisioners and verifiers that
    /// reach machines by themselves; an instance without a cluster has itself alone.
    pub targets: Arc<BTreeMap<String, Target>>,
    /// `--debug`: tools of provisioners and verifiers should tell all that they can.
    pub debug: bool,
    /// Values that must not be shown.
    pub secrets: Secrets,
    /// Where output goes.
    pub output: Arc<dyn Output>,
    /// When the call must have ended; none: no limit.
    pub deadline: Option<Instant>,
    /// Cancelled when the run is.
    pub cancel: CancellationToken,
}

impl Context {
    /// A context for tests: output is discarded, nothing is limited.
    pub fn for_tests(identity: Identity, root: PathBuf, section: Section) -> Self {
        Self {
            tests_name: identity.suite.clone(),
            tests_names: vec![identity.suite.clone()],
            identity,
            plugins: Plugins::default(),
            platform: Platform::default(),
            section: Arc::new(section),
            after_crash: false,
            provisioner: Arc::default(),
            peers: Arc::default(),
            kitchen_dir: root.join(".kitchen"),
            test_dir: root.join("test/integration"),
            root,
            environment: Environment::default(),
            local_prefix: Vec::new(),
            transport: None,
            targets: Arc::default(),
            debug: false,
            secrets: Secrets::default(),
            output: discard(),
            deadline: None,
            cancel: CancellationToken::new(),
        }
    }

    /// The plugin's settings as its own type. An error names the key at fault.
    pub fn config<T: DeserializeOwned>(&self) -> Result<T> {
        self.section.parse()
    }

    /// A connection to the instance over its own transport, for a driver that runs a command on
    /// the machine. Fails where the kitchen gave none.
    pub async fn connect(&self, state: &State) -> Result<Box<dyn Connection>> {
        let Some((transport, section)) = &self.transport else {
            return Err(Error::unsupported("the machine cannot be reached here"));
        };
        let mut cx = self.clone();
        cx.section = section.clone();
        transport.connect(&cx, state).await
    }

    /// Where the instance is, for a tool that reaches it by itself.
    pub fn target(&self) -> Target {
        let own = self.targets.get(&self.identity.suite);
        own.cloned().unwrap_or_default()
    }

    /// Directory of the tests that are looked up: `test/integration/NAME`; it need not be there.
    pub fn tests(&self) -> PathBuf {
        self.test_dir.join(&self.tests_name)
    }

    /// Makes the first of `tests_names` that exists the one whose tests are run, else the first.
    pub fn take_first_directory(&mut self) {
        let there = |name: &&String| self.test_dir.join(name).is_dir();
        let names = &self.tests_names;
        if let Some(name) = names.iter().find(there).or(names.first()) {
            self.tests_name.clone_from(name);
        }
    }

    /// A directory for the plugin's own files of this instance; not made yet.
    pub fn work_dir(&self) -> PathBuf {
        self.kitchen_dir.join("work").join(&self.identity.instance)
    }

    /// A directory that the plugins of all members of the cluster share, removed with the last
    /// member; not made yet. Members work at the same time: write files whole, by renaming. None
    /// outside of a cluster.
    pub fn cluster_dir(&self) -> Option<PathBuf> {
        let cluster = self.identity.cluster.as_ref()?;
        Some(self.kitchen_dir.join("clusters").join(cluster))
    }

    /// A command of the user's for the workstation's shell: behind `local_prefix`, in the
    /// configuration's directory, with `environment`. The caller may change both, then hands it to
    /// [`process::run`](crate::process::run).
    pub fn local_command(&self, line: &str) -> Command {
        let mut command = process::shell(&self.local_prefix, line);
        command.current_dir(&self.root).envs(&self.environment);
        command
    }

    /// Says what the plugin is doing.
    pub async fn note(&self, text: impl Into<String>) {
        self.output
            .line(Line {
                stream: Stream::Note,
                text: text.into(),
            })
            .await;
    }

    /// Time that is left, at most `limit`.
    pub fn within(&self, limit: Duration) -> Duration {
        match self.deadline {
            Some(deadline) => limit.min(deadline.saturating_duration_since(Instant::now())),
            None => limit,
        }
    }

    /// Runs `work` until it ends, the deadline passes or the run is cancelled, whichever is first.
    /// `what` goes into the message ("starting the container").
    pub async fn bounded<T>(&self, what: &str, work: impl Future<Output = Result<T>>) -> Result<T> {
        let started = Instant::now();
        let expired = async {
            match self.deadline {
                Some(deadline) => tokio::time::sleep_until(deadline).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            () = self.cancel.cancelled() => Err(Error::cancelled()),
            () = expired => Err(Error::timeout(what, started.elapsed())),
            result = work => result,
        }
    }

    /// Waits until `probe` answers `Some`, asking every `interval`, at most `limit` and the deadline.
    pub async fn poll<T, F>(
        &self,
        what: &str,
        interval: Duration,
        limit: Duration,
        mut probe: impl FnMut() -> F,
    ) -> Result<T>
    where
        F: Future<Output = Result<Option<T>>>,
    {
        let limited = self.within(limit);
        let polling = async {
            loop {
                if let Some(value) = probe().await? {
                    return Ok(value);
                }
                tokio::time::sleep(interval).await;
            }
        };
        tokio::select! {
            biased;
            () = self.cancel.cancelled() => Err(Error::cancelled()),
            () = tokio::time::sleep(limited) => Err(Error::timeout(what, limited)),
            result = polling => result,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    #[tokio::test]
    async fn a_local_command_has_prefix_directory_and_environment() {
        let root = tempfile::tempdir().unwrap();
        let identity = crate::conformance::identity();
        let mut cx = Context::for_tests(identity, root.path().into(), Section::default());
        cx.local_prefix = vec!["env".into(), "FROM_PREFIX=1".into()];
        cx.environment.insert("FROM_CONTEXT", "a b");
        let command = cx.local_command("pwd -P; echo $FROM_PREFIX $FROM_CONTEXT");
        let printed = crate::process::capture(command).await.unwrap();
        let directory = root.path().canonicalize().unwrap();
        assert_eq!(printed, format!("{}\n1 a b\n", directory.display()));
    }
}
