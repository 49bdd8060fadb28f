//! The helper alone, for the crate's own tests.

use std::process::ExitCode;

fn main() -> ExitCode {
    banquet_sandbox::helper_main(std::env::args_os().skip(1)).unwrap_or(ExitCode::FAILURE)
}
