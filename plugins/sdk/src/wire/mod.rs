//! Plugins in other processes, as docs/plugin-protocol.md has it: [`message`] is what is said,
//! the rest is who says it.

pub mod message;
mod schema;

pub use schema::schema;
