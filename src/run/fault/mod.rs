//! Faults: set by steps, noted in the cluster's record before they are set, undone at the end of
//! the run or by the next command. `power` switches machines, `links` cuts and mends what is
//! between them, `chaos` does both by chance.

mod chaos;
mod links;
mod power;

use std::slice;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use futures::future::join_all;
use jiff::Timestamp;
use tokio::time::Instant;

use super::job::Job;
use super::member::Member;
use super::scope::Scope;
use super::{Cause, EventKind, Failure, Place};
use crate::matrix::{Fault, Step};
use crate::plan::Subject;
use crate::state::{Broken, Damage};

/// When a fault began to be set, for heartbeats to name it.
#[derive(Clone, Debug)]
pub(super) struct Begun {
    /// Microseconds since 1970.
    pub at: u64,
    /// The step, as written.
    pub what: String,
}

/// Microseconds since 1970.
pub(super) fn now() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    u64::try_from(now.unwrap_or_default().as_micros()).unwrap_or(u64::MAX)
}

/// What is still in force, in a sentence; none where nothing is.
pub(super) fn left(broken: &[Broken]) -> Option<String> {
    let each = |it: &Broken| format!("`{}` on {}", it.step, it.members());
    let all: Vec<String> = broken.iter().map(each).collect();
    (!all.is_empty()).then(|| format!("Still in force: {}.", all.join("; ")))
}

impl Failure {
    /// The same, of the attempt to undo `broken`.
    fn undoing(mut self, broken: &[Broken]) -> Self {
        let steps: Vec<String> = broken.iter().map(|it| format!("`{}`", it.step)).collect();
        self.message = format!("undo {}: {}", steps.join(", "), self.message);
        self
    }
}

