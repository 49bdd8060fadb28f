//! A process of a plugin: started, listened to, ended.

use std::collections::{HashMap, VecDeque};
use std::pin::pin;
use std::process::{ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

use process_wrap::tokio::ChildWrapper;
use serde_json::Value;
use tokio::io::{AsyncRead, BufReader};
use tokio::process::{ChildStderr, ChildStdout, Command};
use tokio_util::sync::CancellationToken;

use super::Plugin;
use crate::process::{Noted, exit_status};
use crate::wire::endpoint::{Endpoint, Event, locked, pipes, typed};
use crate::wire::limit::{GRACE, TIMEOUT, limit};
use crate::wire::line::{self, Incoming};
use crate::wire::message::{
    CancelParams, ConnectionId, Initialize, Initialized, Nothing, Notification, OutputParams,
    PROTOCOL, PluginKind, PluginRequest, Request,
};
use crate::{
    Context, Discard, Error, ErrorKind, Gather, Line, Output, Result, Secrets, Stream, async_trait,
};

/// Lines of standard error that are told when it dies.
const LAST_LINES: usize = 10;
/// How long the pipes of a process that has ended may stay open.
const REST: Duration = Duration::from_secs(1);

/// All that were started and may still run.
static ALL: Mutex<Vec<Weak<Process>>> = Mutex::new(Vec::new());

/// A process.
pub(super) struct Process {
    pub endpoint: Arc<Endpoint>,
    title: String,
    /// Its last words on standard error.
    log: Mutex<VecDeque<String>>,
    /// What must not be shown: of the environment, of the last call's settings, of its run.
    secrets: Mutex<[Secrets; 3]>,
    /// What is on standard error is shown.
    debug: AtomicBool,
    /// Requests of the plugin that are under way.
    pub serving: Mutex<HashMap<u64, CancellationToken>>,
    /// Connections that are open, and whether each is broken.
    pub connections: Mutex<HashMap<String, Arc<AtomicBool>>>,
    /// Why it is to be killed.
    condemned: Mutex<Option<String>>,
    kill: CancellationToken,
    gone: CancellationToken,
    ending: AtomicBool,
}

impl Process {
    /// Starts the plugin and shakes hands.
    pub async fn start(plugin: &Arc<Plugin>) -> Result<(Arc<Self>, Initialized)> {
        let process = Self::spawn(plugin)?;
        let hello = process.initialize(plugin).await;
        if hello.is_err() {
            process.kill("the handshake failed");
        }
        Ok((process, hello?))
    }

    fn spawn(plugin: &Plugin) -> Result<Arc<Self>> {
        let title = plugin.title();
        let mut command = Command::new(&plugin.path);
        command.current_dir(&plugin.root);
        command.stdin(Stdio::piped());
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let _entered = pipes()?.enter();
        let started = crate::process::start(command).map_err(|error| cannot_start(plugin, &error));
        let crate::process::Started { mut child, note } = started?;
        let (Some(input), Some(out), Some(err)) = (
            child.stdin().take(),
            child.stdout().take(),
            child.stderr().take(),
        ) else {
            return Err(Error::new(
                ErrorKind::Internal,
                format!("start {title}: no pipes"),
            ));
        };
        let process = Arc::new(Self {
            endpoint: Endpoint::new(input)?,
            title,
            log: Mutex::default(),
            secrets: Mutex::new([of_the_environment(), Secrets::default(), Secrets::default()]),
            debug: AtomicBool::new(false),
            serving: Mutex::default(),
            connections: Mutex::default(),
            condemned: Mutex::default(),
            kill: CancellationToken::new(),
            gone: CancellationToken::new(),
            ending: AtomicBool::new(false),
        });
        let mut all = locked(&ALL);
        all.retain(|it| it.strong_count() > 0);
        all.push(Arc::downgrade(&process));
        drop(all);
        pipes()?.spawn(process.clone().watch(child, note, out, err));
        Ok(process)
    }

    async fn initialize(self: &Arc<Self>, plugin: &Plugin) -> Result<Initialized> {
        let request = Request::Initialize(Initialize {
            protocol: PROTOCOL.into(),
            kitchen: env!("CARGO_PKG_VERSION").into(),
            kind: plugin.kind,
            name: plugin.name.clone(),
        });
        let limit = limit(TIMEOUT);
        let call = self.endpoint.call(&request).await?;
        let answer = tokio::time::timeout(limit, call.answer::<Initialized>(&Discard)).await;
        let title = &self.title;
        let hello = match answer {
            Ok(Ok(hello)) => hello,
            Ok(Err(error)) if error.kind == ErrorKind::Unsupported => {
                return Err(error.while_doing(format!("start {title}")));
            }
            Ok(Err(error)) => {
                let own = error.message.contains(title);
                return Err(if own {
                    error
                } else {
                    error.while_doing(format!("start {title}"))
                });
            }
            Err(_) => {
                let said = self.last_words();
                let error = Error::timeout(format!("the handshake with {title}"), limit);
                let hint = format!("{} gives it more seconds.", TIMEOUT.0);
                let message = format!("{}{said}", error.message);
                return Err(Error { message, ..error }.hint(hint));
            }
        };
        let major = |version: &str| version.split('.').next().map(str::to_owned);
        if major(&hello.protocol) != major(PROTOCOL) {
            let message = format!(
                "{title} speaks version {:?} of the protocol, and this kitchen {PROTOCOL}",
                hello.protocol
            );
            return Err(Error::unsupported(message)
                .hint("Plugin and kitchen must have the same major version of the protocol: install another version of either."));
        }
        if plugin.kind == PluginKind::Transport && !hello.capabilities.concurrent {
            return Err(Error::unsupported(format!(
                "{title} does not announce `concurrent`, which a transport must"
            )));
        }
        Ok(hello)
    }

    /// Listens until it is gone.
    async fn watch(
        self: Arc<Self>,
        mut child: Box<dyn ChildWrapper>,
        _note: Noted,
        out: ChildStdout,
        err: ChildStderr,
    ) {
        let id = child.id();
        let logging = tokio::spawn(self.clone().log(err));
        let mut reading = pin!(self.read(out));
        let mut fault = None;
        let mut read = false;
        let status = tokio::select! {
            told = &mut reading => {
                (fault, read) = (told, true);
                // One that has closed its output is about to exit; one that talks rubbish is not.
                let patience = if fault.is_some() { Duration::ZERO } else { limit(GRACE) };
                match tokio::time::timeout(patience, child.wait()).await {
                    Ok(status) => status,
                    Err(_) => end(&mut child).await,
                }
            }
            status = child.wait() => status,
            () = self.kill.cancelled() => end(&mut child).await,
        };
        if let Some(id) = id {
            // What it left behind holds its pipes.
            crate::process::kill_group(id);
        }
        if !read && let Ok(told) = tokio::time::timeout(REST, reading).await {
            fault = told;
        }
        let abort = logging.abort_handle();
        if tokio::time::timeout(REST, logging).await.is_err() {
            abort.abort();
        }
        self.endpoint.end(self.obituary(fault, status));
        self.gone.cancel();
    }

    /// Why it is gone.
    fn obituary(&self, fault: Option<String>, status: std::io::Result<ExitStatus>) -> Error {
        let title = &self.title;
        let condemned = locked(&self.condemned).clone();
        let how = match (fault, condemned, status) {
            (Some(fault), _, _) => format!("{title} {fault}"),
            (None, Some(why), _) => format!("{title} was killed: {why}"),
            (None, None, Ok(status)) => format!("{title} {}", ended(status)),
            (None, None, Err(error)) => format!("{title} is lost: {error}"),
        };
        let mut error = Error::new(ErrorKind::Internal, format!("{how}{}", self.last_words()));
        error.residue = crate::Residue::Unknown;
        error
    }

    /// What it last said on standard error, for the end of a message.
    fn last_words(&self) -> String {
        let log = locked(&self.log);
        if log.is_empty() {
            return String::new();
        }
        let lines: String = log.iter().map(|line| format!("\n    {line}")).collect();
        format!("; its last lines:{}", self.masked(lines))
    }

    fn remember(&self, line: &str) {
        let mut log = locked(&self.log);
        if log.len() == LAST_LINES {
            log.pop_front();
        }
        log.push_back(line.into());
    }

    async fn log(self: Arc<Self>, err: impl AsyncRead + Unpin) {
        // A pipe that breaks has no more lines.
        let _ = crate::process::forward(Some(err), Stream::Err, &Log(&self)).await;
    }

    /// Reads messages to the end; says what was wrong with one that was none.
    async fn read(&self, out: impl AsyncRead + Unpin) -> Option<String> {
        let mut out = BufReader::new(out);
        loop {
            self.endpoint.unread.room().await;
            let line = match line::next(&mut out).await {
                Ok(Some(line)) => line,
                Ok(None) => return None,
                Err(error) => return Some(format!("printed {error}")),
            };
            if let Err(wrong) = self.hear(&line) {
                let quoted = self.masked(line::quote(&line));
                return Some(format!(
                    "printed a line on standard output that is no message of the protocol: {quoted:?}: {wrong}"
                ));
            }
        }
    }

    fn hear(&self, line: &[u8]) -> std::result::Result<(), String> {
        match line::read(line)? {
            Incoming::Answer(id, answer) => {
                self.endpoint.deliver(id, Event::Answer(answer), line.len());
            }
            Incoming::Request(id, method, params) => {
                match typed::<PluginRequest>(&method, params) {
                    Ok(request) => {
                        locked(&self.serving).insert(id, CancellationToken::new());
                        let call = request.call();
                        let event = Event::Request(id, Box::new(request));
                        self.endpoint.deliver(call, event, line.len());
                    }
                    Err(error) => self.endpoint.push(&line::answer(id, Err(error))),
                }
            }
            Incoming::Notification(notification) => self.notified(notification, line.len()),
            Incoming::Unknown => {}
        }
        Ok(())
    }

    fn notified(&self, notification: Notification, bytes: usize) {
        match notification {
            Notification::Output(OutputParams { call, stream, text }) => {
                let event = Event::Output(Line { stream, text });
                self.endpoint.deliver(call, event, bytes);
            }
            Notification::Cancel(CancelParams { id }) => {
                if let Some(token) = locked(&self.serving).get(&id) {
                    token.cancel();
                }
            }
            Notification::Lost(ConnectionId { connection }) => {
                if let Some(lost) = locked(&self.connections).get(&connection) {
                    lost.store(true, Relaxed);
                }
            }
        }
    }

    /// Whether requests can be sent.
    pub fn is_alive(&self) -> bool {
        !self.kill.is_cancelled() && self.endpoint.ended().is_none()
    }

    /// Kills it and all that descends from it.
    pub fn kill(&self, why: &str) {
        locked(&self.condemned).get_or_insert(why.into());
        self.kill.cancel();
    }

    /// Hears what must not be shown of what it says, and whether its log is shown.
    pub fn heed(&self, cx: &Context) {
        let mut own = Gather::default();
        own.tree(&Value::Object(cx.section.values.clone()));
        let mut secrets = locked(&self.secrets);
        secrets[1] = Secrets::of(own);
        secrets[2] = cx.secrets.clone();
        self.debug.store(cx.debug, Relaxed);
    }

    fn masked(&self, text: String) -> String {
        let secrets = locked(&self.secrets);
        let mask = |text: String, secrets: &Secrets| secrets.mask(&text).into_owned();
        secrets.iter().fold(text, mask)
    }

    /// Ends it in order: within the time of grace, else at once.
    pub async fn end(self: Arc<Self>) {
        if self.ending.swap(true, Relaxed) {
            return self.gone.cancelled().await;
        }
        let asked = async {
            let call = self.endpoint.call(&Request::Shutdown(Nothing {})).await?;
            call.answer::<Nothing>(&Discard).await
        };
        // One that does not answer is told by the end of its input.
        let _ = tokio::time::timeout(limit(GRACE), asked).await;
        self.endpoint.close();
        if tokio::time::timeout(limit(GRACE), self.gone.cancelled())
            .await
            .is_err()
        {
            self.kill("it did not exit when its standard input ended");
            self.gone.cancelled().await;
        }
    }
}

/// Ends all processes in order, and blocks the thread until they are gone.
pub fn shutdown() {
    let all: Vec<_> = locked(&ALL).drain(..).collect();
    let all: Vec<_> = all.iter().filter_map(Weak::upgrade).collect();
    let living = all.into_iter().filter(|it| !it.gone.is_cancelled());
    let ends: Vec<_> = living.map(Process::end).collect();
    if !ends.is_empty() {
        // It cannot fail: nobody is left to be told.
        let _ = super::blocking(async move {
            futures::future::join_all(ends).await;
            Ok(())
        });
    }
}

async fn end(child: &mut Box<dyn ChildWrapper>) -> std::io::Result<ExitStatus> {
    if let Some(id) = child.id() {
        crate::process::kill_family(id);
    }
    // Where it went by itself there is nothing to kill.
    let _ = child.start_kill();
    child.wait().await
}

fn ended(status: ExitStatus) -> String {
    #[cfg(unix)]
    {
        use std::os::unix::process::ExitStatusExt;
        if let Some(signal) = status.signal() {
            return format!("was killed by signal {signal}");
        }
    }
    format!("ended with exit code {}", exit_status(status).0)
}

fn cannot_start(plugin: &Plugin, error: &std::io::Error) -> Error {
    use std::io::ErrorKind as Io;
    let path = plugin.path.display();
    let message = format!("start {}: {error}", plugin.title());
    let error_kind = Error::new(ErrorKind::Config, message);
    match error.kind() {
        Io::PermissionDenied => error_kind.hint(format!("Make it executable: chmod +x {path}")),
        Io::NotFound if plugin.path.exists() => {
            error_kind.hint("The interpreter in its first line (#!…) is not there.")
        }
        _ if error.raw_os_error() == Some(8) => error_kind.hint(
            "It is no program of this system; a script needs a first line such as #!/bin/sh.",
        ),
        _ => error_kind,
    }
}

/// Values of variables that name a secret: the plugin has them too.
fn of_the_environment() -> Secrets {
    let mut gather = Gather::default();
    gather.environment();
    Secrets::of(gather)
}

/// Keeps the last lines, and shows all where that is wanted.
struct Log<'a>(&'a Process);

#[async_trait]
impl Output for Log<'_> {
    async fn line(&self, line: Line) {
        self.0.remember(&line.text);
        if self.0.debug.load(Relaxed)
            && let Some(call) = self.0.endpoint.oldest()
        {
            let bytes = line.text.len();
            self.0.endpoint.unread.room().await;
            self.0.endpoint.deliver(call, Event::Output(line), bytes);
        }
    }
}
