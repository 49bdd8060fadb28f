//! One side of a conversation: its requests that are under way, and lines that wait to be written
//! or to be dealt with, so many that memory stays flat.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::io::{AsyncWrite, AsyncWriteExt};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::{Notify, mpsc};

use super::line;
use super::message::{
    CancelParams, ErrorObject, Notification, OutputParams, PluginRequest, Request,
};
use crate::{Error, ErrorKind, Line, Result};

/// Bytes of messages that may wait in either direction.
const WAITING: usize = 1 << 20;

/// Lines that are written at once at most.
const TOGETHER: usize = 256;

/// Reads and writes for all conversations, apart from those who wait for what is said: some of them
/// block their thread, since the traits' questions and checkpoints are not asynchronous.
static PIPES: LazyLock<std::io::Result<Runtime>> = LazyLock::new(|| {
    Builder::new_multi_thread()
        .worker_threads(1)
        .thread_name("plugins")
        .enable_all()
        .build()
});

/// The runtime of the pipes.
pub(crate) fn pipes() -> Result<&'static Runtime> {
    PIPES.as_ref().map_err(|error| {
        Error::new(
            ErrorKind::Internal,
            format!("start a thread for plugins: {error}"),
        )
    })
}

pub(crate) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What comes to one of our requests.
#[derive(Debug)]
pub(crate) enum Event {
    /// A line of its output.
    Output(Line),
    /// The other side asks something in its course.
    Request(u64, Box<PluginRequest>),
    /// The answer; nothing comes after it.
    Answer(std::result::Result<Value, ErrorObject>),
    /// The other side is gone; nothing comes after it.
    Ended(Error),
}

/// Bytes that wait.
#[derive(Debug, Default)]
pub(crate) struct Backlog {
    bytes: AtomicUsize,
    /// Threads that are blocked until an answer comes: what is before it must be read.
    hurry: AtomicUsize,
    changed: Notify,
}

impl Backlog {
    /// Waits until there is room.
    pub async fn room(&self) {
        loop {
            let changed = self.changed.notified();
            if self.bytes.load(SeqCst) < WAITING || self.hurry.load(SeqCst) > 0 {
                return;
            }
            changed.await;
        }
    }

    /// These bytes wait until the answer is dropped.
    pub fn hold(self: &Arc<Self>, bytes: usize) -> Held {
        self.bytes.fetch_add(bytes, SeqCst);
        Held(self.clone(), bytes)
    }

    /// There is always room until the answer is dropped.
    pub fn hurry(self: &Arc<Self>) -> Hurry {
        self.hurry.fetch_add(1, SeqCst);
        self.changed.notify_waiters();
        Hurry(self.clone())
    }
}

/// Bytes that wait as long as this lives.
#[derive(Debug)]
pub(crate) struct Held(Arc<Backlog>, usize);

impl Drop for Held {
    fn drop(&mut self) {
        self.0.bytes.fetch_sub(self.1, SeqCst);
        self.0.changed.notify_waiters();
    }
}

pub(crate) struct Hurry(Arc<Backlog>);

impl Drop for Hurry {
    fn drop(&mut self) {
        self.0.hurry.fetch_sub(1, SeqCst);
    }
}

type Sink = Box<dyn Fn(Event, Option<Held>) + Send>;

#[derive(Default)]
struct Calls {
    open: HashMap<u64, Sink>,
    ended: Option<Error>,
}

/// One side.
pub(crate) struct Endpoint {
    next: AtomicU64,
    calls: Mutex<Calls>,
    lines: Mutex<Option<mpsc::UnboundedSender<(String, Held)>>>,
    unwritten: Arc<Backlog>,
    /// What was read and nobody has dealt with.
    pub unread: Arc<Backlog>,
}

impl Endpoint {
    /// A side that writes to `pipe`.
    pub fn new(pipe: impl AsyncWrite + Unpin + Send + 'static) -> Result<Arc<Self>> {
        let (lines, written) = mpsc::unbounded_channel();
        pipes()?.spawn(write(written, pipe));
        Ok(Arc::new(Self {
            next: AtomicU64::new(0),
            calls: Mutex::default(),
            lines: Mutex::new(Some(lines)),
            unwritten: Arc::default(),
            unread: Arc::default(),
        }))
    }

    /// Writes no more: the other side finds its input at the end.
    pub fn close(&self) {
        locked(&self.lines).take();
    }

    /// The other side is gone: all calls fail for this reason, also later ones.
    pub fn end(&self, error: Error) {
        let mut calls = locked(&self.calls);
        for (_, sink) in calls.open.drain() {
            sink(Event::Ended(error.clone()), None);
        }
        calls.ended.get_or_insert(error);
        drop(calls);
        self.close();
    }

    /// Why the other side is gone, where it is.
    pub fn ended(&self) -> Option<Error> {
        locked(&self.calls).ended.clone()
    }

