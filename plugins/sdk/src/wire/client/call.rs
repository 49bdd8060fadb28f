//! A call of a plugin: what it asks meanwhile is answered, and where it is dropped early, somebody
//! sees to its end.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex};

use futures::StreamExt;
use futures::stream::FuturesUnordered;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::process::Process;
use super::{Dropped, Plugin, failed};
use crate::wire::connection;
use crate::wire::endpoint::{Event, Events, Heir, json, locked, parsed};
use crate::wire::limit::{GRACE, limit};
use crate::wire::line;
use crate::wire::message::{
    ConnectionId, ErrorObject, Nothing, PluginRequest, Request, StateParams,
};
use crate::wording;
use crate::{Connection, Context, Error, Identity, MemoryStore, Result, State, aftermath};

/// Name of the connection that a call comes with.
pub(super) const GIVEN: &str = "machine";
/// Requests of a plugin that may be under way in the course of one call.
const AT_ONCE: usize = 256;

/// What a call may use of the kitchen.
#[derive(Default)]
pub(super) struct Uses<'a> {
    /// Changed by checkpoints and by the answer.
    pub state: Option<&'a mut State>,
    /// The way to the instance that the call comes with.
    pub connection: Option<&'a dyn Connection>,
}

impl Plugin {
    /// Asks the plugin; ends with the context's deadline or cancellation.
    pub(super) async fn call<T: DeserializeOwned>(
        self: &Arc<Self>,
        cx: &Context,
        request: Request,
        uses: Uses<'_>,
    ) -> Result<T> {
        let method = request.method();
        let what = format!("{method} of {}", self.title());
        let answer = cx.bounded(&what, self.converse(cx, request, uses)).await;
        parsed(answer.map_err(|error| failed(error, &method))?)
            .map_err(|error| error.while_doing(what))
    }

    async fn converse(
        self: &Arc<Self>,
        cx: &Context,
        request: Request,
        mut uses: Uses<'_>,
    ) -> Result<Value> {
        let instance = key(&cx.identity);
        self.dropped.none(&instance).await;
        let mut lease = self.lease().await?;
        let process = lease.process.clone();
        process.heed(cx);
        lease.begin();
        let heir = Arc::new(Inheritance {
            process: process.clone(),
            instance,
            dropped: self.dropped.clone(),
            method: request.method(),
            alone: lease.owner.is_some(),
        });
        let call = process.endpoint.call(&request).await?;
        let mut call = call.with_heir(heir);
        let desk = Desk::new(cx, &process, uses.connection);
        let mut serving = FuturesUnordered::new();
        let answer = loop {
            tokio::select! {
                event = call.next() => match event {
                    Event::Output(line) => cx.output.line(line).await,
                    Event::Request(id, request) => match desk.take(id, *request) {
                        PluginRequest::Checkpoint(it) => {
                            let saved = checkpoint(&mut uses.state, it.params);
                            desk.answer(id, saved).await;
                        }
                        request if serving.len() < AT_ONCE => serving.push(desk.serve(id, request)),
                        _ => desk.answer(id, Err(Error::unsupported("so many requests at once"))).await,
                    },
                    Event::Answer(answer) => break answer,
                    Event::Ended(error) => return Err(error),
                },
                Some(()) = serving.next(), if !serving.is_empty() => {}
            }
        };
        lease.finish();
        match answer {
            Ok(mut result) => {
                adopt(&mut uses.state, result.get_mut("state").map(Value::take));
                Ok(result)
            }
            Err(mut error) => {
                let state = error.data.as_mut().and_then(|data| data.state.take());
                adopt(&mut uses.state, state.map(Value::Object));
                Err(error.into())
            }
        }
    }
}

/// Whose calls wait for each other.
fn key(identity: &Identity) -> String {
    format!("{}/{}", identity.project, identity.instance)
}

/// Takes the state of an answer.
fn adopt(state: &mut Option<&mut State>, told: Option<Value>) {
    if let (Some(state), Some(Value::Object(values))) = (state, told) {
        state.replace(values);
    }
}

fn checkpoint(state: &mut Option<&mut State>, told: StateParams) -> Result<Value> {
    let Some(state) = state else {
        return Err(Error::unsupported("this call has no state"));
    };
    state.replace(told.state);
    state.checkpoint()?;
    Ok(json(&Nothing {}))
}

/// Where the plugin's requests are answered.
struct Desk<'a> {
    cx: &'a Context,
    process: &'a Process,
    given: Option<&'a dyn Connection>,
    /// Requests that are not answered yet.
    open: Mutex<HashSet<u64>>,
    opened: Mutex<HashMap<String, Arc<dyn Connection>>>,
    streams: tokio::sync::Mutex<JoinSet<()>>,
}

/// A connection that a request names.
enum Way<'a> {
    Given(&'a dyn Connection),
    Opened(Arc<dyn Connection>),
}

impl Way<'_> {
    fn get(&self) -> &dyn Connection {
        match self {
            Self::Given(connection) => *connection,
            Self::Opened(connection) => &**connection,
        }
    }
}

impl<'a> Desk<'a> {
    fn new(cx: &'a Context, process: &'a Process, given: Option<&'a dyn Connection>) -> Self {
        Self {
            cx,
            process,
            given,
            open: Mutex::default(),
            opened: Mutex::default(),
            streams: tokio::sync::Mutex::default(),
        }
    }

