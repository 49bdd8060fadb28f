//! Provisioner and verifier `shell` as a plugin in a process of its own, as docs/plugin-protocol.md
//! has it: link it as `kitchen-provisioner-NAME` or `kitchen-verifier-NAME`.

use std::process::ExitCode;

fn main() -> ExitCode {
    banquet_sdk::serve::Plugins::new(env!("CARGO_PKG_VERSION"))
        .provisioner(banquet_shell::provisioner::Shell)
        .verifier(banquet_shell::verifier::Shell)
        .main()
}
