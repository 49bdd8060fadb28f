//! An engine as a stand-in that lists what it has not finished: real ones do so between the moment
//! in which a creation is asked for and its end, and answer to a removal that there is no such thing.

use std::sync::{Arc, Mutex};

use crate::support::Project;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};

/// What the engine has, and how often it still refuses to know it.
struct Engine {
    what: &'static str,
    unfinished: u32,
    there: bool,
    removals: u32,
    /// Lists that were asked for before the first removal.
    looks: u32,
}

/// Serves the calls of a removal for `what` (`containers` or `networks`) on a socket in `project`.
fn serve(project: &Project, what: &'static str) -> (String, Arc<Mutex<Engine>>) {
    let socket = project.root.path().join("engine.sock");
    let listener = UnixListener::bind(&socket).unwrap();
    let engine = Arc::new(Mutex::new(Engine {
        what,
        unfinished: 3,
        there: true,
        removals: 0,
        looks: 0,
    }));
    let served = engine.clone();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(connection(stream, served.clone()));
        }
    });
    (format!("unix://{}", socket.display()), engine)
}

async fn connection(stream: UnixStream, engine: Arc<Mutex<Engine>>) {
    let mut stream = BufReader::new(stream);
    while let Some((method, path)) = request(&mut stream).await {
        let (status, body) = engine.lock().unwrap().answer(&method, &path);
        let body = body.to_string();
        let head = format!(
            "HTTP/1.1 {status} X\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        let answer = [head.as_bytes(), body.as_bytes()].concat();
        if stream.write_all(&answer).await.is_err() {
            return;
        }
    }
}

/// Method and path of the next request; none at the end of the connection.
async fn request(stream: &mut BufReader<UnixStream>) -> Option<(String, String)> {
    let mut first = String::new();
    let mut length = 0;
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).await.ok()? == 0 {
            return None;
        }
        if line.trim().is_empty() {
            break;
        }
        if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().ok()?;
        }
        if first.is_empty() {
            first = line;
        }
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.ok()?;
    let mut words = first.split_whitespace().map(str::to_owned);
    Some((words.next()?, words.next()?))
}

impl Engine {
    fn answer(&mut self, method: &str, path: &str) -> (u16, Value) {
        let path = path.split('?').next().unwrap_or_default();
        if path.ends_with("/version") {
            return (200, json!({"ApiVersion": "1.44", "MinAPIVersion": "1.24"}));
        }
        if !path.contains(self.what) {
            return (200, json!([]));
        }
        let is_list =
            path.ends_with("/json") && !path.contains("/it") || path.ends_with("/networks");
        if is_list && self.removals == 0 {
            self.looks += 1;
        }
        match (method, is_list) {
            ("GET", true) if self.there => (200, json!([{"Id": "it", "Name": "it"}])),
            ("GET", true) => (200, json!([])),
            ("DELETE", _) => {
                self.removals += 1;
                if self.unfinished > 0 {
                    self.unfinished -= 1;
                    return (404, json!({"message": "no such thing: it"}));
                }
                self.there = false;
                (204, Value::Null)
            }
            _ => (404, json!({"message": "no such thing: it"})),
        }
    }
}

#[tokio::test]
async fn a_container_that_is_being_made_is_removed_once_it_is_there() {
    let project = Project::new();
    let (socket, engine) = serve(&project, "containers");
    let mut machine = project.machine("web", json!({"socket": socket}));
    machine.state.set("container_name", "it");
    machine.destroy().await;
    let engine = engine.lock().unwrap();
    assert!(!engine.there, "destroy succeeded, and the container stayed");
    assert_eq!(engine.removals, 4);
    assert_eq!(engine.looks, 1, "one list says what there is to remove");
}

#[tokio::test]
async fn a_network_that_is_being_made_is_removed_once_it_is_there() {
    let project = Project::new();
    let (socket, engine) = serve(&project, "networks");
    let machine = project.member(Some("app"), "web", json!({"socket": socket}));
    machine.dissolve().await;
    let engine = engine.lock().unwrap();
    assert!(!engine.there, "dissolve succeeded, and the network stayed");
    assert_eq!(engine.removals, 4);
}
