//! Driver for Vagrant through its command line: one Vagrant environment a cluster, so that all of
//! its members come up with one `vagrant up`; one each for other instances.
//!
//! `settings` reads the section. `environment` and `record` are what lies on disk: the directory
//! with the Vagrantfile, its lock, and what is known of each machine; `network` chooses addresses.
//! `ruby`, `customize` and `vagrantfile` write the Vagrantfile. `command` and `told` run `vagrant`
//! and read what it prints, `errors` alone knows what its errors mean, `docker` is what only the
//! provider docker needs. `up` brings machines up, `down` removes them, `driver` is the front door.

mod command;
mod customize;
mod docker;
mod doctor;
mod down;
mod driver;
mod environment;
mod errors;
mod labels;
mod machine;
mod network;
mod orphans;
mod record;
mod ruby;
mod settings;
mod ssh_config;
mod told;
mod up;
mod vagrantfile;

pub use driver::Vagrant;
pub use settings::Settings;
