//! Points in time.

use std::rc::Rc;

use jiff::{SignedDuration, Zoned, tz::TimeZone};

use super::super::machine::Machine;
use super::super::stop::{Eval, beyond};
use super::super::value::{Moment, Value};
use super::arguments::{one, text};
use super::object::compared;

/// A time as a value.
pub fn value(time: Zoned, utc: bool) -> Value {
    Value::Time(Rc::new(Moment { time, utc }))
}

/// Calls a method of a time.
pub fn of_time(
    machine: &mut Machine,
    moment: &Rc<Moment>,
    name: &str,
    args: &[Value],
) -> Eval<Option<Value>> {
    let this = &moment.time;
    let int = |number: i64| Ok(Some(Value::Int(number)));
    match name {
        "to_i" | "tv_sec" => int(this.timestamp().as_second()),
        "to_f" => Ok(Some(Value::Float(
            this.timestamp().as_duration().as_secs_f64(),
        ))),
        "year" => int(this.year().into()),
        "month" | "mon" => int(this.month().into()),
        "day" | "mday" => int(this.day().into()),
        "hour" => int(this.hour().into()),
        "min" => int(this.minute().into()),
        "sec" => int(this.second().into()),
        "nsec" => int(this.subsec_nanosecond().into()),
        "usec" => int((this.subsec_nanosecond() / 1000).into()),
        "wday" => int(this.weekday().to_sunday_zero_offset().into()),
        "yday" => int(this.day_of_year().into()),
        "utc" | "getutc" | "gmtime" | "getgm" => {
            Ok(Some(value(this.with_time_zone(TimeZone::UTC), true)))
        }
        "strftime" => {
            let pattern = ruby_pattern(&text(one(args)?)?);
            match jiff::fmt::strtime::format(&pattern, this) {
                Ok(text) => machine.text(text).map(Some),
                Err(_) => beyond("such a format of a time"),
            }
        }
        "+" | "-" => match (one(args)?, name) {
            (Value::Time(other), "-") => {
                let between = this.timestamp().duration_since(other.time.timestamp());
                Ok(Some(Value::Float(between.as_secs_f64())))
            }
            (Value::Int(seconds), _) => {
                let seconds = if name == "-" {
                    seconds.checked_neg()
                } else {
                    Some(*seconds)
                };
                let moved =
                    seconds.and_then(|by| this.checked_add(SignedDuration::from_secs(by)).ok());
                moved.map_or_else(
                    || beyond("such a time"),
                    |time| Ok(Some(value(time, moment.utc))),
                )
            }
            _ => beyond("such a sum of times"),
        },
        _ => compared(&Value::Time(moment.clone()), name, args),
    }
}

/// Fractions of a second are written differently.
fn ruby_pattern(pattern: &str) -> String {
    let mut out = String::new();
    let mut chars = pattern.chars();
    while let Some(c) = chars.next() {
        out.push(c);
        if c == '%' {
            match chars.next() {
                Some('L') => out.push_str("3f"),
                Some('N') => out.push_str("9f"),
                other => out.extend(other),
            }
        }
    }
    out
}
