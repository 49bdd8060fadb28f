//! Why a connection could not be made, and whether trying again may help.

use banquet_sdk::Error;

/// Whether the same attempt may succeed later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Hope {
    /// Never: the configuration or a host key is wrong.
    Never,
    /// The machine may still be booting.
    Booting,
    /// The server refuses the user; a fresh machine may still be setting up its keys.
    Refused,
}

/// A failed attempt.
#[derive(Debug)]
pub(crate) struct Failure {
    pub hope: Hope,
    pub error: Error,
}

impl Failure {
    pub fn never(error: Error) -> Self {
        Self {
            hope: Hope::Never,
            error,
        }
    }

    pub fn again(error: Error) -> Self {
        Self {
            hope: Hope::Booting,
            error,
        }
    }

    pub fn refused(error: Error) -> Self {
        Self {
            hope: Hope::Refused,
            error,
        }
    }
}
