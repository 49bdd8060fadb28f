//! The transport: reaches containers through their engine.

use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use banquet_sdk::{
    Connection, ContainerTarget, Context, Error, LoginCommand, PluginInfo, Result, State, Status,
    Target, Transport, async_trait,
};
use bollard::query_parameters::LogsOptionsBuilder;
use futures::StreamExt;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use crate::connection::ToContainer;
use crate::container;
use crate::endpoint::Endpoint;
use crate::engine::{self, ASK_AGAIN, Engine, Engines, Patience};
use crate::exec::Place;
use crate::find::{self, ID};
use crate::values::Variables;

/// Longest wait for a container to run, in seconds, where the section says nothing.
const CONNECTION_TIMEOUT: u64 = 60;
/// A login shell: bash where there is one.
const SHELL: &str = "command -v bash >/dev/null && exec bash -l; exec sh -l";

/// Settings of the transport `docker`.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default)]
pub struct TransportSettings {
    /// User that runs commands; default: the image's.
    pub username: Option<String>,
    /// Directory in which commands run; default: the image's.
    pub working_dir: Option<String>,
    /// Variables of every command.
    pub env_variables: Variables,
    /// Longest wait for the container to run, in seconds; default: 60.
    pub connection_timeout: Option<u64>,
    /// Program for `kitchen login`; default: `docker`, else `podman`.
    pub login_command: Option<String>,
    /// Address of the engine; default: the one that the driver used.
    pub socket: Option<String>,
    /// kitchen-dokken's name for `socket`.
    pub docker_host_url: Option<String>,
    /// Longest time the engine may take to begin an answer, in seconds; default: 3600.
    pub read_timeout: Option<u64>,
    /// Longest time the engine may take to say what there is, in seconds; default: 60.
    pub answer_timeout: Option<u64>,
}

impl TransportSettings {
    fn socket(&self) -> Option<&str> {
        self.socket.as_deref().or(self.docker_host_url.as_deref())
    }
}

/// Reaches containers of Docker or Podman. What it keeps are connections to engines.
#[derive(Clone, Debug, Default)]
pub struct DockerTransport {
    engines: Arc<Engines>,
    /// Under the name `dokken`, with its options.
    dokken: bool,
}

/// Keys of kitchen-dokken's transport that transport `docker` does not have (transport/dokken.rb).
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default)]
struct DokkenKeys {
    /// Without effect: the engine is asked.
    docker_info: Value,
    /// Without effect: files go through the engine.
    host_ip_override: Value,
    /// Without effect: an upload may take its time.
    write_timeout: Value,
}

#[async_trait]
impl Transport for DockerTransport {
    fn info(&self) -> PluginInfo {
        let summary = "commands and files through the engine's API";
        match self.dokken {
            false => PluginInfo::of::<TransportSettings>("docker", summary),
            true => PluginInfo::of::<TransportSettings>("dokken", summary).with::<DokkenKeys>(),
        }
    }

    async fn connect(&self, cx: &Context, state: &State) -> Result<Box<dyn Connection>> {
        let settings: TransportSettings = cx.config()?;
        let container = noted(state)?;
        let engine = self.engine(cx, &settings, state).await?;
        let limit = Duration::from_secs(settings.connection_timeout.unwrap_or(CONNECTION_TIMEOUT));
        cx.poll(
            "waiting for the container to run",
            ASK_AGAIN,
            limit,
            || async {
                let found = find::inspect(&engine, &container).await?.ok_or_else(gone)?;
                match container::status(&found) {
                    Status::Running => Ok(Some(())),
                    Status::Paused => Err(Error::machine(
                        "run commands in the container: it is paused",
                    )),
                    Status::Stopped if container::has_ended(&found) => {
                        Err(ended(&engine, &container, &found).await)
                    }
                    _ => Ok(None),
                }
            },
        )
        .await?;
        let variables = &settings.env_variables.0;
        Ok(Box::new(ToContainer {
            engine,
            container,
            place: Place {
                user: settings.username,
                directory: settings.working_dir,
                environment: variables.iter().map(|(k, v)| format!("{k}={v}")).collect(),
            },
            output: cx.output.clone(),
        }))
    }

    async fn login(&self, cx: &Context, state: &State) -> Result<LoginCommand> {
        let settings: TransportSettings = cx.config()?;
        let container = noted(state)?;
        let engine = self.engine(cx, &settings, state).await?;
        let program = match &settings.login_command {
            Some(program) => program.clone(),
            None => ["docker", "podman"]
                .into_iter()
                .find(|program| on_path(program))
                .map(String::from)
                .ok_or_else(|| {
                    Error::machine("find docker or podman for a terminal in the container")
                        .hint("Install the docker command line, or use kitchen exec.")
                })?,
        };
        let mut command = Command::new(&program);
        command.args(engine_arguments(&program, &engine.endpoint));
        command.args(["exec", "-it"]);
        if let Some(user) = &settings.username {
            command.args(["-u", user]);
        }
        command.args([&container, "sh", "-c", SHELL]);
        Ok(LoginCommand(command))
    }

