//! Plugins that make nothing and do as they are told: for trying a configuration, and for tests
//! of the kitchen itself. Each action sleeps, fails and keeps a journal as its settings say.

mod act;
pub mod driver;
pub mod provisioner;
pub mod transport;
pub mod verifier;