    /// Hands an event to the call that it is about; one that has ended misses nothing.
    pub fn deliver(&self, id: u64, event: Event, bytes: usize) {
        let held = self.unread.hold(bytes);
        let mut calls = locked(&self.calls);
        if let Event::Answer(_) = event {
            if let Some(sink) = calls.open.remove(&id) {
                sink(event, Some(held));
            }
        } else if let Some(sink) = calls.open.get(&id) {
            sink(event, Some(held));
        } else if let Event::Request(request, _) = event {
            drop(calls);
            self.push(&line::answer(request, Err(ErrorObject::cancelled())));
        }
    }

    /// The oldest call under way.
    pub fn oldest(&self) -> Option<u64> {
        locked(&self.calls).open.keys().min().copied()
    }

    /// Sends at once, however much waits.
    pub fn push(&self, message: &impl Serialize) {
        let text = serde_json::to_string(message).unwrap_or_default();
        let held = self.unwritten.hold(text.len());
        if let Some(lines) = &*locked(&self.lines) {
            // A pipe that is gone is told of by its reader.
            let _ = lines.send((text, held));
        }
    }

    /// Sends when there is room.
    pub async fn send(&self, message: &(impl Serialize + Sync)) {
        self.unwritten.room().await;
        self.push(message);
    }

    /// Sends a line of output.
    pub async fn output(&self, call: u64, line: Line) {
        let Line { stream, text } = line;
        let output = Notification::Output(OutputParams { call, stream, text });
        self.send(&line::notification(&output)).await;
    }

    /// Begins a call.
    pub async fn call(self: &Arc<Self>, request: &impl Serialize) -> Result<Call> {
        self.unwritten.room().await;
        let (sink, events) = mpsc::unbounded_channel();
        let id = self.begin(
            request,
            Box::new(move |event, held| drop(sink.send((event, held)))),
        )?;
        Ok(Call {
            endpoint: self.clone(),
            id,
            events: Some(events),
            heir: None,
        })
    }

    /// Asks, and blocks the thread until the answer comes.
    pub fn ask<T: DeserializeOwned>(
        self: &Arc<Self>,
        request: &impl Serialize,
    ) -> std::result::Result<T, Error> {
        let (sink, events) = std::sync::mpsc::channel();
        let _hurry = self.unread.hurry();
        self.begin(request, Box::new(move |event, _| drop(sink.send(event))))?;
        loop {
            match events.recv() {
                Ok(Event::Answer(answer)) => return parsed(answer.map_err(Error::from)?),
                Ok(Event::Ended(error)) => return Err(error),
                Ok(_) => {}
                Err(_) => return Err(Error::cancelled()),
            }
        }
    }

    /// Asks, and wants no answer.
    pub fn tell(&self, request: &impl Serialize) {
        // Where the other side is gone nothing is left to tell.
        let _ = self.begin(request, Box::new(|_, _| ()));
    }

    fn begin(&self, request: &impl Serialize, sink: Sink) -> Result<u64> {
        let request = serde_json::to_value(request)
            .map_err(|error| Error::new(ErrorKind::Internal, format!("send a request: {error}")))?;
        let id = self.next.fetch_add(1, SeqCst);
        let message = line::request(id, &request);
        let mut calls = locked(&self.calls);
        if let Some(error) = &calls.ended {
            return Err(error.clone());
        }
        calls.open.insert(id, sink);
        drop(calls);
        self.push(&message);
        Ok(id)
    }

    fn cancel(&self, id: u64) {
        let cancel = Notification::Cancel(CancelParams { id });
        self.push(&line::notification(&cancel));
    }

    fn forget(&self, id: u64) {
        locked(&self.calls).open.remove(&id);
    }
}

/// Takes over calls that were dropped before they ended.
pub(crate) trait Heir: Send + Sync {
    /// The call is cancelled already; what still comes to it.
    fn inherit(self: Arc<Self>, id: u64, events: Events);
}

/// What comes to a call.
pub(crate) type Events = mpsc::UnboundedReceiver<(Event, Option<Held>)>;

/// A request under way. Dropping it cancels it.
pub(crate) struct Call {
    endpoint: Arc<Endpoint>,
    id: u64,
    events: Option<Events>,
    heir: Option<Arc<dyn Heir>>,
}

impl Call {
    /// Where the call is dropped early, `heir` sees to its end.
    #[must_use]
    pub fn with_heir(mut self, heir: Arc<dyn Heir>) -> Self {
        self.heir = Some(heir);
        self
    }

    /// What comes next; an end comes once, and nothing after it.
    pub async fn next(&mut self) -> Event {
        let Some(events) = &mut self.events else {
            return std::future::pending().await;
        };
        let event = match events.recv().await {
            Some((event, _held)) => event,
            None => Event::Ended(Error::cancelled()),
        };
        if matches!(event, Event::Answer(_) | Event::Ended(_)) {
            self.events = None;
        }
        event
    }