impl Job<'_> {
    /// A step that breaks or switches something; one with a duration ends once it is undone.
    pub(super) async fn fault_step(
        &self,
        step: &Step,
        fault: Fault,
        lasts: Option<Duration>,
        scope: &Scope,
    ) -> Result<(), Failure> {
        let groups = self.groups(step)?;
        match lasts {
            Some(lasts) => {
                self.for_a_time(&step.text, fault, &groups, lasts, scope)
                    .await
            }
            None => {
                let set = self.set(&step.text, fault, &groups, scope);
                scope.limit(&step.text, set).await.map(drop)
            }
        }
    }

    /// `heal`: mends the links of the members that it names, else all.
    pub(super) async fn heal_step(&self, step: &Step, scope: &Scope) -> Result<(), Failure> {
        let named = self.groups(step)?;
        let named: Vec<&Member> = named.into_iter().flatten().collect();
        let concerned = |broken: &Broken| {
            let name = |member: &&Member| broken.concerns(&member.instance.name);
            broken.what.is_of_links() && (named.is_empty() || named.iter().any(name))
        };
        let broken: Vec<u64> = self
            .broken()
            .into_iter()
            .filter(concerned)
            .map(|broken| broken.id)
            .collect();
        scope.limit(&step.text, self.mend(&broken, scope)).await
    }

    /// Sets a fault; gives the numbers of what is broken by it.
    pub(super) async fn set(
        &self,
        text: &str,
        fault: Fault,
        groups: &[Vec<&Member>],
        scope: &Scope,
    ) -> Result<Vec<u64>, Failure> {
        let micros = |time: Duration| u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        let damage = match fault {
            Fault::Power(power) => {
                let members = groups.iter().flatten();
                let work = members.map(|member| self.switch(text, member, power, scope));
                let set: Result<Vec<_>, _> = join_all(work).await.into_iter().collect();
                return Ok(set?.into_iter().flatten().collect());
            }
            Fault::Partition => Damage::Cut,
            Fault::Delay { by, jitter } => Damage::Delay {
                by: micros(by),
                jitter: micros(jitter),
            },
            Fault::Drop { percent } => Damage::Drop { percent },
        };
        Ok(vec![self.break_links(text, damage, groups, scope).await?])
    }

    /// Notes on disk what is about to be broken.
    fn note(&self, step: &str, what: Damage, groups: &[Vec<&Member>]) -> Result<Broken, Failure> {
        let names = |group: &Vec<&Member>| {
            let names = group.iter().map(|member| member.instance.name.clone());
            names.collect()
        };
        let mut broken = Broken {
            id: 0,
            step: step.into(),
            what,
            groups: groups.iter().map(names).collect(),
            since: Timestamp::now(),
        };
        self.record(|record| {
            broken.id = record.broken.iter().map(|it| it.id).max().unwrap_or(0) + 1;
            record.broken.push(broken.clone());
        })?;
        self.began(step);
        Ok(broken)
    }

    /// From now on outages follow this.
    fn began(&self, step: &str) {
        let begun = Begun {
            at: now(),
            what: step.into(),
        };
        self.begun().push(begun);
    }

    /// Strikes what was mended off the record.
    fn strike_off(&self, ids: &[u64]) -> Result<(), Failure> {
        self.record(|record| record.broken.retain(|it| !ids.contains(&it.id)))
    }

    async fn told_set(&self, broken: &Broken, started: Instant, scope: &Scope) {
        self.send(EventKind::FaultSet {
            place: self.place_of(broken, scope),
            fault: broken.id,
            what: broken.step.clone(),
            members: broken.instances().cloned().collect(),
            took: started.elapsed(),
        })
        .await;
    }

    async fn told_healed(&self, broken: &Broken, started: Instant, scope: &Scope) {
        self.send(EventKind::FaultHealed {
            place: self.place_of(broken, scope),
            fault: broken.id,
            what: broken.step.clone(),
            members: broken.instances().cloned().collect(),
            took: started.elapsed(),
        })
        .await;
    }

    fn place_of(&self, broken: &Broken, scope: &Scope) -> Place {
        let mut instances = broken.instances();
        let instance = match (instances.next(), instances.next()) {
            (Some(only), None) => Some(only.clone()),
            _ => None,
        };
        Place {
            subject: self.task.subject.name().into(),
            instance,
            step: scope.step.clone(),
        }
    }

    /// Undoes these faults: power first, so that machines can be reached, then links. All are
    /// tried; what could not be undone stays on the record.
    pub(super) async fn mend(&self, ids: &[u64], scope: &Scope) -> Result<(), Failure> {
        let broken: Vec<Broken> = self
            .broken()
            .into_iter()
            .filter(|it| ids.contains(&it.id))
            .collect();
        let (links, power): (Vec<_>, Vec<_>) =
            broken.into_iter().partition(|it| it.what.is_of_links());
        let switched = power.iter().map(|it| async {
            let mended = self.mend_power(it, scope).await;
            mended.map_err(|failure| failure.undoing(slice::from_ref(it)))
        });
        let mut ended = join_all(switched).await;
        let mended = self.mend_links(&links, scope).await;
        ended.push(mended.map_err(|failure| failure.undoing(&links)));
        let all = ended
            .into_iter()
            .filter_map(Result::err)
            .reduce(|mut all, other| {
                all.message = format!("{}\n{}", all.message, other.message);
                all.hints.extend(other.hints);
                all
            });
        all.map_or(Ok(()), Err)
    }

    /// Everything that is broken is mended; at the end of a run, whatever it came to.
    pub(super) async fn mend_all(&self) -> Result<(), Failure> {
        let broken: Vec<u64> = self.broken().iter().map(|it| it.id).collect();
        if broken.is_empty() {
            return Ok(());
        }
        let scope = Scope::new(&self.run.stop.now);
        self.mend(&broken, &scope)
            .await
            .map_err(|failure| match left(&self.broken()) {
                Some(left) => failure.hint(left).hint(format!(
                    "`kitchen heal {0}` tries again, `kitchen destroy {0}` removes it.",
                    self.cluster_name()
                )),
                None => failure,
            })
    }

    /// What an earlier run left broken is told and mended. Gives whether there was anything.
    pub(super) async fn mend_first(&self) -> Result<bool, Failure> {
        let broken = self.broken();
        for left in &broken {
            let message = format!(
                "an earlier run left `{}` in force on {} (since {}): it is undone first",
                left.step,
                left.members(),
                left.when(),
            );
            self.run.sink.warn(self.task.subject.name(), &message).await;
        }
        self.mend_all().await?;
        Ok(!broken.is_empty())
    }

    /// `kitchen heal`, where there was nothing to heal.
    pub(super) async fn nothing_to_heal(&self) {
        let place = Place {
            subject: self.task.subject.name().into(),
            ..Place::default()
        };
        self.send(EventKind::Printed {
            place,
            stream: banquet_sdk::Stream::Note,
            text: "nothing is broken".into(),
        })
        .await;
    }

    fn cluster_name(&self) -> &str {
        match (&self.task.cluster, &self.task.subject) {
            (Some(cluster), _) | (None, Subject::Cluster(cluster)) => &cluster.name,
            (None, Subject::Instance(instance)) => &instance.name,
        }
    }

    /// The members of each group of a step; a member that does not exist is an error.
    pub(super) fn groups(&self, step: &Step) -> Result<Vec<Vec<&Member>>, Failure> {
        let member = |suite: &String| {
            let member = self.of_suite(suite).ok_or_else(|| {
                Failure::new(Cause::Internal, format!("{}: no member {suite}", step.text))
            })?;
            self.must_live(member, &step.text).map(|()| member)
        };
        let group = |group: &Vec<String>| group.iter().map(member).collect();
        step.groups.iter().map(group).collect()
    }

    pub(super) fn must_live(&self, member: &Member, step: &str) -> Result<(), Failure> {
        if member.lives() {
            return Ok(());
        }
        Err(Failure::new(
            Cause::Infrastructure,
            format!("{step}: {} does not exist", member.instance.name),
        )
        .hint(format!(
            "Let a step `create {}` come before.",
            member.instance.suite
        )))
    }

    /// What keeps the member from answering: the step that switched it off or froze it.
    pub(super) fn silenced(&self, member: &Member) -> Option<Broken> {
        let name = &member.instance.name;
        self.broken()
            .into_iter()
            .find(|it| !it.what.is_of_links() && it.concerns(name))
    }
}
