//! Salt's answer to a highstate: what each state did.

use banquet_sdk::{Changes, Context, Error, Line, Result, Stream};
use serde::Deserialize;
use serde_json::{Map, Value};

/// Longest text of a state that goes into an error, in characters.
const LONGEST: usize = 1500;

/// One state's outcome.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Outcome {
    /// None: with `dry_run`, it would change something.
    result: Option<bool>,
    changes: Value,
    comment: Value,
    name: Value,
    #[serde(rename = "__id__")]
    id: Option<String>,
    #[serde(rename = "__sls__")]
    sls: Option<String>,
    #[serde(rename = "__run_num__")]
    order: u64,
    /// `file.managed`.
    #[serde(skip)]
    function: String,
}

impl Outcome {
    fn changed(&self) -> bool {
        match &self.changes {
            Value::Object(map) => !map.is_empty(),
            Value::Array(list) => !list.is_empty(),
            Value::Null => false,
            _ => true,
        }
    }

    /// `file.managed web (/etc/web.conf)`.
    fn title(&self) -> String {
        let id = self.id.as_deref().unwrap_or_default();
        let name = text(&self.name);
        match name.is_empty() || name == id {
            true => format!("{} {id}", self.function),
            false => format!("{} {id} ({name})", self.function),
        }
    }

    fn word(&self) -> &'static str {
        match (self.result, self.changed()) {
            (Some(false), _) => "failed",
            (None, _) => "would change",
            (Some(true), true) => "changed",
            (Some(true), false) => "ok",
        }
    }
}

/// What a highstate did.
#[derive(Debug)]
pub struct Highstate {
    outcomes: Vec<Outcome>,
    /// What Salt said instead: the states could not be read.
    refused: Vec<String>,
}

impl Highstate {
    /// From what `salt-call --out=json` wrote.
    pub fn parse(json: &[u8]) -> Result<Self, serde_json::Error> {
        let answer: Map<String, Value> = serde_json::from_slice(json)?;
        let mut highstate = Self {
            outcomes: Vec::new(),
            refused: Vec::new(),
        };
        match answer.into_iter().next().map(|(_, minion)| minion) {
            Some(Value::Object(states)) => {
                for (key, state) in states {
                    let mut outcome: Outcome = serde_json::from_value(state)?;
                    // `file_|-ID_|-NAME_|-managed`.
                    let module = key.split("_|-").next().unwrap_or_default();
                    let function = key.rsplit("_|-").next().unwrap_or_default();
                    outcome.function = format!("{module}.{function}");
                    highstate.outcomes.push(outcome);
                }
            }
            Some(Value::Array(errors)) => highstate.refused = errors.iter().map(text).collect(),
            other => highstate.refused = vec![text(&other.unwrap_or_default())],
        }
        highstate.outcomes.sort_by_key(|outcome| outcome.order);
        Ok(highstate)
    }

    /// Shows every state: one line, and for what changed or failed what Salt says.
    pub async fn show(&self, cx: &Context) {
        for outcome in &self.outcomes {
            let mut text = vec![format!("{:<8} {}", outcome.word(), outcome.title())];
            if outcome.word() != "ok" {
                lines_of(&outcome.comment, &mut text);
                if let Value::Object(changes) = &outcome.changes {
                    for (name, change) in changes {
                        text.push(format!("    {name}:"));
                        lines_of(change, &mut text);
                    }
                }
            }
            for text in text {
                let stream = Stream::Out;
                cx.output.line(Line { stream, text }).await;
            }
        }
        let count = |word| self.outcomes.iter().filter(|it| it.word() == word).count();
        if !self.outcomes.is_empty() {
            cx.note(format!(
                "states: {}, changed: {}, failed: {}",
                self.outcomes.len(),
                count("changed") + count("would change"),
                count("failed")
            ))
            .await;
        }
    }

    /// What was changed.
    pub fn changes(&self) -> Changes {
        let changed = self.outcomes.iter().filter(|outcome| outcome.changed());
        let changed: Vec<String> = changed.map(Outcome::title).collect();
        match changed.is_empty() {
            true => Changes::None,
            false => Changes::Some(changed),
        }
    }

