//! The verifier through the `exec` transport. Goss cannot be installed from any package registry, so
//! that a stand-in takes its place: it insists on Goss's arguments, judges the `file` resources of a
//! gossfile, and writes reports in Goss's form.
#![cfg(unix)]

use banquet_exec::transport;
use banquet_goss::Goss;
use banquet_sdk::conformance::{self, Bench, VerifierSubject, told};
use banquet_sdk::{ErrorKind, Verifier};
use serde_json::{Value, json};

const STAND_IN: &str = include_str!("stand-in");

const TESTS: &str = "test/integration/web/goss";

fn gossfile(path: &str) -> String {
    format!("file:\n  {path}:\n    exists: true\n")
}

fn bench() -> Bench {
    Bench::new(Goss, transport::Exec).program("bin/goss", STAND_IN)
}

/// Settings with the stand-in at the place that the program is put.
fn values(bench: &Bench, mut values: Value) -> Value {
    values["goss_download_path"] = json!(bench.path("bin/goss"));
    values
}

#[tokio::test]
async fn it_conforms() {
    let bench = bench()
        .file(
            "test/integration/default/goss/a.yml",
            &gossfile("/etc/passwd"),
        )
        .file("test/integration/default/goss/b.yml", &gossfile("$here"));
    let good = bench.with(values(&bench, json!({"goss_var_path": "b.yml"})));
    let failing = bench.with(values(&bench, json!({})));
    std::fs::write(
        bench.root().join("test/integration/default/goss/b.yml"),
        gossfile("/no/such/file"),
    )
    .unwrap();
    conformance::verifier(&VerifierSubject {
        verifier: &Goss,
        connection: &*bench.connection().await,
        root: bench.root(),
        good,
        failing,
        wrong: (bench.with(json!({"sleep": "long"})), "/sleep"),
    })
    .await;
}

#[tokio::test]
async fn every_gossfile_is_validated_with_the_variables() {
    let bench = bench()
        .file(&format!("{TESTS}/a.yml"), &gossfile("/etc/passwd"))
        .file(&format!("{TESTS}/deep/b.yaml"), &gossfile("/no/such/file"))
        .file(&format!("{TESTS}/common.yml"), "port: 80\n")
        .file(&format!("{TESTS}/README"), "not a test");
    let settings = json!({"goss_var_path": "common.yml", "env_vars": {"COLOR": "red"}});
    let cases = bench.verify(values(&bench, settings)).await.unwrap();
    assert_eq!(
        told(&cases),
        [
            "+ File: /etc/passwd: exists",
            "- File: /no/such/file: exists"
        ]
    );
    assert_eq!(
        cases[1].message.as_deref(),
        Some("Expected\n    false\nto equal\n    true")
    );
    assert!(
        bench.said().contains("variables of common.yml, red"),
        "{}",
        bench.said()
    );
}

#[tokio::test]
async fn goss_is_fetched_where_it_is_not_there() {
    if !conformance::requires(
        "curl",
        std::process::Command::new("curl")
            .arg("-V")
            .output()
            .map(|_| ()),
    ) {
        return;
    }
    let bench = bench()
        .file(&format!("{TESTS}/a.yml"), &gossfile("/etc/passwd"))
        .file("releases/v9/goss-linux-amd64", STAND_IN)
        .file("releases/v9/goss-linux-arm64", STAND_IN);
    let settings = json!({
        "goss_version": "v9",
        "goss_link": format!("file://{}/$VERSION/goss-${{DISTRO}}-${{ARCH}}", bench.path("releases")),
        "goss_download_path": format!("{}/fetched-${{VERSION}}", bench.root().display()),
    });
    assert_eq!(bench.verify(settings.clone()).await.unwrap().len(), 1);
    assert!(bench.root().join("fetched-v9").exists());
    let mut missing = settings;
    missing["goss_version"] = json!("v8");
    let error = bench.verify(missing).await.unwrap_err();
    assert!(
        error.message.starts_with("fetch Goss: exit code "),
        "{error}"
    );
    assert!(error.hints[0].contains("goss_link"), "{:?}", error.hints);
}

#[tokio::test]
async fn a_gossfile_that_goss_refuses_is_no_verdict() {
    let bench = bench().file(&format!("{TESTS}/a.yml"), "fiel: {}\n");
    let error = bench.verify(values(&bench, json!({}))).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Action);
    assert_eq!(error.message, "goss validate a.yml: exit code 1");
    assert!(bench.said().contains("no resources"), "{}", bench.said());
}

#[tokio::test]
async fn no_tests_are_no_cases_and_nothing_is_fetched() {
    let bench = Bench::new(Goss, transport::Exec);
    assert_eq!(
        bench
            .verify(json!({"goss_link": "file:///no/such"}))
            .await
            .unwrap(),
        []
    );
}

#[tokio::test]
async fn variables_that_are_not_there_are_a_config_error() {
    let bench = bench().file(&format!("{TESTS}/a.yml"), &gossfile("/etc"));
    let error = bench
        .verify(json!({"goss_var_path": "none.yml"}))
        .await
        .unwrap_err();
    assert_eq!(error.key.as_deref(), Some("/goss_var_path"));
}

#[tokio::test]
async fn the_doctor_says_where_goss_was_sought() {
    let bench = bench();
    let connection = bench.connection().await;
    let cx = bench.cx(json!({"goss_download_path": "/no/such/goss"}));
    let faults = Goss.examine(&cx, &*connection).await.unwrap();
    assert!(
        faults[0]
            .message
            .starts_with("find goss on the instance: it is not in /no/such/goss and the PATH /"),
        "{faults:?}"
    );
    let cx = bench.cx(values(&bench, json!({})));
    assert_eq!(Goss.examine(&cx, &*connection).await.unwrap(), []);
}
