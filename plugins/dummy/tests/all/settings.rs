//! What each setting of the dummies does.

use std::path::Path;
use std::time::{Duration, Instant};

use banquet_dummy::{driver, provisioner, transport, verifier};
use banquet_sdk::conformance::settings;
use banquet_sdk::{
    Changes, Context, Driver, ErrorKind, Exec, Identity, Provisioner, State, Transport, Verifier,
    process,
};
use serde_json::{Value, json};
use tokio::io::AsyncReadExt;

fn cx(root: &Path, values: Value) -> Context {
    let identity = Identity {
        project: "project".into(),
        cluster: None,
        instance: "web-nowhere".into(),
        suite: "web".into(),
        platform: "nowhere".into(),
        run: "run".into(),
    };
    Context::for_tests(identity, root.into(), settings(values))
}

#[tokio::test]
async fn the_journal_tells_how_actions_went() {
    let root = tempfile::tempdir().unwrap();
    let mut state = State::in_memory();
    let good = cx(root.path(), json!({"journal": "log"}));
    driver::Dummy.create(&good, &mut state).await.unwrap();
    let bad = cx(root.path(), json!({"journal": "log", "fail_destroy": true}));
    let error = driver::Dummy.destroy(&bad, &mut state).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Machine);
    assert!(state.str("my_id").unwrap().starts_with("web-nowhere-"));
    let slow = cx(root.path(), json!({"journal": "log", "sleep": "600"}));
    let limit = Duration::from_millis(20);
    let destroy = driver::Dummy.destroy(&slow, &mut state);
    assert!(tokio::time::timeout(limit, destroy).await.is_err());
    assert_eq!(
        std::fs::read_to_string(root.path().join("log")).unwrap(),
        "create web-nowhere\nended create web-nowhere\n\
         destroy web-nowhere\nfailed destroy web-nowhere\n\
         destroy web-nowhere\ndropped destroy web-nowhere\n"
    );
}

#[tokio::test]
async fn actions_fail_a_number_of_times() {
    let root = tempfile::tempdir().unwrap();
    let cx = cx(root.path(), json!({"fail_times": 2}));
    let mut state = State::in_memory();
    let mut outcomes = Vec::new();
    for _ in 0..3 {
        outcomes.push(driver::Dummy.create(&cx, &mut state).await.is_ok());
    }
    assert_eq!(outcomes, [false, false, true]);
}

#[tokio::test]
async fn random_failures_are_neither_all_nor_none() {
    let root = tempfile::tempdir().unwrap();
    let cx = cx(root.path(), json!({"random_failure": true}));
    let mut state = State::in_memory();
    let mut failed = 0;
    for _ in 0..200 {
        failed += usize::from(driver::Dummy.create(&cx, &mut state).await.is_err());
    }
    assert!((1..200).contains(&failed), "{failed} of 200");
}

#[tokio::test]
async fn changes_are_told_as_set() {
    let root = tempfile::tempdir().unwrap();
    let connection = connect(root.path(), json!({})).await;
    for (values, want) in [
        (json!({}), Changes::Unknown),
        (json!({"changed": false}), Changes::None),
        (
            json!({"changes": "a file"}),
            Changes::Some(vec!["a file".into()]),
        ),
        (
            json!({"changes": ["a", "b"], "changed": false}),
            Changes::None,
        ),
    ] {
        let cx = cx(root.path(), values);
        let mut state = State::in_memory();
        let converged = provisioner::Dummy
            .converge(&cx, connection.as_ref(), &mut state)
            .await
            .unwrap();
        assert_eq!(
            provisioner::Dummy.tells_changes(&cx).is_ok(),
            want != Changes::Unknown
        );
        assert_eq!(converged.changes, want);
    }
}

async fn connect(root: &Path, values: Value) -> Box<dyn banquet_sdk::Connection> {
    let cx = cx(root, values);
    let state = State::in_memory();
    transport::Dummy.connect(&cx, &state).await.unwrap()
}

#[tokio::test]
async fn commands_answer_as_set() {
    let root = tempfile::tempdir().unwrap();
    let values = json!({
        "exec": [{"match": "test -e", "exit_code": 1}, {"stdout": "one\ntwo", "stderr": "bad"}],
        "journal": "log",
    });
    let connection = connect(root.path(), values).await;
    let text = process::Collect::default();
    let tested = connection.exec(&Exec::new("test -e /x"), &text).await;
    assert_eq!(tested.unwrap().0, 1);
    let said = connection.exec(&Exec::new("say\nmore"), &text).await;
    assert_eq!(said.unwrap().0, 0);
    assert_eq!(text.into_parts(), ("one\ntwo\n".into(), "bad\n".into()));
    let log = std::fs::read_to_string(root.path().join("log")).unwrap();
    assert!(log.contains("\nexec web-nowhere say\\nmore\n"), "{log}");
}

#[tokio::test]
async fn an_open_port_greets() {
    let root = tempfile::tempdir().unwrap();
    let connection = connect(root.path(), json!({"ports": [80]})).await;
    let mut stream = connection.dial(80).await.unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).await.unwrap();
    assert!(text.starts_with("HTTP/1.1 200"), "{text}");
    assert!(connection.dial(81).await.is_err());
}

#[tokio::test]
async fn a_thousand_machines_cost_little() {
    let root = tempfile::tempdir().unwrap();
    let connection = connect(root.path(), json!({})).await;
    let cx = cx(root.path(), json!({"journal": "log"}));
    let started = Instant::now();
    for _ in 0..1000 {
        let mut state = State::in_memory();
        driver::Dummy.create(&cx, &mut state).await.unwrap();
        let connection = connection.as_ref();
        provisioner::Dummy
            .converge(&cx, connection, &mut state)
            .await
            .unwrap();
        verifier::Dummy
            .verify(&cx, connection, &mut state)
            .await
            .unwrap();
        driver::Dummy.destroy(&cx, &mut state).await.unwrap();
    }
    // A debug build on a busy machine; what it guards against is a sleep, which would take minutes.
    assert!(
        started.elapsed() < Duration::from_secs(30),
        "{:?}",
        started.elapsed()
    );
    println!("1000 machines in {:?}", started.elapsed());
    let lines = std::fs::read_to_string(root.path().join("log")).unwrap();
    assert_eq!(lines.lines().count(), 8000);
}
