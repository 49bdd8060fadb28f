//! A record that is as large as the promises about the page.

use std::fmt::Write;

use serde_json::{Value, json};

/// The record of a run of a hundred members, with a hundred thousand lines of output.
pub fn large() -> String {
    let at = |second: usize, milli: usize| {
        format!(
            "2026-01-01T10:{:02}:{:02}.{:03}Z",
            second / 60,
            second % 60,
            milli
        )
    };
    let members: Vec<String> = (0..100).map(|number| format!("web{number}-x")).collect();
    let suites: Vec<String> = (0..100).map(|number| format!("web{number}")).collect();
    let mut lines = vec![
        json!({"record": 1, "run": "large", "at": at(0, 0), "version": "0.1.0"}),
        json!({"at": at(0, 0), "event": "run_started", "run": "large", "version": "0.1.0", "subjects": ["app-x"],
            "platforms": ["x"]}),
        json!({"at": at(0, 0), "event": "subject_started", "subject": "app-x", "command": "test", "members": members,
            "suites": suites, "cluster": true, "suite": "app", "platform": "x",
            "steps": [{"step": [1], "title": "concurrent", "action": "concurrent"}], "items": ["1"]}),
    ];
    let step = |number: usize| json!({"subject": "app-x", "instance": members[number], "step": [1, number + 1]});
    let event = |at: String, kind: &str, place: Value, more: Value| {
        let mut event = json!({"at": at, "event": kind});
        for part in [place, more] {
            let part = part.as_object().cloned().unwrap_or_default();
            event.as_object_mut().expect("a map").extend(part);
        }
        event
    };
    for number in 0..100 {
        let title = json!({"title": format!("converge web{number}"), "attempt": 1});
        lines.push(event(at(1, 0), "step_started", step(number), title));
    }
    for number in 0..100_000 {
        let text = format!(
            "line {number}: fetched package {} in {} ms",
            number % 977,
            number % 53
        );
        let printed = json!({"stream": "out", "text": text});
        lines.push(event(
            at(2 + number / 1000, number % 1000),
            "printed",
            step(number % 100),
            printed,
        ));
    }
    for number in 0..100 {
        let ended = json!({"title": format!("converge web{number}"), "attempts": 1, "outcome": "passed",
            "duration": 101.0});
        lines.push(event(at(102, number), "step_finished", step(number), ended));
    }
    let mut text = String::new();
    for line in lines {
        let _ = writeln!(text, "{line}");
    }
    text
}
