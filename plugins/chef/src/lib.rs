//! Provisioners for Chef and Cinc, under all the names that kitchen files use for them.
//!
//! [`flavour`] tells the names apart, [`sandbox`] puts together on the workstation what the client
//! reads ([`cookbooks`] of every kind, `client.rb`, data), [`install`] brings the client,
//! [`provisioner`] runs it and reads what it changed, [`nodes`] tells the members of a cluster of each
//! other.

mod changes;
mod code;
mod config_rb;
mod cookbooks;
mod flavour;
mod install;
mod nodes;
mod patterns;
mod provisioner;
mod sandbox;
mod settings;
mod tools;

pub use provisioner::Chef;
pub use settings::{Settings, Strategy};