    fn target(&self, cx: &Context, state: &State) -> Result<Target> {
        let settings: TransportSettings = cx.config()?;
        let endpoint = engine::endpoint(state, settings.socket())?;
        Ok(Target::Container(ContainerTarget {
            id: noted(state)?,
            engine: endpoint.host,
            certificates: endpoint.certificates,
            user: settings.username,
        }))
    }
}

impl DockerTransport {
    /// The transport `dokken`.
    pub fn dokken() -> Self {
        Self {
            dokken: true,
            ..Self::default()
        }
    }

    async fn engine(
        &self,
        cx: &Context,
        settings: &TransportSettings,
        state: &State,
    ) -> Result<Engine> {
        let patience = Patience::of(settings.read_timeout, settings.answer_timeout);
        let socket = settings.socket();
        self.engines.get(cx, state, socket, patience).await
    }
}

/// The error for a container that somebody else removed.
pub fn gone() -> Error {
    Error::machine("find the container: it is gone").hint("Run kitchen destroy, then create.")
}

fn noted(state: &State) -> Result<String> {
    state.str(ID).map(String::from).ok_or_else(|| {
        Error::machine("find the container: the instance has none")
            .hint("Run kitchen create first; the transport docker reaches containers alone.")
    })
}

/// The arguments that send a command line's client to the same engine.
fn engine_arguments(program: &str, endpoint: &Endpoint) -> Vec<String> {
    let option = if program.ends_with("podman") {
        "--url"
    } else {
        "--host"
    };
    let mut arguments = vec![option.to_owned(), endpoint.host.clone()];
    if let Some(path) = &endpoint.certificates {
        arguments.push("--tlsverify".into());
        for (option, file) in [
            ("--tlscacert", "ca.pem"),
            ("--tlscert", "cert.pem"),
            ("--tlskey", "key.pem"),
        ] {
            arguments.extend([option.to_owned(), path.join(file).display().to_string()]);
        }
    }
    arguments
}

fn on_path(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut names = std::env::split_paths(&path).map(|dir: PathBuf| dir.join(program));
    names.any(|file| file.is_file() || file.with_extension("exe").is_file())
}

/// Most pieces of the last words of a container that are shown; the engine sends 16 KiB at once.
const WORDS: usize = 20;

/// The error for a container that has ended, with its last words.
async fn ended(
    engine: &Engine,
    id: &str,
    found: &bollard::models::ContainerInspectResponse,
) -> Error {
    let options = LogsOptionsBuilder::default()
        .stdout(true)
        .stderr(true)
        .tail("10")
        .build();
    let logs = engine.docker.logs(id, Some(options));
    let words: Vec<String> = logs
        .filter_map(|line| async { line.ok().map(|line| line.to_string()) })
        // Its lines may have no end.
        .take(WORDS)
        .collect()
        .await;
    let code = found
        .state
        .as_ref()
        .and_then(|state| state.exit_code)
        .unwrap_or_default();
    let said = match words.concat().trim() {
        "" => "it said nothing".to_owned(),
        words => format!("its last words:\n{words}"),
    };
    Error::machine(format!(
        "run commands in the container: it has ended with exit code {code}; {said}"
    ))
    .hint("Where it should be on, start it again, or see what run_command does.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tools_reach_the_container_through_the_engine_that_its_driver_used() {
        let section = serde_json::json!({"username": "app", "socket": "/elsewhere.sock"});
        let identity = banquet_sdk::Identity {
            project: "p".into(),
            cluster: None,
            instance: "i".into(),
            suite: "s".into(),
            platform: "p".into(),
            run: "r".into(),
        };
        let section = banquet_sdk::Section {
            values: section.as_object().cloned().unwrap_or_default(),
            ..Default::default()
        };
        let cx = Context::for_tests(identity, "/".into(), section);
        let mut state = State::in_memory();
        let transport = DockerTransport::default();
        assert!(
            transport.target(&cx, &state).is_err(),
            "nothing was created"
        );
        state.set(ID, "3f2a");
        state.set("docker_host", "unix:///used.sock");
        let expected = ContainerTarget {
            id: "3f2a".into(),
            engine: "unix:///used.sock".into(),
            certificates: None,
            user: Some("app".into()),
        };
        assert_eq!(
            transport.target(&cx, &state).unwrap(),
            Target::Container(expected)
        );
    }

    #[test]
    fn login_goes_to_the_same_engine() {
        let endpoint = Endpoint {
            host: "tcp://lab:2376".into(),
            certificates: Some("/certs".into()),
            origin: String::new(),
        };
        let arguments = engine_arguments("docker", &endpoint);
        assert_eq!(arguments[..3], ["--host", "tcp://lab:2376", "--tlsverify"]);
        assert!(arguments.contains(&"/certs/key.pem".to_owned()));
        assert_eq!(engine_arguments("/usr/bin/podman", &endpoint)[0], "--url");
    }
}
