//! Driver, transport, provisioner and verifier that make nothing: for trying configurations and for tests
