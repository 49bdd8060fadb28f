//! Plugins in other processes, as docs/plugin-protocol.md has it: [`message`] is what is said.
//! The kitchen's side is here, the plugin's in [`serve`](crate::serve).

mod client;
pub(crate) mod connection;
pub(crate) mod convert;
pub(crate) mod endpoint;
mod error;
pub(crate) mod limit;
pub(crate) mod line;
pub mod message;
mod schema;

pub use client::{Plugin, shutdown};
pub use schema::schema;

/// Whether a line is a message of the protocol, of whatever kind; for tests that send anything.
pub fn is_message(line: &[u8]) -> bool {
    line::read(line).is_ok()
}
