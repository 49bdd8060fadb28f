//! The live view: a few lines below the output that say what runs now, what is broken on purpose
//! and what heartbeats hear.

use std::collections::HashMap;
use std::time::Duration;

use banquet_sdk::wording;
use console::{measure_text_width, truncate_str};
use jiff::Timestamp;

use super::expected::Expected;
use super::tally::{Fault, Heartbeat, Running, Subject, Tally};
use super::text::{after, doing, elapsed, path, safe, short};

/// Terminals with fewer columns get the short forms.
const NARROW: usize = 60;

/// Least room for what stands left, in columns.
const LEAST: usize = 12;

/// A line: where there is too little room, `left` is cut and `right` stays.
#[derive(Debug)]
struct Row {
    left: String,
    right: String,
}

/// The view of a terminal of `width` columns and `height` lines at `now`; at most half of the
/// lines are used.
pub fn view(
    tally: &Tally,
    expected: &Expected,
    now: Timestamp,
    width: usize,
    height: usize,
) -> String {
    let clock = Clock {
        expected,
        now,
        narrow: width < NARROW,
        platforms: &tally.run.platforms,
    };
    let open = tally.subjects.iter().filter(|it| it.ended.is_none());
    let mut rows: Vec<Row> = open.flat_map(|subject| clock.subject(subject)).collect();
    let room = (height / 2).max(2);
    if rows.len() > room {
        let hidden = rows.len() - (room - 1);
        rows.truncate(room - 1);
        rows.push(Row {
            left: format!("  … and {hidden} more"),
            right: String::new(),
        });
    }
    let lines: Vec<String> = rows.iter().map(|row| row.fit(width)).collect();
    lines.join("\n")
}

impl Row {
    fn new(left: impl Into<String>, right: impl Into<String>) -> Self {
        Self {
            left: left.into(),
            right: right.into(),
        }
    }

    /// In fewer than `width` columns, so that no terminal begins another line.
    fn fit(&self, width: usize) -> String {
        let width = width.saturating_sub(1);
        let left = safe(&self.left, false);
        if self.right.is_empty() {
            return truncate_str(&left, width, "…").into_owned();
        }
        let room = width.saturating_sub(measure_text_width(&self.right) + 2);
        let left = truncate_str(&left, room.max(LEAST.min(width)), "…");
        let line = format!("{left}  {}", self.right);
        truncate_str(&line, width, "…").into_owned()
    }
}

/// What times are told by.
struct Clock<'a> {
    expected: &'a Expected,
    now: Timestamp,
    narrow: bool,
    /// Those of the run: names of members do not say the only one.
    platforms: &'a [String],
}

