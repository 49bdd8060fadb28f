//! The kitchen's side: a [`Plugin`] is an executable that is started when it is first needed, and
//! gives implementations of the traits that ask it.

mod call;
mod driver;
mod params;
mod process;
mod provisioner;
mod transport;
mod typed;
mod verifier;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use serde::de::DeserializeOwned;
use tokio::sync::Notify;

use super::endpoint::{locked, pipes};
use super::limit::{TIMEOUT, limit};
use super::message::{Initialized, Nothing, Plain, PluginKind, Request};
use crate::{Context, Discard, Driver, Error, ErrorKind, Provisioner, Result, Transport, Verifier};
use process::Process;
pub use process::shutdown;

/// An executable that is a plugin of one kind.
pub struct Plugin {
    kind: PluginKind,
    name: String,
    path: PathBuf,
    root: PathBuf,
    hello: OnceLock<Initialized>,
    /// Told what a process says of itself, where that is new.
    learn: Box<dyn Fn(&Initialized) + Send + Sync>,
    /// The process of a plugin that is concurrent. The lock is held while one starts.
    shared: tokio::sync::Mutex<Option<Arc<Process>>>,
    /// Processes of any other that wait for something to do.
    idle: Mutex<Vec<Arc<Process>>>,
    dropped: Dropped,
}

impl Plugin {
    /// The plugin `name` in the executable `path`, which runs in directory `root`. `hello` is what
    /// it once said of itself, where that is known; what it says now goes to `learn`.
    pub fn new(
        (kind, name): (PluginKind, &str),
        path: &Path,
        root: &Path,
        hello: Option<Initialized>,
        learn: impl Fn(&Initialized) + Send + Sync + 'static,
    ) -> Arc<Self> {
        Arc::new(Self {
            kind,
            name: name.into(),
            path: path.into(),
            root: root.into(),
            hello: hello.map_or_else(OnceLock::new, OnceLock::from),
            learn: Box::new(learn),
            shared: tokio::sync::Mutex::default(),
            idle: Mutex::default(),
            dropped: Dropped::default(),
        })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What it says of itself; starts it where that is not known yet, and blocks the thread until
    /// it has answered.
    pub fn hello(self: &Arc<Self>) -> Result<&Initialized> {
        if let Some(hello) = self.hello.get() {
            return Ok(hello);
        }
        self.greet()
    }

    /// As [`Plugin::hello`], from a process that runs now.
    pub fn greet(self: &Arc<Self>) -> Result<&Initialized> {
        let plugin = self.clone();
        blocking(async move { plugin.lease().await.map(drop) })?;
        self.hello.get().ok_or_else(Error::cancelled)
    }

    /// As a driver.
    pub fn driver(self: &Arc<Self>) -> Arc<dyn Driver> {
        Arc::new(driver::Remote(self.clone()))
    }

    /// As a transport.
    pub fn transport(self: &Arc<Self>) -> Arc<dyn Transport> {
        Arc::new(transport::Remote(self.clone()))
    }

    /// As a provisioner.
    pub fn provisioner(self: &Arc<Self>) -> Arc<dyn Provisioner> {
        Arc::new(provisioner::Remote(self.clone()))
    }

    /// As a verifier.
    pub fn verifier(self: &Arc<Self>) -> Arc<dyn Verifier> {
        Arc::new(verifier::Remote(self.clone()))
    }

    /// How it is called in messages.
    fn title(&self) -> String {
        let (kind, name) = (self.kind.word(), &self.name);
        format!("{kind} plugin {name} ({})", self.path.display())
    }

    /// Whether it answers an optional method.
    fn has(self: &Arc<Self>, method: &str) -> bool {
        let hello = self.hello().ok();
        hello.is_some_and(|it| it.capabilities.methods.iter().any(|known| known == method))
    }

    fn info(self: &Arc<Self>) -> crate::PluginInfo {
        match self.hello() {
            Ok(it) => crate::PluginInfo::of_schema(&self.name, &it.summary, it.schema.clone())
                .paths(it.paths.clone()),
            Err(_) => crate::PluginInfo::of_schema(&self.name, "", None),
        }
    }

    /// What is wrong with the settings of `cx`: what the plugin says where it answers `method`, else
    /// what its schema does.
    fn check(
        self: &Arc<Self>,
        method: &str,
        cx: &Context,
        request: fn(Plain) -> Request,
    ) -> Result<()> {
        if self.has(method) {
            let Nothing {} = self.question(cx, request(params::plain(cx)))?;
            return Ok(());
        }
        let schema = self.hello().ok().and_then(|hello| hello.schema.as_ref());
        schema.map_or(Ok(()), |schema| typed::check(schema, &cx.section))
    }

    /// A process that takes a request. Where one must be started, that goes on by itself when this
    /// is dropped: the next one finds it.
    async fn lease(self: &Arc<Self>) -> Result<Lease> {
        let work = self.clone().find_or_start();
        let found = pipes()?.spawn(work).await;
        found.unwrap_or_else(|_| Err(Error::cancelled()))
    }

    async fn find_or_start(self: Arc<Self>) -> Result<Lease> {
        let mut shared = self.shared.lock().await;
        if let Some(process) = shared.as_ref().filter(|it| it.is_alive()) {
            return Ok(Lease::shared(process.clone()));
        }
        let idle = || {
            let mut idle = locked(&self.idle);
            idle.retain(|it| it.is_alive());
            idle.pop()
        };
        if let Some(process) = idle() {
            return Ok(Lease::own(process, &self));
        }
        let known = self.hello.get();
        if known.is_some_and(|it| !it.capabilities.concurrent) {
            // Many may start at once.
            drop(shared);
            let (process, _) = self.start().await?;
            return Ok(Lease::own(process, &self));
        }
        let (process, concurrent) = self.start().await?;
        if !concurrent {
            return Ok(Lease::own(process, &self));
        }
        *shared = Some(process.clone());
        Ok(Lease::shared(process))
    }

    /// A new process, and whether it takes many requests at once.
    async fn start(self: &Arc<Self>) -> Result<(Arc<Process>, bool)> {
        let (process, hello) = Process::start(self).await?;
        let concurrent = hello.capabilities.concurrent;
        let json = |hello: &Initialized| serde_json::to_value(hello).ok();
        let known = self.hello.get();
        if known.is_none_or(|known| json(known) != json(&hello)) {
            (self.learn)(&hello);
        }
        self.hello.get_or_init(|| hello);
        Ok((process, concurrent))
    }

    /// Asks a question and blocks the thread until it is answered.
    fn question<T>(self: &Arc<Self>, cx: &Context, request: Request) -> Result<T>
    where
        T: DeserializeOwned + Send + 'static,
    {
        let plugin = self.clone();
        let cx = cx.clone();
        let method = request.method();
        let asked = method.clone();
        blocking(async move {
            let limit = limit(TIMEOUT);
            let answered = async {
                let mut lease = plugin.lease().await?;
                lease.process.heed(&cx);
                let _hurry = lease.process.endpoint.unread.hurry();
                lease.begin();
                let call = lease.process.endpoint.call(&request).await?;
                let answer = call.answer(&Discard).await;
                lease.finish();
                answer
            };
            let answered = tokio::time::timeout(limit, answered).await;
            answered.unwrap_or_else(|_| {
                let what = format!("the answer of {} to {method}", plugin.title());
                Err(Error::timeout(what, limit)
                    .hint(format!("{} gives it more seconds.", TIMEOUT.0)))
            })
        })
        .map_err(|error| failed(error, &asked))
    }
}

/// Says what a process was asked when it went.
fn failed(error: Error, method: &str) -> Error {
    match error.kind {
        ErrorKind::Internal => error.while_doing(method),
        _ => error,
    }
}

/// Its processes are no longer needed.
impl Drop for Plugin {
    fn drop(&mut self) {
        let idle = std::mem::take(self.idle.get_mut().unwrap_or_else(PoisonError::into_inner));
        let all = self.shared.get_mut().take().into_iter().chain(idle);
        if let Ok(pipes) = pipes() {
            for process in all {
                pipes.spawn(process.end());
            }
        }
    }
}

impl std::fmt::Debug for Plugin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.title())
    }
}

