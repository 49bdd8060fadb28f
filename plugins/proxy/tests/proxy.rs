//! The driver with hosts that are this workstation.

use std::path::Path;

use banquet_proxy::{Proxy, Settings};
use banquet_sdk::conformance::{self, Subject, settings, unique};
use banquet_sdk::{
    Connection, Context, Dialed, Driver, Error, ErrorKind, Exec, ExitStatus, Identity,
    LoginCommand, Output, PluginInfo, Result, State, Status, Transport, async_trait, process,
};
use serde_json::{Value, json};
use tempfile::TempDir;

/// Runs commands here, whatever the host is called; `HOST` tells them.
struct Here;

#[async_trait]
impl Transport for Here {
    fn info(&self) -> PluginInfo {
        PluginInfo::of::<Settings>("here", "this workstation")
    }

    async fn connect(&self, _cx: &Context, state: &State) -> Result<Box<dyn Connection>> {
        let host = state.str("hostname").map(ToOwned::to_owned);
        Ok(Box::new(Host(
            host.ok_or_else(|| Error::machine("no host name"))?,
        )))
    }

    async fn login(&self, _cx: &Context, _state: &State) -> Result<LoginCommand> {
        Err(Error::unsupported("login"))
    }
}

struct Host(String);

#[async_trait]
impl Connection for Host {
    async fn exec(&self, exec: &Exec, output: &dyn Output) -> Result<ExitStatus> {
        let mut command = tokio::process::Command::new("sh");
        command.args(["-c", &exec.command]).envs(&exec.environment);
        command.env("HOST", &self.0);
        process::run(command, &exec.stdin, output).await
    }

    async fn upload(&self, _locals: &[&Path], _remote: &str) -> Result<()> {
        Err(Error::unsupported("upload"))
    }

    async fn download(&self, _remotes: &[&str], _local: &Path) -> Result<()> {
        Err(Error::unsupported("download"))
    }

    async fn dial(&self, _port: u16) -> Result<Box<dyn Dialed>> {
        Err(Error::unsupported("dial"))
    }
}

fn context(root: &TempDir, instance: &str, values: Value) -> Context {
    let identity = Identity {
        project: "project".into(),
        cluster: None,
        instance: instance.into(),
        suite: "default".into(),
        platform: "here".into(),
        run: unique(),
    };
    let mut section = settings(values);
    section
        .values
        .insert("lease_directory".into(), "leases".into());
    let mut cx = Context::for_tests(identity, root.path().into(), section);
    cx.transport = Some((std::sync::Arc::new(Here), Default::default()));
    cx
}

#[tokio::test]
async fn a_pool_holds_to_the_contract() {
    let leases = TempDir::new().unwrap();
    let subject = Subject::new(Proxy, Here).driver_settings(json!({
        "hosts": ["a", "b", {"host": "c", "port": 2222}, {"host": "c", "port": 2223}],
        "lease_directory": leases.path(),
    }));
    conformance::driver(&subject).await;
}

#[tokio::test]
async fn one_host_is_everybodys() {
    let root = TempDir::new().unwrap();
    let values = json!({"host": "web", "port": 2222, "username": "me", "password": "hunter22"});
    for instance in ["one", "two"] {
        let cx = context(&root, instance, values.clone());
        let mut state = State::in_memory();
        Proxy.create(&cx, &mut state).await.unwrap();
        let noted: Vec<_> = ["hostname", "username", "password"]
            .map(|key| state.str(key))
            .into();
        assert_eq!(noted, [Some("web"), Some("me"), Some("hunter22")]);
        assert_eq!(state.u64("port"), Some(2222));
    }
    assert!(!root.path().join("leases").exists());
}

