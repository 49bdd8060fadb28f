//! Driver `proxy`: hosts that exist already (driver/proxy.rb of Test Kitchen). One host for every
//! instance, or a pool from which each instance gets a host of its own. No host is ever destroyed.

mod driver;
mod lease;
mod power;
mod settings;

pub use driver::Proxy;
pub use settings::{Commands, Host, Settings};
