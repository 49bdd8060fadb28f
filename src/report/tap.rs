//! The Test Anything Protocol, version 14: a line a case, in the order of the run.

use std::fmt::Write;

use super::text::safe;
use super::verdict::{Case, Ended, Part, Subject, Verdict};

/// The whole report.
pub fn tap(verdict: &Verdict) -> String {
    let mut points = Vec::new();
    for subject in &verdict.subjects {
        points.extend(subject.cases.iter().map(|case| of_case(subject, case)));
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

/// The line of a case: its class and its name, which are the same in the next run.
fn of_case(subject: &Subject, case: &Case) -> Point {
    let what = format!("{}: {}", case.class, case.name);
    if let Some(test) = case.test.and_then(|index| subject.tests.get(index)) {
        let attempts = u32::try_from(test.retried.len() + 1).unwrap_or(u32::MAX);
        return Point {
            attempts,
            ..Point::new(case.result, what, test.message.as_deref())
        };
    }
    if case.parts.is_empty() {
        let failure = subject.failure.as_ref();
        let failure = failure.map(|failure| failure.message.as_str());
        return Point::new(case.result, what, failure.or(subject.reason.as_deref()));
    }
    let parts = || case.parts.iter().filter_map(|it| subject.part(*it));
    let several = case.parts.len() > 1;
    let message = |part: &Part| {
        let failure = part.failure.as_ref().map(|failure| &failure.message);
        let message = failure.or(part.reason.as_ref())?;
        Some(match (&part.instance, &part.step[..]) {
            (Some(instance), _) if several => format!("{instance}: {message}"),
            (None, [_, ..]) if several => format!("{}: {message}", part.title),
            _ => message.clone(),
        })
    };
    let as_bad = parts().filter(|part| part.result == case.result);
    let messages: Vec<String> = as_bad.filter_map(message).collect();
    // A directive has one line.
    let between = match case.result {
        Ended::Partly | Ended::Skipped | Ended::Allowed => "; ",
        _ => "\n",
    };
    let message = (!messages.is_empty()).then(|| messages.join(between));
    Point {
        attempts: parts().map(|part| part.attempts).max().unwrap_or(1),
        ..Point::new(case.result, what, message.as_deref())
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
        let good = matches!(
            self.result,
            Ended::Passed | Ended::Partly | Ended::Skipped | Ended::NotRun
        );
        let ok = if good { "ok" } else { "not ok" };
        let reason = one_line(self.message.as_deref().unwrap_or_default());
        let directive = match self.result {
            Ended::Partly | Ended::Skipped => format!(" # SKIP {reason}"),
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