#[tokio::test]
async fn a_pool_gives_each_its_own_and_says_who_has_them() {
    let root = TempDir::new().unwrap();
    let values = json!({"hosts": ["a", {"host": "b", "username": "bee"}], "username": "me"});
    let cx = |instance: &str| context(&root, instance, values.clone());
    let (mut one, mut two, mut three) =
        (State::in_memory(), State::in_memory(), State::in_memory());
    Proxy.create(&cx("one"), &mut one).await.unwrap();
    Proxy.create(&cx("two"), &mut two).await.unwrap();
    assert_eq!(
        (one.str("hostname"), one.str("username")),
        (Some("a"), Some("me"))
    );
    assert_eq!(
        (two.str("hostname"), two.str("username")),
        (Some("b"), Some("bee"))
    );
    let error = Proxy.create(&cx("three"), &mut three).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Machine);
    assert!(
        error.message.contains("a by one") && error.message.contains("b by two"),
        "{error}"
    );
    Proxy.destroy(&cx("one"), &mut one).await.unwrap();
    assert_eq!(
        Proxy.status(&cx("one"), &one).await.unwrap(),
        Status::Absent
    );
    Proxy.create(&cx("three"), &mut three).await.unwrap();
    assert_eq!(three.str("hostname"), Some("a"));
}

#[tokio::test]
async fn a_pool_may_be_waited_for() {
    let root = TempDir::new().unwrap();
    let values = json!({"hosts": ["a"], "lease_timeout": 60});
    let (one, two) = (
        context(&root, "one", values.clone()),
        context(&root, "two", values),
    );
    let (mut first, mut second) = (State::in_memory(), State::in_memory());
    Proxy.create(&one, &mut first).await.unwrap();
    let waiting = Proxy.create(&two, &mut second);
    let giving = Proxy.destroy(&one, &mut first);
    let (waited, given) = tokio::join!(waiting, giving);
    given.unwrap();
    waited.unwrap();
    assert_eq!(second.str("hostname"), Some("a"));
}

#[tokio::test]
async fn the_host_is_reset_after_create_and_on_destroy() {
    let root = TempDir::new().unwrap();
    let log = root.path().join("log");
    let values = json!({
        "hosts": ["a"], "reset_command": format!("echo $HOST >> {}", log.display()),
    });
    let cx = context(&root, "one", values);
    let resets = || std::fs::read_to_string(&log).unwrap_or_default();
    let mut state = State::in_memory();
    Proxy.create(&cx, &mut state).await.unwrap();
    Proxy.create(&cx, &mut state).await.unwrap();
    assert_eq!(resets(), "a\n");
    // The state is lost; the lease knows the host.
    Proxy.destroy(&cx, &mut State::in_memory()).await.unwrap();
    assert_eq!(resets(), "a\na\n");
    Proxy.destroy(&cx, &mut State::in_memory()).await.unwrap();
    assert_eq!(resets(), "a\na\n");
}

#[tokio::test]
async fn a_host_that_cannot_be_reset_is_not_given_away() {
    let root = TempDir::new().unwrap();
    let values = json!({"hosts": ["a"], "reset_command": "exit 3"});
    let cx = context(&root, "one", values.clone());
    let mut state = State::in_memory();
    let error = Proxy.create(&cx, &mut state).await.unwrap_err();
    assert_eq!(error.exit_code, Some(3));
    assert!(error.message.contains("reset"), "{error}");
    Proxy.destroy(&cx, &mut state).await.unwrap_err();
    let other = context(&root, "two", values);
    Proxy
        .create(&other, &mut State::in_memory())
        .await
        .unwrap_err();
    assert_eq!(Proxy.orphans(&cx).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_host_must_be_given_once() {
    let root = TempDir::new().unwrap();
    for (values, key) in [
        (json!({}), "/host"),
        (json!({"host": "a", "hosts": ["b"]}), "/hosts"),
    ] {
        let cx = context(&root, "one", values);
        let error = Proxy
            .create(&cx, &mut State::in_memory())
            .await
            .unwrap_err();
        assert_eq!(
            (error.kind, error.key.as_deref()),
            (ErrorKind::Config, Some(key))
        );
    }
}
