//! In a process of its own the workstation as an instance holds to the contract as well.
#![cfg(unix)]

use std::path::Path;
use std::sync::Arc;

use banquet_sdk::conformance::{self, Subject};
use banquet_sdk::wire::Plugin;
use banquet_sdk::wire::message::PluginKind;

fn plugin(kind: PluginKind) -> Arc<Plugin> {
    let path = Path::new(env!("CARGO_BIN_EXE_kitchen-exec-plugin"));
    Plugin::new((kind, "exec"), path, Path::new("/"), None, |_| ())
}

fn subject() -> Subject {
    let driver = plugin(PluginKind::Driver).driver();
    Subject::of(driver, plugin(PluginKind::Transport).transport())
        .exempt("transport keys are described", "it has no keys")
        .exempt("labels find a machine", "the workstation bears no labels")
}

#[tokio::test]
async fn driver_conforms() {
    conformance::driver(&subject()).await;
}

#[tokio::test]
async fn transport_conforms() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let echo = async {
        let (mut stream, _) = listener.accept().await.unwrap();
        let (mut read, mut write) = stream.split();
        tokio::io::copy(&mut read, &mut write).await.unwrap();
    };
    // The port is open already: the command has only to last.
    let subject = subject().listen(port, "exec sleep 600");
    tokio::join!(echo, conformance::connection(&subject));
}
