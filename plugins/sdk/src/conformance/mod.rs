//! The suite that every plugin runs in its own tests: named checks of what the contract promises.
//! [`driver`], [`connection`], [`provisioner`] and [`verifier`] each take a subject, print every
//! check, and panic at the end with all that failed; [`check_driver`] and its like tell every check
//! instead; [`requires`] skips what a machine cannot run.

mod bench;
mod checks;
mod connection;
mod driver;
mod files;
mod provisioner;
mod requirement;
mod subject;
mod verifier;

pub use bench::{Bench, told};
pub use checks::{Check, Told, Verdict};
pub use connection::{check_connection, connection};
pub use driver::{check_driver, driver};
pub use provisioner::{ProvisionerSubject, check_provisioner, provisioner};
pub use requirement::requires;
pub use subject::{Recorder, Subject, identity, members, settings, unique};
pub use verifier::{VerifierSubject, check_verifier, verifier};