/// Does `work` on the runtime of the pipes; blocks the thread.
fn blocking<T: Send + 'static>(
    work: impl Future<Output = Result<T>> + Send + 'static,
) -> Result<T> {
    let (done, result) = std::sync::mpsc::channel();
    pipes()?.spawn(async move { drop(done.send(work.await)) });
    result.recv().unwrap_or_else(|_| Err(Error::cancelled()))
}

/// A process for one request.
struct Lease {
    process: Arc<Process>,
    /// To whom it goes back; none where others use it too.
    owner: Option<Arc<Plugin>>,
    /// A request is under way.
    busy: bool,
}

impl Lease {
    fn shared(process: Arc<Process>) -> Self {
        Self {
            process,
            owner: None,
            busy: false,
        }
    }

    fn own(process: Arc<Process>, owner: &Arc<Plugin>) -> Self {
        Self {
            process,
            owner: Some(owner.clone()),
            busy: false,
        }
    }

    fn begin(&mut self) {
        self.busy = true;
    }

    fn finish(&mut self) {
        self.busy = false;
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let Some(owner) = self.owner.take() else {
            return;
        };
        match self.busy {
            true => self.process.kill("what it was doing was cancelled"),
            false => locked(&owner.idle).push(self.process.clone()),
        }
    }
}

/// Calls that were dropped and have not ended, by instance: nothing else is begun for it.
#[derive(Clone, Default)]
struct Dropped(Arc<(Mutex<HashMap<String, usize>>, Notify)>);

impl Dropped {
    /// One more, until the answer is dropped.
    fn add(&self, instance: String) -> StillThere {
        *locked(&self.0.0).entry(instance.clone()).or_default() += 1;
        StillThere(self.clone(), instance)
    }

    /// Waits until there is none.
    async fn none(&self, instance: &str) {
        loop {
            let changed = self.0.1.notified();
            if !locked(&self.0.0).contains_key(instance) {
                return;
            }
            changed.await;
        }
    }
}

struct StillThere(Dropped, String);

impl Drop for StillThere {
    fn drop(&mut self) {
        let (counts, changed) = &*self.0.0;
        let mut counts = locked(counts);
        if let Some(count) = counts.get_mut(&self.1) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.1);
            }
        }
        drop(counts);
        changed.notify_waiters();
    }
}
