//! In a process of their own, provisioner and verifier hold to the contract as well.
#![cfg(unix)]

use std::path::Path;
use std::sync::Arc;

use crate::bench::Bench;
use banquet_sdk::conformance::{self, ProvisionerSubject, VerifierSubject};
use banquet_sdk::wire::Plugin;
use banquet_sdk::wire::message::PluginKind;
use serde_json::json;

fn plugin(kind: PluginKind) -> Arc<Plugin> {
    let path = Path::new(env!("CARGO_BIN_EXE_kitchen-shell-plugin"));
    Plugin::new((kind, "shell"), path, Path::new("/"), None, |_| ())
}

#[tokio::test]
async fn provisioner_conforms() {
    let bench = Bench::new().file("ok.sh", ": > $KITCHEN_CHANGES");
    conformance::provisioner(&ProvisionerSubject {
        provisioner: &*plugin(PluginKind::Provisioner).provisioner(),
        connection: bench.connection().await.as_ref(),
        root: bench.root(),
        good: bench.with(json!({"script": "ok.sh"})),
        failing: bench.with(json!({"command": "exit 3"})),
        wrong: (json!({"sudo": "often"}), "/sudo"),
    })
    .await;
}

#[tokio::test]
async fn verifier_conforms() {
    let bench = Bench::new();
    conformance::verifier(&VerifierSubject {
        verifier: &*plugin(PluginKind::Verifier).verifier(),
        connection: bench.connection().await.as_ref(),
        root: bench.root(),
        good: json!({"command": "true"}),
        failing: json!({"command": "exit 2"}),
        wrong: (json!({"sleep": "a while"}), "/sleep"),
    })
    .await;
}