    async fn answer(&self, id: u64, answer: Result<Value>) {
        locked(&self.open).remove(&id);
        locked(&self.process.serving).remove(&id);
        let answer = line::answer(id, answer.map_err(ErrorObject::from));
        self.process.endpoint.send(&answer).await;
    }

    fn take(&self, id: u64, request: PluginRequest) -> PluginRequest {
        locked(&self.open).insert(id);
        request
    }

    async fn serve(&self, id: u64, request: PluginRequest) {
        let token = locked(&self.process.serving).get(&id).cloned();
        let token = token.unwrap_or_default();
        let answer = tokio::select! {
            biased;
            () = token.cancelled() => Err(Error::cancelled()),
            answer = self.perform(id, request) => answer,
        };
        self.answer(id, answer).await;
    }

    async fn perform(&self, id: u64, request: PluginRequest) -> Result<Value> {
        match request {
            PluginRequest::Checkpoint(_) => Err(Error::unsupported("a checkpoint here")),
            PluginRequest::Open(it) => {
                let state = State::new(it.params.state, Arc::new(MemoryStore::default()));
                let connection = self.cx.connect(&state).await?;
                let mut opened = locked(&self.opened);
                let name = format!("opened {id}");
                opened.insert(name.clone(), connection.into());
                Ok(json(&ConnectionId { connection: name }))
            }
            PluginRequest::Close(it) => {
                locked(&self.opened).remove(&it.params.connection);
                Ok(json(&Nothing {}))
            }
            PluginRequest::Exec(it) => {
                let (endpoint, output) = (&self.process.endpoint, &*self.cx.output);
                let way = self.way(&it.params.connection)?;
                let done = connection::exec(endpoint, id, way.get(), it.params, output).await?;
                Ok(json(&done))
            }
            PluginRequest::Upload(it) => {
                let way = self.way(&it.params.connection)?;
                Ok(json(&connection::upload(way.get(), it.params).await?))
            }
            PluginRequest::Download(it) => {
                let way = self.way(&it.params.connection)?;
                Ok(json(&connection::download(way.get(), it.params).await?))
            }
            PluginRequest::Dial(it) => {
                let way = self.way(&it.params.connection)?;
                let mut streams = self.streams.lock().await;
                let place = connection::dial(way.get(), it.params.port, &mut streams).await?;
                Ok(json(&place))
            }
        }
    }

    fn way(&self, name: &str) -> Result<Way<'a>> {
        if name == GIVEN
            && let Some(given) = self.given
        {
            return Ok(Way::Given(given));
        }
        let opened = locked(&self.opened).get(name).cloned();
        opened
            .map(Way::Opened)
            .ok_or_else(|| Error::unsupported(format!("connection {name:?} is not open")))
    }
}

/// Where the call is dropped, nothing is done any more.
impl Drop for Desk<'_> {
    fn drop(&mut self) {
        for id in locked(&self.open).drain() {
            locked(&self.process.serving).remove(&id);
            let refused = line::answer(id, Err(ErrorObject::cancelled()));
            self.process.endpoint.push(&refused);
        }
    }
}

/// Sees to the end of a call that was dropped.
struct Inheritance {
    process: Arc<Process>,
    instance: String,
    dropped: Dropped,
    method: String,
    /// Nothing else runs in the process.
    alone: bool,
}

impl Heir for Inheritance {
    fn inherit(self: Arc<Self>, _id: u64, events: Events) {
        let still_there = self.dropped.add(self.instance.clone());
        if self.alone {
            self.process.kill("what it was doing was cancelled");
        }
        let (dropped, instance) = (self.dropped.clone(), self.instance.clone());
        let Ok(pipes) = crate::wire::endpoint::pipes() else {
            return;
        };
        pipes.spawn(async move {
            self.wind_up(events).await;
            drop(still_there);
        });
        aftermath::leave(async move { dropped.none(&instance).await });
    }
}

impl Inheritance {
    async fn wind_up(&self, mut events: Events) {
        let grace = limit(GRACE);
        let deadline = Instant::now() + grace;
        loop {
            let event = match self.process.is_alive() {
                true => tokio::time::timeout_at(deadline, events.recv()).await,
                false => Ok(events.recv().await),
            };
            match event {
                Ok(Some((Event::Output(_), _))) => {}
                Ok(Some((Event::Request(id, _), _))) => {
                    locked(&self.process.serving).remove(&id);
                    let refused = line::answer(id, Err(ErrorObject::cancelled()));
                    self.process.endpoint.push(&refused);
                }
                Ok(Some((Event::Answer(_) | Event::Ended(_), _)) | None) => return,
                Err(_) => self.process.kill(&format!(
                    "it did not end {} within {} after that was cancelled",
                    self.method,
                    wording::time(grace)
                )),
            }
        }
    }
}

/// The heir of calls of a connection.
pub(super) fn heir(process: &Arc<Process>, plugin: &Plugin) -> Arc<dyn Heir> {
    Arc::new(Inheritance {
        process: process.clone(),
        instance: "connections".into(),
        dropped: plugin.dropped.clone(),
        method: "what its connection was asked".into(),
        alone: false,
    })
}
