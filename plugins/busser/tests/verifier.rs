//! The verifier on the workstation through the `exec` transport, with a tool that only says what it
//! was told.
#![cfg(unix)]

use std::sync::Arc;

use banquet_busser::Busser;
use banquet_exec::transport;
use banquet_sdk::conformance::{self, Bench, VerifierSubject, told};
use banquet_sdk::{
    CaseStatus, Connection, Context, ErrorKind, PluginInfo, Result, State, TestCase, Verifier,
    async_trait,
};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

/// A tool whose one test is called after its settings.
struct Tool;

#[derive(Debug, Deserialize, JsonSchema)]
struct Settings {
    root_path: String,
    own: String,
}

#[async_trait]
impl Verifier for Tool {
    fn info(&self) -> PluginInfo {
        PluginInfo::of::<Settings>("tool", "for tests")
    }

    fn check(&self, cx: &Context) -> Result<()> {
        cx.config::<Settings>().map(|_| ())
    }

    async fn verify(
        &self,
        cx: &Context,
        _connection: &dyn Connection,
        _state: &mut State,
    ) -> Result<Vec<TestCase>> {
        let settings: Settings = cx.config()?;
        let root = settings.root_path.rsplit('/').next().unwrap_or_default();
        let mut keys = cx.section.values.keys().cloned().collect::<Vec<_>>();
        keys.sort();
        let name = format!("{root} {} {}", settings.own, keys.join(","));
        Ok(vec![TestCase::new(name, CaseStatus::Passed)])
    }
}

fn bench() -> Bench {
    let busser = Busser::new().with("tool", Arc::new(Tool), json!({"own": "its own"}));
    Bench::new(busser, transport::Exec)
}

const TESTS: &str = "test/integration/web";

#[tokio::test]
async fn it_conforms() {
    // The one setting that a script can see.
    let script = "test -z \"$http_proxy\"\n";
    let bench = bench().file("test/integration/default/bash/a_test.sh", script);
    conformance::verifier(&VerifierSubject {
        verifier: &Busser::new(),
        connection: &*bench.connection().await,
        root: bench.root(),
        good: bench.with(json!({})),
        failing: bench.with(json!({"http_proxy": "http://proxy.example"})),
        wrong: (json!({"root_path": []}), "/root_path"),
    })
    .await;
}

#[tokio::test]
async fn each_directory_is_run_by_its_tool_in_the_order_of_their_names() {
    let bench = bench()
        .file(&format!("{TESTS}/tool/anything"), "")
        .file(
            &format!("{TESTS}/bash/b_spec.bash"),
            "[[ $0 == b_spec.bash ]]\n",
        )
        .file(
            &format!("{TESTS}/bash/a_test.sh"),
            "echo of no avail\nexit 3\n",
        )
        .file(&format!("{TESTS}/bash/helper.sh"), "exit 1\n")
        .file(&format!("{TESTS}/nodes/one.json"), "{}")
        .file(&format!("{TESTS}/.hidden/x"), "")
        .file(&format!("{TESTS}/a_file"), "");
    let cases = bench
        .verify(json!({"version": "busser", "command": "unknown"}))
        .await
        .unwrap();
    assert_eq!(
        told(&cases),
        [
            "- a_test.sh",
            "+ b_spec.bash",
            "+ machine its own own,root_path"
        ]
    );
    assert_eq!(
        cases[0].message.as_deref(),
        Some("exit code 3: of no avail")
    );
    assert!(cases[0].duration.is_some());
}

#[tokio::test]
async fn without_tests_there_are_no_cases() {
    let bench = bench().file(&format!("{TESTS}/data_bags/users/one.json"), "{}");
    assert_eq!(bench.verify(json!({})).await.unwrap(), []);
    assert!(
        bench.said().contains("no directories of tests in "),
        "{}",
        bench.said()
    );
}

#[tokio::test]
async fn a_directory_that_nothing_runs_is_told_before_anything_runs() {
    let bench = bench().file(&format!("{TESTS}/cucumber/a.feature"), "");
    let error = bench.verify(json!({})).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Config);
    assert!(
        error
            .message
            .starts_with("nothing here runs the tests in /"),
        "{error}"
    );
    assert!(error.message.ends_with("web/cucumber"), "{error}");
    assert!(error.hints[0].ends_with("bash, tool."), "{:?}", error.hints);
}
