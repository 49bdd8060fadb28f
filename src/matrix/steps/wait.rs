//! `wait`, and how HTTP is asked.

use std::time::Duration;

use super::super::fields::Fields;
use super::super::step::{Action, Condition};
use super::options::{Incomplete, incomplete};

/// `wait SUITE`.
pub(super) fn wait(suite: &str, fields: &mut Fields<'_, '_>) -> Result<Action, Incomplete> {
    Ok(Action::Wait {
        condition: condition(suite, fields)?,
        interval: fields
            .span("interval")
            .unwrap_or(Duration::from_millis(500)),
    })
}

pub(super) const CONDITIONS: [&str; 5] = ["port", "http", "command", "file", "log"];

fn condition(suite: &str, fields: &mut Fields<'_, '_>) -> Result<Condition, Incomplete> {
    let given: Vec<_> = CONDITIONS
        .into_iter()
        .filter(|key| fields.take(key).is_some())
        .collect();
    let [one] = given.as_slice() else {
        let message = match given.is_empty() {
            true => format!("`wait {suite}` says not for what"),
            false => format!(
                "`wait {suite}` has several conditions: {}",
                given.join(", ")
            ),
        };
        return Err(incomplete(
            message,
            "give one of `port`, `http`, `command`, `file`, `log`; several conditions are several steps",
        ));
    };
    let condition = match *one {
        "port" => fields.number("port").map(Condition::Port),
        "command" => fields.command("command").map(Condition::Command),
        "file" => fields.text("file").map(Condition::File),
        "http" => http(fields),
        _ => log(fields),
    };
    let needed = if *one == "log" {
        "`file` and `matches`"
    } else {
        "`url`"
    };
    condition.ok_or_else(|| {
        incomplete(
            format!("`{one}` is incomplete"),
            format!("write `{one}: {{…}}` with {needed}"),
        )
    })
}

fn http(fields: &mut Fields<'_, '_>) -> Option<Condition> {
    if fields.take("http")?.as_map().is_none() {
        return Some(Condition::Http {
            url: fields.text("http")?,
            status: None,
            body: None,
        });
    }
    let mut inner = fields.inner("http")?;
    let url = inner.text("url");
    let status = inner.number("status");
    let body = inner.pattern("body");
    inner.finish("`http`");
    Some(Condition::Http {
        url: url?,
        status,
        body,
    })
}

fn log(fields: &mut Fields<'_, '_>) -> Option<Condition> {
    let mut inner = fields.inner("log")?;
    let file = inner.text("file");
    let matches = inner.pattern("matches");
    inner.finish("`log`");
    Some(Condition::Log {
        file: file?,
        matches: matches?,
    })
}
