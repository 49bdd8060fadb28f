//! The plugin through its public interface. One binary, as in every crate of this workspace.

mod conformance;
mod containers;
mod images;
mod slow_engine;
mod support;
