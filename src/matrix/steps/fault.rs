//! Power, links and chaos.

use std::time::Duration;

use banquet_sdk::Power;

use super::super::fault::{Chaos, Fault};
use super::super::fields::Fields;
use super::super::step::Action;
use super::options::{Incomplete, incomplete};

/// The fault whose word this is; those with settings have none yet.
pub(super) fn named(word: &str) -> Option<Fault> {
    Some(match word {
        "stop" => Fault::Power(Power::Stop),
        "start" => Fault::Power(Power::Start),
        "kill" => Fault::Power(Power::Kill),
        "reboot" => Fault::Power(Power::Reboot),
        "pause" => Fault::Power(Power::Pause),
        "resume" => Fault::Power(Power::Resume),
        "partition" => Fault::Partition,
        "delay" => Fault::Delay {
            by: Duration::ZERO,
            jitter: Duration::ZERO,
        },
        "drop" => Fault::Drop { percent: 0.0 },
        _ => return None,
    })
}

/// A step that breaks something, with its settings.
pub(super) fn fault(mut fault: Fault, fields: &mut Fields<'_, '_>) -> Result<Action, Incomplete> {
    match &mut fault {
        Fault::Delay { by, jitter } => {
            *by = fields.duration("by").unwrap_or_default();
            *jitter = fields.duration("jitter").unwrap_or_default();
            if by.is_zero() {
                return Err(incomplete(
                    "`delay` says not by how much",
                    "write `by: 100ms` below it",
                ));
            }
        }
        Fault::Drop { percent } => {
            let text = fields.text("percent");
            let given = text
                .as_deref()
                .map(|text| text.trim_end_matches('%').trim());
            *percent = match given.map(str::parse) {
                Some(Ok(percent)) if percent > 0.0 && percent <= 100.0 => percent,
                _ => {
                    return Err(incomplete(
                        "`drop` says not how many packets",
                        "write `percent:` below it, a number above 0 and up to 100",
                    ));
                }
            };
        }
        Fault::Power(_) | Fault::Partition => {}
    }
    let lasts = match fault.lasts() {
        true => fields.span("for"),
        false => None,
    };
    Ok(Action::Fault { fault, lasts })
}

/// The groups of suites, patterns and roles in `text`: `A | B C`, `A B`, `A, B`.
pub(super) fn groups(word: &str, text: &str) -> Result<Vec<Vec<String>>, Incomplete> {
    let groups: Vec<Vec<String>> = text
        .split('|')
        .map(|group| {
            let names = group
                .split([' ', ',', '\t'])
                .filter(|name| !name.is_empty());
            names.map(str::to_owned).collect()
        })
        .collect();
    let complete = groups.iter().all(|group| !group.is_empty());
    match (word, groups.len()) {
        ("partition", 1) => Err(incomplete(
            format!("`partition {text}` has one side"),
            "write both sides: `partition A | B C`",
        )),
        ("partition", _) if complete => Ok(groups),
        ("partition", _) => Err(incomplete(
            format!("a side of `partition {text}` is empty"),
            "write both sides: `partition A | B C`",
        )),
        ("heal", 1) if !complete => Ok(Vec::new()),
        (_, 1) if complete => Ok(groups),
        (_, 1) => Err(incomplete(
            format!("the step `{word}` names no suite"),
            format!(
                "write `{word} SUITE`; several suites, a pattern (`web*`) or a role will do as well"
            ),
        )),
        _ => Err(incomplete(
            format!("`{word}` has no sides"),
            format!("write `{word} A B`; only `partition` has `|`"),
        )),
    }
}

/// `chaos: {…}`.
pub(super) fn chaos(fields: &mut Fields<'_, '_>) -> Result<Chaos, Incomplete> {
    let words = fields.words("faults").unwrap_or_default();
    if words.is_empty() {
        return Err(incomplete(
            "`chaos` says not which faults",
            "write `faults: [kill, partition, pause]`",
        ));
    }
    let mut faults = Vec::new();
    for word in words {
        let fault = match named(&word) {
            Some(fault @ (Fault::Delay { .. } | Fault::Drop { .. })) => settings_of(fault, fields)?,
            Some(fault) if fault.lasts() || fault == Fault::Power(Power::Reboot) => fault,
            _ => {
                return Err(incomplete(
                    format!("`{word}` is no fault that `chaos` can set"),
                    "there are stop, kill, reboot, pause, partition, delay and drop",
                ));
            }
        };
        faults.push(fault);
    }
    let every = fields.duration("every").unwrap_or(Duration::from_secs(10));
    let lasts = fields.duration("for").unwrap_or_default();
    if every.is_zero() || lasts.is_zero() {
        return Err(incomplete(
            "`chaos` says not for how long",
            "write `every: 10s` and `for: 2m`",
        ));
    }
    Ok(Chaos {
        faults,
        every,
        lasts,
        fault_lasts: fields.span("fault_for"),
        seed: fields.number::<i64>("seed").unwrap_or(1).cast_unsigned(),
        min_in_service: fields.number::<u16>("min_in_service").unwrap_or(1).into(),
    })
}

/// `delay` and `drop` with the settings of the chaos.
fn settings_of(named: Fault, fields: &mut Fields<'_, '_>) -> Result<Fault, Incomplete> {
    match fault(named, fields)? {
        Action::Fault { fault, .. } => Ok(fault),
        _ => Ok(named),
    }
}
