//! How long a plugin in another process may take.

use std::time::Duration;

/// Seconds for the handshake and for questions.
pub const TIMEOUT: (&str, u64) = ("KITCHEN_PLUGIN_TIMEOUT", 10);
/// Seconds for the end of a cancelled call, and for the end of the process.
pub const GRACE: (&str, u64) = ("KITCHEN_PLUGIN_GRACE", 5);

/// How long something may take: seconds in the environment, else the default.
pub fn limit((variable, default): (&str, u64)) -> Duration {
    let seconds = std::env::var(variable).ok();
    let seconds = seconds.and_then(|text| text.trim().parse::<f64>().ok());
    seconds
        .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
        .unwrap_or(Duration::from_secs(default))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_number_in_the_environment_the_default_counts() {
        let seconds = limit(("KITCHEN_PLUGIN_NO_SUCH_LIMIT", 7));
        assert_eq!(seconds, Duration::from_secs(7));
    }
}
