//! JUnit: one suite a cluster or instance, one case as [`Case`] has it. The form is that of Maven
//! Surefire, which Jenkins, GitLab and GitHub's actions read; what passed only when it was tried
//! again has `flakyFailure` in it. Written by `quick-junit`.

use std::io;

use quick_junit::{
    NonSuccessKind, Property, Report, TestCase, TestCaseStatus, TestRerun, TestSuite,
};

use super::outputs::Outputs;
use super::text::safe;
use super::verdict::{Case, Ended, Part, Subject, Test, Verdict};
use crate::run::{Cause, Failure};

/// Bytes of output that are attached to what passed.
const PASSED: usize = 4 << 10;
/// Bytes of output that are attached to all else.
const FAILED: usize = 32 << 10;

/// The report as XML.
pub fn junit(verdict: &Verdict, outputs: &Outputs) -> io::Result<String> {
    let mut report = Report::new("kitchen");
    report.set_time(super::verdict::duration(verdict.seconds));
    for (index, subject) in verdict.subjects.iter().enumerate() {
        report.add_test_suite(suite(verdict, subject, index, outputs));
    }
    let text = report.to_string().map_err(io::Error::other)?;
    Ok(as_jenkins_takes_it(&text, &report))
}

/// Jenkins' schema (tests/schemas/junit-10.xsd) has no attribute `skipped` of `testsuites`, which
/// `quick-junit` writes: each suite has its own.
fn as_jenkins_takes_it(text: &str, report: &Report) -> String {
    let refused = format!(" skipped=\"{}\"", report.skipped);
    text.replacen(&refused, "", 1)
}

fn suite(verdict: &Verdict, subject: &Subject, index: usize, outputs: &Outputs) -> TestSuite {
    let mut suite = TestSuite::new(clean(&subject.name));
    suite.set_time(super::verdict::duration(subject.seconds));
    let started = subject.started.strftime("%Y-%m-%dT%H:%M:%S").to_string();
    suite.extra.insert("timestamp".into(), started.into());
    let members = subject.members.join(" ");
    for (name, value) in [
        ("run", verdict.run.as_str()),
        ("command", &subject.command),
        ("members", &members),
    ] {
        suite.add_property(Property::new(name, clean(value)));
    }
    let cases = subject.cases.iter().map(|case| {
        let mut written = test_case(subject, case);
        let output = output(subject, case, index, outputs);
        if !output.is_empty() {
            written.set_system_out(output);
        }
        written
    });
    suite.add_test_cases(cases.collect::<Vec<_>>());
    suite
}

/// What was printed in the parts of a case; a test has the output of its step's case.
fn output(subject: &Subject, case: &Case, index: usize, outputs: &Outputs) -> String {
    if case.test.is_some() {
        return String::new();
    }
    let passed = matches!(case.result, Ended::Passed | Ended::Partly | Ended::Skipped);
    let bytes = if passed { PASSED } else { FAILED } / case.parts.len().max(1);
    let mut text = String::new();
    for part in case.parts.iter().filter_map(|number| subject.part(*number)) {
        let Some(output) = outputs.of(index, part.number) else {
            continue;
        };
        if case.parts.len() > 1 {
            text.push_str(&format!("{}:\n", who(part)));
        }
        text.push_str(&output.text(bytes));
    }
    // Tabs are lost on the way through `quick-junit`.
    text.replace('\t', "    ")
}

/// `create of web1-centos-7`.
fn who(part: &Part) -> String {
    match &part.instance {
        Some(instance) if part.step.is_empty() => {
            format!("{} of {}", clean(&part.title), clean(instance))
        }
        _ => clean(&part.title),
    }
}

fn test_case(subject: &Subject, case: &Case) -> TestCase {
    let parts: Vec<&Part> = case
        .parts
        .iter()
        .filter_map(|it| subject.part(*it))
        .collect();
    let test = case.test.and_then(|index| subject.tests.get(index));
    let status = match (test, &parts[..]) {
        (Some(test), _) => of_test(test),
        (None, []) => of_subject(subject, case),
        (None, [part]) if part.result == case.result => of_part(part),
        (None, parts) => of_parts(case, parts),
    };
    let mut written = TestCase::new(clean(&case.name), status);
    written.set_classname(clean(&case.class));
    written.set_time(super::verdict::duration(case.seconds));
    written
}

/// The subject itself, where no part of it says how it ended.
fn of_subject(subject: &Subject, case: &Case) -> TestCaseStatus {
    match (case.result, &subject.failure) {
        (Ended::Partly | Ended::Skipped | Ended::NotRun, _) => {
            skipped(subject.reason.as_deref().unwrap_or_default())
        }
        (Ended::Unfinished, _) => unfinished(),
        (_, Some(failure)) => failed(failure),
        (Ended::Stopped | Ended::Failed, None) => with(NonSuccessKind::Error, "", "unknown"),
        (_, None) => TestCaseStatus::success(),
    }
}

