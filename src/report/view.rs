//! The live view: a few lines below the output that say what runs now.

use std::time::Duration;

use console::{measure_text_width, truncate_str};
use jiff::Timestamp;

use super::expected::Expected;
use super::tally::{Running, Subject, Tally};
use super::text::{after, doing, elapsed, path};

/// The view of a terminal of `width` columns and `height` lines at `now`; at most half of the
/// lines are used.
pub fn view(
    tally: &Tally,
    expected: &Expected,
    now: Timestamp,
    width: usize,
    height: usize,
) -> String {
    let mut lines = Vec::new();
    for subject in tally
        .subjects
        .iter()
        .filter(|subject| subject.ended.is_none())
    {
        lines.push(headline(subject, expected, now));
        if subject.cluster {
            lines.extend(members(subject, now));
        }
    }
    let room = (height / 2).max(2);
    if lines.len() > room {
        let hidden = lines.len() - (room - 1);
        lines.truncate(room - 1);
        lines.push(format!("  … and {hidden} more"));
    }
    let cut = |line: &String| truncate_str(line, width.saturating_sub(1), "…").into_owned();
    lines.iter().map(cut).collect::<Vec<_>>().join("\n")
}

/// `web-centos-7  step 3/7: verify web1  42s of about 1m10s`
fn headline(subject: &Subject, expected: &Expected, now: Timestamp) -> String {
    let mut total = elapsed(since(subject.started, now));
    if let Some(whole) = expected.of(&subject.name, &subject.command) {
        total = format!("{total} of about {}", elapsed(whole));
    }
    let step = subject
        .running
        .iter()
        .rfind(|running| running.step && running.place.step.len() == 1);
    let what = match (step, subject.cluster) {
        (Some(step), _) => format!(
            "step {}/{}: {}",
            path(&step.place.step),
            subject.titles.len(),
            step.what
        ),
        (None, false) => subject.running.first().map(word).unwrap_or_default(),
        (None, true) => subject
            .running
            .first()
            .map_or_else(|| subject.command.clone(), word),
    };
    format!("{}  {what}  {total}", subject.name)
}

/// A line a member: those at work first, each with what it does and for how long.
fn members(subject: &Subject, now: Timestamp) -> Vec<String> {
    let width = subject
        .members
        .iter()
        .map(|name| measure_text_width(name))
        .max()
        .unwrap_or(0);
    let (mut busy, mut idle) = (Vec::new(), Vec::new());
    for member in &subject.members {
        let running = subject
            .running
            .iter()
            .rfind(|running| running.place.instance.as_deref() == Some(member));
        match running {
            Some(running) => busy.push(format!(
                "  {member:width$}  {}  {}",
                word(running),
                elapsed(since(running.since, now))
            )),
            None => {
                let state = subject
                    .reached
                    .get(member)
                    .map_or("", |action| after(action));
                idle.push(format!("  {member:width$}  {state}").trim_end().to_owned());
            }
        }
    }
    busy.append(&mut idle);
    busy
}

fn word(running: &Running) -> String {
    doing(&running.what).map_or_else(|| running.what.clone(), str::to_lowercase)
}

fn since(then: Timestamp, now: Timestamp) -> Duration {
    now.duration_since(then).try_into().unwrap_or_default()
}
