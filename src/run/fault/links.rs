//! What is between members: cuts, delays, losses. Every member's links are set as a whole, to what
//! all faults on the record together make of them.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::time::Duration;

use banquet_sdk::Links;
use banquet_sdk::links::Delay;
use futures::future::join_all;
use tokio::time::Instant;

use super::super::action::Work;
use super::super::job::Job;
use super::super::member::Member;
use super::super::scope::Scope;
use super::super::{Cause, Failure};
use crate::matrix::{Action, Kind, TimeLimit};
use crate::state::{Broken, Damage};

/// How long a member that is about to be destroyed may take to mend its links.
const LAST: Duration = Duration::from_secs(10);

impl Job<'_> {
    /// Breaks links; gives the number of what is broken by it.
    pub(super) async fn break_links(
        &self,
        text: &str,
        damage: Damage,
        groups: &[Vec<&Member>],
        scope: &Scope,
    ) -> Result<u64, Failure> {
        let started = Instant::now();
        let broken = self.note(text, damage, groups)?;
        self.put_those(std::slice::from_ref(&broken), scope).await?;
        self.told_set(&broken, started, scope).await;
        Ok(broken.id)
    }

    pub(super) async fn mend_links(&self, broken: &[Broken], scope: &Scope) -> Result<(), Failure> {
        if broken.is_empty() {
            return Ok(());
        }
        let started = Instant::now();
        let ids: Vec<u64> = broken.iter().map(|it| it.id).collect();
        let _mending = self.mending(&ids);
        self.put_those(broken, scope).await?;
        self.strike_off(&ids)?;
        for broken in broken {
            self.told_healed(broken, started, scope).await;
        }
        Ok(())
    }

    /// The links of all that `broken` concerns become what the record says.
    async fn put_those(&self, broken: &[Broken], scope: &Scope) -> Result<(), Failure> {
        let concerned = self.members.iter().filter(|member| {
            let name = &member.instance.name;
            broken.iter().any(|it| it.concerns(name))
        });
        let work = concerned.map(|member| self.put(member, scope));
        join_all(work).await.into_iter().collect()
    }

    /// The links of every member become what the record says: an address has changed.
    pub(super) async fn relink_all(&self, scope: &Scope) -> Result<(), Failure> {
        join_all(self.members.iter().map(|member| self.relink(member, scope)))
            .await
            .into_iter()
            .collect()
    }

    /// The member's links become what the record says, where that is anything.
    pub(super) async fn relink(&self, member: &Member, scope: &Scope) -> Result<(), Failure> {
        match self.is_cut_off(member) {
            true => self.put(member, scope).await,
            false => Ok(()),
        }
    }

    /// Whether the record has faults of the member's links.
    fn is_cut_off(&self, member: &Member) -> bool {
        let name = &member.instance.name;
        let concerned = |it: &Broken| it.what.is_of_links() && it.concerns(name);
        self.broken().iter().any(concerned)
    }

    /// Before a member is destroyed: rules on a machine that outlives it are removed. Gives whether
    /// there were any.
    pub(in crate::run) async fn unlink(&self, member: &Member, scope: &Scope) -> bool {
        if !self.is_cut_off(member) {
            return false;
        }
        let scope = scope.within(Some(&TimeLimit::new(LAST, "that of healing")));
        let unlinked = async {
            let frozen = self.silenced(member).filter(|it| it.what == Damage::Frozen);
            if let Some(frozen) = frozen
                && self.network_of(member, &scope).await?.is_none()
            {
                self.mend_power(&frozen, &scope).await?;
            }
            let _turn = member.links.lock().await;
            self.set_links(member, &Links::default(), &scope).await
        };
        if let Err(failure) = scope.limit("healing its links", unlinked).await {
            let name = &member.instance.name;
            let message = format!("{name}: its links could not be healed: {}", failure.message);
            self.run.sink.warn(self.task.subject.name(), &message).await;
        }
        true
    }

    /// A member was destroyed: what was broken between it and others is no more.
    pub(in crate::run) async fn lost(&self, member: &Member, scope: &Scope) -> Result<(), Failure> {
        let name = &member.instance.name;
        let mut concerned = self.broken();
        concerned.retain(|it| it.concerns(name));
        if concerned.is_empty() {
            return Ok(());
        }
        let put = self.put_those(&concerned, scope).await;
        self.record(|record| {
            let all = std::mem::take(&mut record.broken).into_iter();
            record.broken = all.filter_map(|it| it.without(name)).collect();
        })?;
        put
    }

    /// Sets a member's links to what the record makes of them. Whoever changes the record does so
    /// before, and waits for its turn: the last one sees all changes.
    async fn put(&self, member: &Member, scope: &Scope) -> Result<(), Failure> {
        let _turn = member.links.lock().await;
        let links = self.links_of(member, &self.in_force()).await?;
        self.set_links(member, &links, scope).await
    }

    /// Sets the links of a member that lives. One that is off gets them when it is on again.
    async fn set_links(
        &self,
        member: &Member,
        links: &Links,
        scope: &Scope,
    ) -> Result<(), Failure> {
        if !member.lives() {
            return Ok(());
        }
        let driver = self.driver_of(member)?;
        let work = Work::of(Action::Create, &member.instance, self.task);
        let mut state = member.state();
        let cx = self.context(&work, Kind::Driver, &state, scope).await?;
        let error = |error: banquet_sdk::Error| {
            let error = error.while_doing(&member.instance.name);
            Failure::plugin(Cause::Infrastructure, error, &cx, Kind::Driver)
        };
        if let Some(silenced) = self.silenced(member) {
            let reached = silenced.what == Damage::Frozen
                && driver.network(&cx, &state).await.map_err(error)?.is_some();
            if !reached {
                return Ok(());
            }
        }
        driver.links(&cx, &mut state, links).await.map_err(error)
    }

    async fn links_of(&self, member: &Member, broken: &[Broken]) -> Result<Links, Failure> {
        let mut links = wanted(&member.instance.name, broken);
        let names = self.members.iter().map(|it| it.instance.name.as_str());
        let peers: Vec<&str> = names.filter(|name| *name != member.instance.name).collect();
        let mut found = Links {
            delay: links.delay.take(),
            drop: links.drop.take(),
            ..Links::default()
        };
        for name in peers {
            let is_cut = links.cut.contains(name);
            if !is_cut && found.delay.is_none() && found.drop.is_none() {
                continue;
            }
            let Some(address) = self.address_of(name).await? else {
                continue;
            };
            match is_cut {
                true => found.cut.push(address),
                false => found.peers.push(address),
            }
        }
        Ok(found)
    }

    /// The address of a living member, as its peers reach it.
    async fn address_of(&self, instance: &str) -> Result<Option<IpAddr>, Failure> {
        let Some(address) = self
            .named(instance)
            .filter(|it| it.lives())
            .and_then(|it| it.peer().address)
        else {
            return Ok(None);
        };
        if let Ok(address) = address.parse() {
            return Ok(Some(address));
        }
        let mut found = tokio::net::lookup_host((address.as_str(), 0))
            .await
            .map_err(|error| {
                Failure::new(
                    Cause::Infrastructure,
                    format!("find the address {address} of {instance}: {error}"),
                )
            })?;
        Ok(found.next().map(|found| found.ip()))
    }
}

