//! The common suite of all plugins.

use banquet_sandbox::{SandboxDriver, SandboxTransport};
use banquet_sdk::conformance::{self, Subject};

use crate::support::{self, project};

fn subject() -> Subject {
    let server = "perl -MIO::Socket::INET -e '$s = IO::Socket::INET->new(LocalPort => 7007, \
         Listen => 5) or die; while ($c = $s->accept) { print $c $_ while <$c> }'";
    Subject::new(
        SandboxDriver::new(support::helper()),
        SandboxTransport::new(support::helper()),
    )
    .listen(7007, server)
}

#[tokio::test]
async fn the_driver_keeps_the_contract() {
    if project().await.is_some() {
        conformance::driver(&subject()).await;
    }
}

#[tokio::test]
async fn the_transport_keeps_the_contract() {
    if project().await.is_some() {
        conformance::connection(&subject()).await;
    }
}
