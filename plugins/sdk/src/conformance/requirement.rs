//! What a test needs of the machine it runs on.

use std::fmt::Display;
use std::io::Write;

/// Names of requirements whose lack is a failure, with commas between them, or `all`.
const VARIABLE: &str = "BANQUET_REQUIRE";

/// Whether the test may go on: it needs `need` (`docker`, `root`), and `found` says whether that
/// is here or why not. Where it is not, prints `skipped: TEST: needs NEED: REASON` past the
/// capture of the test harness, for counting; the test then returns. Panics instead where the
/// environment variable `BANQUET_REQUIRE` names `need` or is `all`.
///
/// ```
/// # fn docker() -> Result<(), String> { Err("no engine".into()) }
/// # fn a_test() {
/// if !banquet_sdk::conformance::requires("docker", docker()) {
///     return;
/// }
/// # }
/// ```
pub fn requires<E: Display>(need: &str, found: Result<(), E>) -> bool {
    let required = std::env::var(VARIABLE).unwrap_or_default();
    match found {
        Ok(()) => true,
        Err(reason) if is_named(need, &required) => {
            panic!("{VARIABLE} names {need}, which is missing: {reason}")
        }
        Err(reason) => {
            let thread = std::thread::current();
            let test = thread.name().unwrap_or("a test");
            // Where standard error is closed nobody can be told.
            let _ = writeln!(std::io::stderr(), "skipped: {test}: needs {need}: {reason}");
            false
        }
    }
}

fn is_named(need: &str, required: &str) -> bool {
    required
        .split(',')
        .map(str::trim)
        .any(|name| name == "all" || name == need)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_names_requirements() {
        assert!(is_named("docker", "root, docker"));
        assert!(is_named("docker", "all"));
        assert!(!is_named("docker", "root"));
        assert!(!is_named("docker", ""));
    }

    #[test]
    fn what_is_found_goes_on() {
        assert!(requires("nothing", Ok::<(), String>(())));
    }
}
