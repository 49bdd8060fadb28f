//! Containers hold to the contract.

use banquet_docker::{Docker, DockerTransport};
use banquet_sdk::conformance::{self, Subject};
use serde_json::json;

use crate::support;

fn subject() -> Subject {
    Subject::new(Docker::default(), DockerTransport::default())
        .driver_settings(json!({"image": support::IMAGE}))
        .listen(7000, "exec nc -ll -p 7000 -e cat")
}

#[tokio::test]
async fn driver_conforms() {
    if !support::docker().await {
        return;
    }
    conformance::driver(&subject()).await;
}

#[tokio::test]
async fn transport_conforms() {
    if !support::docker().await {
        return;
    }
    conformance::connection(&subject()).await;
}
