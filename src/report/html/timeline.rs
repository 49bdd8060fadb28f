//! What each member did when: a lane a member over one clock, faults as marks, heartbeats below.

use std::fmt::{self, Write};

use super::beats::{self, Plots};
use super::{Class, Clock, Safe, moment, took};
use crate::report::text::path;
use crate::report::verdict::{Fault, Part, Subject};

/// What the colours mean, by the names of their styles.
const LEGEND: [(&str, &str); 12] = [
    ("create", "create"),
    ("converge", "converge"),
    ("verify", "verify"),
    ("exec", "exec, run"),
    ("wait", "wait"),
    ("destroy", "destroy"),
    ("fire", "fault"),
    ("force", "in force"),
    ("heartbeat", "heartbeat"),
    ("loss", "lost beat"),
    ("down", "outage"),
    ("bad", "failed"),
];

/// Least width of a fault with room for words, in hundredths of the run.
const WIDE: f64 = 8.0;

/// What the colours mean.
pub fn legend(page: &mut String) -> fmt::Result {
    page.push_str("<p class=\"legend\">");
    for (class, word) in LEGEND {
        write!(page, "<span><i class=\"{class}\"></i>{word}</span>")?;
    }
    page.push_str("</p>\n");
    Ok(())
}

pub fn write(
    page: &mut String,
    index: usize,
    subject: &Subject,
    plots: &Plots,
    clock: Clock,
) -> fmt::Result {
    writeln!(
        page,
        "<figure class=\"timeline\"><figcaption>{} <span class=\"zoom\"></span></figcaption>\n\
         <div class=\"scroll\" tabindex=\"0\" role=\"group\" aria-label=\"Timeline of {}\">\n<div class=\"lanes\">",
        Safe(&subject.name),
        Safe(&subject.name)
    )?;
    axis(page, clock)?;
    let whole = |part: &&Part| part.instance.is_none();
    if subject.cluster && subject.parts.iter().any(|part| whole(&part)) {
        let parts = subject.parts.iter().filter(whole);
        lane(page, index, "whole", "cluster", parts, subject, clock)?;
    }
    for member in &subject.members {
        let parts = subject.parts.iter();
        let parts = parts.filter(|part| part.instance.as_ref() == Some(member));
        lane(page, index, "", member, parts, subject, clock)?;
    }
    beats::write(page, index, subject, plots, clock)?;
    page.push_str("</div></div>\n</figure>\n");
    Ok(())
}

/// Marks at round times, at most a dozen.
fn axis(page: &mut String, clock: Clock) -> fmt::Result {
    let every = [
        0.01, 0.1, 0.5, 1.0, 5.0, 10.0, 30.0, 60.0, 300.0, 600.0, 1800.0, 3600.0,
    ];
    let every = every.into_iter().find(|it| clock.seconds / it <= 12.0);
    let every = every.unwrap_or(clock.seconds / 10.0);
    page.push_str("<div class=\"axis\"><div class=\"name\"></div><div class=\"track\">");
    let mut at = 0.0;
    while at <= clock.seconds {
        write!(
            page,
            "<span style=\"left:{:.3}%\">{}</span>",
            clock.percent(at),
            took(at)
        )?;
        at += every;
    }
    page.push_str("</div></div>\n");
    Ok(())
}

#[allow(clippy::too_many_arguments, reason = "the page is one")]
fn lane<'a>(
    page: &mut String,
    index: usize,
    class: &str,
    name: &str,
    parts: impl Iterator<Item = &'a Part>,
    subject: &Subject,
    clock: Clock,
) -> fmt::Result {
    let parts: Vec<(&Part, usize)> = stacked(parts, clock);
    let rows = parts.iter().map(|(_, row)| row + 1).max().unwrap_or(1);
    write!(
        page,
        "<div class=\"lane {class}\"><div class=\"name\" title=\"{0}\">{0}</div>\
         <div class=\"track\" style=\"--rows:{rows}\">",
        Safe(name)
    )?;
    let hits = |fault: &&Fault| fault.members.iter().any(|member| member == name);
    for fault in subject.faults.iter().filter(hits) {
        let from = clock.seconds(fault.set);
        let to = fault.healed.map_or(clock.seconds, |at| clock.seconds(at));
        let (left, right) = (clock.percent(from), clock.percent(to));
        write!(
            page,
            "<i class=\"fault\" style=\"left:{left:.3}%;width:{:.3}%\" title=\"{} at {}\">",
            right - left,
            Safe(&fault.what),
            moment(from)
        )?;
        if right - left > WIDE {
            write!(page, "<span>{}</span>", Safe(&fault.what))?;
        }
        page.push_str("</i>");
    }
    for (part, row) in parts {
        bar(page, index, part, row, clock)?;
    }
    page.push_str("</div></div>\n");
    Ok(())
}

/// Each part with its row: what goes on at the same time stands one below the other.
fn stacked<'a>(parts: impl Iterator<Item = &'a Part>, clock: Clock) -> Vec<(&'a Part, usize)> {
    let mut ends: Vec<f64> = Vec::new();
    let mut placed = Vec::new();
    for part in parts {
        let Some(started) = part.started else {
            continue;
        };
        let from = clock.seconds(started);
        // Times are rounded to the millisecond.
        let free = ends.iter().position(|end| *end <= from + 0.002);
        let row = free.unwrap_or_else(|| {
            ends.push(0.0);
            ends.len() - 1
        });
        ends[row] = from + part.seconds;
        placed.push((part, row));
    }
    placed
}

fn bar(page: &mut String, index: usize, part: &Part, row: usize, clock: Clock) -> fmt::Result {
    let Some(started) = part.started else {
        return Ok(());
    };
    let at = clock.seconds(started);
    let left = clock.percent(at);
    let width = clock.percent(at + part.seconds) - left;
    let number = match part.step.is_empty() {
        true => String::new(),
        false => format!("{} ", path(&part.step)),
    };
    let class = Class(part.result, part.flaky);
    let title = format!(
        "{number}{}: {class}, {} from {}",
        part.title,
        took(part.seconds),
        moment(at)
    );
    write!(
        page,
        "<a href=\"#s{index}p{}\" class=\"bar {} {class}{}\" style=\"left:{left:.3}%;width:{width:.3}%;--row:{row}\" \
         title=\"{}\"><span>{number}{}</span></a>",
        part.number,
        kind(&part.action),
        if part.block { " block" } else { "" },
        Safe(&title),
        Safe(&part.title)
    )
}

/// The kind of a step, by what it does: decides its colour.
fn kind(action: &str) -> &'static str {
    match action {
        "create" | "gossip" | "late_gossip" => "create",
        "converge" => "converge",
        "setup" | "verify" => "verify",
        "destroy" => "destroy",
        "wait" | "sleep" => "wait",
        "exec" | "run" => "exec",
        "heartbeat" => "heartbeat",
        "kill" | "stop" | "start" | "pause" | "resume" | "reboot" | "partition" | "drop"
        | "delay" | "heal" | "chaos" => "fire",
        _ => "other",
    }
}
