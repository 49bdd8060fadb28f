//! The suite finds what it looks for: a plugin with one fault fails the checks that are about it.
#![cfg(unix)]

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex};

use banquet_sdk::conformance::{self, Subject, unique};
use banquet_sdk::{
    Capabilities, Connection, Context, Dialed, Driver, Error, Exec, ExitStatus, Identity, Line,
    LoginCommand, Orphan, Output, PluginInfo, Result, State, Status, Stdin, Stream, Transport,
    async_trait, process,
};
use schemars::JsonSchema;

/// What is wrong with the plugins.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Fault {
    None,
    MakesBeforeNoting,
    IgnoresLabels,
    TakesOtherProjects,
    MakesAnew,
    StaysBehind,
    MergesStreams,
    ForgetsEnvironment,
    ForgetsStdin,
}

/// Settings.
#[derive(serde::Deserialize, JsonSchema)]
struct Config {
    /// A key.
    #[allow(dead_code)]
    key: String,
}

/// Machines that exist in memory.
struct Cloud {
    fault: Fault,
    machines: Mutex<BTreeMap<String, Identity>>,
}

struct CloudDriver(Arc<Cloud>);

#[async_trait]
impl Driver for CloudDriver {
    fn info(&self) -> PluginInfo {
        PluginInfo::of::<Config>("cloud", "machines in memory")
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::default()
    }

    async fn create(&self, cx: &Context, state: &mut State) -> Result<()> {
        let fault = self.0.fault;
        if state.str("id").is_none() || fault == Fault::MakesAnew {
            state.set("id", unique());
            if fault != Fault::MakesBeforeNoting {
                state.checkpoint()?;
            }
        }
        tokio::task::yield_now().await;
        let id = state.str("id").unwrap().to_owned();
        self.0
            .machines
            .lock()
            .unwrap()
            .insert(id, cx.identity.clone());
        tokio::task::yield_now().await;
        state.set("address", "192.0.2.1");
        state.checkpoint()
    }

    async fn destroy(&self, cx: &Context, state: &mut State) -> Result<()> {
        let noted = state.remove("id");
        let noted = noted.as_ref().and_then(|id| id.as_str());
        let fault = self.0.fault;
        self.0.machines.lock().unwrap().retain(|id, identity| {
            let project =
                identity.project == cx.identity.project || fault == Fault::TakesOtherProjects;
            let ours = project && identity.instance == cx.identity.instance;
            let found = noted == Some(id) || (ours && fault != Fault::IgnoresLabels);
            !found || fault == Fault::StaysBehind
        });
        state.remove("address");
        Ok(())
    }

    async fn status(&self, _cx: &Context, state: &State) -> Result<Status> {
        let machines = self.0.machines.lock().unwrap();
        Ok(match state.str("id").and_then(|id| machines.get(id)) {
            Some(_) => Status::Running,
            None => Status::Absent,
        })
    }

    async fn orphans(&self, _cx: &Context) -> Result<Vec<Orphan>> {
        let machines = self.0.machines.lock().unwrap();
        let orphan = |(id, identity): (&String, &Identity)| Orphan {
            names: vec![id.clone()],
            ..Orphan::new(identity.clone(), format!("machine {id}"))
        };
        Ok(machines.iter().map(orphan).collect())
    }
}

/// Runs commands on the workstation, files left out.
#[derive(Clone)]
struct Commands(Fault);

#[async_trait]
impl Transport for Commands {
    fn info(&self) -> PluginInfo {
        PluginInfo::of::<Config>("commands", "commands of the workstation")
    }

    async fn connect(&self, _cx: &Context, _state: &State) -> Result<Box<dyn Connection>> {
        Ok(Box::new(self.clone()))
    }

    async fn login(&self, _cx: &Context, _state: &State) -> Result<LoginCommand> {
        Err(Error::unsupported("no login"))
    }
}

struct Merged<'a>(&'a dyn Output);

#[async_trait]
impl Output for Merged<'_> {
    async fn line(&self, line: Line) {
        let stream = Stream::Out;
        self.0.line(Line { stream, ..line }).await;
    }
}

#[async_trait]
impl Connection for Commands {
    async fn exec(&self, exec: &Exec, output: &dyn Output) -> Result<ExitStatus> {
        let mut command = process::shell(&[], &exec.command);
        if self.0 != Fault::ForgetsEnvironment {
            command.envs(&exec.environment);
        }
        let stdin = match self.0 {
            Fault::ForgetsStdin => &Stdin::Empty,
            _ => &exec.stdin,
        };
        match self.0 {
            Fault::MergesStreams => process::run(command, stdin, &Merged(output)).await,
            _ => process::run(command, stdin, output).await,
        }
    }

    async fn upload(&self, _locals: &[&Path], _remote: &str) -> Result<()> {
        Err(Error::unsupported("no files"))
    }

    async fn download(&self, remotes: &[&str], _local: &Path) -> Result<()> {
        Err(Error::unsupported(format!("no files: {remotes:?}")))
    }

    async fn dial(&self, _port: u16) -> Result<Box<dyn Dialed>> {
        Err(Error::unsupported("no ports"))
    }
}

fn subject(fault: Fault) -> Subject {
    let machines = Mutex::default();
    let subject = Subject::new(
        CloudDriver(Arc::new(Cloud { fault, machines })),
        Commands(fault),
    );
    [
        "upload of files",
        "upload of a directory",
        "upload again brings what changed",
        "upload of 5 MB",
        "download of a file",
        "download of a directory",
        "dial to a listening port",
    ]
    .into_iter()
    .fold(subject, |subject, name| subject.exempt(name, "left out"))
}

/// Names of the checks that fail for plugins with `fault`.
async fn failures(fault: Fault, driver: bool) -> Vec<String> {
    let subject = subject(fault);
    let checking = tokio::spawn(async move {
        if driver {
            conformance::driver(&subject).await;
        } else {
            conformance::connection(&subject).await;
        }
    });
    let Err(failed) = checking.await else {
        return Vec::new();
    };
    let text = failed.into_panic().downcast::<String>().unwrap();
    let name = |line: &str| line.split(':').next().unwrap().to_owned();
    text.lines().skip(1).map(name).collect()
}

#[tokio::test]
async fn plugins_without_fault_pass() {
    assert_eq!(failures(Fault::None, true).await, [""; 0]);
    assert_eq!(failures(Fault::None, false).await, [""; 0]);
}

#[tokio::test]
async fn faults_of_drivers_are_found() {
    for (fault, found) in [
        (Fault::MakesBeforeNoting, "intent is noted first"),
        (Fault::IgnoresLabels, "destroy from an empty state"),
        (Fault::TakesOtherProjects, "projects keep apart"),
        (Fault::MakesAnew, "create twice adopts"),
        (Fault::StaysBehind, "destroy twice succeeds"),
    ] {
        let failed = failures(fault, true).await;
        assert!(
            failed.iter().any(|name| name == found),
            "{fault:?}: {failed:?}"
        );
    }
}

#[tokio::test]
async fn faults_of_connections_are_found() {
    for (fault, found) in [
        (Fault::MergesStreams, "streams are apart and complete"),
        (Fault::ForgetsEnvironment, "environment arrives verbatim"),
        (Fault::ForgetsStdin, "stdin arrives"),
    ] {
        assert_eq!(failures(fault, false).await, [found], "{fault:?}");
    }
}
