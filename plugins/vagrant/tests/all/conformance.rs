//! Machines of the real Vagrant hold to the contract: containers of its docker provider.

use banquet_sdk::conformance::{self, Subject};
use banquet_ssh::Ssh;
use banquet_vagrant::Vagrant;
use serde_json::json;

use crate::support;

#[tokio::test]
async fn driver_conforms() {
    if !support::vagrant() {
        return;
    }
    let subject = Subject::new(Vagrant, Ssh::default())
        .driver_settings(support::section())
        .transport_settings(json!({"connection_retry_sleep": 0.1}));
    conformance::driver(&subject).await;
}
