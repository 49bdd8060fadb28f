//! What faults need, and how they are told beforehand.

use banquet_sdk::{Driver, LinkFault, Power};

use super::{Obstacle, Planner, Strike, Task, context, schedule};
use crate::matrix::{Action, Cluster, Fault, Heartbeat, Instance, Kind, Probe, Step};

/// So many faults of a chaos are listed.
const SHOWN: usize = 20;

impl Planner<'_> {
    /// Notes what keeps the fault of `step` from being set, or from being undone.
    pub(super) fn fault(&self, task: &Task, step: &Step, found: &mut Vec<Obstacle>) {
        let faults = match &step.action {
            Action::Fault { fault, .. } => std::slice::from_ref(fault),
            Action::Chaos(chaos) => chaos.faults.as_slice(),
            _ => return,
        };
        let Some(cluster) = &task.cluster else { return };
        let members = step.groups.iter().flatten();
        for member in members.filter_map(|suite| cluster.member(suite)) {
            self.plugin(member, Kind::Driver, found);
            let Ok(driver) = self.registry.driver(&member.driver.name) else {
                continue;
            };
            for fault in faults {
                let obstacle = match fault {
                    Fault::Power(power) => unswitchable(&*driver, member, *power),
                    Fault::Partition => self.unlinkable(&*driver, member, LinkFault::Cut),
                    Fault::Delay { .. } => self.unlinkable(&*driver, member, LinkFault::Delay),
                    Fault::Drop { .. } => self.unlinkable(&*driver, member, LinkFault::Drop),
                };
                if let Some(mut obstacle) = obstacle {
                    obstacle.message = format!("`{}`: {}", step.text, obstacle.message);
                    if !found.contains(&obstacle) {
                        found.push(obstacle);
                    }
                }
            }
        }
    }

    fn unlinkable(
        &self,
        driver: &dyn Driver,
        member: &Instance,
        fault: LinkFault,
    ) -> Option<Obstacle> {
        if driver.capabilities().workstation {
            return Some(Obstacle {
                message: format!(
                    "driver {} of {} is the workstation itself, whose network is left alone",
                    member.driver.name, member.name
                ),
                hints: vec!["Use a driver that makes machines, such as sandbox or docker.".into()],
            });
        }
        let cx = context(self.project, member, member.driver.section.clone(), "");
        let error = driver.lacks(&cx, fault)?;
        Some(Obstacle {
            message: error.message,
            hints: error.hints,
        })
    }
}

/// Why the driver cannot switch the member so, or not back again.
fn unswitchable(driver: &dyn Driver, member: &Instance, power: Power) -> Option<Obstacle> {
    let can = driver.capabilities().power;
    let name = &member.driver.name;
    let word = |power: Power| Fault::Power(power).word();
    if !can.contains(&power) {
        let instead = match power {
            Power::Stop => [Power::Kill, Power::Pause],
            Power::Kill => [Power::Stop, Power::Reboot],
            Power::Pause => [Power::Stop, Power::Kill],
            Power::Start | Power::Reboot | Power::Resume => [power, power],
        };
        let instead = instead.into_iter().find(|other| can.contains(other));
        let instead = instead.map(|other| format!("; use {}", word(other)));
        let hint = match can.is_empty() {
            true => "It has no power actions; `partition` cuts a member off all the same.".into(),
            false => {
                let can: Vec<_> = can.into_iter().map(word).collect();
                format!("It can {}.", can.join(", "))
            }
        };
        return Some(Obstacle {
            message: format!(
                "driver {name} cannot {}{}",
                word(power),
                instead.unwrap_or_default()
            ),
            hints: vec![hint],
        });
    }
    let back = match power {
        Power::Stop | Power::Kill => Power::Start,
        Power::Pause => Power::Resume,
        Power::Start | Power::Reboot | Power::Resume => return None,
    };
    (!can.contains(&back)).then(|| Obstacle {
        message: format!(
            "driver {name} cannot {}: it could not be undone",
            word(back)
        ),
        hints: Vec::new(),
    })
}

/// What a step about faults means, in lines for a person.
pub(super) fn described(step: &Step, cluster: Option<&Cluster>) -> Vec<String> {
    let name = |suite: &String| match cluster.and_then(|cluster| cluster.member(suite)) {
        Some(member) => member.name.clone(),
        None => suite.clone(),
    };
    let groups: Vec<String> = step
        .groups
        .iter()
        .map(|group| group.iter().map(name).collect::<Vec<_>>().join(", "))
        .collect();
    let whom = groups.join(" | ");
    match &step.action {
        Action::Fault { fault, lasts } => {
            let how = match fault {
                Fault::Delay { by, jitter } if jitter.is_zero() => format!(", by {by:?}"),
                Fault::Delay { by, jitter } => format!(", by {by:?} ± {jitter:?}"),
                Fault::Drop { percent } => format!(", {percent}% of its packets"),
                Fault::Power(_) | Fault::Partition => String::new(),
            };
            let until = match lasts {
                Some(lasts) => format!(", for {lasts:?}"),
                None if fault.lasts() => ", until it is healed".into(),
                None => String::new(),
            };
            vec![format!("{whom}: {}{how}{until}", fault.word())]
        }
        Action::Heal if groups.is_empty() => vec!["all links".into()],
        Action::Heal => vec![format!("links of {whom}")],
        Action::Chaos(chaos) => {
            let suites: Vec<String> = step.groups.concat();
            let strikes = schedule(chaos, &suites);
            let line = |strike: &Strike| {
                let text = strike.text(&suites);
                format!("after {:.1?}: {text}, for {:.1?}", strike.at, strike.lasts)
            };
            let mut lines = vec![format!(
                "{} faults in {:?}, seed {}; {} of {} members always in service",
                strikes.len(),
                chaos.lasts,
                chaos.seed,
                chaos.min_in_service,
                suites.len()
            )];
            lines.extend(strikes.iter().take(SHOWN).map(line));
            if strikes.len() > SHOWN {
                lines.push(format!("and {} more", strikes.len() - SHOWN));
            }
            lines
        }
        Action::Heartbeat(beat) => vec![heartbeat(step, beat)],
        _ => Vec::new(),
    }
}

fn heartbeat(step: &Step, beat: &Heartbeat) -> String {
    let what = match &beat.probe {
        Probe::Http { url, method, .. } => format!("{method} {url}"),
        Probe::Tcp(target) => format!("tcp {target}"),
        Probe::Exec(command) => format!("`{command}`"),
    };
    let from = step.suite.as_deref().unwrap_or("the workstation");
    let mut text = format!("{what} from {from}, every {:?}", beat.every);
    match beat.count {
        Some(count) => text += &format!(", {count} times"),
        None => text += ", until the steps end",
    }
    match (beat.allow_failures, beat.max_outage) {
        (None, Some(_)) => {}
        (allowed, _) => text += &format!(", at most {} lost", allowed.unwrap_or(0)),
    }
    if let Some(outage) = beat.max_outage {
        text += &format!(", no outage above {outage:?}");
    }
    if let Some(latency) = beat.max_latency {
        text += &format!(", 99% within {latency:?}");
    }
    text
}
