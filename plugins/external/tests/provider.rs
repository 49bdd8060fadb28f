//! Providers that are real programs, small ones, on the workstation as an instance.
#![cfg(unix)]

use std::os::unix::fs::PermissionsExt;
use std::sync::{Arc, Mutex};

use banquet_external::External;
use banquet_sdk::conformance::{self, ProvisionerSubject};
use banquet_sdk::{
    Context, Error, ErrorKind, Identity, Line, Output, Plugins, Provisioner, Section, SshTarget,
    State, Stream, Target, Transport, async_trait,
};
use serde_json::{Value, json};

const CAPABILITIES: &str = r#"{"protocol_version":"1.0","provider":{"name":"t","type":"provisioner"},"execution_model":"exec","channel":"stdio","commands":["validate","run"],"event_stream":"ndjson","supported_transports":["exec","ssh"],"secret_policy":{"json_contains_secret_values":false,"secret_delivery":"environment","environment_variables":"allowlist"}}"#;
const OK: &str = r#"{"protocol_version":"1.0","status":"ok"}"#;
const PASSED: &str = r#"{"protocol_version":"1.0","type":"result","status":"passed"}"#;

#[derive(Default)]
struct Lines(Mutex<Vec<(Stream, String)>>);

#[async_trait]
impl Output for Lines {
    async fn line(&self, line: Line) {
        self.0.lock().unwrap().push((line.stream, line.text));
    }
}

struct Bench {
    dir: tempfile::TempDir,
    cx: Context,
    lines: Arc<Lines>,
    state: State,
}

impl Bench {
    /// A provider whose three commands are these pieces of shell; each may read the request as
    /// `request.json`.
    fn new(capabilities: &str, validate: &str, run: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let script = format!(
            "#!/bin/sh\ncase $1 in\ncapabilities) {capabilities} ;;\n\
             validate) cat > validate.json; {validate} ;;\nrun) cat > run.json; {run} ;;\nesac\n"
        );
        let program = dir.path().join("kitchen-provider-test");
        std::fs::write(&program, script).unwrap();
        std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
        let identity = Identity {
            project: "p".into(),
            cluster: None,
            instance: "web-host".into(),
            suite: "web".into(),
            platform: "host".into(),
            run: "r".into(),
        };
        let values = json!({"command": "./kitchen-provider-test", "channel": "stable"});
        let mut cx = Context::for_tests(identity, dir.path().into(), section(values));
        let lines = Arc::new(Lines::default());
        cx.output = lines.clone();
        cx.plugins = Plugins {
            driver: "exec".into(),
            transport: "exec".into(),
            provisioner: "external".into(),
            verifier: "shell".into(),
        };
        cx.targets = Arc::new([("web".into(), Target::Local)].into());
        Self {
            dir,
            cx,
            lines,
            state: State::in_memory(),
        }
    }

    async fn converge(&mut self) -> Result<(), Error> {
        let transport = banquet_exec::transport::Exec;
        let connection = transport.connect(&self.cx, &self.state).await?;
        let state = &mut self.state;
        External.converge(&self.cx, &*connection, state).await?;
        Ok(())
    }

    fn request(&self, operation: &str) -> Value {
        let text = std::fs::read(self.dir.path().join(format!("{operation}.json"))).unwrap();
        serde_json::from_slice(&text).unwrap()
    }

    fn printed(&self) -> Vec<(Stream, String)> {
        self.lines.0.lock().unwrap().clone()
    }
}

fn section(values: Value) -> Section {
    Section {
        values: values.as_object().cloned().unwrap(),
        ..Section::default()
    }
}

fn say(text: &str) -> String {
    format!("printf '%s\\n' '{text}'")
}

