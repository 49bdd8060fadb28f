//! The connection to an engine, made once a process and endpoint.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use banquet_sdk::{Context, Error, Result, State};
use bollard::{API_DEFAULT_VERSION, Docker};
use tokio::sync::OnceCell;

use crate::endpoint::{Endpoint, Surroundings};
use crate::errors;

/// Longest time an engine may take to begin an answer, in seconds, where the section says nothing:
/// building and stopping may take long, and the step's own limit comes first.
const READ_TIMEOUT: u64 = 3600;
/// Longest time an engine may take to say what there is, in seconds, where the section says nothing.
const ANSWER_TIMEOUT: u64 = 60;

/// Longest wait for something that the engine is just doing.
pub const SETTLE: Duration = Duration::from_secs(5);

/// State keys: how a transport finds the engine that a driver used.
const HOST: &str = "docker_host";
const CERTIFICATES: &str = "docker_cert_path";

/// Where the engine of an instance is: the one that its driver used, else by the section's `socket`.
pub fn endpoint(state: &State, socket: Option<&str>) -> Result<Endpoint> {
    match state.str(HOST) {
        Some(host) => Ok(Endpoint {
            host: host.to_owned(),
            certificates: state.str(CERTIFICATES).map(Into::into),
            origin: "the instance's state".into(),
        }),
        None => Endpoint::find(socket, &Surroundings::real()),
    }
}

/// An engine that has answered.
#[derive(Clone, Debug)]
pub struct Engine {
    /// The client, which speaks the engine's version of the API.
    pub docker: Docker,
    /// The same, for questions that an engine answers at once, or it is stuck.
    pub asked: Docker,
    /// Where the engine is.
    pub endpoint: Endpoint,
}

/// How long an engine is waited for, in seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Patience {
    /// Until it begins any answer.
    read: u64,
    /// Until it says what there is.
    answer: u64,
}

impl Patience {
    /// As the keys `read_timeout` and `answer_timeout` have it.
    pub fn of(read: Option<u64>, answer: Option<u64>) -> Self {
        let read = read.unwrap_or(READ_TIMEOUT);
        Self {
            read,
            answer: answer.unwrap_or(ANSWER_TIMEOUT).min(read),
        }
    }
}

type Slots = HashMap<(Endpoint, Patience), Arc<OnceCell<Docker>>>;

/// The engines that have been used so far.
#[derive(Debug, Default)]
pub struct Engines(Mutex<Slots>);

impl Engines {
    /// The engine that the state, else `socket`, else the environment names.
    pub async fn get(
        &self,
        cx: &Context,
        state: &State,
        socket: Option<&str>,
        patience: Patience,
    ) -> Result<Engine> {
        let endpoint = endpoint(state, socket)?;
        let slot = {
            let mut slots = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            slots
                .entry((endpoint.clone(), patience))
                .or_default()
                .clone()
        };
        let asked = cx
            .bounded(
                &format!("waiting for the engine at {}", endpoint.host),
                slot.get_or_try_init(|| connect(&endpoint, patience.answer)),
            )
            .await?
            .clone();
        Ok(Engine {
            docker: asked
                .clone()
                .with_timeout(Duration::from_secs(patience.read)),
            asked,
            endpoint,
        })
    }
}

impl Engine {
    /// Notes in `state` where the engine is.
    pub fn note(&self, state: &mut State) {
        state.set(HOST, self.endpoint.host.clone());
        if let Some(path) = &self.endpoint.certificates {
            state.set(CERTIFICATES, path.display().to_string());
        }
    }

    /// Makes `call` again while the answer tells of a container in a state that the API does not
    /// have: Podman's `stopped`, between running and exited.
    pub async fn settled<T, F>(&self, call: impl Fn() -> F) -> Result<T, bollard::errors::Error>
    where
        F: Future<Output = Result<T, bollard::errors::Error>>,
    {
        let patience = Instant::now() + SETTLE;
        loop {
            match call().await {
                Err(error)
                    if error.to_string().contains("variant `stopped`")
                        && Instant::now() < patience =>
                {
                    tokio::time::sleep(ASK_AGAIN).await;
                }
                result => return result,
            }
        }
    }

    /// Takes out what [`Engine::note`] noted.
    pub fn forget(state: &mut State) {
        state.remove(HOST);
        state.remove(CERTIFICATES);
    }

    /// An error of this engine while `doing` something, with what to do.
    pub fn error(&self, doing: &str, error: bollard::errors::Error) -> Error {
        errors::explain(&self.endpoint, doing, error)
    }

    /// Turns errors of this engine into the kitchen's: `.map_err(engine.doing("start it"))`.
    pub fn doing<'a>(&'a self, doing: &'a str) -> impl Fn(bollard::errors::Error) -> Error + 'a {
        move |error| self.error(doing, error)
    }
}

async fn connect(endpoint: &Endpoint, timeout: u64) -> Result<Docker> {
    let docker = client(endpoint, timeout)
        .map_err(|error| errors::explain(endpoint, "reach the engine", error))?;
    // Another version than the engine's own would be refused or misread.
    docker
        .negotiate_version()
        .await
        .map_err(|error| errors::explain(endpoint, "reach the engine", error))
}

fn client(endpoint: &Endpoint, timeout: u64) -> Result<Docker, bollard::errors::Error> {
    let host = endpoint.host.as_str();
    if let Some(path) = &endpoint.certificates {
        // Set already is as good: then the program chose it.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let pem = |name: &str| path.join(name);
        return Docker::connect_with_ssl(
            host,
            &pem("key.pem"),
            &pem("cert.pem"),
            &pem("ca.pem"),
            timeout,
            API_DEFAULT_VERSION,
        );
    }
    if host.starts_with("tcp://") || host.starts_with("http://") {
        return Docker::connect_with_http(host, timeout, API_DEFAULT_VERSION);
    }
    Docker::connect_with_local(host, timeout, API_DEFAULT_VERSION)
}

/// How often the engine is asked again where a wait has no better sign.
pub const ASK_AGAIN: Duration = Duration::from_millis(20);
