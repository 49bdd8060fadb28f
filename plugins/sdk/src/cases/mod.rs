//! What test tools report, read into cases. TAP and JUnit, which many tools write, are read here;
//! a form of one tool's own is read by its plugin.

mod junit;
mod tap;

use std::collections::HashMap;
use std::path::Path;
use std::time::Duration;

pub use junit::junit;
pub use tap::tap;

use crate::{CaseStatus, Error, ExitStatus, Result, TestCase};

/// A larger report is not read, in bytes.
const LARGEST: u64 = 64 << 20;

impl TestCase {
    /// A test that ended in this way, without more.
    pub fn new(name: impl Into<String>, status: CaseStatus) -> Self {
        Self {
            name: name.into(),
            status,
            duration: None,
            message: None,
        }
    }

    /// The one test that a verifier counts which tells no cases of its own, and which succeeded.
    pub fn whole(verifier: &str) -> Self {
        Self::new(verifier, CaseStatus::Passed)
    }

    /// A test that failed, and what the tool said.
    pub fn failed(name: impl Into<String>, message: impl Into<String>) -> Self {
        let mut case = Self::new(name, CaseStatus::Failed);
        case.message = Some(message.into());
        case
    }
}

/// The cases with every name once: a further case of the same name gets a number.
pub fn distinct(mut cases: Vec<TestCase>) -> Vec<TestCase> {
    let mut seen: HashMap<String, usize> = HashMap::new();
    for case in &mut cases {
        let count = seen.entry(case.name.clone()).or_default();
        *count += 1;
        if *count > 1 {
            let mut name = format!("{} ({count})", case.name);
            while seen.contains_key(&name) {
                name.push('\'');
            }
            seen.insert(name.clone(), 1);
            case.name = name;
        }
    }
    cases
}

/// The cases of a tool that has ended with `status`: one more has failed where the tool says that
/// something did and no case tells of it.
pub fn with_exit(mut cases: Vec<TestCase>, tool: &str, status: ExitStatus) -> Vec<TestCase> {
    let told = cases.iter().any(|case| case.status == CaseStatus::Failed);
    if !status.success() && !told {
        let message = format!("exit code {}, and no test that failed", status.0);
        cases.push(TestCase::failed(tool, message));
    }
    distinct(cases)
}

/// Keeps a line of what a tool prints, up to one more than [`kept`] takes.
pub fn keep(text: &mut String, line: &str) {
    if text.len() as u64 <= LARGEST {
        text.push_str(line);
        text.push('\n');
    }
}

/// What was kept. Fails where it is more than 64 MiB.
pub fn kept(text: String) -> Result<String> {
    match text.len() as u64 > LARGEST {
        true => Err(Error::action("read what the tests printed: it is too long")),
        false => Ok(text),
    }
}

/// Removes the report of an earlier run, which tells nothing of this one; there need be none.
pub fn forget(path: &Path) -> Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            let message = format!("remove the old report {}: {error}", path.display());
            Err(Error::machine(message))
        }
        _ => Ok(()),
    }
}

/// The text of a report file. Bytes that are not UTF-8 are replaced. Fails where it is missing,
/// unreadable or larger than 64 MiB.
pub fn read(path: &Path) -> Result<String> {
    let failed = |error: &dyn std::fmt::Display| {
        Error::action(format!("read the report {}: {error}", path.display()))
    };
    let bytes = crate::outside::file::read(path, LARGEST).map_err(|error| failed(&error))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// A time in seconds as reports have it; none where it is no time.
pub fn seconds(value: f64) -> Option<Duration> {
    Duration::try_from_secs_f64(value).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repeated_name_gets_a_number() {
        let cases =
            ["a", "b", "a", "a (2)", "a"].map(|name| TestCase::new(name, CaseStatus::Passed));
        let names: Vec<String> = distinct(cases.into())
            .into_iter()
            .map(|case| case.name)
            .collect();
        assert_eq!(names, ["a", "b", "a (2)", "a (2) (2)", "a (3)"]);
    }

    #[test]
    fn an_exit_code_that_no_case_explains_is_a_failure() {
        let passed = || vec![TestCase::new("a", CaseStatus::Passed)];
        assert_eq!(with_exit(passed(), "bats", ExitStatus(0)), passed());
        let cases = with_exit(passed(), "bats", ExitStatus(2));
        assert_eq!(
            cases[1],
            TestCase::failed("bats", "exit code 2, and no test that failed")
        );
        let failed = vec![TestCase::failed("a", "x")];
        assert_eq!(with_exit(failed.clone(), "bats", ExitStatus(1)), failed);
    }

    #[test]
    fn a_report_that_is_missing_is_named() {
        let error = read(Path::new("/no/such/report.xml")).unwrap_err();
        assert!(
            error
                .message
                .starts_with("read the report /no/such/report.xml: ")
        );
    }
}
