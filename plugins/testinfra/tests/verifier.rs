//! The verifier, on the workstation through the `exec` transport, with the real tool.
#![cfg(unix)]

use std::collections::BTreeMap;
use std::sync::Arc;

use banquet_exec::transport;
use banquet_sdk::conformance::{self, Bench, VerifierSubject, told};
use banquet_sdk::{Context, ErrorKind, Result, State, Target, TestCase, Verifier};
use banquet_testinfra::Testinfra;
use serde_json::{Value, json};

const TESTS: &str = "test/integration/web/testinfra";

/// None where the tool is missing here.
fn bench() -> Option<Bench> {
    let found = std::process::Command::new("pytest").arg("--help").output();
    let found = match found {
        Ok(help) if String::from_utf8_lossy(&help.stdout).contains("--ssh-identity-file") => Ok(()),
        Ok(_) => Err("pytest has no plugin testinfra".to_owned()),
        Err(error) => Err(error.to_string()),
    };
    conformance::requires("testinfra", found).then(|| Bench::new(Testinfra, transport::Exec))
}

/// The instance `web` and its peer `db` are the workstation.
fn here(bench: &Bench, values: Value) -> Context {
    let mut cx = bench.cx(values);
    let targets = ["db", "web"].map(|suite| (suite.to_owned(), Target::Local));
    cx.targets = Arc::new(BTreeMap::from(targets));
    cx
}

async fn verify(bench: &Bench, values: Value) -> Result<Vec<TestCase>> {
    bench
        .verify_as(&here(bench, values), &mut State::in_memory())
        .await
}

#[tokio::test]
async fn it_conforms() {
    let Some(bench) = bench() else { return };
    let bench = bench
        .file(
            "good/test_a.py",
            "def test_a(host): assert host.file('/etc/passwd').exists\n",
        )
        .file(
            "bad/test_a.py",
            "def test_a(host): assert not host.file('/etc/passwd').exists\n",
        );
    let tests = |name: &str| bench.with(json!({"tests": bench.path(name), "remote_exec": true}));
    conformance::verifier(&VerifierSubject {
        verifier: &Testinfra,
        connection: &*bench.connection().await,
        root: bench.root(),
        good: tests("good"),
        failing: tests("bad"),
        wrong: (bench.with(json!({"hosts": {}})), "/hosts"),
    })
    .await;
}

#[tokio::test]
async fn tests_are_cases_on_the_workstation_and_on_the_instance() {
    let Some(bench) = bench() else { return };
    let bench = bench.file(
        &format!("{TESTS}/test_web.py"),
        "import os, pytest\n\
         def test_user(host): assert host.user().name == os.environ['WHO']\n\
         def test_file(host): assert host.file('/etc/nope').exists\n\
         @pytest.mark.skip(reason='later')\n\
         def test_skip(): pass\n",
    );
    let who = std::process::Command::new("id")
        .arg("-un")
        .output()
        .unwrap();
    let who = String::from_utf8(who.stdout).unwrap();
    for remote_exec in [false, true] {
        let values = json!({"remote_exec": remote_exec, "env_vars": {"WHO": who.trim()}});
        let cases = verify(&bench, values).await.unwrap();
        let mut told = told(&cases);
        told.sort();
        assert_eq!(
            told,
            [
                "+ test_web: test_user[local]",
                "- test_web: test_file[local]",
                "s test_web: test_skip",
            ]
        );
        let failed = cases.iter().find(|case| {
            case.message
                .as_deref()
                .is_some_and(|it| it.contains("/etc/nope"))
        });
        assert!(
            failed.is_some_and(|case| case.duration.is_some()),
            "{cases:?}"
        );
    }
}

#[tokio::test]
async fn modules_name_machines_and_tests_have_their_peers() {
    let Some(bench) = bench() else { return };
    let bench = bench
        .file(
            &format!("{TESTS}/test_named.py"),
            "testinfra_hosts = ['db']\ndef test_named(host): pass\n",
        )
        .file(
            &format!("{TESTS}/test_peers.py"),
            "def test_peers(peers): assert sorted(peers) == ['db', 'web']\n",
        )
        .file(
            &format!("{TESTS}/test_told.py"),
            "import os\ndef test_told(host): assert os.environ['KITCHEN_HOSTNAME'] == 'h'\n",
        );
    let mut state = State::in_memory();
    state.set("hostname", "h");
    let cases = bench
        .verify_as(&here(&bench, json!({"hosts": ["web"]})), &mut state)
        .await
        .unwrap();
    let told = told(&cases);
    assert!(told.iter().all(|line| line.starts_with('+')), "{cases:?}");
    assert_eq!(told.len(), 3, "{told:?}");
}

#[tokio::test]
async fn a_machine_that_is_out_of_reach_is_a_config_error_with_a_way_out() {
    let Some(bench) = bench() else { return };
    let bench = bench.file(&format!("{TESTS}/test_a.py"), "def test_a(host): pass\n");
    let error = bench.verify(json!({})).await.unwrap_err();
    assert_eq!(error.key.as_deref(), Some("/hosts"));
    assert!(
        error.hints[0].contains("remote_exec: true"),
        "{:?}",
        error.hints
    );
}

#[tokio::test]
async fn a_file_that_python_does_not_understand_is_a_failed_case() {
    let Some(bench) = bench() else { return };
    let bench = bench.file(&format!("{TESTS}/test_a.py"), "def test_a(:\n");
    let cases = verify(&bench, json!({})).await.unwrap();
    assert!(told(&cases)[0].starts_with('-'), "{cases:?}");
    assert!(
        cases[0].message.as_deref().unwrap().contains("SyntaxError"),
        "{cases:?}"
    );
}

#[tokio::test]
async fn no_tests_are_no_cases() {
    let Some(bench) = bench() else { return };
    assert_eq!(verify(&bench, json!({})).await.unwrap(), []);
    let bench = bench.file(&format!("{TESTS}/test_a.py"), "VALUE = 1\n");
    assert_eq!(verify(&bench, json!({})).await.unwrap(), []);
}

#[tokio::test]
async fn wrong_arguments_are_no_verdict() {
    let Some(bench) = bench() else { return };
    let bench = bench.file(&format!("{TESTS}/test_a.py"), "def test_a(): pass\n");
    let error = verify(&bench, json!({"extra_flags": "--no-such-option"}))
        .await
        .unwrap_err();
    assert_eq!(error.message, "pytest: exit code 4");
    assert!(error.hints[1].contains("pip install"), "{:?}", error.hints);
}

#[tokio::test]
async fn a_tool_that_is_missing_is_named() {
    let Some(bench) = bench() else { return };
    let bench = bench.file(&format!("{TESTS}/test_a.py"), "");
    for (remote_exec, place) in [(true, "the instance"), (false, "the workstation")] {
        let values = json!({"pytest": "no-such-pytest -v", "remote_exec": remote_exec});
        let error = verify(&bench, values.clone()).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Machine);
        let start = format!("find no-such-pytest on {place}: it is not in ");
        assert!(error.message.starts_with(&start), "{error}");
        let (cx, connection) = (here(&bench, values), bench.connection().await);
        let mut faults = Testinfra.doctor(&cx).await.unwrap();
        faults.extend(Testinfra.examine(&cx, &*connection).await.unwrap());
        assert_eq!(faults.len(), 1, "{faults:?}");
    }
    let cx = here(&bench, json!({"pytest": "python3 -c pass"}));
    let faults = Testinfra.doctor(&cx).await.unwrap();
    assert_eq!(faults[0].message, "python3 -c pass has no plugin testinfra");
}