fn of_part(part: &Part) -> TestCaseStatus {
    let mut status = match (part.result, &part.failure) {
        (Ended::Passed, _) => TestCaseStatus::success(),
        (Ended::Allowed, Some(failure)) => allowed(&failure.message),
        (Ended::Partly | Ended::Skipped | Ended::Allowed, _) => {
            skipped(part.reason.as_deref().unwrap_or_default())
        }
        (Ended::NotRun, _) => skipped("not run: the run ended before"),
        (Ended::Unfinished, _) => unfinished(),
        (Ended::Stopped | Ended::Failed, Some(failure)) => failed(failure),
        (Ended::Stopped | Ended::Failed, None) => with(NonSuccessKind::Error, "", "unknown"),
    };
    status.add_reruns(part.retried.iter().map(rerun));
    status
}

/// One case of several parts: those that are as bad as the case say who they are, and why.
fn of_parts(case: &Case, parts: &[&Part]) -> TestCaseStatus {
    let bad: Vec<&&Part> = parts.iter().filter(|it| it.result == case.result).collect();
    let named = |part: &Part, failure: &Failure| Failure {
        message: format!("{}: {}", who(part), failure.message),
        ..failure.clone()
    };
    let failures = bad
        .iter()
        .filter_map(|part| Some(named(part, part.failure.as_ref()?)));
    let whole = failures.reduce(|mut all, other| {
        all.cause = all.cause.max(other.cause);
        all.message = format!("{}\n{}", all.message, other.message);
        all.hints.extend(other.hints);
        all
    });
    let first = bad.first().map(|part| of_part(part));
    let mut status = match (case.result, whole) {
        (Ended::Passed, _) => TestCaseStatus::success(),
        (Ended::Stopped | Ended::Failed, Some(failure)) => failed(&failure),
        (Ended::Allowed, Some(failure)) => allowed(&failure.message),
        (Ended::Partly | Ended::Skipped, _) => skipped(&reasons(&bad)),
        (_, _) => return first.unwrap_or_else(TestCaseStatus::success),
    };
    for part in parts {
        let earlier = part.retried.iter();
        status.add_reruns(earlier.map(|failure| rerun(&named(part, failure))));
    }
    status
}

/// Why each of several parts was skipped, or what was left out of it.
fn reasons(parts: &[&&Part]) -> String {
    let reason = |part: &&&Part| Some(format!("{}: {}", who(part), part.reason.as_deref()?));
    let reasons: Vec<String> = parts.iter().filter_map(reason).collect();
    reasons.join("; ")
}

fn of_test(test: &Test) -> TestCaseStatus {
    let message = test.message.as_deref().unwrap_or_default();
    let kind = Cause::Verify.word();
    let mut status = match test.result {
        Ended::Passed => TestCaseStatus::success(),
        Ended::Allowed => allowed(message),
        Ended::Partly | Ended::Skipped | Ended::NotRun => skipped(message),
        Ended::Failed | Ended::Stopped | Ended::Unfinished => {
            with(NonSuccessKind::Failure, &clean(message), kind)
        }
    };
    status.add_reruns(test.retried.iter().map(|message| {
        let mut rerun = TestRerun::new(NonSuccessKind::Failure);
        let text = clean(message);
        rerun.set_message(first(&text, kind)).set_type(kind);
        rerun.set_description(text);
        rerun
    }));
    status
}

fn failed(failure: &Failure) -> TestCaseStatus {
    with(kind(failure.cause), &text(failure), failure.cause.word())
}

fn rerun(failure: &Failure) -> TestRerun {
    let (text, kind_of) = (text(failure), failure.cause.word());
    let mut rerun = TestRerun::new(kind(failure.cause));
    rerun.set_message(first(&text, kind_of)).set_type(kind_of);
    rerun.set_description(text);
    rerun
}

/// What a test said no to is a failure; what kept a test from being asked is an error.
fn kind(cause: Cause) -> NonSuccessKind {
    match cause {
        Cause::Verify | Cause::Converge => NonSuccessKind::Failure,
        _ => NonSuccessKind::Error,
    }
}

fn text(failure: &Failure) -> String {
    let mut text = clean(&failure.message);
    for hint in &failure.hints {
        text.push('\n');
        text.push_str(&clean(hint));
    }
    text
}

/// The first line is the message; what has more lines has all of them as its text.
fn with(kind: NonSuccessKind, text: &str, kind_of: &str) -> TestCaseStatus {
    let mut status = TestCaseStatus::non_success(kind);
    status.set_message(first(text, kind_of)).set_type(kind_of);
    if text.lines().nth(1).is_some() {
        status.set_description(text);
    }
    status
}

fn first<'a>(text: &'a str, otherwise: &'a str) -> &'a str {
    text.lines().next().unwrap_or(otherwise)
}

fn skipped(message: &str) -> TestCaseStatus {
    let mut status = TestCaseStatus::skipped();
    let text = clean(message);
    status.set_message(first(&text, ""));
    status
}

fn allowed(message: &str) -> TestCaseStatus {
    skipped(&format!("failed, as it may: {message}"))
}

fn unfinished() -> TestCaseStatus {
    let message = "unfinished: the record of the run ends here";
    with(NonSuccessKind::Error, message, Cause::Interrupted.word())
}

/// Without what a terminal would obey and what XML does not have; lines stay.
fn clean(text: &str) -> String {
    let lines: Vec<_> = text.lines().map(|line| safe(line, false)).collect();
    let text = lines.join("\n");
    text.replace(['\u{fffe}', '\u{ffff}'], "")
}
