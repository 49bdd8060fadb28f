//! The driver with hosts that are this workstation.

use std::path::{Path, PathBuf};

use banquet_proxy::{Proxy, Settings};
use banquet_sdk::conformance::{self, Subject, settings, unique};
use banquet_sdk::{
    Connection, Context, Dialed, Driver, Error, ErrorKind, Exec, ExitStatus, Identity,
    LoginCommand, Output, PluginInfo, Power, Result, State, Status, Transport, async_trait,
    process,
};
use serde_json::{Value, json};
use tempfile::TempDir;

/// Runs commands here, whatever the host is called; `HOST` tells them. Programs in the directory
/// come before all others.
#[derive(Clone, Default)]
struct Here(Option<PathBuf>);

#[async_trait]
impl Transport for Here {
    fn info(&self) -> PluginInfo {
        PluginInfo::of::<Settings>("here", "this workstation")
    }

    async fn connect(&self, _cx: &Context, state: &State) -> Result<Box<dyn Connection>> {
        let host = state.str("hostname").map(ToOwned::to_owned);
        let name = host.ok_or_else(|| Error::machine("no host name"))?;
        let programs = self.0.clone();
        Ok(Box::new(Host { name, programs }))
    }

    async fn login(&self, _cx: &Context, _state: &State) -> Result<LoginCommand> {
        Err(Error::unsupported("login"))
    }
}

struct Host {
    name: String,
    programs: Option<PathBuf>,
}

