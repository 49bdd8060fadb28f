//! A request in the course of which the plugin works: its context, state and ways to the kitchen.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use serde::Serialize;
use serde_json::{Map, Value};
use tokio_util::sync::CancellationToken;

use super::{Answer, Server};
use crate::wire::connection::Remote;
use crate::wire::endpoint::{Endpoint, json};
use crate::wire::message::{
    self, ConnectionId, ErrorObject, Nothing, Ours, PluginRequest, StateParams,
};
use crate::{
    Connection, Context, Discard, Error, Line, LoginCommand, Output, PluginInfo, Result, State,
    StateStore, Transport, async_trait,
};

/// A request under way.
pub(super) struct Course {
    pub server: Arc<Server>,
    pub id: u64,
    token: CancellationToken,
}

impl Course {
    pub fn new(server: Arc<Server>, id: u64, token: CancellationToken) -> Self {
        Self { server, id, token }
    }

    fn way(&self) -> Way {
        Way {
            endpoint: self.server.endpoint.clone(),
            call: self.id,
        }
    }

    /// What the plugin is told.
    pub fn cx(&self, context: message::Context) -> Context {
        let transport: Arc<dyn Transport> = Arc::new(self.way());
        crate::scratch::note_below(&context.kitchen_dir);
        context.into_context(Arc::new(self.way()), Some(transport), self.token.clone())
    }

    /// As [`Course::cx`], for a transport.
    pub fn cx_of_transport(&self, context: message::Context) -> Context {
        crate::scratch::note_below(&context.kitchen_dir);
        context.into_context(Arc::new(self.way()), None, self.token.clone())
    }

    /// The state, whose checkpoints the kitchen writes.
    pub fn state(&self, values: Map<String, Value>) -> State {
        State::new(values, Arc::new(self.way()))
    }

    /// The kitchen's connection of this name.
    pub fn connection(&self, id: String) -> impl Connection {
        self.way().remote(id, false)
    }

    /// Does `work` unless the kitchen no longer wants it.
    pub async fn until_cancelled<T>(&self, work: impl Future<Output = Result<T>>) -> Result<T> {
        tokio::select! {
            biased;
            () = self.token.cancelled() => Err(Error::cancelled()),
            result = work => result,
        }
    }
}

/// An answer without a state.
pub(super) fn plain(result: Result<impl Serialize>) -> Answer {
    match result {
        Ok(result) => Ok(json(&result)),
        Err(error) => Err(error.into()),
    }
}

/// An answer with the state from now on.
pub(super) fn changed(result: Result<impl Serialize>, state: &State) -> Answer {
    let values = state.values().clone();
    match result {
        Ok(result) => {
            let mut result = json(&result);
            if let Value::Object(result) = &mut result {
                result.insert("state".into(), Value::Object(values));
            }
            Ok(result)
        }
        Err(error) => Err(ErrorObject::from(error).with_state(values)),
    }
}

/// As [`changed`], where there is nothing to say but the state.
pub(super) fn done(result: Result<()>, state: &State) -> Answer {
    changed(result.map(|()| Nothing {}), state)
}

/// The way back to the kitchen: for output, checkpoints and connections.
#[derive(Clone)]
struct Way {
    endpoint: Arc<Endpoint>,
    call: u64,
}

impl Way {
    fn remote(&self, id: String, own: bool) -> Remote {
        Remote {
            endpoint: self.endpoint.clone(),
            id,
            call: Some(self.call),
            heir: None,
            own,
            lost: Arc::new(AtomicBool::new(false)),
        }
    }
}

#[async_trait]
impl Output for Way {
    async fn line(&self, line: Line) {
        self.endpoint.output(self.call, line).await;
    }
}

impl StateStore for Way {
    fn save(&self, values: &Map<String, Value>) -> Result<()> {
        let request = PluginRequest::Checkpoint(Ours {
            call: self.call,
            params: StateParams {
                state: values.clone(),
            },
        });
        let Nothing {} = self.endpoint.ask(&request)?;
        Ok(())
    }
}

/// The instance's transport, which is the kitchen's.
#[async_trait]
impl Transport for Way {
    fn info(&self) -> PluginInfo {
        PluginInfo::of_schema("kitchen", "the kitchen's way to the instance", None)
    }

    async fn connect(&self, _cx: &Context, state: &State) -> Result<Box<dyn Connection>> {
        let request = PluginRequest::Open(Ours {
            call: self.call,
            params: StateParams {
                state: state.values().clone(),
            },
        });
        let call = self.endpoint.call(&request).await?;
        let ConnectionId { connection } = call.answer(&Discard).await?;
        Ok(Box::new(self.remote(connection, true)))
    }

    async fn login(&self, _cx: &Context, _state: &State) -> Result<LoginCommand> {
        Err(Error::unsupported("a plugin cannot log in"))
    }
}
