//! Instances from Linux namespaces: no engine, no image, no root needed.
//!
//! `host` is the kitchen's side: the driver, the transport, and how they start helpers. `helper` is
//! the other side: this same program, executed anew as `<kitchen> __sandbox <verb> …`, because
//! namespaces can only be entered by a process with one thread. `wire` is what the two say to each
//! other, `labels` how a process is found again when the state is lost,
//! `archive` how files travel, `raw` the system calls that need `unsafe`.

#[cfg(target_os = "linux")]
mod archive;
mod config;
#[cfg(not(target_os = "linux"))]
mod elsewhere;
#[cfg(target_os = "linux")]
mod helper;
#[cfg(target_os = "linux")]
mod host;
mod internet;
#[cfg(target_os = "linux")]
mod labels;
#[cfg(target_os = "linux")]
mod raw;
#[cfg(target_os = "linux")]
mod wire;

pub use config::{Config, TransportConfig};
#[cfg(not(target_os = "linux"))]
pub use elsewhere::{SandboxDriver, SandboxTransport, helper_main};
#[cfg(target_os = "linux")]
pub use helper::helper_main;
#[cfg(target_os = "linux")]
pub use host::{SandboxDriver, SandboxTransport};
pub use internet::{Destination, Internet};

/// First argument of a process that is a helper and not a kitchen.
pub const HELPER: &str = "__sandbox";

/// One line for people.
const SUMMARY: &str = "Linux namespaces: no engine, no image, no root needed";
