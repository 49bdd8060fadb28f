//! Exit codes.

use crate::run::Cause;

/// How the command ended, as CI reads it. Test Kitchen exits with 10 or 20 for every failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// All went well.
    Success = 0,
    /// `doctor` found a problem.
    Problem = 1,
    /// The command line is wrong, or names what is not there.
    Usage = 2,
    /// The configuration is wrong.
    Config = 3,
    /// A verifier said no, or an `exec`, `run` or `wait` step did not get what it asked for.
    Verify = 10,
    /// A provisioner failed.
    Converge = 11,
    /// A machine, an engine or a network failed, or another process holds the instance.
    Infrastructure = 20,
    /// A time limit passed.
    Timeout = 21,
    /// A fault of the program itself.
    Internal = 70,
    /// Interrupted by ctrl-C or SIGTERM.
    Interrupted = 130,
}

impl From<Cause> for Exit {
    fn from(cause: Cause) -> Self {
        match cause {
            Cause::Verify => Exit::Verify,
            Cause::Converge => Exit::Converge,
            Cause::Infrastructure => Exit::Infrastructure,
            Cause::Timeout => Exit::Timeout,
            Cause::Config => Exit::Config,
            Cause::Interrupted => Exit::Interrupted,
            Cause::Internal => Exit::Internal,
        }
    }
}

impl From<Exit> for std::process::ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}
