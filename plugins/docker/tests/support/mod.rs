//! What the tests with a real engine share.

use banquet_docker::{Docker, DockerTransport};
use banquet_sdk::conformance::{requires, settings, unique};
use banquet_sdk::{
    Connection, Context, Driver, Exec, Identity, State, Transport, process::Collect,
};
use serde_json::{Value, json};

/// Made by `fixtures/images/build busybox`.
pub const IMAGE: &str = "banquet/busybox:1";

/// Whether an engine with the image is there; else the test is skipped, saying why.
pub async fn docker() -> bool {
    requires("docker", engine_with_image().await)
}

async fn engine_with_image() -> Result<(), String> {
    let machine = Machine::new(json!({}));
    let faults = machine.driver.doctor(&machine.cx).await;
    let faults = faults.map_err(|error| error.to_string())?;
    if let Some(fault) = faults.into_iter().next() {
        return Err(fault.message);
    }
    let mut command = tokio::process::Command::new("docker");
    command.args(["image", "inspect", IMAGE]);
    let found = banquet_sdk::process::capture(command).await;
    found
        .map(|_| ())
        .map_err(|_| format!("no image {IMAGE}: fixtures/images/build busybox makes it"))
}
