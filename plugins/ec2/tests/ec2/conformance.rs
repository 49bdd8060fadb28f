//! The suite that every driver runs.

use banquet_sdk::conformance::{self, Subject};
use banquet_ssh::Ssh;
use serde_json::{Value, json};

use crate::support::{DEBIAN, cloud, driver, over_ssh};

#[tokio::test(flavor = "multi_thread")]
async fn the_driver_holds_to_the_contract() {
    let Some(cloud) = cloud() else { return };
    let subject = Subject::new(driver(), Ssh::default())
        .driver_settings(cloud.settings(json!({"image_id": DEBIAN})))
        .transport_settings(Value::Object(over_ssh().values));
    conformance::driver(&subject).await;
}
