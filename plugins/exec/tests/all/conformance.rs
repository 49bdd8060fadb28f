//! The workstation as an instance holds to the contract.
#![cfg(unix)]

use banquet_exec::{driver, transport};
use banquet_sdk::conformance::{self, Subject};

use crate::support;

fn subject() -> Subject {
    support::exempt(Subject::new(driver::Exec, transport::Exec))
}

#[tokio::test]
async fn driver_conforms() {
    conformance::driver(&subject()).await;
}

#[tokio::test]
async fn transport_conforms() {
    support::transport_conforms(subject()).await;
}
