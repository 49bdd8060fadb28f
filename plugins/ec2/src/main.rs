//! The driver as an executable that the kitchen finds on the PATH.

use std::process::ExitCode;

fn main() -> ExitCode {
    banquet_sdk::serve::driver(banquet_ec2::Ec2::default(), env!("CARGO_PKG_VERSION"))
}
