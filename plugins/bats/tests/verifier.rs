//! The verifier, on the workstation through the `exec` transport, with the real tool.
#![cfg(unix)]

use banquet_bats::Bats;
use banquet_exec::transport;
use banquet_sdk::conformance::{self, Bench, VerifierSubject, told};
use banquet_sdk::{CaseStatus, ErrorKind, Verifier};
use serde_json::json;

/// None where the tool is missing here.
fn bench() -> Option<Bench> {
    let found = std::process::Command::new("bats").arg("--version").output();
    conformance::requires("bats", found.map(|_| ())).then(|| Bench::new(Bats, transport::Exec))
}

#[tokio::test]
async fn it_conforms() {
    let Some(bench) = bench() else { return };
    let bench = bench
        .file("good/a.bats", "@test 'a' { true; }\n@test 'b' { skip; }\n")
        .file("bad/a.bats", "@test 'a' { true; }\n@test 'b' { false; }\n");
    conformance::verifier(&VerifierSubject {
        verifier: &Bats,
        connection: &*bench.connection().await,
        root: bench.root(),
        good: bench.with(json!({"tests": "good"})),
        failing: bench.with(json!({"tests": "bad"})),
        wrong: (bench.with(json!({"env_vars": {"A": []}})), "/env_vars/A"),
    })
    .await;
}

#[tokio::test]
async fn tests_of_the_suite_are_cases_with_times_and_messages() {
    let Some(bench) = bench() else { return };
    let bench = bench
        .file("test/integration/web/bats/a.bats", "load helper\n@test \"helped\" { helps; }\n")
        .file(
            "test/integration/web/bats/deep/b.bats",
            "@test \"said\" { echo \"$COLOR is wrong\"; false; }\n@test \"later\" { skip \"no time\"; }\n",
        )
        .file("test/integration/web/bats/README", "not a test")
        .file("test/integration/helpers/bats/helper.bash", "helps() { true; }\n");
    let cases = bench
        .verify(json!({"env_vars": {"COLOR": "red"}}))
        .await
        .unwrap();
    assert_eq!(told(&cases), ["+ helped", "- said", "s later"]);
    assert!(cases[0].duration.is_some());
    let message = cases[1].message.as_deref().unwrap();
    assert!(message.contains("red is wrong"), "{message}");
    assert_eq!(cases[2].message.as_deref(), Some("no time"));
}

#[tokio::test]
async fn a_file_that_was_taken_away_is_not_run_again() {
    let Some(bench) = bench() else { return };
    let bench = bench
        .file("tests/a.bats", "@test 'a' { true; }\n")
        .file("tests/b.bats", "@test 'b' { true; }\n");
    assert_eq!(
        bench
            .verify(json!({"tests": ["tests"]}))
            .await
            .unwrap()
            .len(),
        2
    );
    std::fs::remove_file(bench.root().join("tests/b.bats")).unwrap();
    let sent = bench.root().join("machine/suites/tests");
    assert_eq!(
        bench
            .verify(json!({"tests": ["tests"]}))
            .await
            .unwrap()
            .len(),
        1
    );
    assert!(sent.join("a.bats").exists() && !sent.join("b.bats").exists());
}

#[tokio::test]
async fn no_tests_are_no_cases() {
    let Some(bench) = bench() else { return };
    assert_eq!(bench.verify(json!({})).await.unwrap(), []);
}

#[tokio::test]
async fn a_test_file_that_is_no_bash_is_a_failed_case() {
    let Some(bench) = bench() else { return };
    let bench = bench.file("tests/a.bats", "@test 'a' {\n");
    let ended = bench.verify(json!({"tests": "tests"})).await;
    let failed = match &ended {
        Ok(cases) => cases.iter().any(|case| case.status == CaseStatus::Failed),
        Err(error) => error.kind == ErrorKind::Action,
    };
    assert!(failed, "{ended:?}");
}

#[tokio::test]
async fn a_tool_that_is_missing_is_named_with_the_place_and_the_package() {
    let Some(bench) = bench() else { return };
    let bench = bench.file("tests/a.bats", "@test 'a' { true; }\n");
    let values = json!({"tests": "tests", "bats": "no-such-bats"});
    let error = bench.verify(values.clone()).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Machine);
    assert!(
        error
            .message
            .starts_with("find no-such-bats on the instance: it is not in its PATH /"),
        "{error}"
    );
    assert!(
        error.hints[0].contains("the package bats"),
        "{:?}",
        error.hints
    );
    let connection = bench.connection().await;
    let faults = Bats.examine(&bench.cx(values), &*connection).await.unwrap();
    assert_eq!(faults[0].message, error.message);
    let faults = Bats
        .examine(&bench.cx(json!({})), &*connection)
        .await
        .unwrap();
    assert_eq!(faults, []);
}

#[tokio::test]
async fn an_install_command_runs_before_the_first_tests() {
    let Some(bench) = bench() else { return };
    let bench = bench.file("tests/a.bats", "@test 'a' { true; }\n");
    let tool = bench.root().join("bats-here");
    let install = format!("ln -s \"$(command -v bats)\" {}", tool.display());
    let values = json!({"tests": "tests", "bats": tool.to_str(), "install_command": install});
    assert_eq!(bench.verify(values).await.unwrap().len(), 1);
    let error = bench
        .verify(json!({"install_command": "exit 7"}))
        .await
        .unwrap_err();
    assert_eq!(error.message, "install the test tool: exit 7: exit code 7");
}

#[tokio::test]
async fn paths_that_are_not_there_or_collide_are_config_errors() {
    let Some(bench) = bench() else { return };
    let bench = bench.file("a/bats/x.bats", "").file("b/bats/y.bats", "");
    let error = bench
        .verify(json!({"tests": ["a/bats", "none"]}))
        .await
        .unwrap_err();
    assert_eq!(error.key.as_deref(), Some("/tests/1"));
    let error = bench
        .verify(json!({"tests": ["a/bats", "b/bats"]}))
        .await
        .unwrap_err();
    assert_eq!(error.key.as_deref(), Some("/tests/1"));
}
