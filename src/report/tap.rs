//! The Test Anything Protocol, version 14: a line a step and a test, in the order of the run.

use std::fmt::Write;

use super::text::{path, safe};
use super::verdict::{Ended, Part, Subject, Test, Verdict};

/// The whole report.
pub fn tap(verdict: &Verdict) -> String {
    let mut points = Vec::new();
    for subject in &verdict.subjects {
        for part in &subject.parts {
            points.push(of_part(subject, part));
            let tests = subject.tests.iter();
            points.extend(
                tests
                    .filter(|test| test.part == Some(part.number))
                    .map(|test| of_test(subject, test)),
            );
        }
        let apart = subject.tests.iter().filter(|test| test.part.is_none());
        points.extend(apart.map(|test| of_test(subject, test)));
        if subject.parts.is_empty() || subject.failure.is_some() {
            let failure = subject.failure.as_ref();
            let failure = failure.map(|failure| failure.message.as_str());
            let reason = failure.or(subject.reason.as_deref());
            points.push(Point::new(subject.result, subject.name.clone(), reason));
        }
    }
    let mut text = format!("TAP version 14\n1..{}\n", points.len());
    for (number, point) in (1..).zip(&points) {
        point.write(number, &mut text);
    }
    if verdict.result == Ended::Unfinished {
        text.push_str("Bail out! The record of the run ends before the run did.\n");
    }
    text
}

/// One line, and what is said about it.
struct Point {
    result: Ended,
    what: String,
    message: Option<String>,
    attempts: u32,
}

fn of_part(subject: &Subject, part: &Part) -> Point {
    let mut what = subject.name.clone();
    if let Some(instance) = part.instance.as_ref().filter(|it| **it != subject.name) {
        let _ = write!(what, " {instance}");
    }
    match part.step.is_empty() {
        true => what = format!("{what}: {}", part.title),
        false => what = format!("{what}: {} {}", path(&part.step), part.title),
    }
    let failure = part
        .failure
        .as_ref()
        .map(|failure| failure.message.as_str());
    let message = failure.or(part.reason.as_deref());
    Point {
        attempts: part.attempts,
        ..Point::new(part.result, what, message)
    }
}

fn of_test(subject: &Subject, test: &Test) -> Point {
    let who = test.instance.as_ref().unwrap_or(&subject.name);
    let what = format!("{} {who}: {}", subject.name, test.name);
    let attempts = u32::try_from(test.retried.len() + 1).unwrap_or(u32::MAX);
    Point {
        attempts,
        ..Point::new(test.result, what, test.message.as_deref())
    }
}

impl Point {
    fn new(result: Ended, what: String, message: Option<&str>) -> Self {
        Self {
            result,
            what,
            message: message.map(ToOwned::to_owned),
            attempts: 1,
        }
    }

    fn write(&self, number: usize, text: &mut String) {
        let good = matches!(self.result, Ended::Passed | Ended::Skipped | Ended::NotRun);
        let ok = if good { "ok" } else { "not ok" };
        let reason = one_line(self.message.as_deref().unwrap_or_default());
        let directive = match self.result {
            Ended::Skipped => format!(" # SKIP {reason}"),
            Ended::NotRun => " # SKIP not run".into(),
            Ended::Allowed => format!(" # TODO allowed to fail: {reason}"),
            _ => String::new(),
        };
        let what = one_line(&self.what);
        let directive = directive.trim_end();
        let _ = writeln!(text, "{ok} {number} - {what}{directive}");
        let told = matches!(
            self.result,
            Ended::Failed | Ended::Stopped | Ended::Unfinished
        );
        if !told && self.attempts < 2 {
            return;
        }
        text.push_str("  ---\n");
        if self.attempts > 1 {
            let flaky = self.result == Ended::Passed;
            let _ = writeln!(text, "  attempts: {}\n  flaky: {flaky}", self.attempts);
        }
        if told {
            let _ = writeln!(text, "  result: {}", self.result.word());
            text.push_str("  message: |-\n");
            for line in self.message.as_deref().unwrap_or("none").lines() {
                let _ = writeln!(text, "    {}", safe(line, false));
            }
        }
        text.push_str("  ...\n");
    }
}

/// On one line, with nothing in it that means anything in TAP.
fn one_line(text: &str) -> String {
    let line = text.lines().next().unwrap_or_default();
    safe(line, false).replace('\\', "\\\\").replace('#', "\\#")
}
