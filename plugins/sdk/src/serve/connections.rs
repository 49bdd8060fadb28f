//! The connections of a transport that are open.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex};

use tokio::task::JoinSet;

use super::course::{Course, plain};
use super::{Answer, other};
use crate::wire::connection;
use crate::wire::endpoint::locked;
use crate::wire::line;
use crate::wire::message::{
    ConnectionId, ErrorObject, ExecOutput, ExecParams, Notification, Request,
};
use crate::{Connection, Discard};

/// By name.
#[derive(Default)]
pub(super) struct Connections {
    next: AtomicU64,
    open: Mutex<HashMap<String, Arc<Open>>>,
}

struct Open {
    connection: Box<dyn Connection>,
    /// Streams to ports; they end with the connection.
    streams: tokio::sync::Mutex<JoinSet<()>>,
}

impl Connections {
    /// Keeps a connection; gives its name.
    pub fn add(&self, connection: Box<dyn Connection>) -> String {
        let name = format!("connection {}", self.next.fetch_add(1, Relaxed));
        let open = Open {
            connection,
            streams: tokio::sync::Mutex::default(),
        };
        locked(&self.open).insert(name.clone(), Arc::new(open));
        name
    }

    /// Closes a connection; closed already is success.
    pub fn close(&self, name: &str) {
        locked(&self.open).remove(name);
    }

    /// Answers what a connection is asked.
    pub async fn answer(&self, course: &Course, request: Request) -> Answer {
        let name = match &request {
            Request::Exec(it) => it.connection.clone(),
            Request::Upload(it) => it.connection.clone(),
            Request::Download(it) => it.connection.clone(),
            Request::Dial(it) => it.connection.clone(),
            request => return other(request),
        };
        let open = locked(&self.open).get(&name).cloned();
        let open = open.ok_or_else(|| ErrorObject::invalid(&format!("{name} is not open")))?;
        let was_open = open.connection.is_open();
        let answer = ask(&open, course, request).await;
        if was_open && !open.connection.is_open() {
            let lost = Notification::Lost(ConnectionId { connection: name });
            let lost = line::notification(&lost);
            course.server.endpoint.send(&lost).await;
        }
        answer
    }
}

async fn ask(open: &Open, course: &Course, request: Request) -> Answer {
    let connection = &*open.connection;
    match request {
        Request::Exec(params) => {
            // A transport has nobody to show it to, and keeps nothing.
            let output = ExecOutput::Stream;
            let params = ExecParams { output, ..params };
            let endpoint = &*course.server.endpoint;
            let work = connection::exec(endpoint, course.id, connection, params, &Discard);
            plain(course.until_cancelled(work).await)
        }
        Request::Upload(params) => {
            let work = connection::upload(connection, params);
            plain(course.until_cancelled(work).await)
        }
        Request::Download(params) => {
            let work = connection::download(connection, params);
            plain(course.until_cancelled(work).await)
        }
        Request::Dial(params) => {
            let mut streams = open.streams.lock().await;
            let work = connection::dial(connection, params.port, &mut streams);
            plain(course.until_cancelled(work).await)
        }
        request => other(&request),
    }
}