    /// The error where a state failed or none could be read; `code` is Salt's exit code.
    pub fn failure(&self, code: i32) -> Option<Error> {
        let failed: Vec<&Outcome> = self
            .outcomes
            .iter()
            .filter(|outcome| outcome.result == Some(false))
            .collect();
        let mut message = if !self.refused.is_empty() {
            "the states cannot be applied".to_owned()
        } else if !failed.is_empty() {
            format!("{} of {} states failed", failed.len(), self.outcomes.len())
        } else {
            return None;
        };
        let refused = self.refused.iter().cloned();
        let failed = failed.iter().map(|outcome| {
            let place = outcome.sls.as_deref().map(|sls| format!(" in {sls}"));
            let place = place.unwrap_or_default();
            format!("{}{place}: {}", outcome.title(), text(&outcome.comment))
        });
        for line in refused.chain(failed) {
            let line = cut(&line).replace('\n', "\n    ");
            message.push_str(&format!("\n    {line}"));
        }
        let mut error = Error::action(message);
        error.exit_code = Some(code);
        Some(error)
    }
}

fn text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn lines_of(value: &Value, lines: &mut Vec<String>) {
    let text = match value {
        Value::Object(_) | Value::Array(_) => format!("{value:#}"),
        other => text(other),
    };
    lines.extend(text.lines().map(|line| format!("         {line}")));
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use banquet_sdk::process::Collect;
    use banquet_sdk::{Identity, Section};
    use serde_json::json;

    use super::*;

    fn answer(minion: Value) -> Highstate {
        Highstate::parse(json!({"local": minion}).to_string().as_bytes()).unwrap()
    }

    /// As Salt 3008 answers.
    fn mixed() -> Value {
        json!({
            "cmd_|-two_|-false_|-run": {
                "name": "false", "changes": {"retcode": 1}, "result": false,
                "comment": "Command \"false\" run", "__sls__": "a", "__run_num__": 1, "__id__": "two"
            },
            "file_|-one_|-/tmp/one_|-managed": {
                "changes": {"diff": "New file"}, "comment": "File /tmp/one updated",
                "name": "/tmp/one", "result": true, "__sls__": "a", "__run_num__": 0, "__id__": "one"
            },
            "test_|-three_|-three_|-nop": {
                "name": "three", "changes": {}, "result": true, "comment": "Success!",
                "__sls__": "a", "__run_num__": 2, "__id__": "three"
            }
        })
    }

    #[test]
    fn failures_are_told_with_state_file_and_comment() {
        let error = answer(mixed()).failure(2).unwrap();
        let want = "1 of 3 states failed\n    cmd.run two (false) in a: Command \"false\" run";
        assert_eq!(error.message, want);
        assert_eq!(error.exit_code, Some(2));
    }

    #[test]
    fn changes_are_the_states_that_changed_something() {
        let mut states = mixed();
        states
            .as_object_mut()
            .unwrap()
            .shift_remove("cmd_|-two_|-false_|-run");
        let highstate = answer(states.clone());
        assert!(highstate.failure(0).is_none());
        let one = vec!["file.managed one (/tmp/one)".to_string()];
        assert_eq!(highstate.changes(), Changes::Some(one));
        states["file_|-one_|-/tmp/one_|-managed"]["changes"] = json!({});
        assert_eq!(answer(states).changes(), Changes::None);
    }

    #[test]
    fn states_that_cannot_be_read_are_told_in_salts_words() {
        let highstate = answer(json!([
            "Rendering SLS 'base:a' failed: did not find\n  line 3"
        ]));
        let want = "the states cannot be applied\n    \
                    Rendering SLS 'base:a' failed: did not find\n      line 3";
        assert_eq!(highstate.failure(1).unwrap().message, want);
        let error = answer(json!("no such function")).failure(1).unwrap();
        assert!(error.message.ends_with("no such function"));
        assert!(Highstate::parse(b"not json").is_err());
    }

    #[tokio::test]
    async fn states_are_shown_in_order_with_what_changed() {
        let identity = Identity {
            project: "p".into(),
            cluster: None,
            instance: "i".into(),
            suite: "s".into(),
            platform: "p".into(),
            run: "r".into(),
        };
        let mut cx = Context::for_tests(identity, "/".into(), Section::default());
        let collect = Arc::new(Collect::default());
        cx.output = collect.clone();
        answer(mixed()).show(&cx).await;
        drop(cx);
        let (out, _) = Arc::into_inner(collect).unwrap().into_parts();
        let want = "changed  file.managed one (/tmp/one)\n         File /tmp/one updated\n    diff:\n         \
                    New file\nfailed   cmd.run two (false)\n         Command \"false\" run\n    \
                    retcode:\n         1\nok       test.nop three\n";
        assert_eq!(out, want);
    }
}
