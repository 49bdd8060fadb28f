//! Sandboxes from the outside, as root and as an ordinary user: each promise is one test.
#![cfg(target_os = "linux")]

mod cluster;
mod commands;
mod contract;
mod crash;
mod instance;
mod links;
#[path = "../support/mod.rs"]
mod support;
mod user;