#[tokio::test]
async fn it_conforms() {
    let can = say(&CAPABILITIES.replace(r#"["exec","#, r#"["custom","#));
    let failed = say(&PASSED.replace("passed", "failed"));
    let run = format!(
        "if [ -n \"$(grep bad run.json)\" ]; then {failed}; else {}; fi",
        say(PASSED)
    );
    let bench = Bench::new(&can, &say(OK), &run);
    let transport = banquet_exec::transport::Exec;
    let connection = transport.connect(&bench.cx, &bench.state).await.unwrap();
    let command = "./kitchen-provider-test";
    conformance::provisioner(&ProvisionerSubject {
        provisioner: &External,
        connection: &*connection,
        root: bench.dir.path(),
        good: json!({"command": command}),
        failing: json!({"command": command, "channel": "bad"}),
        wrong: (
            json!({"command": command, "pass_env": {"A": 1}}),
            "/pass_env",
        ),
    })
    .await;
}

#[tokio::test]
async fn a_run_shows_its_events_and_keeps_the_providers_state() {
    let run = [
        r#"{"protocol_version":"1.0","type":"log","level":"info","message":"installing"}"#,
        r#"{"protocol_version":"1.0","type":"log","level":"debug","message":"unseen"}"#,
        r#"{"protocol_version":"1.0","type":"progress","stage":"converge","message":"started"}"#,
        r#"{"protocol_version":"1.0","type":"log","level":"warn","message":"old","fields":{"age":3}}"#,
        "",
        r#"{"protocol_version":"1.0","type":"result","status":"passed","state":{"provider":{"client":"18"}}}"#,
    ];
    let run = run.map(say).join("; ");
    let mut bench = Bench::new(&say(CAPABILITIES), &say(OK), &run);
    bench.converge().await.unwrap();
    assert_eq!(
        bench.printed(),
        [
            (Stream::Out, "installing".into()),
            (Stream::Note, "[converge] started".into()),
            (Stream::Err, "old age=3".into()),
        ]
    );
    let kept = json!({"test": {"client": "18"}});
    assert_eq!(bench.state.get("providers"), Some(&kept));
    bench.converge().await.unwrap();
    assert_eq!(bench.request("run")["state"]["provider"], kept["test"]);
}

#[tokio::test]
async fn the_request_is_that_of_the_protocol() {
    let mut bench = Bench::new(&say(CAPABILITIES), &say(OK), &say(PASSED));
    bench.state.set("last_action", "create");
    bench.state.set("container_id", "3f2a");
    bench.state.set("password", "never-in-a-request");
    bench.converge().await.unwrap();
    let request = bench.request("validate");
    assert_eq!(request["operation"], "validate");
    assert_eq!(request["instance"]["last_action"], "create");
    assert_eq!(
        request["platform"],
        json!({"name": "host", "os_type": "unix", "shell_type": "bourne"})
    );
    let components = &request["components"];
    assert_eq!(
        components["driver"],
        json!({"name": "exec", "config": {}, "state": {"container_id": "3f2a"}})
    );
    assert_eq!(components["transport"]["type"], "exec");
    assert_eq!(
        components["provisioner"],
        json!({"name": "external", "provider": "test", "command": "./kitchen-provider-test", "config": {"channel": "stable"}})
    );
    assert!(!request.to_string().contains("never-in-a-request"));
}

#[tokio::test]
async fn over_ssh_it_gets_the_host_and_the_secrets_by_variables_alone() {
    let run = format!(
        "{}; echo \"$KITCHEN_TRANSPORT_PASSWORD $SOMETHING\" >&2; printenv > seen",
        say(PASSED)
    );
    let mut bench = Bench::new(&say(CAPABILITIES), &say(OK), &run);
    let target = SshTarget {
        hostname: "10.0.0.7".into(),
        port: 2222,
        username: "vagrant".into(),
        keys: vec!["/keys/id".into()],
        password: Some("vagrant-secret".into()),
        ..SshTarget::default()
    };
    bench.cx.targets = Arc::new([("web".into(), Target::Ssh(Box::new(target)))].into());
    bench.converge().await.unwrap();
    let request = bench.request("run");
    let transport = &request["components"]["transport"];
    assert_eq!(
        *transport,
        json!({
            "name": "ssh", "type": "ssh",
            "target": {"kind": "machine", "hostname": "10.0.0.7", "platform": "host"},
            "config": {"username": "vagrant", "port": 2222},
            "secrets": {"private_key": "KITCHEN_TRANSPORT_SSH_KEY", "password": "KITCHEN_TRANSPORT_PASSWORD"},
        })
    );
    assert!(!request.to_string().contains("vagrant-secret"));
    let passed = request["environment"]["passed"].as_array().unwrap();
    assert!(
        passed.contains(&json!("KITCHEN_TRANSPORT_PASSWORD")) && passed.contains(&json!("PATH"))
    );
    let seen = std::fs::read_to_string(bench.dir.path().join("seen")).unwrap();
    for line in seen.lines().filter(|line| {
        !line.starts_with("PWD=")
            && !line.starts_with('_')
            && !line.starts_with("SHLVL=")
            && !line.starts_with("OLDPWD=")
    }) {
        let name = line.split('=').next().unwrap();
        assert!(passed.contains(&json!(name)), "{name} was not announced");
    }
    assert_eq!(bench.printed(), [(Stream::Err, "****** ".into())]);
}

#[tokio::test]
async fn an_event_is_shown_before_the_provider_ends() {
    // It waits for a file that the test makes once the first event was seen.
    let run = format!(
        "{}; while [ ! -e seen ]; do sleep 0.01; done; {}",
        say(r#"{"protocol_version":"1.0","type":"log","level":"info","message":"first"}"#),
        say(PASSED)
    );
    let mut bench = Bench::new(&say(CAPABILITIES), &say(OK), &run);
    let (lines, seen) = (bench.lines.clone(), bench.dir.path().join("seen"));
    let watching = async {
        while lines.0.lock().unwrap().is_empty() {
            tokio::task::yield_now().await;
        }
        std::fs::write(seen, "").unwrap();
    };
    let (converged, ()) = tokio::join!(bench.converge(), watching);
    converged.unwrap();
}

#[tokio::test]
async fn a_long_event_is_one() {
    let run = format!(
        "{{ printf '%s' '{}'; head -c 200000 /dev/zero | tr '\\0' x; printf '\"}}\\n'; }}; {}",
        r#"{"protocol_version":"1.0","type":"log","level":"info","message":""#,
        say(PASSED)
    );
    let mut bench = Bench::new(&say(CAPABILITIES), &say(OK), &run);
    bench.converge().await.unwrap();
    let printed = bench.printed();
    assert_eq!((printed.len(), printed[0].1.len()), (1, 200_000));
}

/// The error of a provider with these three commands.
async fn error(capabilities: &str, validate: &str, run: &str) -> Error {
    let mut bench = Bench::new(capabilities, validate, run);
    bench.converge().await.expect_err("it fails")
}

#[tokio::test]
async fn what_a_provider_does_wrong_is_told() {
    let (can, ok, passed) = (say(CAPABILITIES), say(OK), say(PASSED));
    let two = say(&CAPABILITIES.replacen("1.0", "2.0", 1));
    let no_run = say(&CAPABILITIES.replace(r#","run""#, ""));
    let custom = say(&CAPABILITIES.replace(r#""exec","ssh""#, r#""winrm""#));
    let event = |rest: &str| say(&format!(r#"{{"protocol_version":"1.0",{rest}}}"#));
    let failed = event(r#""type":"result","status":"failed","message":"no disk","exit_code":9"#);
    let refused =
        event(r#""status":"error","errors":[{"message":"no channel","path":"/channel"}]"#);
    let twice = format!("{passed}; {passed}");
    for (capabilities, validate, run, kind, expected) in [
        (
            "exit 3",
            &*ok,
            &*passed,
            ErrorKind::Action,
            "capabilities exited with 3: it said nothing",
        ),
        (
            "echo hm; echo rubbish",
            &ok,
            &passed,
            ErrorKind::Action,
            "capabilities answered \"hm",
        ),
        (
            &two,
            &ok,
            &passed,
            ErrorKind::Action,
            "capabilities is of version \"2.0\"",
        ),
        (
            &no_run,
            &ok,
            &passed,
            ErrorKind::Action,
            "it has no command run",
        ),
        (
            &custom,
            &ok,
            &passed,
            ErrorKind::Unsupported,
            "does not go over the transport exec; it has winrm",
        ),
        (
            &can,
            &refused,
            &passed,
            ErrorKind::Config,
            "refuses its settings: no channel (/channel)",
        ),
        (
            &can,
            &ok,
            "echo '{oops'",
            ErrorKind::Action,
            "event 1 is \"{oops\"",
        ),
        (
            &can,
            &ok,
            "true",
            ErrorKind::Action,
            "it ended without a result",
        ),
        (
            &can,
            &ok,
            &twice,
            ErrorKind::Action,
            "event 2 comes after the result",
        ),
        (
            &can,
            &ok,
            "echo why >&2; exit 4",
            ErrorKind::Action,
            "run exited with 4: why",
        ),
        (
            &can,
            &ok,
            &failed,
            ErrorKind::Action,
            "test failed: no disk",
        ),
    ] {
        let error = error(capabilities, validate, run).await;
        assert!(
            error.message.contains(expected),
            "{expected}: {}",
            error.message
        );
        assert_eq!(error.kind, kind, "{expected}");
    }
    assert_eq!(error(&can, &ok, &failed).await.exit_code, Some(9));
}

#[tokio::test]
async fn a_program_that_is_not_there_is_named_beforehand() {
    let mut bench = Bench::new("", "", "");
    bench.cx.section = Arc::new(section(json!({"command": "kitchen-provider-nowhere"})));
    let error = bench.converge().await.unwrap_err();
    assert!(
        error
            .message
            .contains("kitchen-provider-nowhere was not found on the PATH"),
        "{error}"
    );
    let faults = External.doctor(&bench.cx).await.unwrap();
    assert_eq!(faults.len(), 1);
    assert!(External.tells_changes(&bench.cx).is_err());
}
