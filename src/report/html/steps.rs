//! Every step and every test as a table, for those who search and for readers without scripts.

use std::fmt::{self, Write};

use super::log::Log;
use super::{Class, Clock, Safe, moment, took};
use crate::report::text::path;
use crate::report::verdict::{Part, Subject, Test};

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
    for part in &subject.parts {
        row(page, index, subject, part, log, clock)?;
        let tests = subject.tests.iter();
        for of_part in tests.filter(|it| it.part == Some(part.number)) {
            test(page, of_part)?;
        }
    }
    for apart in subject.tests.iter().filter(|it| it.part.is_none()) {
        test(page, apart)?;
    }
    page.push_str("</tbody>\n</table></div>\n");
    Ok(())
}

fn row(
    page: &mut String,
    index: usize,
    subject: &Subject,
    part: &Part,
    log: &Log,
    clock: Clock,
) -> fmt::Result {
    let class = Class(part.result, part.flaky);
    let number = match part.step.is_empty() {
        true => String::new(),
        false => format!("<span class=\"number\">{}</span> ", path(&part.step)),
    };
    let depth = part.step.len().saturating_sub(1);
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
