//! `exec` and `run`.

use std::collections::BTreeMap;

use super::super::fields::Fields;
use super::super::step::{Action, Expect};
use super::options::{Incomplete, incomplete};
use crate::config::Value;

/// `exec SUITE`.
pub(super) fn exec(fields: &mut Fields<'_, '_>) -> Result<Action, Incomplete> {
    Ok(Action::Exec {
        command: command("exec", fields)?,
        environment: environment(fields),
        expect: expect(fields),
    })
}

/// `run`, after which `rest` is written.
pub(super) fn run(rest: &str, fields: &mut Fields<'_, '_>) -> Result<Action, Incomplete> {
    if !rest.is_empty() {
        return Err(incomplete(
            format!("`run` acts on the workstation, and `{rest}` is no option of it"),
            "write `- step: run` and `command: …` below it",
        ));
    }
    Ok(Action::Run {
        command: command("run", fields)?,
        cwd: fields.text("cwd"),
        environment: environment(fields),
    })
}

fn command(word: &str, fields: &mut Fields<'_, '_>) -> Result<String, Incomplete> {
    fields.command("command").ok_or_else(|| {
        let suite = if word == "run" { "" } else { " SUITE" };
        incomplete(
            format!("`{word}` without a `command`"),
            format!("write `- step: {word}{suite}` and `command: …` below it"),
        )
    })
}

fn expect(fields: &mut Fields<'_, '_>) -> Expect {
    let mut expect = Expect::default();
    match fields.take("expect").map(|node| &node.value) {
        None => {}
        Some(Value::Scalar(_)) => expect.exit_code = fields.number("expect").unwrap_or_default(),
        Some(_) => {
            if let Some(mut inner) = fields.inner("expect") {
                expect.exit_code = inner.number("exit_code").unwrap_or_default();
                expect.contains = inner.text("contains");
                expect.matches = inner.pattern("matches");
                inner.finish("`expect`");
            }
        }
    }
    expect
}

fn environment(fields: &mut Fields<'_, '_>) -> BTreeMap<String, String> {
    let Some(node) = fields.take("environment") else {
        return Default::default();
    };
    let Some(map) = node.as_map() else {
        let _: Option<()> = fields.wrong("environment", node, "a map of variables");
        return Default::default();
    };
    let mut variables = BTreeMap::new();
    for (name, entry) in map {
        match &entry.node.value {
            Value::Scalar(serde_json::Value::Null) => variables.insert(name.clone(), String::new()),
            Value::Scalar(serde_json::Value::String(text)) => {
                variables.insert(name.clone(), text.clone())
            }
            Value::Scalar(value) => variables.insert(name.clone(), value.to_string()),
            _ => fields.wrong(name, &entry.node, "text"),
        };
    }
    variables
}
