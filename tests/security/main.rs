//! Attacks by name: each did harm once, and is tried here as it was found.

#[path = "../support/mod.rs"]
mod support;

mod masks;
#[cfg(unix)]
mod private;
