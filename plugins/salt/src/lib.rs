//! Salt without a master: states and pillars are put on the instance and applied there, as
//! kitchen-salt has it. The peers of a cluster are grains.

mod dependencies;
mod highstate;
mod install;
mod minion;
mod provisioner;
mod settings;
mod solo;
mod states;

pub use provisioner::Salt;
pub use settings::{Config, Dependency, Directory, RemoteStates, Repository};
