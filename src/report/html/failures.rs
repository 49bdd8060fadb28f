//! What failed, before all else: message, advice, tests, the last output, ways to the rest.

use std::fmt::{self, Write};

use super::log::Log;
use super::{Class, Clock, Safe, moment, took};
use crate::report::outputs::Output;
use crate::report::tally::Failed;
use crate::report::text::{capital, path};
use crate::report::told::Told;
use crate::report::verdict::{Ended, Part, Subject};

/// Bytes and lines of output that are shown of each failure.
const SHOWN: usize = 4 << 10;
const LINES: usize = 15;

/// Failures that are shown in full; the others are in the list of steps.
const MANY: usize = 50;

pub fn write(page: &mut String, told: &Told, log: &Log, clock: Clock) -> fmt::Result {
    page.push_str("<section id=\"failures\" aria-labelledby=\"h-failures\">\n");
    page.push_str("<h2 id=\"h-failures\">Failures</h2>\n");
    let failures: Vec<(usize, &Failed)> = told
        .tally
        .subjects
        .iter()
        .enumerate()
        .flat_map(|(index, subject)| subject.failures.iter().map(move |it| (index, it)))
        .collect();
    for (index, failed) in failures.iter().take(MANY) {
        one(page, told, *index, failed, log, clock)?;
    }
    match failures.len() {
        0 => page.push_str("<p class=\"none\">Nothing failed.</p>\n"),
        1..=MANY => {}
        many => writeln!(
            page,
            "<p class=\"none\">And {} more: see <a href=\"#steps\">the steps</a>.</p>",
            many - MANY
        )?,
    }
    page.push_str("</section>\n");
    Ok(())
}

fn one(
    page: &mut String,
    told: &Told,
    index: usize,
    failed: &Failed,
    log: &Log,
    clock: Clock,
) -> fmt::Result {
    let Some(subject) = told.verdict.subjects.get(index) else {
        return Ok(());
    };
    let part = part_of(subject, failed);
    let who = failed.place.instance.as_deref().unwrap_or(&subject.name);
    let step = match &failed.place.step[..] {
        [] => String::new(),
        step => format!("step {} of ", path(step)),
    };
    let class = Class(part.map_or(Ended::Failed, |part| part.result), false);
    writeln!(
        page,
        "<article class=\"failure {class}\">\n<h3>{} <span class=\"who\">{}</span></h3>",
        Safe(&capital(&failed.what)),
        Safe(who)
    )?;
    writeln!(
        page,
        "<p class=\"where\">{step}{} <span class=\"cause\">{}</span></p>\n<pre class=\"message\">{}</pre>",
        Safe(&subject.name),
        failed.failure.cause.word(),
        Safe(&failed.failure.message)
    )?;
    for hint in &failed.failure.hints {
        writeln!(page, "<p class=\"hint\">{}</p>", Safe(hint))?;
    }
    if let Some(part) = part {
        tests(page, subject, part)?;
        let shown = told.outputs.of(index, part.number);
        if let Some(output) = shown {
            last_output(page, output)?;
        }
        ways(page, index, part, who, log, clock)?;
    }
    page.push_str("</article>\n");
    Ok(())
}

/// The part that a failure is of: its step, else its action.
fn part_of<'a>(subject: &'a Subject, failed: &Failed) -> Option<&'a Part> {
    let place = &failed.place;
    let step = |part: &&Part| !place.step.is_empty() && part.step == place.step;
    let action = |part: &&Part| {
        part.step.is_empty() && part.instance == place.instance && part.title == failed.what
    };
    let mut parts = subject.parts.iter().rev();
    parts.clone().find(step).or_else(|| parts.find(action))
}

fn tests(page: &mut String, subject: &Subject, part: &Part) -> fmt::Result {
    let of_part = |test: &&_| is_failed_test_of(test, part);
    let mut failed = subject.tests.iter().filter(of_part).peekable();
    if failed.peek().is_none() {
        return Ok(());
    }
    page.push_str("<ul class=\"tests\">\n");
    for test in failed.take(MANY) {
        let message = test.message.as_deref().unwrap_or_default();
        write!(page, "<li><b>{}</b>", Safe(&test.name))?;
        if !message.is_empty() {
            write!(page, "<pre>{}</pre>", Safe(message))?;
        }
        page.push_str("</li>\n");
    }
    page.push_str("</ul>\n");
    Ok(())
}

fn is_failed_test_of(test: &crate::report::verdict::Test, part: &Part) -> bool {
    test.part == Some(part.number) && test.result == Ended::Failed
}

fn last_output(page: &mut String, output: &Output) -> fmt::Result {
    let (before, lines) = output.last(SHOWN);
    let lines: Vec<&str> = lines.collect();
    let cut = lines.len().saturating_sub(LINES);
    page.push_str("<details open><summary>Last output");
    if before + cut > 0 {
        write!(page, " <small>{} lines before</small>", before + cut)?;
    }
    page.push_str("</summary>\n<pre class=\"output\">");
    for line in &lines[cut..] {
        writeln!(page, "{}", Safe(line))?;
    }
    page.push_str("</pre></details>\n");
    Ok(())
}

fn ways(
    page: &mut String,
    index: usize,
    part: &Part,
    who: &str,
    log: &Log,
    clock: Clock,
) -> fmt::Result {
    let Some(started) = part.started else {
        return Ok(());
    };
    let end = clock.seconds(started) + part.seconds;
    writeln!(
        page,
        "<p class=\"ways\"><a href=\"#s{index}p{}\">The step</a>, {}, after {}. \
         <a href=\"#{}\" class=\"jump\" data-at=\"{end:.3}\" data-who=\"{}\">Its place in the log</a></p>",
        part.number,
        moment(end),
        took(part.seconds),
        log.anchor(end),
        Safe(who)
    )
}
