//! The user's own scripts: [`provisioner::Shell`] runs one on the instance, [`verifier::Shell`]
//! one on the workstation or the instance, with everything that the kitchen knows in its
//! environment.

mod changes;
mod code;
mod paths;
pub mod provisioner;
mod reports;
pub mod verifier;
