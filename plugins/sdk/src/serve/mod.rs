//! Makes an executable of plugins, as docs/plugin-protocol.md has it: `serve::driver(…)` and its
//! like are all of its `main`.

mod connections;
mod course;
mod driver;
mod provisioner;
mod transport;
mod verifier;

use std::collections::HashMap;
use std::io::IsTerminal;
use std::panic::AssertUnwindSafe;
use std::process::ExitCode;
use std::sync::{Arc, Mutex, OnceLock};

use futures::FutureExt;
use serde_json::Value;
use tokio::io::BufReader;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::wire::endpoint::{Endpoint, Event, Held, json, locked, pipes, typed};
use crate::wire::limit::{GRACE, limit};
use crate::wire::line::{self, Incoming};
use crate::wire::message::{
    CancelParams, Capabilities, ErrorObject, Examples, Initialize, Initialized, Nothing,
    Notification, OutputParams, PROTOCOL, PluginKind, Request,
};
use crate::{Driver, Error, ErrorKind, Line, PluginInfo, Provisioner, Result, Transport, Verifier};
use connections::Connections;
use course::Course;

/// Calls that may be under way block a thread each while a checkpoint is written.
const THREADS: usize = 8;

/// The result of a request, as it is sent.
type Answer = std::result::Result<Value, ErrorObject>;

/// Serves a driver; returns when the kitchen is done with it. `version` is the plugin's own.
pub fn driver(plugin: impl Driver + 'static, version: &str) -> ExitCode {
    Plugins::new(version).driver(plugin).main()
}

/// Serves a transport.
pub fn transport(plugin: impl Transport + 'static, version: &str) -> ExitCode {
    Plugins::new(version).transport(plugin).main()
}

/// Serves a provisioner.
pub fn provisioner(plugin: impl Provisioner + 'static, version: &str) -> ExitCode {
    Plugins::new(version).provisioner(plugin).main()
}

/// Serves a verifier.
pub fn verifier(plugin: impl Verifier + 'static, version: &str) -> ExitCode {
    Plugins::new(version).verifier(plugin).main()
}

/// The plugins of an executable, at most one of each kind; which one is meant the kitchen says.
#[derive(Default)]
pub struct Plugins {
    version: String,
    driver: Option<Arc<dyn Driver>>,
    transport: Option<Arc<dyn Transport>>,
    provisioner: Option<Arc<dyn Provisioner>>,
    verifier: Option<Arc<dyn Verifier>>,
    examples: HashMap<PluginKind, Examples>,
}

impl Plugins {
    /// None yet. `version` is the plugin's own.
    pub fn new(version: &str) -> Self {
        Self {
            version: version.into(),
            ..Self::default()
        }
    }

    /// With a driver.
    #[must_use]
    pub fn driver(mut self, plugin: impl Driver + 'static) -> Self {
        self.driver = Some(Arc::new(plugin));
        self
    }

    /// With a transport.
    #[must_use]
    pub fn transport(mut self, plugin: impl Transport + 'static) -> Self {
        self.transport = Some(Arc::new(plugin));
        self
    }

    /// With a provisioner.
    #[must_use]
    pub fn provisioner(mut self, plugin: impl Provisioner + 'static) -> Self {
        self.provisioner = Some(Arc::new(plugin));
        self
    }

    /// With a verifier.
    #[must_use]
    pub fn verifier(mut self, plugin: impl Verifier + 'static) -> Self {
        self.verifier = Some(Arc::new(plugin));
        self
    }

    /// With settings for `kitchen plugin check`.
    #[must_use]
    pub fn examples(mut self, kind: PluginKind, examples: Examples) -> Self {
        self.examples.insert(kind, examples);
        self
    }

    /// Serves until the kitchen is done.
    pub fn main(self) -> ExitCode {
        if std::io::stdin().is_terminal() {
            eprintln!(
                "This is a plugin of the kitchen command, which starts it: name it in kitchen.yml, or see `kitchen plugin list`."
            );
            return ExitCode::from(2);
        }
        match self.serve() {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                eprintln!("{error}");
                ExitCode::FAILURE
            }
        }
    }

    fn serve(self) -> Result<()> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(THREADS)
            .enable_all()
            .build()?;
        let endpoint = {
            let _entered = pipes()?.enter();
            Endpoint::new(tokio::io::stdout())?
        };
        let server = Arc::new(Server {
            plugins: self,
            kind: OnceLock::new(),
            running: Mutex::default(),
            connections: Connections::default(),
            endpoint,
        });
        let (asked, requests) = mpsc::unbounded_channel();
        pipes()?.spawn(read(server.clone(), asked));
        runtime.block_on(work(server, requests));
        // Something may still hold a thread.
        runtime.shutdown_background();
        Ok(())
    }

    fn info(&self, kind: PluginKind) -> Option<(PluginInfo, Capabilities)> {
        Some(match kind {
            PluginKind::Driver => driver::info(self.driver.as_deref()?),
            PluginKind::Transport => transport::info(self.transport.as_deref()?),
            PluginKind::Provisioner => provisioner::info(self.provisioner.as_deref()?),
            PluginKind::Verifier => verifier::info(self.verifier.as_deref()?),
        })
    }
}

/// A request that was read: its id, method, params, and the bytes that it takes.
type Asked = (u64, String, Value, Held);

struct Server {
    plugins: Plugins,
    /// What the kitchen wants.
    kind: OnceLock<PluginKind>,
    running: Mutex<HashMap<u64, CancellationToken>>,
    connections: Connections,
    endpoint: Arc<Endpoint>,
}

