//! Every step and every test as a table, for those who search and for readers without scripts.

use std::fmt::{self, Write};

use super::log::Log;
use super::{Class, Clock, Safe, moment, took};
use crate::report::text::path;
use crate::report::verdict::{Ended, Part, Subject, Test};

pub fn write(
    page: &mut String,
    index: usize,
    subject: &Subject,
    log: &Log,
    clock: Clock,
) -> fmt::Result {
    let class = Class(subject.result, subject.flaky);
    writeln!(
        page,
        "<h3 id=\"s{index}\">{} <span class=\"badge {class}\">{class}</span></h3>",
        Safe(&subject.name)
    )?;
    if let Some(reason) = &subject.reason {
        writeln!(page, "<p>{}</p>", Safe(reason))?;
    }
    if let Some(failure) = &subject.failure {
        writeln!(
            page,
            "<pre class=\"message\">{}</pre>",
            Safe(&failure.message)
        )?;
    }
    if subject.parts.is_empty() {
        return Ok(());
    }
    page.push_str(
        "<div class=\"wide\"><table class=\"steps\">\n<thead><tr><th scope=\"col\">Step</th>\
         <th scope=\"col\">Member</th><th scope=\"col\">Began</th><th scope=\"col\">Took</th>\
         <th scope=\"col\">Result</th><th scope=\"col\">Remarks</th></tr></thead>\n<tbody>\n",
    );
    let of_phase = |part: &Part| part.step.is_empty() && part.instance.is_some();
    let together = |a: &Part, b: &Part| of_phase(a) && of_phase(b) && a.title == b.title;
    for parts in subject.parts.chunk_by(together) {
        let plain = |part: &Part| part.result == Ended::Passed && !part.flaky;
        if parts.len() > 1 {
            phase(page, index, subject, parts, log, clock)?;
            if parts.iter().all(plain) {
                continue;
            }
        }
        for part in parts {
            let depth = usize::from(parts.len() > 1);
            row(page, index, subject, (part, depth), log, clock)?;
            let tests = subject.tests.iter();
            for of_part in tests.filter(|it| it.part == Some(part.number)) {
                test(page, of_part)?;
            }
        }
    }
    for apart in subject.tests.iter().filter(|it| it.part.is_none()) {
        test(page, apart)?;
    }
    page.push_str("</tbody>\n</table></div>\n");
    Ok(())
}

/// What was done to all members in one row. Where all passed the members are folded in it, else
/// their rows come below.
fn phase(
    page: &mut String,
    index: usize,
    subject: &Subject,
    parts: &[Part],
    log: &Log,
    clock: Clock,
) -> fmt::Result {
    let plain = |part: &&Part| part.result == Ended::Passed && !part.flaky;
    let odd = parts
        .iter()
        .filter(|part| !plain(part))
        .max_by_key(|part| part.result);
    let told = odd.unwrap_or(&parts[0]);
    let class = Class(told.result, told.flaky);
    let span = |part: &Part| {
        let from = clock.seconds(part.started?);
        Some((from, from + part.seconds))
    };
    let spans = || parts.iter().filter_map(span);
    let until = spans().map(|(_, until)| until).fold(0.0, f64::max);
    let from = spans().map(|(from, _)| from).fold(until, f64::min);
    write!(
        page,
        "<tr class=\"phase {class}\"><th scope=\"row\" class=\"d0\">{}</th><td>{} members</td>\
         <td><a href=\"#{}\" class=\"jump\" data-at=\"{from:.3}\" data-who=\"{}\">{}</a></td><td>{}</td><td class=\"result\">{class}</td><td>",
        Safe(&parts[0].title),
        parts.len(),
        log.anchor(from),
        Safe(&subject.name),
        moment(from),
        took((until - from).max(0.0))
    )?;
    if odd.is_none() {
        page.push_str("<details><summary>members</summary><ul>");
        for part in parts {
            let member = part.instance.as_deref().unwrap_or_default();
            write!(
                page,
                "<li id=\"s{index}p{}\">{}: {}</li>",
                part.number,
                Safe(member),
                took(part.seconds)
            )?;
        }
        page.push_str("</ul></details>");
    }
    page.push_str("</td></tr>\n");
    Ok(())
}

/// The row of a part; `least` is how deep it stands at least.
fn row(
    page: &mut String,
    index: usize,
    subject: &Subject,
    (part, least): (&Part, usize),
    log: &Log,
    clock: Clock,
) -> fmt::Result {
    let class = Class(part.result, part.flaky);
    let number = match part.step.is_empty() {
        true => String::new(),
        false => format!("<span class=\"number\">{}</span> ", path(&part.step)),
    };
    let depth = part.step.len().saturating_sub(1).max(least);
    let member = part.instance.as_deref().unwrap_or_default();
    write!(
        page,
        "<tr id=\"s{index}p{}\" class=\"{class}\"><th scope=\"row\" class=\"d{}\">{number}{}</th><td>{}</td><td>",
        part.number,
        depth.min(4),
        Safe(&part.title),
        Safe(member)
    )?;
    let mut spent = String::new();
    if let Some(started) = part.started {
        let at = clock.seconds(started);
        let who = match member {
            "" => &subject.name,
            member => member,
        };
        write!(
            page,
            "<a href=\"#{}\" class=\"jump\" data-at=\"{at:.3}\" data-who=\"{}\">{}</a>",
            log.anchor(at),
            Safe(who),
            moment(at)
        )?;
        spent = took(part.seconds);
    }
    write!(
        page,
        "</td><td>{spent}</td><td class=\"result\">{class}</td><td>"
    )?;
    if part.attempts > 1 {
        write!(page, "{} attempts. ", part.attempts)?;
    }
    let message = part.failure.as_ref().map(|failure| &failure.message);
    if let Some(text) = message.or(part.reason.as_ref()) {
        write!(page, "{}", Safe(text))?;
    }
    for earlier in &part.retried {
        write!(page, "<br>before: {}", Safe(&earlier.message))?;
    }
    page.push_str("</td></tr>\n");
    Ok(())
}

fn test(page: &mut String, test: &Test) -> fmt::Result {
    let class = Class(test.result, test.flaky);
    let spent = test.seconds.map(took).unwrap_or_default();
    let member = test.instance.as_deref().unwrap_or_default();
    write!(
        page,
        "<tr class=\"test {class}\"><th scope=\"row\">{}</th><td>{}</td><td></td><td>{spent}</td>\
         <td class=\"result\">{class}</td><td>",
        Safe(&test.name),
        Safe(member)
    )?;
    if let Some(message) = &test.message {
        write!(page, "{}", Safe(message))?;
    }
    for earlier in &test.retried {
        write!(page, "<br>before: {}", Safe(earlier))?;
    }
    page.push_str("</td></tr>\n");
    Ok(())
}
