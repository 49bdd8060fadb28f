//! InSpec's JSON, read into cases.

use banquet_sdk::{CaseStatus, Error, Result, TestCase, cases};
use serde::Deserialize;

#[derive(Deserialize)]
struct Report {
    profiles: Vec<Profile>,
}

#[derive(Deserialize)]
struct Profile {
    #[serde(default)]
    name: String,
    #[serde(default)]
    controls: Vec<Control>,
    status: Option<String>,
    status_message: Option<String>,
}

#[derive(Deserialize)]
struct Control {
    #[serde(default)]
    id: String,
    #[serde(default)]
    results: Vec<Outcome>,
}

#[derive(Deserialize)]
struct Outcome {
    status: String,
    #[serde(default)]
    code_desc: String,
    run_time: Option<f64>,
    message: Option<String>,
    skip_message: Option<String>,
}

/// The cases of a report: one a result of a control, named after both; a profile that could not be
/// loaded or does not fit the machine is one, too.
pub(crate) fn cases(text: &str) -> Result<Vec<TestCase>> {
    let report: Report = serde_json::from_str(text.trim())
        .map_err(|error| Error::action(format!("read InSpec's report: {error}")))?;
    let mut all = Vec::new();
    for profile in report.profiles {
        if let Some(status) = profile
            .status
            .as_deref()
            .filter(|status| *status != "loaded")
        {
            all.push(TestCase {
                name: format!("profile {}", profile.name),
                status: status_of(status),
                duration: None,
                message: profile.status_message,
            });
        }
        for control in profile.controls {
            let id = control.id;
            all.extend(
                control
                    .results
                    .into_iter()
                    .map(|outcome| case(&id, outcome)),
            );
        }
    }
    Ok(cases::distinct(all))
}

fn status_of(status: &str) -> CaseStatus {
    match status {
        "passed" | "loaded" => CaseStatus::Passed,
        "skipped" => CaseStatus::Skipped,
        _ => CaseStatus::Failed,
    }
}

fn case(control: &str, outcome: Outcome) -> TestCase {
    let described = outcome.code_desc.trim();
    // Tests outside of controls are given an id by the place where they stand.
    let made_up = control.is_empty() || control.starts_with("(generated from ");
    let name = match (made_up, described) {
        (true, "") => "test".to_owned(),
        (true, described) => described.to_owned(),
        (false, "") => control.to_owned(),
        (false, described) => format!("{control}: {described}"),
    };
    let status = status_of(&outcome.status);
    let said = outcome.message.or(outcome.skip_message);
    let said = said
        .map(|text| text.trim().to_owned())
        .filter(|text| !text.is_empty());
    TestCase {
        name,
        status,
        duration: outcome.run_time.and_then(cases::seconds),
        message: match status {
            CaseStatus::Passed => None,
            CaseStatus::Skipped => said,
            CaseStatus::Failed => Some(said.unwrap_or(outcome.status)),
        },
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use banquet_sdk::conformance::told;

    use super::*;

    #[test]
    fn results_of_controls_are_cases() {
        let text = r#"{"platform": {"name": "debian", "release": "12"}, "profiles": [
            {"name": "base", "status": "loaded", "controls": [
              {"id": "sshd-1", "title": "Server", "impact": 0.5, "results": [
                {"status": "passed", "code_desc": "Port 22 is expected to be listening", "run_time": 0.25,
                 "start_time": "2026-01-01T00:00:00+00:00", "resource_class": "port"},
                {"status": "failed", "code_desc": "File /x is expected to exist", "run_time": 0.1,
                 "message": "\nexpected File /x to exist\n"}]},
              {"id": "(generated from web_spec.rb:3 0a1b)", "results": [
                {"status": "skipped", "code_desc": "Operating System Detection", "skip_message": "Not here"},
                {"status": "error", "code_desc": "b"}]},
              {"id": "nothing", "results": []}]},
            {"name": "windows", "status": "skipped", "status_message": "unsupported platform", "controls": []},
            {"name": "broken", "status": "failed", "status_message": "no such profile"}],
            "statistics": {"duration": 0.5}, "version": "5.22"}"#;
        let cases = cases(text).unwrap();
        assert_eq!(
            told(&cases),
            [
                "+ sshd-1: Port 22 is expected to be listening",
                "- sshd-1: File /x is expected to exist",
                "s Operating System Detection",
                "- b",
                "s profile windows",
                "- profile broken",
            ]
        );
        assert_eq!(cases[0].duration, Some(Duration::from_millis(250)));
        let messages: Vec<_> = cases.iter().map(|case| case.message.as_deref()).collect();
        assert_eq!(
            messages,
            [
                None,
                Some("expected File /x to exist"),
                Some("Not here"),
                Some("error"),
                Some("unsupported platform"),
                Some("no such profile"),
            ]
        );
    }

    #[test]
    fn what_is_no_report_is_an_error() {
        for text in ["", "{", "{}", "oops"] {
            let error = cases(text).unwrap_err();
            assert!(
                error.message.starts_with("read InSpec's report: "),
                "{text}"
            );
        }
    }
}
