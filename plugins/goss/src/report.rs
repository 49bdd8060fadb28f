//! Goss's JSON, read into cases.

use std::time::Duration;

use banquet_sdk::{CaseStatus, Error, Result, TestCase};
use serde::Deserialize;

#[derive(Deserialize)]
struct Report {
    /// Null where there are none.
    results: Option<Vec<Outcome>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Outcome {
    resource_type: String,
    resource_id: String,
    property: String,
    /// 0: held, 1: did not, 2: was skipped.
    result: u8,
    #[serde(default)]
    duration: u64,
    #[serde(default)]
    summary_line: String,
}

/// The cases of a report: one a property of a resource.
pub(crate) fn cases(text: &str) -> Result<Vec<TestCase>> {
    // A warning may stand before it.
    let json = text.find('{').map_or(text, |start| &text[start..]);
    let report: Report = serde_json::from_str(json)
        .map_err(|error| Error::action(format!("read Goss's report: {error}")))?;
    let outcomes = report.results.into_iter().flatten();
    Ok(outcomes.map(case).collect())
}

fn case(outcome: Outcome) -> TestCase {
    let name = format!(
        "{}: {}: {}",
        outcome.resource_type, outcome.resource_id, outcome.property
    );
    let said = outcome.summary_line.trim();
    // The summary begins with the name.
    let said = said.strip_prefix(&name).unwrap_or(said);
    let said = said.trim_start_matches([':', ' ', '\n']);
    let (status, message) = match outcome.result {
        0 => (CaseStatus::Passed, None),
        2 => (CaseStatus::Skipped, None),
        _ if said.is_empty() => (CaseStatus::Failed, Some("failed".to_owned())),
        _ => (CaseStatus::Failed, Some(said.to_owned())),
    };
    TestCase {
        name,
        status,
        duration: Some(Duration::from_nanos(outcome.duration)),
        message,
    }
}

#[cfg(test)]
mod tests {
    use banquet_sdk::conformance::told;

    use super::*;

    #[test]
    fn properties_are_cases() {
        let text = r#"2026/01/01 [WARN] deprecated
            {"results": [
            {"duration": 12000, "err": null, "expected": ["true"], "found": ["true"], "meta": null,
             "property": "exists", "resource-id": "/etc/passwd", "resource-type": "File", "result": 0,
             "successful": true, "summary-line": "File: /etc/passwd: exists: matches expectation: [true]",
             "test-type": 0, "title": ""},
            {"duration": 1000000, "property": "listening", "resource-id": "tcp:80", "resource-type": "Port",
             "result": 1, "successful": false,
             "summary-line": "Port: tcp:80: listening:\nExpected\n    false\nto equal\n    true"},
            {"duration": 0, "property": "ip", "resource-id": "tcp:80", "resource-type": "Port",
             "result": 2, "successful": true, "skipped": true, "summary-line": "Port: tcp:80: ip: skipped"}],
            "summary": {"failed-count": 1, "summary-line": "Count: 3", "test-count": 3, "total-duration": 5}}"#;
        let cases = cases(text).unwrap();
        assert_eq!(
            told(&cases),
            [
                "+ File: /etc/passwd: exists",
                "- Port: tcp:80: listening",
                "s Port: tcp:80: ip"
            ]
        );
        assert_eq!(cases[0].duration, Some(Duration::from_micros(12)));
        assert_eq!(
            cases[1].message.as_deref(),
            Some("Expected\n    false\nto equal\n    true")
        );
    }

    #[test]
    fn nothing_to_test_is_no_case() {
        let text = r#"{"results": null, "summary": {"test-count": 0}}"#;
        assert_eq!(cases(text).unwrap(), []);
    }

    #[test]
    fn what_is_no_report_is_an_error() {
        for text in ["", "Error: yaml: line 3", "{}x", r#"{"results": [{}]}"#] {
            let error = cases(text).unwrap_err();
            assert!(error.message.starts_with("read Goss's report: "), "{text}");
        }
    }
}
