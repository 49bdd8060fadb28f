//! Attacks by name: each did harm once, and is tried here as it was found.

#[path = "../support/mod.rs"]
mod support;

#[cfg(target_os = "linux")]
mod login;
mod masks;
#[cfg(unix)]
mod private;
#[cfg(target_os = "linux")]
mod sandbox_boot;
#[cfg(target_os = "linux")]
mod sandbox_isolation;
mod unsafe_code;