impl Clock<'_> {
    /// What it does, what it is put through, what its members do.
    fn subject(&self, subject: &Subject) -> Vec<Row> {
        let mut rows = vec![self.headline(subject)];
        let in_force = subject.fire.faults.iter().filter(|it| it.healed.is_none());
        rows.extend(in_force.map(|fault| self.fault(fault)));
        let beating = subject.fire.heartbeats.iter();
        let beating = beating.filter(|it| it.summary.is_none());
        rows.extend(beating.map(|heartbeat| self.heartbeat(heartbeat)));
        if subject.cluster {
            rows.extend(self.members(subject));
        }
        rows
    }

    /// `web-centos-7  step 3/7: verify web1  42s of about 1m10s`
    fn headline(&self, subject: &Subject) -> Row {
        let expected = self.expected.of(subject);
        let step = subject
            .running
            .iter()
            .rfind(|running| running.step && running.place.step.len() == 1);
        let what = match (step, subject.running.iter().next()) {
            (Some(step), _) => format!(
                "step {}/{}: {}",
                path(&step.place.step),
                subject.steps(),
                step.what
            ),
            (None, Some(first)) => word(first),
            (None, None) if subject.cluster => subject.command.clone(),
            (None, None) => String::new(),
        };
        let left = format!("{}  {what}", short(&subject.name, self.platforms));
        Row::new(left.trim_end(), self.time(subject.started, expected))
    }

    /// `  in force: kill web1  12s`
    fn fault(&self, fault: &Fault) -> Row {
        let left = format!("  in force: {}", fault.what);
        Row::new(left, self.time(fault.set, None))
    }

    /// `  heartbeat http://10.0.0.1/  1200 sent, 3 lost, 1.2ms`
    fn heartbeat(&self, heartbeat: &Heartbeat) -> Row {
        let last = match heartbeat.last {
            Some(micros) => wording::time(Duration::from_micros(micros)),
            None => "no answer".into(),
        };
        let Heartbeat { sent, lost, .. } = heartbeat;
        let figures = match self.narrow {
            true => format!("{lost}/{sent} lost, {last}"),
            false => format!("{sent} sent, {lost} lost, {last}"),
        };
        Row::new(format!("  {}", heartbeat.title), figures)
    }

    /// A line a member: those at work first, each with what it does and for how long.
    fn members(&self, subject: &Subject) -> Vec<Row> {
        let names = subject.members.iter();
        let names = names.map(|name| measure_text_width(short(name, self.platforms)));
        let longest = names.max();
        let width = if self.narrow { 0 } else { longest.unwrap_or(0) };
        let (mut busy, mut idle) = (Vec::new(), Vec::new());
        let at_work = subject.running.iter();
        let at_work = at_work.filter_map(|it| Some((it.place.instance.as_deref()?, it)));
        let at_work: HashMap<&str, &Running> = at_work.collect();
        for member in &subject.members {
            let name = short(member, self.platforms);
            match at_work.get(member.as_str()) {
                Some(running) => busy.push(Row::new(
                    format!("  {name:width$}  {}", word(running)),
                    self.time(running.since, self.expected_of(subject, running)),
                )),
                None => {
                    let left = format!("  {name:width$}  {}", state(subject, member));
                    idle.push(Row::new(left.trim_end(), ""));
                }
            }
        }
        busy.append(&mut idle);
        busy
    }

    /// Of an action in a step, what the step took.
    fn expected_of(&self, subject: &Subject, running: &Running) -> Option<Duration> {
        let path = &running.place.step;
        let step = subject.running.step(path).filter(|_| !path.is_empty());
        let told = step.unwrap_or(running);
        let instance = told.place.instance.as_deref();
        self.expected.of_part(subject, instance, &told.what)
    }

    /// `42s of about 1m10s`; in short `42s/1m10s`.
    fn time(&self, since: Timestamp, expected: Option<Duration>) -> String {
        let so_far = self.now.duration_since(since).try_into();
        let so_far = elapsed(so_far.unwrap_or_default());
        match expected.filter(|it| it.as_secs() > 0) {
            None => so_far,
            Some(whole) if self.narrow => format!("{so_far}/{}", elapsed(whole)),
            Some(whole) => format!("{so_far} of about {}", elapsed(whole)),
        }
    }
}

/// What a member is: off or frozen by a fault in force, else what was last done to it.
fn state<'a>(subject: &'a Subject, member: &str) -> &'a str {
    let faults = subject.fire.faults.iter().rev();
    let mut in_force = faults.filter(|fault| fault.healed.is_none());
    let silenced = in_force.find_map(|fault| {
        let hit = fault.members.iter().any(|it| it == member);
        let word = match fault.what.split(' ').next()? {
            "kill" => "killed",
            "stop" => "stopped",
            "pause" => "paused",
            "reboot" => "rebooting",
            _ => return None,
        };
        hit.then_some(word)
    });
    let reached = || subject.reached.get(member).map_or("", |it| after(it));
    silenced.unwrap_or_else(reached)
}

fn word(running: &Running) -> String {
    doing(&running.what).map_or_else(|| running.what.clone(), str::to_lowercase)
}
