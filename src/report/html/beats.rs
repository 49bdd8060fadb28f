//! Heartbeats under the lanes, against the same clock: latency, lost beats, outages and what they
//! follow.

use std::collections::HashMap;
use std::fmt::{self, Write};

use banquet_sdk::wording::time;

use super::{Clock, Safe, moment, took};
use crate::report::tally::Tally;
use crate::report::verdict::{self, Heartbeat, Outage, Subject, duration};
use crate::run::{Event, EventKind};

/// Outages that are marked, and those, the longest, that are listed at once.
const MANY: usize = 100;
const LISTED: usize = 3;

/// Least width of an outage with room for words, in hundredths of the run.
const WIDE: f64 = 6.0;

/// Width and height of a plot, in units of its own.
const WIDTH: usize = 2000;
const HEIGHT: f64 = 100.0;

/// The beats of all heartbeats, by the index of the subject and their own.
#[derive(Debug, Default)]
pub struct Plots(HashMap<(usize, usize), Plot>);

/// The beats of one heartbeat: as much as can be seen, however many there are.
#[derive(Debug)]
struct Plot {
    /// The slowest answer of each column, in milliseconds.
    slowest: Vec<Option<f64>>,
    /// Columns in which beats were lost.
    lost: Vec<bool>,
}

impl Plots {
    /// Takes an event into account, after `tally` has.
    pub fn event(&mut self, event: &Event, tally: &Tally, clock: Clock) {
        let EventKind::HeartbeatSampled { place, samples } = &event.kind else {
            return;
        };
        let Some(index) = tally.heartbeat(place) else {
            return;
        };
        let plot = self.0.entry(index).or_insert_with(|| Plot {
            slowest: vec![None; WIDTH + 1],
            lost: vec![false; WIDTH + 1],
        });
        for sample in samples {
            let at = clock.seconds(verdict::moment(sample.planned));
            // Within bounds: a hundredth lies between 0 and 1.
            let column = (clock.percent(at) / 100.0 * WIDTH as f64) as usize;
            match sample.error.is_some() {
                true => plot.lost[column] = true,
                false => {
                    let took = sample.took as f64 / 1000.0;
                    let slow = plot.slowest[column].unwrap_or(0.0).max(took);
                    plot.slowest[column] = Some(slow);
                }
            }
        }
    }
}

/// All heartbeats of the subject at `index`.
pub fn write(
    page: &mut String,
    index: usize,
    subject: &Subject,
    plots: &Plots,
    clock: Clock,
) -> fmt::Result {
    for (number, heartbeat) in subject.heartbeats.iter().enumerate() {
        let plot = plots.0.get(&(index, number));
        one(page, subject, heartbeat, plot, clock)?;
    }
    Ok(())
}

fn one(
    page: &mut String,
    subject: &Subject,
    heartbeat: &Heartbeat,
    plot: Option<&Plot>,
    clock: Clock,
) -> fmt::Result {
    let Heartbeat { sent, lost, .. } = heartbeat;
    write!(
        page,
        "<div class=\"lane beats\"><div class=\"name\"><b>{0}</b><small>{sent} sent, <span{1}>{lost} lost</span>{2}</small></div>\
         <div class=\"track\">",
        Safe(&heartbeat.title),
        if *lost > 0 { " class=\"loss\"" } else { "" },
        latencies(heartbeat)
    )?;
    for outage in heartbeat.outages.iter().take(MANY) {
        let from = clock.seconds(outage.since);
        let left = clock.percent(from);
        let width = clock.percent(from + outage.seconds) - left;
        write!(
            page,
            "<i class=\"outage\" style=\"left:{left:.3}%;width:{width:.3}%\" title=\"{}\">",
            Safe(&words(outage, from))
        )?;
        if width > WIDE {
            write!(page, "<span>{} down</span>", took(outage.seconds))?;
        }
        page.push_str("</i>");
    }
    if let Some(plot) = plot {
        plot.write(page, &heartbeat.title)?;
    }
    strikes(page, subject, clock)?;
    page.push_str("</div></div>\n");
    let mut outages: Vec<&Outage> = heartbeat.outages.iter().take(MANY).collect();
    outages.sort_by(|a, b| b.seconds.total_cmp(&a.seconds));
    let (longest, others) = outages.split_at(outages.len().min(LISTED));
    listed(page, heartbeat, longest, clock)?;
    if !others.is_empty() {
        let all = heartbeat.outages.len();
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

/// `, half within 1.2ms, 99% within 41ms`
fn latencies(heartbeat: &Heartbeat) -> String {
    match &heartbeat.latency {
        Some(latency) => format!(
            ", half within {}, 99% within {}",
            time(duration(latency.p50)),
            time(duration(latency.p99))
        ),
        None if heartbeat.finished => ", nothing answered".into(),
        None => ", unfinished".into(),
    }
}

/// Where each fault was in force, with its words where there is room for them.
fn strikes(page: &mut String, subject: &Subject, clock: Clock) -> fmt::Result {
    let mut room = f64::MIN;
    for fault in subject.faults.iter().take(MANY) {
        let from = clock.seconds(fault.set);
        let left = clock.percent(from);
        write!(
            page,
            "<i class=\"strike\" style=\"left:{left:.3}%\" title=\"{} at {}\">",
            Safe(&fault.what),
            moment(from)
        )?;
        if left > room {
            room = left + 2.0 * WIDE;
            write!(page, "<span>{}</span>", Safe(&fault.what))?;
        }
        page.push_str("</i>");
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
        let from = clock.seconds(outage.since);
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
    let follows = outage.follows.as_ref();
    format!(
        "down for {} from {}, {} lost{}: {}",
        took(outage.seconds),
        moment(from),
        outage.lost,
        follows.map_or_else(String::new, |fault| format!(", after `{fault}`")),
        outage.error
    )
}

impl Plot {
    /// The slowest answer of each column as a line, lost beats as strokes from top to bottom.
    fn write(&self, page: &mut String, title: &str) -> fmt::Result {
        let slowest = self.slowest.iter().flatten();
        let top = slowest.fold(1.0_f64, |a, b| a.max(*b));
        write!(
            page,
            "<svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" preserveAspectRatio=\"none\" role=\"img\" \
             aria-label=\"Latency of {}, up to {top:.0} ms\"><path class=\"lost\" d=\"",
            Safe(title)
        )?;
        for (column, _) in self.lost.iter().enumerate().filter(|(_, lost)| **lost) {
            write!(page, "M{column} 0V{HEIGHT}")?;
        }
        page.push_str("\"/><path class=\"latency\" d=\"");
        let mut pen = 'M';
        let mut last = 0;
        for (column, slow) in self.slowest.iter().enumerate() {
            let Some(slow) = slow else { continue };
            // A gap is one where beats were lost, not one between two beats.
            if self.lost[last..column].contains(&true) {
                pen = 'M';
            }
            last = column;
            let height = HEIGHT - slow / top * (HEIGHT - 8.0) - 2.0;
            // A beat between two that were lost is a dot: a line without length and round ends.
            let dot = if pen == 'M' { "h0" } else { "" };
            write!(page, "{pen}{column} {height:.1}{dot}")?;
            pen = 'L';
        }
        write!(page, "\"/></svg><span class=\"top\">{top:.0} ms</span>")
    }
}
