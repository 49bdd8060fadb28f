//! `kitchen: {step_timeout: …}`: the limit of every step that has none of its own.

use super::duration;
use super::step::TimeLimit;
use crate::config::{Config, Problem, Problems, nearest};

const KEY: &str = "step_timeout";

/// The limit of all steps; what is wrong with it is told.
pub fn of_steps(config: &Config, problems: &mut Problems) -> Option<TimeLimit> {
    let section = config.tree.get("kitchen")?.node.as_map()?;
    for (key, entry) in section.iter().filter(|(key, _)| *key != KEY) {
        if nearest(key, [KEY]).is_some() {
            let problem = Problem::warning(format!("unknown key `{key}` of `kitchen`"));
            let problem = problem.at(&config.sources, entry.key, "nothing reads this");
            problems.push(problem.help(format!("Did you mean `{KEY}`?")));
        }
    }
    let entry = section.get(KEY)?;
    if entry.node.is_null() {
        return None;
    }
    let length = duration::of(&entry.node);
    let Some(length) = length.filter(|length| !length.is_zero()) else {
        let is = entry.node.described();
        let message = format!("`{KEY}` must be a length of time above 0, and is {is}");
        let problem = Problem::error(message).at(&config.sources, entry.node.span, "here");
        problems
            .push(problem.help("Write `kitchen: {step_timeout: 1h}`, or leave it out: no limit."));
        return None;
    };
    let place = config.sources.place(entry.node.span);
    let place = place.map(|place| format!(", {}", place.shown()));
    let from = format!("`kitchen: {{{KEY}}}`{}", place.unwrap_or_default());
    Some(TimeLimit {
        common: true,
        ..TimeLimit::new(length, from)
    })
}
