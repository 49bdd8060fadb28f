//! JUnit's XML, in the forms that test tools write.

use roxmltree::{Document, Node};

use super::{distinct, seconds};
use crate::{CaseStatus, Error, Result, TestCase};

/// The cases of a JUnit report: every `testcase`, named by its class and name. Fails where the text
/// is no XML or has neither `testsuites` nor `testsuite` at its top.
pub fn junit(text: &str) -> Result<Vec<TestCase>> {
    let failed = |why: String| Error::action(format!("read the JUnit report: {why}"));
    let document = Document::parse(text.trim_start_matches('\u{feff}'))
        .map_err(|error| failed(error.to_string()))?;
    let top = document.root_element();
    if !["testsuites", "testsuite"].contains(&top.tag_name().name()) {
        let name = top.tag_name().name();
        return Err(failed(format!("<{name}> is no <testsuites>")));
    }
    let cases = top.descendants().filter(|node| is(node, "testcase"));
    Ok(distinct(cases.map(case).collect()))
}

fn is(node: &Node<'_, '_>, name: &str) -> bool {
    node.is_element() && node.tag_name().name() == name
}

fn case(node: Node<'_, '_>) -> TestCase {
    let attribute = |name| node.attribute(name).unwrap_or_default().trim();
    let (class, name) = (attribute("classname"), attribute("name"));
    let name = match (class, name) {
        ("", "") => "test".to_owned(),
        ("", one) | (one, "") => one.to_owned(),
        (class, name) => format!("{class}: {name}"),
    };
    let (status, message) = ending(node);
    TestCase {
        name,
        status,
        // Some tools write thousands with commas.
        duration: attribute("time")
            .replace(',', "")
            .parse()
            .ok()
            .and_then(seconds),
        message,
    }
}

/// The worst that its children tell: an error or a failure before a skip.
fn ending(node: Node<'_, '_>) -> (CaseStatus, Option<String>) {
    let child = |name: &str| node.children().find(|child| is(child, name));
    if let Some(failure) = child("failure").or_else(|| child("error")) {
        let words = words(failure).unwrap_or_else(|| "failed".into());
        return (CaseStatus::Failed, Some(words));
    }
    match child("skipped") {
        Some(skipped) => {
            let message = skipped.attribute("message").map(str::to_owned);
            (CaseStatus::Skipped, message.or_else(|| words(skipped)))
        }
        None => (CaseStatus::Passed, None),
    }
}

/// The message, which is what a person reads first, and the text, unless one begins with the other.
fn words(node: Node<'_, '_>) -> Option<String> {
    let message = node.attribute("message").unwrap_or_default().trim();
    let pieces = node.descendants().filter(Node::is_text);
    let text: String = pieces.filter_map(|piece| piece.text()).collect();
    let text = text.trim();
    let words = match (message, text) {
        ("", only) | (only, "") => only.to_owned(),
        (message, text) if text.starts_with(message) => text.to_owned(),
        (message, text) if message.starts_with(text) => message.to_owned(),
        (message, text) => format!("{message}\n{text}"),
    };
    (!words.is_empty()).then_some(words)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn what_pytest_writes() {
        let text = r#"<?xml version="1.0" encoding="utf-8"?><testsuites name="pytest tests">
            <testsuite name="pytest" errors="0" failures="1" skipped="1" tests="3">
            <testcase classname="test_a" name="test_ok[local]" time="0.036" />
            <testcase classname="test_a" name="test_no[local]" time="0.002">
              <failure message="AssertionError: assert False&#10; + where">&gt; assert x
E   AssertionError</failure></testcase>
            <testcase classname="test_a" name="test_skip" time="0.000">
              <skipped type="pytest.skip" message="later">test_a.py:4: later</skipped></testcase>
            </testsuite></testsuites>"#;
        let cases = junit(text).unwrap();
        let names: Vec<&str> = cases.iter().map(|case| case.name.as_str()).collect();
        assert_eq!(
            names,
            [
                "test_a: test_ok[local]",
                "test_a: test_no[local]",
                "test_a: test_skip"
            ]
        );
        assert_eq!(cases[0].status, CaseStatus::Passed);
        assert_eq!(cases[0].duration, Some(Duration::from_millis(36)));
        assert_eq!(cases[1].status, CaseStatus::Failed);
        assert_eq!(
            cases[1].message.as_deref(),
            Some("AssertionError: assert False\n + where\n> assert x\nE   AssertionError")
        );
        assert_eq!(cases[2].status, CaseStatus::Skipped);
        assert_eq!(cases[2].message.as_deref(), Some("later"));
    }

    #[test]
    fn a_suite_alone_with_suites_inside() {
        let text = "\u{feff}<testsuite><testcase name='a' time='1,234.5'/><testsuite><testcase \
                    classname='c'><error/></testcase><testcase/><testcase/></testsuite></testsuite>";
        let cases = junit(text).unwrap();
        let told: Vec<_> = cases
            .iter()
            .map(|case| (case.name.as_str(), case.status))
            .collect();
        assert_eq!(
            told,
            [
                ("a", CaseStatus::Passed),
                ("c", CaseStatus::Failed),
                ("test", CaseStatus::Passed),
                ("test (2)", CaseStatus::Passed),
            ]
        );
        assert_eq!(cases[0].duration, Some(Duration::from_millis(1_234_500)));
        assert_eq!(cases[1].message.as_deref(), Some("failed"));
    }

    #[test]
    fn cdata_and_entities_are_text() {
        let text = "<testsuites><testcase name='&lt;b&gt;'><failure><![CDATA[a < b]]> &amp; c</failure>\
                    </testcase></testsuites>";
        let cases = junit(text).unwrap();
        assert_eq!(cases[0].name, "<b>");
        assert_eq!(cases[0].message.as_deref(), Some("a < b & c"));
    }

    #[test]
    fn a_report_without_tests_has_no_cases() {
        assert_eq!(junit("<testsuites/>").unwrap(), []);
    }

    #[test]
    fn what_is_no_report_is_an_error() {
        for text in [
            "",
            "ok 1",
            "<html></html>",
            "<testsuites>",
            "<testsuite><testcase></testsuite>",
        ] {
            let error = junit(text).unwrap_err();
            assert!(
                error.message.starts_with("read the JUnit report: "),
                "{text}"
            );
        }
    }
}