/// Reads what the kitchen says until its end.
async fn read(server: Arc<Server>, asked: mpsc::UnboundedSender<Asked>) {
    let mut input = BufReader::new(tokio::io::stdin());
    let endpoint = &server.endpoint;
    loop {
        endpoint.unread.room().await;
        let line = match line::next(&mut input).await {
            Ok(Some(line)) => line,
            Ok(None) => break,
            Err(error) => {
                eprintln!("read from the kitchen: {error}");
                break;
            }
        };
        match line::read(&line) {
            Ok(Incoming::Request(id, method, params)) => {
                locked(&server.running).insert(id, CancellationToken::new());
                let held = endpoint.unread.hold(line.len());
                // Nobody takes it where all is over.
                let _ = asked.send((id, method, params, held));
            }
            Ok(Incoming::Answer(id, answer)) => {
                endpoint.deliver(id, Event::Answer(answer), line.len());
            }
            Ok(Incoming::Notification(notification)) => server.notified(notification, line.len()),
            Ok(Incoming::Unknown) => {}
            Err(wrong) => eprintln!("a line of the kitchen is no message: {wrong}"),
        }
    }
    endpoint.end(Error::cancelled());
}

/// Answers requests until there are no more; then ends those that are under way.
async fn work(server: Arc<Server>, mut requests: mpsc::UnboundedReceiver<Asked>) {
    let mut tasks = JoinSet::new();
    loop {
        tokio::select! {
            request = requests.recv() => match request {
                Some((id, method, params, held)) => {
                    tasks.spawn(server.clone().answer(id, method, params));
                    drop(held);
                }
                None => break,
            },
            Some(_) = tasks.join_next() => {}
        }
    }
    // What does not end by then ends with the process.
    let _ = tokio::time::timeout(limit(GRACE), tasks.shutdown()).await;
}

impl Server {
    fn notified(&self, notification: Notification, bytes: usize) {
        match notification {
            Notification::Cancel(CancelParams { id }) => {
                if let Some(token) = locked(&self.running).get(&id) {
                    token.cancel();
                }
            }
            Notification::Output(OutputParams { call, stream, text }) => {
                let event = Event::Output(Line { stream, text });
                self.endpoint.deliver(call, event, bytes);
            }
            Notification::Lost(_) => {}
        }
    }

    async fn answer(self: Arc<Self>, id: u64, method: String, params: Value) {
        let token = locked(&self.running).get(&id).cloned().unwrap_or_default();
        let answer = match typed(&method, params) {
            Ok(request) => {
                let course = Course::new(self.clone(), id, token);
                let work = AssertUnwindSafe(self.perform(course, request)).catch_unwind();
                // The panic itself is on standard error.
                work.await.unwrap_or_else(|_| {
                    let message = format!("the plugin panicked in the midst of {method}");
                    Err(Error::new(ErrorKind::Internal, message).into())
                })
            }
            Err(error) => Err(error),
        };
        locked(&self.running).remove(&id);
        self.endpoint.send(&line::answer(id, answer)).await;
    }

    async fn perform(&self, course: Course, request: Request) -> Answer {
        let plugins = &self.plugins;
        let missing = || ErrorObject::unknown("such plugin in this process");
        match request {
            Request::Initialize(hello) => self.initialize(&hello),
            Request::Shutdown(Nothing {}) => Ok(json(&Nothing {})),
            request => match self.kind.get() {
                Some(PluginKind::Driver) => {
                    let plugin = plugins.driver.as_deref().ok_or_else(missing)?;
                    driver::answer(plugin, course, request).await
                }
                Some(PluginKind::Transport) => {
                    let plugin = plugins.transport.as_deref().ok_or_else(missing)?;
                    transport::answer(plugin, course, request).await
                }
                Some(PluginKind::Provisioner) => {
                    let plugin = plugins.provisioner.as_deref().ok_or_else(missing)?;
                    provisioner::answer(plugin, course, request).await
                }
                Some(PluginKind::Verifier) => {
                    let plugin = plugins.verifier.as_deref().ok_or_else(missing)?;
                    verifier::answer(plugin, course, request).await
                }
                None => Err(ErrorObject::invalid("`initialize` comes first")),
            },
        }
    }

    fn initialize(&self, hello: &Initialize) -> Answer {
        let kind = hello.kind;
        let Some((info, capabilities)) = self.plugins.info(kind) else {
            return Err(ErrorObject::unknown(&format!(
                "{} in this executable",
                kind.word()
            )));
        };
        let kind = *self.kind.get_or_init(|| kind);
        Ok(json(&Initialized {
            protocol: PROTOCOL.into(),
            name: info.name.clone().into_owned(),
            version: self.plugins.version.clone(),
            summary: info.summary.clone().into_owned(),
            schema: Some(info.schema().to_value()),
            paths: info.paths.clone(),
            capabilities,
            examples: self
                .plugins
                .examples
                .get(&kind)
                .cloned()
                .unwrap_or_default(),
        }))
    }
}

/// The answer to what no plugin of this kind is asked.
fn other(request: &Request) -> Answer {
    Err(ErrorObject::unknown(&format!(
        "method {} in this plugin",
        request.method()
    )))
}

/// What every served plugin can: all methods that are named, many at once.
fn capable(methods: &[&str]) -> Capabilities {
    Capabilities {
        concurrent: true,
        methods: methods.iter().map(|it| (*it).to_owned()).collect(),
        ..Capabilities::default()
    }
}
