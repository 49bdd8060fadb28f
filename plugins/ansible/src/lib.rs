//! Ansible playbooks: on the instance itself, as kitchen-ansible has it, or from the workstation, as
//! kitchen-ansiblepush has it. Both know the cluster: every member is in the inventory.

mod guest;
mod install;
mod inventory;
mod play;
mod provisioner;
mod recap;
mod settings;
mod workstation;

pub use provisioner::Ansible;
pub use settings::{Config, Place, Variables, Verbosity};
