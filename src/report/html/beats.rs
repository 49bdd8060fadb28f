//! Heartbeats under the lanes, against the same clock: latency, lost beats, outages and what they
//! follow.

use std::fmt::{self, Write};

use super::{Clock, Safe, moment, took};
use crate::report::fire::{Fire, Heartbeat, millis, seconds};
use crate::report::verdict::Subject;
use crate::run::Outage;

/// Outages that are marked, and those, the longest, that are listed at once.
const MANY: usize = 100;
const LISTED: usize = 3;

/// Least width of an outage with room for words, in hundredths of the run.
const WIDE: f64 = 6.0;

/// Width and height of a plot, in units of its own.
const WIDTH: usize = 2000;
const HEIGHT: f64 = 100.0;

pub fn write(page: &mut String, subject: &Subject, fire: &Fire, clock: Clock) -> fmt::Result {
    for heartbeat in fire.heartbeats(&subject.name) {
        one(page, heartbeat, clock)?;
    }
    Ok(())
}

fn one(page: &mut String, heartbeat: &Heartbeat, clock: Clock) -> fmt::Result {
    write!(
        page,
        "<div class=\"lane beats\"><div class=\"name\"><b>{}</b><small>{}</small></div><div class=\"track\">",
        Safe(&heartbeat.title),
        Safe(&heartbeat.figures())
    )?;
    for outage in heartbeat.outages().iter().take(MANY) {
        let from = seconds(outage.since, clock.start);
        let lasted = millis(outage.lasted) / 1000.0;
        let left = clock.percent(from);
        let width = clock.percent(from + lasted) - left;
        write!(
            page,
            "<i class=\"outage\" style=\"left:{left:.3}%;width:{width:.3}%\" title=\"{}\">",
            Safe(&words(outage, from))
        )?;
        if width > WIDE {
            write!(page, "<span>{} down</span>", took(lasted))?;
        }
        page.push_str("</i>");
    }
    plot(page, heartbeat, clock)?;
    page.push_str("</div></div>\n");
    let mut outages: Vec<&Outage> = heartbeat.outages().iter().take(MANY).collect();
    outages.sort_by_key(|outage| std::cmp::Reverse(outage.lasted));
    let (longest, others) = outages.split_at(outages.len().min(LISTED));
    listed(page, heartbeat, longest, clock)?;
    if !others.is_empty() {
        let all = heartbeat.outages().len();
        writeln!(
            page,
            "<details><summary>{} more outages</summary>",
            all - LISTED
        )?;
        listed(page, heartbeat, others, clock)?;
        page.push_str("</details>\n");
    }
    Ok(())
}

fn listed(
    page: &mut String,
    heartbeat: &Heartbeat,
    outages: &[&Outage],
    clock: Clock,
) -> fmt::Result {
    for outage in outages {
        let from = seconds(outage.since, clock.start);
        writeln!(
            page,
            "<p class=\"outages\">{}: {}</p>",
            Safe(&heartbeat.title),
            Safe(&words(outage, from))
        )?;
    }
    Ok(())
}

fn words(outage: &Outage, from: f64) -> String {
    format!(
        "down for {} from {}, {} lost{}: {}",
        took(millis(outage.lasted) / 1000.0),
        moment(from),
        outage.lost,
        outage.cause(),
        outage.error
    )
}

/// The slowest answer of each column as a line, lost beats as strokes from top to bottom.
fn plot(page: &mut String, heartbeat: &Heartbeat, clock: Clock) -> fmt::Result {
    let mut slowest: Vec<Option<f64>> = vec![None; WIDTH + 1];
    let mut lost = vec![false; WIDTH + 1];
    for sample in &heartbeat.samples {
        let at = clock.percent(seconds(sample.planned, clock.start)) / 100.0;
        // Within bounds: a hundredth lies between 0 and 1.
        let column = (at * WIDTH as f64) as usize;
        match sample.error.is_some() {
            true => lost[column] = true,
            false => {
                let slow = slowest[column].unwrap_or(0.0).max(millis(sample.took));
                slowest[column] = Some(slow);
            }
        }
    }
    let top = slowest.iter().flatten().fold(1.0_f64, |a, b| a.max(*b));
    write!(
        page,
        "<svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" preserveAspectRatio=\"none\" role=\"img\" \
         aria-label=\"Latency of {}, up to {top:.0} ms\"><path class=\"lost\" d=\"",
        Safe(&heartbeat.title)
    )?;
    for (column, _) in lost.iter().enumerate().filter(|(_, lost)| **lost) {
        write!(page, "M{column} 0V{HEIGHT}")?;
    }
    page.push_str("\"/><path class=\"latency\" d=\"");
    let mut pen = 'M';
    let mut last = 0;
    for (column, slow) in slowest.iter().enumerate() {
        let Some(slow) = slow else { continue };
        // A gap is one where beats were lost, not one between two beats.
        if lost[last..column].contains(&true) {
            pen = 'M';
        }
        last = column;
        let height = HEIGHT - slow / top * (HEIGHT - 8.0) - 2.0;
        write!(page, "{pen}{column} {height:.1}")?;
        pen = 'L';
    }
    write!(page, "\"/></svg><span class=\"top\">{top:.0} ms</span>")
}