#[async_trait]
impl Connection for Host {
    async fn exec(&self, exec: &Exec, output: &dyn Output) -> Result<ExitStatus> {
        let mut command = tokio::process::Command::new("sh");
        command.args(["-c", &exec.command]).envs(&exec.environment);
        command.env("HOST", &self.name);
        if let Some(programs) = &self.programs {
            let path = std::env::var("PATH").unwrap_or_default();
            command.env("PATH", format!("{}:{path}", programs.display()));
        }
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
    cx.transport = Some((std::sync::Arc::new(Here::default()), Default::default()));
    cx
}

#[tokio::test]
async fn a_pool_holds_to_the_contract() {
    let leases = TempDir::new().unwrap();
    let subject = Subject::new(Proxy, Here::default()).driver_settings(json!({
        "hosts": ["a", "b", {"host": "c", "port": 2222}, {"host": "c", "port": 2223}],
        "lease_directory": leases.path(),
        "power": {"stop": ":", "start": ":", "kill": ":", "reboot": ":", "pause": ":", "resume": ":"},
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

#[tokio::test]
async fn commands_of_the_workstation_switch_the_host_that_an_instance_has() {
    let root = TempDir::new().unwrap();
    let log = root.path().join("log");
    let say = |what: &str| {
        let host = "$KITCHEN_INSTANCE_HOSTNAME:$KITCHEN_INSTANCE_PORT";
        format!("echo {what} {host} >> {}", log.display())
    };
    let values = json!({
        "hosts": ["a", {"host": "b", "port": 2222, "power": {"start": say("on")}}],
        "power": {"kill": say("kill"), "start": say("start"), "pause": say("pause"), "resume": say("resume")},
    });
    let cx = |instance: &str| context(&root, instance, values.clone());
    let (mut one, mut two) = (State::in_memory(), State::in_memory());
    Proxy.create(&cx("one"), &mut one).await.unwrap();
    Proxy.create(&cx("two"), &mut two).await.unwrap();
    for (power, status) in [
        (Power::Kill, Status::Stopped),
        (Power::Start, Status::Running),
        (Power::Pause, Status::Paused),
    ] {
        let cx = cx("two");
        Proxy.power(&cx, &mut two, power).await.unwrap();
        assert_eq!(Proxy.status(&cx, &two).await.unwrap(), status);
    }
    Proxy
        .power(&cx("one"), &mut one, Power::Kill)
        .await
        .unwrap();
    let error = Proxy.power(&cx("one"), &mut one, Power::Stop).await;
    assert_eq!(error.unwrap_err().kind, ErrorKind::Unsupported);
    // Given back as they were.
    Proxy.destroy(&cx("one"), &mut one).await.unwrap();
    Proxy.destroy(&cx("two"), &mut two).await.unwrap();
    let lines = std::fs::read_to_string(&log).unwrap();
    let expected = "kill b:2222\non b:2222\npause b:2222\nkill a:\nstart a:\nresume b:2222\n";
    assert_eq!(lines, expected);
}

#[tokio::test]
async fn what_has_no_command_is_told_before() {
    let root = TempDir::new().unwrap();
    let cx = |values: Value| context(&root, "one", values);
    let told = |values: Value, power| {
        let lacks = Proxy.lacks_power(&cx(values), power)?;
        Some((lacks.message, lacks.hints.concat()))
    };
    let kill = json!({"kill": "x"});
    assert_eq!(told(json!({"host": "a"}), Power::Reboot), None);
    assert_eq!(told(json!({"host": "a", "power": kill}), Power::Kill), None);
    let (message, hint) = told(json!({"host": "a"}), Power::Kill).unwrap();
    assert!(
        message.contains("`power` has no command `kill`"),
        "{message}"
    );
    assert!(hint.contains("{kill: COMMAND, start: COMMAND}"), "{hint}");
    // Each host of a pool must have it.
    let pool = json!({"hosts": ["a", {"host": "b", "power": kill}]});
    assert!(told(pool, Power::Kill).is_some());
    let wrong = cx(json!({"host": "a", "power": {"kil": "x"}}));
    let error = Proxy.create(&wrong, &mut State::in_memory()).await;
    assert!(error.unwrap_err().message.contains("kil"));
}

#[tokio::test]
async fn a_host_whose_command_fails_is_still_noted_as_off() {
    let root = TempDir::new().unwrap();
    let cx = context(
        &root,
        "one",
        json!({"host": "a", "power": {"kill": "exit 3"}}),
    );
    let mut state = State::in_memory();
    Proxy.create(&cx, &mut state).await.unwrap();
    let error = Proxy.power(&cx, &mut state, Power::Kill).await.unwrap_err();
    assert_eq!(error.message, "`power.kill`: exit code 3: exit 3");
    assert_eq!(Proxy.status(&cx, &state).await.unwrap(), Status::Stopped);
    let error = Proxy.destroy(&cx, &mut state).await.unwrap_err();
    assert!(
        error.message.starts_with("give the host back as it was: "),
        "{error}"
    );
}

#[tokio::test]
async fn the_workstation_is_never_rebooted() {
    if !Path::new("/proc/sys/kernel/random/boot_id").exists() {
        return;
    }
    let root = TempDir::new().unwrap();
    let cx = context(&root, "one", json!({"host": "a"}));
    let mut state = State::in_memory();
    Proxy.create(&cx, &mut state).await.unwrap();
    let error = Proxy
        .power(&cx, &mut state, Power::Reboot)
        .await
        .unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unsupported);
    assert!(error.message.contains("the workstation itself"), "{error}");
}

/// A stand-in for a machine that boots: programs before those of the workstation, of which
/// `shutdown` does what `does` says to the file with the boot id.
fn booting(does: &str) -> TempDir {
    use std::os::unix::fs::PermissionsExt;
    let directory = TempDir::new().unwrap();
    let boot = directory.path().join("boot");
    std::fs::write(&boot, "first\n").unwrap();
    let programs = [
        ("cat", "IFS= read -r id <$BOOT && echo \"$id\"".to_owned()),
        ("shutdown", does.to_owned()),
        ("reboot", "exit 1".to_owned()),
    ];
    for (name, text) in programs {
        let path = directory.path().join(name);
        let text = format!("#!/bin/sh\nBOOT={}\n{text}\n", boot.display());
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    }
    directory
}

async fn reboot(does: &str) -> Result<()> {
    let (root, machine) = (TempDir::new().unwrap(), booting(does));
    let mut cx = context(&root, "one", json!({"host": "a", "reboot_timeout": 2}));
    let here = Here(Some(machine.path().into()));
    cx.transport = Some((std::sync::Arc::new(here), Default::default()));
    let mut state = State::in_memory();
    Proxy.create(&cx, &mut state).await?;
    Proxy.power(&cx, &mut state, Power::Reboot).await
}

#[tokio::test]
async fn a_reboot_is_over_once_the_boot_id_has_changed() {
    reboot("echo second >$BOOT").await.unwrap();
    let error = reboot(":").await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Timeout);
    assert!(
        error.hints.concat().contains("has not gone down"),
        "{error:?}"
    );
    let error = reboot("echo not allowed >&2; exit 4").await.unwrap_err();
    assert_eq!(error.message, "reboot the host: exit code 1: not allowed");
}
