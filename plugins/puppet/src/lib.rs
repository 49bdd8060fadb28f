//! Puppet without a server: manifests, modules and Hiera data are put on the instance and applied
//! there, as kitchen-puppet has it. The peers of a cluster are facts.

mod apply;
mod install;
mod log;
mod prepare;
mod provisioner;
mod settings;
mod stage;

pub use provisioner::Puppet;
pub use settings::Config;
