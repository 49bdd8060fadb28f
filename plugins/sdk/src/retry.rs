//! Converges that are done again: exit codes that ask for it, and machines that reboot meanwhile.

use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::Error;
use crate::lenient::{List, Seconds};

/// Keys of every provisioner (provisioner/base.rb of Test Kitchen). The kitchen reads and obeys
/// them: it waits, connects anew as soon as the machine is back, and calls the provisioner again.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Retry {
    /// Exit codes after which it is done again. Where any is given, so it is after a lost
    /// connection: a machine that reboots often cuts it before it can tell the exit code.
    pub retry_on_exit_code: List<i32>,
    /// How often it is done again at most.
    pub max_retries: u32,
    /// Seconds before it is done again.
    pub wait_for_retry: Seconds,
}

impl Default for Retry {
    fn default() -> Self {
        Self {
            retry_on_exit_code: List::default(),
            max_retries: 1,
            wait_for_retry: Seconds(Duration::from_secs(30)),
        }
    }
}

impl Retry {
    /// Whether `error` asks for another attempt.
    pub fn is_asked_by(&self, error: &Error) -> bool {
        let codes = &self.retry_on_exit_code.0;
        match error.exit_code {
            Some(code) => codes.contains(&code),
            None => error.lost && !codes.is_empty(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exit_codes_and_lost_connections_ask_where_any_code_is_given() {
        let mut code = Error::action("converge: exit code 35");
        code.exit_code = Some(35);
        let lost = Error::lost("lost the connection");
        let other = Error::machine("no tar");
        let asked = |codes: &[i32]| {
            let retry = Retry {
                retry_on_exit_code: List(codes.to_vec()),
                ..Retry::default()
            };
            [&code, &lost, &other].map(|error| retry.is_asked_by(error))
        };
        assert_eq!(asked(&[]), [false, false, false]);
        assert_eq!(asked(&[35]), [true, true, false]);
        assert_eq!(asked(&[213]), [false, true, false]);
    }
}