    /// The answer; output goes to `output`.
    pub async fn answer<T: DeserializeOwned>(mut self, output: &dyn crate::Output) -> Result<T> {
        loop {
            match self.next().await {
                Event::Output(line) => output.line(line).await,
                Event::Answer(answer) => return parsed(answer.map_err(Error::from)?),
                Event::Ended(error) => return Err(error),
                Event::Request(id, _) => {
                    let refused = Err(ErrorObject::unknown("a request in the course of this call"));
                    self.endpoint.send(&line::answer(id, refused)).await;
                }
            }
        }
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        let Some(events) = self.events.take() else {
            return;
        };
        self.endpoint.cancel(self.id);
        match self.heir.take() {
            Some(heir) => heir.inherit(self.id, events),
            None => self.endpoint.forget(self.id),
        }
    }
}

/// A result as its type.
pub(crate) fn parsed<T: DeserializeOwned>(result: Value) -> Result<T> {
    serde_json::from_value(result).map_err(|error| {
        Error::new(
            ErrorKind::Internal,
            format!("the answer is not as the protocol has it: {error}"),
        )
    })
}

/// A message that is always JSON.
pub(crate) fn json(message: &impl Serialize) -> Value {
    serde_json::to_value(message).unwrap_or_default()
}

/// A request of either side from its parts; the error is the answer to it.
pub(crate) fn typed<T: DeserializeOwned>(
    method: &str,
    params: Value,
) -> std::result::Result<T, ErrorObject> {
    let known = super::schema::methods().any(|known| known == method);
    if !known {
        return Err(ErrorObject::unknown(&format!("method {method}")));
    }
    serde_json::from_value(serde_json::json!({"method": method, "params": params}))
        .map_err(|error| ErrorObject::invalid(&format!("{method}: {error}")))
}

/// Writes lines until nobody sends any more, or the pipe breaks; all that wait at once.
async fn write(
    mut lines: mpsc::UnboundedReceiver<(String, Held)>,
    mut pipe: impl AsyncWrite + Unpin,
) {
    let mut waiting = Vec::new();
    while lines.recv_many(&mut waiting, TOGETHER).await > 0 {
        let mut text = String::new();
        for (line, _) in &waiting {
            text.push_str(line);
            text.push('\n');
        }
        let written = async {
            pipe.write_all(text.as_bytes()).await?;
            pipe.flush().await
        };
        if written.await.is_err() {
            return;
        }
        waiting.clear();
    }
}

impl Request {
    /// The name of its method.
    pub(crate) fn method(&self) -> String {
        let value = json(self);
        value["method"].as_str().unwrap_or_default().to_owned()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use futures::FutureExt;

    use super::*;

    #[tokio::test]
    async fn who_sends_waits_for_room_unless_somebody_is_in_a_hurry() {
        let backlog = Arc::new(Backlog::default());
        backlog.room().await;
        let held = backlog.hold(WAITING);
        assert!(backlog.room().now_or_never().is_none());
        let hurry = backlog.hurry();
        assert!(backlog.room().now_or_never().is_some());
        drop(hurry);
        let (_, ()) = tokio::join!(backlog.room(), async { drop(held) });
    }

    #[tokio::test]
    async fn a_call_that_is_dropped_is_cancelled_and_hears_no_more() {
        let (ours, theirs) = tokio::io::duplex(1 << 16);
        let endpoint = Endpoint::new(ours).unwrap();
        let request = Request::Shutdown(super::super::message::Nothing {});
        let call = endpoint.call(&request).await.unwrap();
        drop(call);
        endpoint.deliver(0, Event::Answer(Ok(Value::Null)), 4);
        let mut theirs = tokio::io::BufReader::new(theirs);
        let mut lines = Vec::new();
        for _ in 0..2 {
            let line = tokio::time::timeout(Duration::from_secs(20), line::next(&mut theirs));
            let line = line.await.expect("a line").unwrap().unwrap();
            lines.push(String::from_utf8(line).unwrap());
        }
        assert_eq!(
            lines,
            [
                r#"{"jsonrpc":"2.0","id":0,"method":"shutdown","params":{}}"#,
                r#"{"jsonrpc":"2.0","method":"$/cancelRequest","params":{"id":0}}"#,
            ]
        );
    }

    #[tokio::test]
    async fn where_the_other_side_is_gone_all_calls_fail_for_its_reason() {
        let (ours, _theirs) = tokio::io::duplex(1 << 16);
        let endpoint = Endpoint::new(ours).unwrap();
        let request = Request::Shutdown(super::super::message::Nothing {});
        let before = endpoint.call(&request).await.unwrap();
        endpoint.end(Error::machine("it died"));
        let ended = before.answer::<Value>(&crate::Discard).await;
        assert_eq!(ended.unwrap_err().message, "it died");
        let after = endpoint.call(&request).await;
        assert_eq!(
            after.err().map(|error| error.message),
            Some("it died".into())
        );
    }
}
