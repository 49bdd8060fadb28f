//! The shell verifier, on the workstation and remote.
#![cfg(unix)]

use std::time::Duration;

use crate::bench::Bench;
use banquet_sdk::conformance::{self, VerifierSubject};
use banquet_sdk::{CaseStatus, ErrorKind, State};
use banquet_shell::verifier::Shell;
use serde_json::{Value, json};

#[tokio::test]
async fn it_conforms() {
    let bench = Bench::new();
    conformance::verifier(&VerifierSubject {
        verifier: &Shell,
        connection: bench.connection().await.as_ref(),
        root: bench.root(),
        good: json!({"command": "true"}),
        failing: json!({"command": "exit 2"}),
        wrong: (json!({"sleep": "a while"}), "/sleep"),
    })
    .await;
}

async fn verify(bench: &Bench, values: Value) -> (CaseStatus, Option<String>) {
    let cases = bench.verify(values, &mut State::in_memory()).await.unwrap();
    let [case] = &cases[..] else {
        panic!("one case, not {cases:?}")
    };
    (case.status, case.message.clone())
}

#[tokio::test]
async fn the_exit_code_judges() {
    let bench = Bench::new();
    for remote in [false, true] {
        let values = |command| json!({"command": command, "remote_exec": remote});
        assert_eq!(
            verify(&bench, values("exit 0")).await,
            (CaseStatus::Passed, None)
        );
        let failed = (CaseStatus::Failed, Some("exit code 5".into()));
        assert_eq!(verify(&bench, values("exit 5")).await, failed);
    }
    let values = json!({"command": "exit 5", "shellout_opts": {"returns": [0, 5]}});
    assert_eq!(verify(&bench, values).await.0, CaseStatus::Passed);
}

#[tokio::test]
async fn the_state_is_in_the_environment() {
    for remote in [false, true] {
        let bench = Bench::new();
        let mut state = State::in_memory();
        state.set("hostname", "10.0.0.1");
        state.set("port", 22);
        let command = "echo $KITCHEN_INSTANCE $KITCHEN_PLATFORM $KITCHEN_SUITE \
                       $KITCHEN_HOSTNAME $KITCHEN_PORT $COLOR";
        let values = json!({
            "command": command, "remote_exec": remote, "environment": {"COLOR": "red"}
        });
        bench.verify(values, &mut state).await.unwrap();
        assert_eq!(
            bench.out(),
            "web-here here web 10.0.0.1 22 red\n",
            "remote: {remote}"
        );
    }
}

#[tokio::test]
async fn options_of_shellout_are_kept() {
    let bench = Bench::new().file("sub/file", "");
    let options = json!({"cwd": "sub", "environment": {"A": 1}, "env": {"B": "2"}, "input": "in"});
    let values = json!({"command": "ls; echo $A$B; cat", "shellout_opts": options});
    verify(&bench, values).await;
    assert_eq!(bench.out(), "file\n12\nin\n");
}

#[tokio::test]
async fn a_limit_kills() {
    let bench = Bench::new();
    let values = json!({"command": "sleep 600", "shellout_opts": {"timeout": 0.05}});
    let verifying = bench.verify(values, &mut State::in_memory()).await;
    assert_eq!(verifying.unwrap_err().kind, ErrorKind::Timeout);
}

#[tokio::test]
async fn it_waits_where_it_is_told_to() {
    let bench = Bench::new();
    let started = std::time::Instant::now();
    verify(&bench, json!({"sleep": "0.05", "command": "true"})).await;
    assert!(started.elapsed() >= Duration::from_millis(50));
    assert_eq!(bench.notes(), "waiting for 50ms\n");
}

async fn told(bench: &Bench, values: Value) -> Vec<String> {
    let cases = bench.verify(values, &mut State::in_memory()).await.unwrap();
    banquet_sdk::conformance::told(&cases)
}

#[tokio::test]
async fn tests_in_junit_reports_are_cases() {
    let report = "<testsuite><testcase classname='c' name='a'/><testcase name='b'><failure>no\
                  </failure></testcase></testsuite>";
    for remote in [false, true] {
        let bench = Bench::new().file("report.txt", report);
        let here = |name: &str| bench.root().join(name).display().to_string();
        let write = format!("cp {} {}; exit 1", here("report.txt"), here("one.xml"));
        let values = json!({"command": write, "junit": here("one.xml"), "remote_exec": remote});
        assert_eq!(told(&bench, values).await, ["+ c: a", "- b"]);
        // One that an earlier run left is nobody's verdict.
        let values = json!({"command": "true", "junit": [here("one.xml")], "remote_exec": remote});
        let error = bench
            .verify(values.clone(), &mut State::in_memory())
            .await
            .unwrap_err();
        assert_eq!(error.key.as_deref(), Some("/junit/0"), "{error}");
        assert!(error.hints[0].contains("`junit`"));
        let mut failed = values;
        failed["command"] = json!("exit 3");
        assert_eq!(told(&bench, failed).await, ["- exit 3"]);
    }
}

#[tokio::test]
async fn reports_are_looked_for_where_the_command_runs() {
    let bench = Bench::new().file("sub/here", "");
    let values = json!({
        "command": "echo '<testsuites/>' > out.xml", "junit": "out.xml",
        "shellout_opts": {"cwd": "sub"}
    });
    assert_eq!(told(&bench, values).await, [""; 0]);
    assert!(bench.root().join("sub/out.xml").exists());
}

#[tokio::test]
async fn tests_in_printed_tap_are_cases() {
    for remote in [false, true] {
        let bench = Bench::new();
        let values =
            |command: &str| json!({"command": command, "tap": true, "remote_exec": remote});
        let lines = "printf '1..2\\nok 1 - a\\nnot ok 2 - b\\n'";
        assert_eq!(told(&bench, values(lines)).await, ["+ a", "- b"]);
        assert_eq!(bench.out(), "1..2\nok 1 - a\nnot ok 2 - b\n");
        let silent = bench.verify(values("true"), &mut State::in_memory()).await;
        assert!(silent.unwrap_err().message.contains("no TAP"));
        assert_eq!(told(&bench, values("exit 2")).await, ["- exit 2"]);
        assert_eq!(
            told(&bench, values("echo 1..0; exit 2")).await,
            ["- echo 1..0; exit 2"]
        );
    }
}
