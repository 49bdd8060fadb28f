//! JUnit: one suite a cluster or instance, one case a step and each test of its verifiers. The
//! form is that of Maven Surefire, which Jenkins, GitLab and GitHub's actions read; what passed
//! only when it was tried again has `flakyFailure` in it.

use super::outputs::Outputs;
use super::text::{path, safe};
use super::verdict::{Ended, Part, Subject, Test, Verdict};
use super::xml::Xml;
use crate::run::{Cause, Failure};

/// Bytes of output that are attached to what passed.
const PASSED: usize = 4 << 10;
/// Bytes of output that are attached to all else.
const FAILED: usize = 32 << 10;

/// A `testcase`.
struct Case {
    class: String,
    name: String,
    seconds: f64,
    status: Status,
    /// Earlier attempts.
    retried: Vec<Status>,
    output: String,
}

/// What is in a `testcase`.
enum Status {
    Passed,
    Skipped(String),
    /// What a test said no to, and its kind.
    Failure(String, &'static str),
    /// What kept a test from being asked, and its kind.
    Error(String, &'static str),
}

/// The report as XML.
pub fn junit(verdict: &Verdict, outputs: &Outputs) -> String {
    let suites: Vec<Vec<Case>> = verdict
        .subjects
        .iter()
        .enumerate()
        .map(|(index, subject)| cases(subject, index, outputs))
        .collect();
    let all: Vec<&Case> = suites.iter().flatten().collect();
    let mut xml = Xml::new();
    let (tests, failures, errors, _) = counts(&all);
    xml.open(
        "testsuites",
        &[
            ("name", "kitchen"),
            ("time", &seconds(verdict.seconds)),
            ("tests", &tests),
            ("failures", &failures),
            ("errors", &errors),
        ],
    );
    for (subject, cases) in verdict.subjects.iter().zip(&suites) {
        suite(verdict, subject, cases, &mut xml);
    }
    xml.end()
}

fn suite(verdict: &Verdict, subject: &Subject, cases: &[Case], xml: &mut Xml) {
    let (tests, failures, errors, skipped) = counts(&cases.iter().collect::<Vec<_>>());
    let started = subject.started.strftime("%Y-%m-%dT%H:%M:%S").to_string();
    xml.open(
        "testsuite",
        &[
            ("name", &*clean(&subject.name)),
            ("tests", &tests),
            ("failures", &failures),
            ("errors", &errors),
            ("skipped", &skipped),
            ("time", &seconds(subject.seconds)),
            ("timestamp", &started),
        ],
    );
    xml.open("properties", &[]);
    for (name, value) in [
        ("run", verdict.run.as_str()),
        ("command", &subject.command),
        ("members", &subject.members.join(" ")),
    ] {
        xml.leaf("property", &[("name", name), ("value", &clean(value))], "");
    }
    xml.close();
    cases.iter().for_each(|case| case.write(xml));
    xml.close();
}

fn counts(cases: &[&Case]) -> (String, String, String, String) {
    let count = |wanted: fn(&Status) -> bool| {
        let found = cases.iter().filter(|case| wanted(&case.status));
        found.count().to_string()
    };
    (
        cases.len().to_string(),
        count(|status| matches!(status, Status::Failure(..))),
        count(|status| matches!(status, Status::Error(..))),
        count(|status| matches!(status, Status::Skipped(_))),
    )
}

/// Each part followed by its tests.
fn cases(subject: &Subject, index: usize, outputs: &Outputs) -> Vec<Case> {
    let of = |part: Option<usize>| {
        let tests = subject.tests.iter().filter(move |test| test.part == part);
        tests.map(|test| of_test(subject, test))
    };
    let mut cases = Vec::new();
    for part in &subject.parts {
        let output = outputs.of(index, part.number).map(|output| {
            let passed = matches!(part.result, Ended::Passed | Ended::Skipped);
            output.text(if passed { PASSED } else { FAILED })
        });
        cases.push(Case {
            output: output.unwrap_or_default(),
            ..of_part(subject, part)
        });
        cases.extend(of(Some(part.number)));
    }
    cases.extend(of(None));
    cases.extend(of_subject(subject));
    cases
}

/// The subject itself, where no part of it says how it ended.
fn of_subject(subject: &Subject) -> Option<Case> {
    let worst = subject.parts.iter().map(|part| part.result).max();
    if worst.is_some_and(|worst| worst >= subject.result) {
        return None;
    }
    let status = match (subject.result, &subject.failure) {
        (Ended::Passed | Ended::Allowed, _) => Status::Passed,
        (Ended::Skipped | Ended::NotRun, _) => {
            Status::Skipped(clean(subject.reason.as_deref().unwrap_or_default()))
        }
        (Ended::Unfinished, _) => unfinished(),
        (Ended::Stopped | Ended::Failed, Some(failure)) => failed(failure),
        (Ended::Stopped | Ended::Failed, None) => return None,
    };
    Some(Case {
        class: clean(&subject.name),
        name: subject.command.clone(),
        seconds: subject.seconds,
        status,
        retried: Vec::new(),
        output: String::new(),
    })
}

fn of_part(subject: &Subject, part: &Part) -> Case {
    let status = match (part.result, &part.failure) {
        (Ended::Passed, _) => Status::Passed,
        (Ended::Allowed, Some(failure)) => allowed(&failure.message),
        (Ended::Skipped | Ended::Allowed, _) => {
            Status::Skipped(clean(part.reason.as_deref().unwrap_or_default()))
        }
        (Ended::NotRun, _) => Status::Skipped("not run: the run ended before".into()),
        (Ended::Unfinished, _) => unfinished(),
        (Ended::Stopped | Ended::Failed, Some(failure)) => failed(failure),
        (Ended::Stopped | Ended::Failed, None) => Status::Error(String::new(), "unknown"),
    };
    let title = match part.step.is_empty() {
        true => part.title.clone(),
        false => format!("{} {}", path(&part.step), part.title),
    };
    Case {
        class: class(subject, part.instance.as_deref()),
        name: clean(&title),
        seconds: part.seconds,
        status,
        retried: part.retried.iter().map(failed).collect(),
        output: String::new(),
    }
}

fn of_test(subject: &Subject, test: &Test) -> Case {
    let message = test.message.as_deref().unwrap_or_default();
    let no = |message: &str| Status::Failure(clean(message), Cause::Verify.word());
    let status = match test.result {
        Ended::Passed => Status::Passed,
        Ended::Allowed => allowed(message),
        Ended::Skipped | Ended::NotRun => Status::Skipped(clean(message)),
        Ended::Failed | Ended::Stopped | Ended::Unfinished => no(message),
    };
    let part = test.part.and_then(|number| subject.part(number));
    let name = match part.filter(|part| !part.step.is_empty()) {
        Some(part) => format!("{} {}: {}", path(&part.step), part.title, test.name),
        None => test.name.clone(),
    };
    Case {
        class: class(subject, test.instance.as_deref()),
        name: clean(&name),
        seconds: test.seconds.unwrap_or_default(),
        status,
        retried: test.retried.iter().map(|message| no(message)).collect(),
        output: String::new(),
    }
}

/// `web-centos-7.web1-centos-7`: Jenkins shows members as the classes of a package.
fn class(subject: &Subject, instance: Option<&str>) -> String {
    match instance {
        Some(instance) if instance != subject.name => {
            clean(&format!("{}.{instance}", subject.name))
        }
        _ => clean(&subject.name),
    }
}

fn failed(failure: &Failure) -> Status {
    let mut text = clean(&failure.message);
    for hint in &failure.hints {
        text.push('\n');
        text.push_str(&clean(hint));
    }
    let kind = failure.cause.word();
    match failure.cause {
        Cause::Verify | Cause::Converge => Status::Failure(text, kind),
        _ => Status::Error(text, kind),
    }
}

fn allowed(message: &str) -> Status {
    Status::Skipped(clean(&format!("failed, as it may: {message}")))
}

fn unfinished() -> Status {
    let message = "unfinished: the record of the run ends here";
    Status::Error(message.into(), Cause::Interrupted.word())
}

impl Case {
    fn write(&self, xml: &mut Xml) {
        let attributes = [
            ("name", self.name.as_str()),
            ("classname", &self.class),
            ("time", &seconds(self.seconds)),
        ];
        if matches!(self.status, Status::Passed)
            && self.retried.is_empty()
            && self.output.is_empty()
        {
            return xml.leaf("testcase", &attributes, "");
        }
        xml.open("testcase", &attributes);
        self.status.write(["failure", "error"], xml);
        let again = match self.status {
            Status::Passed | Status::Skipped(_) => ["flakyFailure", "flakyError"],
            Status::Failure(..) | Status::Error(..) => ["rerunFailure", "rerunError"],
        };
        self.retried.iter().for_each(|it| it.write(again, xml));
        if !self.output.is_empty() {
            xml.leaf("system-out", &[], &self.output);
        }
        xml.close();
    }
}

impl Status {
    /// As an element; `names` are those of failures and errors.
    fn write(&self, names: [&'static str; 2], xml: &mut Xml) {
        let (element, message, kind) = match self {
            Self::Passed => return,
            Self::Skipped(message) => return xml.leaf("skipped", &[("message", message)], ""),
            Self::Failure(message, kind) => (names[0], message, kind),
            Self::Error(message, kind) => (names[1], message, kind),
        };
        let first = message.lines().next().unwrap_or(kind);
        let attributes = [("message", first), ("type", kind)];
        match message.lines().nth(1) {
            Some(_) => xml.leaf(element, &attributes, message),
            None => xml.leaf(element, &attributes, ""),
        }
    }
}

/// Without what a terminal would obey; lines stay.
fn clean(text: &str) -> String {
    let lines: Vec<_> = text.lines().map(|line| safe(line, false)).collect();
    lines.join("\n")
}

fn seconds(seconds: f64) -> String {
    format!("{seconds:.3}")
}
