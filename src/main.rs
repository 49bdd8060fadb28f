//! The `kitchen` command: arguments in, exit code out.

use std::process::ExitCode;

fn main() -> ExitCode {
    // The sandbox executes this same program anew inside the namespaces of an instance.
    #[cfg(feature = "sandbox")]
    if let Some(code) = banquet_sandbox::helper_main(std::env::args_os().skip(1)) {
        return code;
    }
    // A heartbeat asks from a process of its own.
    if let Some(code) = kitchen::run::asker_main(std::env::args_os().skip(1)) {
        return code;
    }
    // The shell of a login makes a session of its own.
    #[cfg(unix)]
    if let Some(code) = kitchen::cli::session_main(std::env::args_os().skip(1)) {
        return code;
    }
    kitchen::cli::main(std::env::args_os())
}
