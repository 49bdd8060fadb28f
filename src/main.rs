//! The `kitchen` command: arguments in, exit code out.

use std::process::ExitCode;

fn main() -> ExitCode {
    // The sandbox executes this same program anew inside the namespaces of an instance.
    #[cfg(feature = "sandbox")]
    if let Some(code) = banquet_sandbox::helper_main(std::env::args_os().skip(1)) {
        return code;
    }
    kitchen::cli::main(std::env::args_os())
}
