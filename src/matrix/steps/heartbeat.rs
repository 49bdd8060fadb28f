//! `heartbeat: {…}`.

use std::time::Duration;

use super::super::fields::Fields;
use super::super::heartbeat::{Heartbeat, Probe};
use super::options::{Incomplete, incomplete};

/// An answer that takes longer is lost, unless the heartbeat says otherwise.
const TIMEOUT: Duration = Duration::from_secs(2);
const PROBES: [&str; 3] = ["http", "tcp", "exec"];

/// The settings of a heartbeat.
pub(super) fn heartbeat(fields: &mut Fields<'_, '_>) -> Result<Heartbeat, Incomplete> {
    let probe = probe(fields)?;
    let every = fields.duration("every").unwrap_or(Duration::from_secs(1));
    if every < Duration::from_micros(100) {
        return Err(incomplete(
            "`every` of a heartbeat must be 0.1ms or more",
            "write `every: 50ms`",
        ));
    }
    let count = fields.number::<i64>("count");
    if count.is_some_and(|count| count < 1) {
        return Err(incomplete(
            "`count` of a heartbeat must be 1 or more",
            "leave it out to go on until the steps end",
        ));
    }
    let concurrency = fields.number::<u16>("concurrency").unwrap_or(1000);
    if concurrency == 0 {
        return Err(incomplete(
            "`concurrency` of a heartbeat must be 1 or more",
            "leave it out for 1000",
        ));
    }
    Ok(Heartbeat {
        probe,
        every,
        count: count.map(i64::cast_unsigned),
        concurrency: concurrency.into(),
        timeout: fields.span("timeout").unwrap_or(TIMEOUT),
        allow_failures: fields.number::<u32>("allow_failures").map(u64::from),
        max_outage: fields.duration("max_outage"),
        max_latency: fields.span("max_latency"),
    })
}

fn probe(fields: &mut Fields<'_, '_>) -> Result<Probe, Incomplete> {
    let given: Vec<_> = PROBES
        .into_iter()
        .filter(|key| fields.take(key).is_some())
        .collect();
    let probe = match given.as_slice() {
        ["http"] => http(fields),
        ["tcp"] => fields.text("tcp").map(Probe::Tcp),
        ["exec"] => fields.command("exec").map(Probe::Exec),
        _ => None,
    };
    probe.ok_or_else(|| {
        incomplete(
            "a heartbeat asks one question",
            "give one of `http: URL`, `tcp: HOST:PORT`, `exec: COMMAND`",
        )
    })
}

fn http(fields: &mut Fields<'_, '_>) -> Option<Probe> {
    if fields.take("http")?.as_map().is_none() {
        return Some(Probe::Http {
            url: fields.text("http")?,
            method: "GET".into(),
            status: None,
            body: None,
        });
    }
    let mut inner = fields.inner("http")?;
    let url = inner.text("url");
    let method = inner.text("method");
    let status = inner.number("status");
    let body = inner.pattern("body");
    inner.finish("`http`");
    Some(Probe::Http {
        url: url?,
        method: method.map_or_else(|| "GET".into(), |it| it.to_uppercase()),
        status,
        body,
    })
}
