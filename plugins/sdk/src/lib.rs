//! The contract between the kitchen and its plugins.
//!
//! A plugin is one technology: a [`Driver`] makes machines, a [`Transport`] reaches them, a
//! [`Provisioner`] converges them, a [`Verifier`] judges them. Plugins depend on this crate alone.
//! They keep nothing between calls: what must be remembered goes into the instance's [`State`],
//! which the kitchen puts on disk at every [`State::checkpoint`].

pub mod aftermath;
pub mod cases;
pub mod conformance;
mod context;
mod driver;
mod environment;
mod error;
pub mod escapes;
#[cfg(unix)]
mod family;
pub mod first_line;
pub mod lenient;
pub mod links;
pub mod local_path;
pub mod lookup;
pub mod on_machine;
mod output;
pub mod outside;
mod peers;
pub mod private;
pub mod process;
mod provisioner;
mod removal;
mod retry;
pub mod scratch;
mod secrets;
mod section;
pub mod serve;
mod state;
mod target;
pub mod tool;
mod transport;
mod verifier;
pub mod weaker;
pub mod wire;
pub mod wording;

pub use async_trait::async_trait;
pub use context::{Context, Identity, Platform, Plugins};
pub use driver::{Capabilities, Driver, Fault, Orphan, Power, Status};
pub use environment::{Environment, Variables};
pub use error::{Error, ErrorKind, Residue, Result};
pub use links::{LinkFault, Links};
pub use local_path::LocalPath;
pub use lookup::Tests;
pub use output::{Discard, Line, Output, Stream};
pub use peers::{Peer, Peers};
pub use provisioner::{Changes, Converged, Provisioner};
pub use retry::Retry;
pub use secrets::{Gather, Seams, Secrets};
pub use section::{Origin, PluginInfo, Section};
pub use state::{MemoryStore, State, StateStore};
pub use target::{ContainerTarget, SshTarget, Target};
pub use transport::{Connection, Dialed, Exec, ExitStatus, LoginCommand, Stdin, Transport};
pub use verifier::{CaseStatus, TestCase, Verifier, VerifierKeys};
