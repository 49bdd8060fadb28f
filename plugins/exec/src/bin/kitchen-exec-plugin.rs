//! Driver and transport `exec` as a plugin in a process of its own, as docs/plugin-protocol.md has
//! it: link it as `kitchen-driver-NAME` or `kitchen-transport-NAME`.

use std::process::ExitCode;

fn main() -> ExitCode {
    banquet_sdk::serve::Plugins::new(env!("CARGO_PKG_VERSION"))
        .driver(banquet_exec::driver::Exec)
        .transport(banquet_exec::transport::Exec)
        .main()
}
