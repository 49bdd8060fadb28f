//! What every step and block may have.

use super::super::fields::Fields;
use super::super::step::{Repeat, StepOptions};

/// Options of every step and block.
pub const OPTIONS: [&str; 10] = [
    "name",
    "timeout",
    "retries",
    "retry_wait",
    "repeat",
    "until",
    "allow_failure",
    "expect_failure",
    "includes",
    "excludes",
];

/// Takes the options out of `fields`.
pub(super) fn options(fields: &mut Fields<'_, '_>) -> Result<StepOptions, Incomplete> {
    fields.take("includes");
    fields.take("excludes");
    let limit = fields.limit("timeout");
    let mut options = StepOptions {
        name: fields.text("name"),
        timeout: limit.as_ref().map(|limit| limit.length),
        limit,
        retries: fields.number("retries").unwrap_or_default(),
        retry_wait: fields.duration("retry_wait").unwrap_or_default(),
        repeat: None,
        allow_failure: fields.flag("allow_failure"),
        expect_failure: fields.flag("expect_failure"),
        idempotent: false,
        tests_dir: None,
        allow_empty: false,
    };
    options.repeat = repeat(fields, &options)?;
    Ok(options)
}

fn repeat(
    fields: &mut Fields<'_, '_>,
    options: &StepOptions,
) -> Result<Option<Repeat>, Incomplete> {
    let times: Option<u32> = fields.number("repeat");
    let until = fields.text("until");
    match (until.as_deref(), times) {
        (Some("failure"), None) if options.timeout.is_none() => Err(incomplete(
            "`until: failure` may never end",
            "give `repeat: ROUNDS` or `timeout: LENGTH` as well; passing until then is passing",
        )),
        (Some("failure"), _) => Ok(Some(Repeat {
            times,
            until_failure: true,
        })),
        (Some(other), _) => Err(incomplete(
            format!("`until` must be `failure`, and is `{other}`"),
            "write `until: failure`, or leave it out to do all rounds of `repeat`",
        )),
        (None, Some(0)) => Err(incomplete(
            "`repeat` must be 1 or more, and is 0",
            "write `repeat: ROUNDS`",
        )),
        (None, Some(_)) => Ok(Some(Repeat {
            times,
            until_failure: false,
        })),
        (None, None) => Ok(None),
    }
}

/// Why a step is incomplete, and what to write.
pub(super) struct Incomplete {
    pub message: String,
    pub help: String,
}

pub(super) fn incomplete(message: impl Into<String>, help: impl Into<String>) -> Incomplete {
    Incomplete {
        message: message.into(),
        help: help.into(),
    }
}
