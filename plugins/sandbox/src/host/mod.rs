//! The kitchen's side: `driver` and `transport` are the plugin, `client` starts helpers and talks
//! to them, `group` is what the members of a cluster share, `image` unpacks root directories, `hosts` and `names` tell instances the
//! names of others,
//! `faults` explains what the kernel forbids, `processes` ends, stops and finds processes.

mod client;
mod driver;
mod faults;
mod group;
mod hosts;
mod image;
mod names;
mod processes;
mod transport;

pub use driver::SandboxDriver;
pub use transport::SandboxTransport;

/// Keys of the state.
mod keys {
    /// Random name, noted before anything is made.
    pub const ID: &str = "sandbox_id";
    /// The instance's init: process id, start time, whether it has users of its own.
    pub const INIT: &str = "sandbox_init";
    /// The group's keeper, as the init.
    pub const KEEPER: &str = "sandbox_keeper";
    /// The cluster that it was made in, if any.
    pub const CLUSTER: &str = "sandbox_cluster";
    /// Name of the keeper.
    pub const KEEPER_ID: &str = "sandbox_keeper_id";
}
