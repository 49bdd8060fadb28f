//! Machines off and on, frozen and thawed.

use std::sync::Arc;

use banquet_sdk::{Driver, Power, Status};
use tokio::time::Instant;

use super::super::action::Work;
use super::super::job::Job;
use super::super::member::Member;
use super::super::scope::Scope;
use super::super::{Cause, Failure};
use crate::matrix::{Action, Fault, Kind};
use crate::state::{Broken, Damage};

impl Job<'_> {
    /// Switches a member; gives the number of what is broken by it.
    pub(super) async fn switch(
        &self,
        text: &str,
        member: &Member,
        power: Power,
        scope: &Scope,
    ) -> Result<Option<u64>, Failure> {
        let started = Instant::now();
        match power {
            Power::Stop | Power::Kill | Power::Pause => {
                let damage = match power {
                    Power::Pause => Damage::Frozen,
                    _ => Damage::Off,
                };
                let broken = self.note(text, damage, &[vec![member]])?;
                self.powered(member, power, scope).await?;
                self.told_set(&broken, started, scope).await;
                Ok(Some(broken.id))
            }
            Power::Reboot => {
                let broken = self.note(text, Damage::Off, &[vec![member]])?;
                self.on(member, Power::Reboot, scope).await?;
                self.struck(&[broken], started, scope).await?;
                Ok(None)
            }
            Power::Start => {
                self.on(member, Power::Start, scope).await?;
                let broken = self.silences(member);
                self.struck(&broken, started, scope).await?;
                Ok(None)
            }
            Power::Resume => {
                if self.status(member, scope).await? != Status::Paused {
                    return Err(Failure::new(
                        Cause::Infrastructure,
                        format!("{text}: {} is not paused", member.instance.name),
                    )
                    .hint("Only what a step `pause` froze can be resumed."));
                }
                self.powered(member, Power::Resume, scope).await?;
                let mut broken = self.silences(member);
                broken.retain(|it| it.what == Damage::Frozen);
                self.struck(&broken, started, scope).await?;
                self.relink(member, scope).await?;
                Ok(None)
            }
        }
    }

    /// Undoes what `broken` says of a member's power, as far as it still is so.
    pub(super) async fn mend_power(&self, broken: &Broken, scope: &Scope) -> Result<(), Failure> {
        let started = Instant::now();
        for name in broken.instances() {
            let Some(member) = self.named(name) else {
                continue;
            };
            let found = self.status(member, scope).await?;
            match (broken.what, found) {
                (_, Status::Absent) => {
                    let message = format!("{name} is gone: nothing is left to mend");
                    self.run.sink.warn(self.task.subject.name(), &message).await;
                }
                (Damage::Off, Status::Stopped | Status::Running) => {
                    self.on(member, Power::Start, scope).await?;
                }
                (_, Status::Paused) => {
                    self.powered(member, Power::Resume, scope).await?;
                    self.relink(member, scope).await?;
                }
                (_, Status::Running | Status::Stopped) => {}
            }
        }
        self.struck(std::slice::from_ref(broken), started, scope)
            .await
    }

    /// What was mended is struck off the record and told. Who could not be told of the others
    /// while it was off hears of them now.
    async fn struck(
        &self,
        broken: &[Broken],
        started: Instant,
        scope: &Scope,
    ) -> Result<(), Failure> {
        let ids: Vec<u64> = broken.iter().map(|it| it.id).collect();
        self.strike_off(&ids)?;
        for broken in broken {
            self.told_healed(broken, started, scope).await;
        }
        let off = broken.iter().any(|it| it.what == Damage::Off);
        match off && !self.all_heard() {
            true => self.late_gossip(scope).await,
            false => Ok(()),
        }
    }

    /// On again, reachable, and with the links that it should have. Its address may have changed.
    async fn on(&self, member: &Member, power: Power, scope: &Scope) -> Result<(), Failure> {
        let before = member.peer().address;
        // What runs on it may change its state until it has ended.
        let _busy = member.busy.lock().await;
        self.powered(member, power, scope).await?;
        let work = Work::of(Action::Create, &member.instance, self.task);
        self.connect(member, &work, &member.state(), scope).await?;
        if member.peer().address == before {
            return self.relink(member, scope).await;
        }
        self.record(|record| record.gossiped = false)?;
        self.look_around();
        self.relink_all(scope).await
    }

    async fn powered(&self, member: &Member, power: Power, scope: &Scope) -> Result<(), Failure> {
        let driver = self.driver_of(member)?;
        let work = Work::of(Action::Create, &member.instance, self.task);
        let mut state = member.state();
        let cx = self.context(&work, Kind::Driver, &state, scope).await?;
        let word = Fault::Power(power).word();
        let switched = driver.power(&cx, &mut state, power).await;
        // A way to a machine that was off leads nowhere. One that is being made finds that out.
        if power != Power::Pause
            && power != Power::Resume
            && let Ok(mut connection) = member.connection.try_lock()
        {
            *connection = None;
        }
        switched.map_err(|error| {
            let error = error.while_doing(format!("{word} {}", member.instance.name));
            Failure::plugin(Cause::Infrastructure, error, &cx, Kind::Driver)
        })
    }

    async fn status(&self, member: &Member, scope: &Scope) -> Result<Status, Failure> {
        let driver = self.driver_of(member)?;
        let work = Work::of(Action::Create, &member.instance, self.task);
        let state = member.state();
        let cx = self.context(&work, Kind::Driver, &state, scope).await?;
        let error = |error| Failure::plugin(Cause::Infrastructure, error, &cx, Kind::Driver);
        driver.status(&cx, &state).await.map_err(error)
    }

    pub(in crate::run) fn driver_of(&self, member: &Member) -> Result<Arc<dyn Driver>, Failure> {
        let name = &member.instance.driver.name;
        Ok(self.run.kitchen.registry.driver(name)?)
    }

    /// All that keeps the member from answering.
    fn silences(&self, member: &Member) -> Vec<Broken> {
        let mut broken = self.broken();
        broken.retain(|it| !it.what.is_of_links() && it.concerns(&member.instance.name));
        broken
    }
}
