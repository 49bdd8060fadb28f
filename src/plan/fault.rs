//! What faults need, and how they are told beforehand.

use std::sync::Arc;

use banquet_sdk::wording::time;
use banquet_sdk::{Driver, Error, LinkFault, Power};

use super::{Obstacle, Planner, Strike, Task, context, schedule};
use crate::matrix::{Action, Cluster, Fault, Heartbeat, Instance, Kind, Probe, Step, each};

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
                    Fault::Power(power) => self.unswitchable(&*driver, member, *power),
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
                ..Obstacle::default()
            });
        }
        let cx = context(self.project, member, member.driver.section.clone(), "");
        driver.lacks(&cx, fault).map(obstacle)
    }

    /// Why the driver cannot switch the member so, or not back again.
    pub(super) fn unswitchable(
        &self,
        driver: &dyn Driver,
        member: &Instance,
        power: Power,
    ) -> Option<Obstacle> {
        let back = match power {
            Power::Stop | Power::Kill => Some(Power::Start),
            Power::Pause => Some(Power::Resume),
            Power::Start | Power::Reboot | Power::Resume => None,
        };
        let cx = context(self.project, member, member.driver.section.clone(), "");
        let lacks = |power| match driver.capabilities().power.contains(&power) {
            true => driver.lacks_power(&cx, power).map(obstacle),
            false => Some(cannot(driver, member, power)),
        };
        lacks(power).or_else(|| {
            let mut obstacle = lacks(back?)?;
            obstacle.message += ": it could not be undone";
            Some(obstacle)
        })
    }
}

fn obstacle(error: Error) -> Obstacle {
    Obstacle {
        message: error.message,
        hints: error.hints,
        ..Obstacle::default()
    }
}

/// The driver does not have `power` at all.
fn cannot(driver: &dyn Driver, member: &Instance, power: Power) -> Obstacle {
    let (name, can) = (&member.driver.name, driver.capabilities());
    let word = |power: Power| Fault::Power(power).word();
    let what = word(power);
    if can.workstation {
        return Obstacle {
            message: format!("driver {name} cannot {what}: {} is the workstation itself", member.name),
            hints: vec!["Use a driver that makes machines, such as sandbox or docker, or `proxy` with hosts of its own.".into()], ..Obstacle::default() };
    }
    let instead: &[Power] = match power {
        Power::Stop => &[Power::Kill, Power::Pause],
        Power::Kill => &[Power::Stop, Power::Reboot],
        Power::Pause => &[Power::Stop, Power::Kill],
        Power::Start | Power::Reboot | Power::Resume => &[],
    };
    let instead = instead.iter().find(|other| can.power.contains(other));
    let instead = instead.map(|other| format!("; use {}", word(*other)));
    let hint = match can.power.is_empty() {
        true => "It has no power actions; `partition` cuts a member off all the same.".into(),
        false => {
            let can: Vec<_> = can.power.into_iter().map(word).collect();
            format!("It can {}.", can.join(", "))
        }
    };
    Obstacle {
        message: format!("driver {name} cannot {what}{}", instead.unwrap_or_default()),
        hints: vec![hint],
        ..Obstacle::default()
    }
}

/// Warns of the faults that steps before number `from` would have left in force: who begins there
/// begins without them.
pub(super) fn missed(cluster: &Cluster, from: usize) -> Vec<String> {
    let mut in_force: Vec<(usize, Arc<Step>)> = Vec::new();
    for (node, number) in cluster.steps.iter().zip(1..from) {
        each(node, &mut |step| {
            in_force.retain(|(_, set)| !ends(step, set));
            if let Action::Fault { fault, lasts: None } = &step.action
                && fault.lasts()
            {
                in_force.push((number, step.clone()));
            }
        });
    }
    let warned = in_force.into_iter().map(|(number, step)| {
        let text = &step.text;
        format!("`{text}` is not in force at step {from}: `--from {number}` begins with it")
    });
    warned.collect()
}

/// Whether `later` ends what `set` has broken.
fn ends(later: &Step, set: &Step) -> bool {
    let Action::Fault { fault, .. } = &set.action else {
        return false;
    };
    let heals_all = later.action == Action::Heal && later.groups.is_empty();
    let concerned = || {
        let mut suites = set.groups.iter().flatten();
        suites.any(|it| later.suites().any(|suite| suite == it))
    };
    let kind = match (&later.action, fault) {
        (Action::Destroy, _) => true,
        (Action::Heal, fault) => !matches!(fault, Fault::Power(_)),
        (Action::Fault { fault, .. }, Fault::Power(was)) => match fault {
            Fault::Power(Power::Start | Power::Reboot) => true,
            Fault::Power(Power::Resume) => *was == Power::Pause,
            _ => false,
        },
        _ => false,
    };
    kind && (heals_all || concerned())
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
                Fault::Delay { by, jitter } if jitter.is_zero() => format!(", by {}", time(*by)),
                Fault::Delay { by, jitter } => format!(", by {} ± {}", time(*by), time(*jitter)),
                Fault::Drop { percent } => format!(", {percent}% of its packets"),
                Fault::Power(_) | Fault::Partition => String::new(),
            };
            let until = match lasts {
                Some(lasts) => format!(", for {}", time(*lasts)),
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
                let (at, lasts) = (time(strike.at), time(strike.lasts));
                format!("after {at}: {text}, for {lasts}")
            };
            let mut lines = vec![format!(
                "{} faults in {}, seed {}; {} of {} members always in service",
                strikes.len(),
                time(chaos.lasts),
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
    let mut text = format!("{what} from {from}, every {}", time(beat.every));
    match beat.count {
        Some(count) => text += &format!(", {count} times"),
        None => text += ", until the steps end",
    }
    match (beat.allow_failures, beat.max_outage) {
        (None, Some(_)) => {}
        (allowed, _) => text += &format!(", at most {} lost", allowed.unwrap_or(0)),
    }
    if let Some(outage) = beat.max_outage {
        text += &format!(", no outage above {}", time(outage));
    }
    if let Some(latency) = beat.max_latency {
        text += &format!(", 99% within {}", time(latency));
    }
    text
}
