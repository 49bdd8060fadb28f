//! Lines as Test Kitchen's structured log has them (lib/kitchen/logger.rb,
//! `StructuredLogdevLogger`): one JSON object each, with the ids of the run, of the instance's
//! session and of the action.

use std::collections::HashMap;

use serde::Serialize;

use super::narrator::{Kind, Level, Line};
use crate::run::{Event, EventKind};

/// What is known of a run beside its lines.
#[derive(Debug, Default)]
pub struct Structured {
    run: Option<String>,
    /// The last attempt on each instance.
    attempts: HashMap<String, Attempt>,
    /// Lines written to each file.
    sequences: HashMap<String, u64>,
}

#[derive(Debug)]
struct Attempt {
    suite: String,
    platform: String,
    action: String,
    action_id: String,
    session: String,
}

/// A line; the names and their order are Test Kitchen's. What is not known is left out.
#[derive(Serialize)]
struct Entry<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    kitchen_run_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    instance: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    suite: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    platform: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    action: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    action_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    instance_session_id: Option<&'a str>,
    timestamp: String,
    level: &'static str,
    event_type: &'static str,
    message: &'a str,
    progname: &'a str,
    sequence: u64,
}

impl Structured {
    /// Notes the ids that the lines of later events belong to.
    pub fn event(&mut self, event: &Event) {
        match &event.kind {
            EventKind::RunStarted { run, .. } => self.run = Some(run.clone()),
            EventKind::Attempted {
                place,
                suite,
                platform,
                action,
                action_id,
                session,
            } => {
                let attempt = Attempt {
                    suite: suite.clone(),
                    platform: platform.clone(),
                    action: action.clone(),
                    action_id: action_id.clone(),
                    session: session.clone(),
                };
                let instance = place.instance.as_ref().unwrap_or(&place.subject);
                self.attempts.insert(instance.clone(), attempt);
            }
            _ => {}
        }
    }

    /// The line for the log of `instance`, or of the whole run, as JSON without its end. The text of
    /// `line` is safe already.
    pub fn line(&mut self, instance: Option<&str>, at: String, line: &Line) -> String {
        let program = instance.unwrap_or("Kitchen");
        let sequence = self.sequences.entry(program.into()).or_default();
        *sequence += 1;
        let whose = instance.or(line.instance.as_deref());
        let attempt = whose.and_then(|instance| self.attempts.get(instance));
        let entry = Entry {
            kitchen_run_id: self.run.as_deref(),
            instance: whose,
            suite: attempt.map(|it| it.suite.as_str()),
            platform: attempt.map(|it| it.platform.as_str()),
            action: attempt.map(|it| it.action.as_str()),
            action_id: attempt.map(|it| it.action_id.as_str()),
            instance_session_id: attempt.map(|it| it.session.as_str()),
            timestamp: at,
            level: match line.level {
                Level::Debug => "debug",
                Level::Info => "info",
                Level::Warn => "warn",
                Level::Error => "error",
                Level::Fatal => "fatal",
            },
            event_type: match line.kind {
                Kind::Banner => "banner",
                Kind::Word => "log",
                Kind::Output => "stream",
            },
            message: &line.text,
            progname: program,
            sequence: *sequence,
        };
        // Strings and numbers only: there is nothing that JSON could refuse.
        serde_json::to_string(&entry).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::run::Place;

    #[test]
    fn a_line_has_the_fields_of_test_kitchen() {
        let place = Place {
            subject: "web-centos-7".into(),
            instance: Some("web1-centos-7".into()),
            step: vec![1],
        };
        let at = Timestamp::from_microsecond(1_700_000_000_123_456).expect("a time");
        let mut structured = Structured::default();
        let line = Line {
            level: Level::Info,
            kind: Kind::Output,
            subject: place.subject.clone(),
            instance: place.instance.clone(),
            text: "installing \"x\"".into(),
        };
        let told = at.strftime("%Y-%m-%dT%H:%M:%S.%6fZ").to_string();
        let mut lines = vec![structured.line(Some("web1-centos-7"), told.clone(), &line)];
        for kind in [
            EventKind::RunStarted {
                run: "r-1".into(),
                version: "0".into(),
                subjects: Vec::new(),
                platforms: Vec::new(),
            },
            EventKind::Attempted {
                place,
                suite: "web1".into(),
                platform: "centos-7".into(),
                action: "converge".into(),
                action_id: "a-1".into(),
                session: "s-1".into(),
            },
        ] {
            structured.event(&Event { at, kind });
        }
        lines.push(structured.line(Some("web1-centos-7"), told.clone(), &line));
        lines.push(structured.line(None, told, &line));
        insta::assert_snapshot!(lines.join("\n"));
    }
}
