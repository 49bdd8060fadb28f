//! The driver `ec2`: instances are machines of Amazon EC2, made, switched and removed through its API.
//!
//! What it makes bears tags (`tags`), is asked for under a token that the state has before the call
//! (`create`), and can be listed again by those tags alone (`orphans`).

mod client;
mod create;
mod driver;
mod errors;
mod group;
mod images;
mod key;
mod launch;
mod machine;
mod network;
mod orphans;
mod platform;
mod power;
mod request;
mod settings;
mod tags;
mod values;

pub use driver::Ec2;