/// What is wrong with links, members by name.
#[derive(Debug, Default, PartialEq)]
struct Wanted {
    cut: BTreeSet<String>,
    delay: Option<Delay>,
    drop: Option<f64>,
}

/// What all of `broken` makes of the links of `instance`: of several delays and losses the largest.
fn wanted(instance: &str, broken: &[Broken]) -> Wanted {
    let mut wanted = Wanted::default();
    for broken in broken.iter().filter(|it| it.concerns(instance)) {
        match broken.what {
            Damage::Off | Damage::Frozen => {}
            Damage::Cut => {
                let others = broken.groups.iter();
                let others = others.filter(|group| !group.iter().any(|it| it == instance));
                wanted.cut.extend(others.flatten().cloned());
            }
            Damage::Delay { by, jitter } => {
                let delay = Delay {
                    by: Duration::from_micros(by),
                    jitter: Duration::from_micros(jitter),
                };
                let longer = wanted.delay.is_none_or(|it| it.by < delay.by);
                wanted.delay = if longer { Some(delay) } else { wanted.delay };
            }
            Damage::Drop { percent } => {
                wanted.drop = Some(wanted.drop.map_or(percent, |it| it.max(percent)));
            }
        }
    }
    wanted
}

#[cfg(test)]
mod tests {
    use super::*;

    fn broken(what: Damage, groups: &[&[&str]]) -> Broken {
        let group = |group: &&[&str]| group.iter().map(|it| (*it).to_owned()).collect();
        Broken {
            id: 1,
            step: String::new(),
            what,
            groups: groups.iter().map(group).collect(),
            since: jiff::Timestamp::UNIX_EPOCH,
        }
    }

    #[test]
    fn a_cut_is_between_groups_and_not_within() {
        let cuts = [
            broken(Damage::Cut, &[&["a"], &["b", "c"]]),
            broken(Damage::Cut, &[&["b"], &["d", "a"]]),
        ];
        assert_eq!(
            wanted("a", &cuts).cut,
            BTreeSet::from(["b", "c"].map(String::from))
        );
        assert_eq!(
            wanted("b", &cuts).cut,
            BTreeSet::from(["a", "d"].map(String::from))
        );
        assert_eq!(
            wanted("c", &cuts).cut,
            BTreeSet::from(["a"].map(String::from))
        );
        assert_eq!(wanted("e", &cuts), Wanted::default());
    }

    #[test]
    fn the_worst_of_several_faults_counts() {
        let delay = |by| broken(Damage::Delay { by, jitter: 0 }, &[&["a"]]);
        let drop = |percent| broken(Damage::Drop { percent }, &[&["a"]]);
        let all = [delay(5), delay(9), delay(2), drop(10.0), drop(3.0)];
        let wanted = wanted("a", &all);
        assert_eq!(wanted.delay.map(|it| it.by), Some(Duration::from_micros(9)));
        assert_eq!(wanted.drop, Some(10.0));
    }
}
