//! `kitchen: {step_timeout: …, destroy_timeout: …}`: the limit of every step that has none of its
//! own, and that of a destruction.

use std::time::Duration;

use super::duration;
use super::step::TimeLimit;
use crate::config::{Config, Problem, Problems, nearest};

const OF_STEPS: &str = "step_timeout";
const OF_DESTROY: &str = "destroy_timeout";

/// How long a driver may take to destroy a machine, where the configuration does not say.
pub const DESTROY: Duration = Duration::from_secs(15 * 60);

/// The limit of all steps; what is wrong with it is told.
pub fn of_steps(config: &Config, problems: &mut Problems) -> Option<TimeLimit> {
    let section = config.tree.get("kitchen")?.node.as_map()?;
    let keys = [OF_STEPS, OF_DESTROY];
    for (key, entry) in section
        .iter()
        .filter(|(key, _)| !keys.contains(&key.as_str()))
    {
        if let Some(meant) = nearest(key, keys) {
            let problem = Problem::warning(format!("unknown key `{key}` of `kitchen`"));
            let problem = problem.at(&config.sources, entry.key, "nothing reads this");
            problems.push(problem.help(format!("Did you mean `{meant}`?")));
        }
    }
    limit(config, OF_STEPS, "no limit", problems)
}

/// How long a driver may take to destroy a machine; what is wrong with it is told.
pub fn of_destroy(config: &Config, problems: &mut Problems) -> Option<TimeLimit> {
    limit(config, OF_DESTROY, "15m", problems)
}

fn limit(config: &Config, name: &str, default: &str, problems: &mut Problems) -> Option<TimeLimit> {
    let section = config.tree.get("kitchen")?.node.as_map()?;
    let entry = section.get(name)?;
    if entry.node.is_null() {
        return None;
    }
    let length = duration::of(&entry.node);
    let Some(length) = length.filter(|length| !length.is_zero()) else {
        let is = entry.node.described();
        let message = format!("`{name}` must be a length of time above 0, and is {is}");
        let problem = Problem::error(message).at(&config.sources, entry.node.span, "here");
        problems.push(problem.help(format!(
            "Write `kitchen: {{{name}: 1h}}`, or leave it out: {default}."
        )));
        return None;
    };
    let place = config.sources.place(entry.node.span);
    let place = place.map(|place| format!(", {}", place.shown()));
    let from = format!("`kitchen: {{{name}}}`{}", place.unwrap_or_default());
    Some(TimeLimit {
        common: true,
        ..TimeLimit::new(length, from)
    })
}
