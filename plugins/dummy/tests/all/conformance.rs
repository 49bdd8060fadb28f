//! The dummies hold to the contract, as far as something that is not there can.

use banquet_dummy::{driver, provisioner, transport, verifier};
use banquet_sdk::conformance::{self, ProvisionerSubject, Subject, VerifierSubject, settings};
use banquet_sdk::{Connection, Context, Identity, State, Transport};
use serde_json::json;

/// What only a machine can show.
const NEED_A_MACHINE: [&str; 18] = [
    "exit codes",
    "a signal is 128 and its number",
    "streams are apart and complete",
    "stdin arrives",
    "stdin may stay unread",
    "environment arrives verbatim",
    "output that is not UTF-8",
    "20 MB of output are complete",
    "commands run at the same time",
    "a process left behind does not hold exec",
    "dropping exec ends the command",
    "upload of files",
    "upload of a directory",
    "upload again brings what changed",
    "upload of 5 MB",
    "download of a file",
    "download of a directory",
    "download of what is missing fails",
];

fn subject() -> Subject {
    let subject = Subject::new(driver::Dummy, transport::Dummy)
        .exempt("labels find a machine", "there is none to bear labels")
        .exempt("dial to a listening port", "its ports do not echo");
    NEED_A_MACHINE.into_iter().fold(subject, |subject, name| {
        subject.exempt(name, "there is no machine")
    })
}

async fn connection(root: &std::path::Path) -> Box<dyn Connection> {
    let identity = Identity {
        project: "project".into(),
        cluster: None,
        instance: "default-nowhere".into(),
        suite: "default".into(),
        platform: "nowhere".into(),
        run: "run".into(),
    };
    let cx = Context::for_tests(identity, root.into(), settings(json!({})));
    transport::Dummy
        .connect(&cx, &State::in_memory())
        .await
        .unwrap()
}

#[tokio::test]
async fn driver_conforms() {
    conformance::driver(&subject()).await;
}

#[tokio::test]
async fn transport_conforms() {
    conformance::connection(&subject()).await;
}

#[tokio::test]
async fn provisioner_conforms() {
    let root = tempfile::tempdir().unwrap();
    conformance::provisioner(&ProvisionerSubject {
        provisioner: &provisioner::Dummy,
        connection: connection(root.path()).await.as_ref(),
        root: root.path(),
        good: json!({"changed": false}),
        failing: json!({"fail": true}),
        wrong: (json!({"sleep": "long"}), "/sleep"),
    })
    .await;
}

#[tokio::test]
async fn verifier_conforms() {
    let root = tempfile::tempdir().unwrap();
    conformance::verifier(&VerifierSubject {
        verifier: &verifier::Dummy,
        connection: connection(root.path()).await.as_ref(),
        root: root.path(),
        good: json!({"cases": [{"name": "one"}, {"name": "two", "status": "skipped"}]}),
        failing: json!({"cases": [{"name": "one", "status": "failed", "message": "no"}]}),
        wrong: (
            json!({"cases": [{"name": "one", "status": "odd"}]}),
            "/cases/0/status",
        ),
    })
    .await;
}
