//! The plugin through its public interface. One binary, as in every crate of this workspace.
#![cfg(unix)]

mod bench;
mod provisioner;
mod served;
mod verifier;
