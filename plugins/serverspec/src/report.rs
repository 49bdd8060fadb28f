//! RSpec's JSON, read into cases.

use banquet_sdk::{CaseStatus, Error, Result, TestCase, cases};
use serde::Deserialize;

#[derive(Deserialize)]
struct Report {
    examples: Vec<Example>,
    /// What went wrong outside of examples.
    #[serde(default)]
    messages: Vec<String>,
}

#[derive(Deserialize)]
struct Example {
    #[serde(default)]
    id: String,
    #[serde(default)]
    full_description: String,
    status: Status,
    run_time: Option<f64>,
    pending_message: Option<String>,
    exception: Option<Exception>,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Status {
    Passed,
    Failed,
    Pending,
}

#[derive(Deserialize)]
struct Exception {
    class: Option<String>,
    message: Option<String>,
}

/// The cases of a report: one an example, and one that failed where files could not be loaded.
pub(crate) fn cases(text: &str) -> Result<Vec<TestCase>> {
    // What a program printed before belongs to nobody.
    let json = text.find('{').map_or(text, |start| &text[start..]);
    let report: Report = serde_json::from_str(json)
        .map_err(|error| Error::action(format!("read RSpec's report: {error}")))?;
    let mut cases: Vec<TestCase> = report.examples.into_iter().map(case).collect();
    let errors = report.messages.iter().map(|text| text.trim());
    let errors: Vec<&str> = errors
        .filter(|text| text.contains("error occurred") || text.contains("Error:"))
        .collect();
    if !errors.is_empty() {
        let case = TestCase::failed("outside of examples", errors.join("\n"));
        cases.push(case);
    }
    Ok(cases)
}

fn case(example: Example) -> TestCase {
    let description = example.full_description.trim();
    TestCase {
        name: match description.is_empty() {
            true => example.id,
            false => description.to_owned(),
        },
        status: match example.status {
            Status::Passed => CaseStatus::Passed,
            Status::Failed => CaseStatus::Failed,
            Status::Pending => CaseStatus::Skipped,
        },
        duration: example.run_time.and_then(cases::seconds),
        message: match example.status {
            Status::Passed => None,
            Status::Pending => example.pending_message,
            Status::Failed => Some(example.exception.map_or("failed".into(), words)),
        },
    }
}

/// Expectations speak for themselves; other errors need their class.
fn words(exception: Exception) -> String {
    let message = exception.message.unwrap_or_default();
    match exception.class {
        Some(class) if !class.ends_with("ExpectationNotMetError") => {
            format!("{class}: {}", message.trim())
        }
        _ => message.trim().to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use banquet_sdk::conformance::told;

    use super::*;

    #[test]
    fn examples_are_cases() {
        let text = r#"Picked up something
            {"version": "3.12.0", "examples": [
            {"id": "./a_spec.rb[1:1]", "full_description": "File \"/etc\" is expected to exist",
             "status": "passed", "run_time": 0.25, "pending_message": null},
            {"id": "./a_spec.rb[1:2]", "full_description": "b", "status": "failed", "run_time": 0.5,
             "exception": {"class": "RSpec::Expectations::ExpectationNotMetError",
                           "message": "\nexpected true\n", "backtrace": ["x"]}},
            {"id": "./a_spec.rb[1:3]", "full_description": " ", "status": "failed",
             "exception": {"class": "NoMethodError", "message": "undefined", "backtrace": null}},
            {"id": "./a_spec.rb[1:4]", "full_description": "d", "status": "pending",
             "pending_message": "Not yet implemented"}],
            "summary": {"duration": 0.3}, "summary_line": "4 examples"}"#;
        let cases = cases(text).unwrap();
        assert_eq!(
            told(&cases),
            [
                "+ File \"/etc\" is expected to exist",
                "- b",
                "- ./a_spec.rb[1:3]",
                "s d"
            ]
        );
        assert_eq!(cases[0].duration, Some(Duration::from_millis(250)));
        let messages: Vec<_> = cases.iter().map(|case| case.message.as_deref()).collect();
        assert_eq!(
            messages,
            [
                None,
                Some("expected true"),
                Some("NoMethodError: undefined"),
                Some("Not yet implemented")
            ]
        );
    }

    #[test]
    fn a_file_that_cannot_be_loaded_is_a_failed_case() {
        let text = r#"{"messages": ["\nAn error occurred while loading ./a_spec.rb.\nNameError:\n  x",
            "No examples found."], "examples": []}"#;
        let cases = cases(text).unwrap();
        assert_eq!(told(&cases), ["- outside of examples"]);
        assert!(
            cases[0]
                .message
                .as_deref()
                .unwrap()
                .ends_with("NameError:\n  x")
        );
        let none = super::cases(r#"{"messages": ["No examples found."], "examples": []}"#);
        assert_eq!(none.unwrap(), []);
    }

    #[test]
    fn what_is_no_report_is_an_error() {
        for text in ["", "{", "[]", r#"{"examples": [{"status": "odd"}]}"#] {
            let error = cases(text).unwrap_err();
            assert!(error.message.starts_with("read RSpec's report: "), "{text}");
        }
    }
}
