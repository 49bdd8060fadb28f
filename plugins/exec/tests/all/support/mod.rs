//! What holds for the workstation as an instance, in this process or in one of its own.

use banquet_sdk::conformance::{self, Subject};

pub fn exempt(subject: Subject) -> Subject {
    subject
        .exempt("transport keys are described", "it has no keys")
        .exempt("labels find a machine", "the workstation bears no labels")
}

pub async fn transport_conforms(subject: Subject) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let echo = async {
        let (mut stream, _) = listener.accept().await.unwrap();
        let (mut read, mut write) = stream.split();
        tokio::io::copy(&mut read, &mut write).await.unwrap();
    };
    // The port is open already: the command has only to last.
    let subject = subject.listen(port, "exec sleep 600");
    tokio::join!(echo, conformance::connection(&subject));
}
