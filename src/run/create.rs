//! Making and removing a machine: recovery from one that came up broken, and what members share.

use std::collections::BTreeMap;
use std::sync::Arc;

use banquet_sdk::{Context, Driver, Power, State, aftermath, wording};
use serde::Deserialize;
use serde_json::Value;

use super::action::Work;
use super::job::Job;
use super::member::Member;
use super::scope::Scope;
use super::{Cause, EventKind, Failure};
use crate::matrix::{Action, Instance, Kind, limits};
use crate::plan::Subject;
use crate::state::ClusterRecord;

/// The setting `create` of a multisuite.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(default)]
struct Recovery {
    /// So often a member that did not come up is made anew.
    retries: u32,
    /// What is tried before that, and before it fails.
    recover: Option<Recover>,
}

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
enum Recover {
    Reboot,
}

/// Whether another attempt may help.
fn is_worth(failure: &Failure) -> bool {
    matches!(failure.cause, Cause::Infrastructure | Cause::Timeout)
}

impl Job<'_> {
    pub(super) async fn create(
        &self,
        member: &Member,
        work: &Work,
        state: &mut State,
        scope: &Scope,
    ) -> Result<(), Failure> {
        let recovery = self.recovery()?;
        let mut anew = 0;
        loop {
            let Err(mut failure) = self.made(member, work, state, scope).await else {
                return Ok(());
            };
            if is_worth(&failure) && recovery.recover.is_some() {
                match self.rebooted(member, work, state, scope, &failure).await {
                    Ok(()) => return Ok(()),
                    Err(still) => failure = still,
                }
            }
            if !is_worth(&failure) || anew == recovery.retries {
                return Err(failure);
            }
            anew += 1;
            self.retried(work, scope, "made anew", failure).await;
            self.destroy(member, work, state, scope).await?;
        }
    }

    fn recovery(&self) -> Result<Recovery, Failure> {
        let settings = self.task.cluster.as_ref().map(|cluster| &cluster.settings);
        let Some(create) = settings.and_then(|section| section.values.get("create")) else {
            return Ok(Recovery::default());
        };
        serde_json::from_value(Value::clone(create)).map_err(|error| {
            let place = settings.and_then(|it| it.origin("/create"));
            let place = place.map(|at| format!(" ({at})")).unwrap_or_default();
            Failure::new(
                Cause::Config,
                format!("`create`{place}: {}", wording::of_value(&error.to_string())),
            )
            .hint("Write `create: {retries: 2, recover: reboot}`.")
        })
    }

    /// Made; as the member of a cluster also reachable.
    async fn made(
        &self,
        member: &Member,
        work: &Work,
        state: &mut State,
        scope: &Scope,
    ) -> Result<(), Failure> {
        let driver = self
            .run
            .kitchen
            .registry
            .driver(&work.instance.driver.name)?;
        let cx = self.context(work, Kind::Driver, state, scope).await?;
        *member.connection.lock().await = None;
        driver
            .create(&cx, state)
            .await
            .map_err(|error| Failure::plugin(Cause::Infrastructure, error, &cx, Kind::Driver))?;
        self.reachable(member, work, state, scope).await
    }

    async fn reachable(
        &self,
        member: &Member,
        work: &Work,
        state: &State,
        scope: &Scope,
    ) -> Result<(), Failure> {
        match self.task.subject {
            Subject::Cluster(_) => self.connect(member, work, state, scope).await.map(drop),
            // As in Test Kitchen: the first action that needs the way finds it.
            Subject::Instance(_) => Ok(()),
        }
    }

    async fn rebooted(
        &self,
        member: &Member,
        work: &Work,
        state: &mut State,
        scope: &Scope,
        failure: &Failure,
    ) -> Result<(), Failure> {
        let driver = self
            .run
            .kitchen
            .registry
            .driver(&work.instance.driver.name)?;
        if !driver.capabilities().power.contains(&Power::Reboot) {
            return Err(failure.clone());
        }
        self.retried(work, scope, "rebooted", failure.clone()).await;
        let cx = self.context(work, Kind::Driver, state, scope).await?;
        let error = |error| Failure::plugin(Cause::Infrastructure, error, &cx, Kind::Driver);
        driver
            .power(&cx, state, Power::Reboot)
            .await
            .map_err(error)?;
        self.made(member, work, state, scope).await
    }

    pub(super) async fn destroy(
        &self,
        member: &Member,
        work: &Work,
        state: &mut State,
        scope: &Scope,
    ) -> Result<(), Failure> {
        let driver = self
            .run
            .kitchen
            .registry
            .driver(&work.instance.driver.name)?;
        let own = work.instance.driver.name == member.instance.driver.name;
        if own && self.unlink(member, scope).await {
            *state = member.state();
        }
        *member.connection.lock().await = None;
        let cx = self.context(work, Kind::Driver, state, scope).await?;
        let mut fading = member.fading(state);
        let removal = driver.destroy(&cx, &mut fading);
        let ended = self
            .destroying(&cx, &work.instance.driver.name, removal)
            .await;
        *state = member.kept(&fading);
        ended
    }

    /// Runs what a driver does to destroy within the limit that there is for it: what does not
    /// answer holds nobody for ever. The state stays, for another attempt.
    async fn destroying(
        &self,
        cx: &Context,
        driver: &str,
        work: impl Future<Output = banquet_sdk::Result<()>>,
    ) -> Result<(), Failure> {
        let limit = self.run.options.destroy_limit.as_ref();
        let length = limit.map_or(limits::DESTROY, |it| it.length);
        let ended = tokio::select! {
            ended = work => ended,
            () = tokio::time::sleep(length) => {
                aftermath::settled().await;
                let from = match limit {
                    Some(limit) => format!(" ({})", limit.from),
                    None => String::new(),
                };
                let message = format!("destroying it by driver {driver} took longer than {length:?}{from}");
                return Err(Failure::new(Cause::Timeout, message).hint(
                    "Look whether what the driver talks to still answers: `kitchen doctor`. `kitchen: {destroy_timeout: 1h}` gives it more time.",
                ));
            }
        };
        ended.map_err(|error| Failure::plugin(Cause::Infrastructure, error, cx, Kind::Driver))
    }

    /// Removes what the members shared, once none of them is left.
    pub(super) async fn dissolve(&self, scope: &Scope) -> Result<(), Failure> {
        if self.members.iter().any(Member::is_known) {
            return Ok(());
        }
        // By cluster and driver: what there is may have been made by others than are configured.
        type Shared<'s> = (Option<&'s str>, &'s str);
        let mut drivers: BTreeMap<Shared<'_>, (Arc<dyn Driver>, &Arc<Instance>)> = BTreeMap::new();
        let members = self.members.iter().map(|member| &member.instance);
        for instance in members.chain(&self.made_otherwise) {
            let name = instance.driver.name.as_str();
            if let Ok(driver) = self.run.kitchen.registry.driver(name) {
                let shared = (instance.cluster.as_deref(), name);
                drivers.entry(shared).or_insert((driver, instance));
            }
        }
        for ((cluster, _), (driver, instance)) in drivers {
            let work = Work::of(Action::Destroy, instance, self.task);
            let cx = self
                .context(&work, Kind::Driver, &State::in_memory(), scope)
                .await?;
            let dissolving = self.destroying(&cx, &instance.driver.name, driver.dissolve(&cx));
            scope.limit("dissolving the cluster", dissolving).await?;
            let own = self.task.cluster.as_ref().map(|it| it.name.as_str());
            if let Some(former) = cluster.filter(|it| Some(*it) != own) {
                ClusterRecord::remove(&self.run.kitchen.project.kitchen(), former)?;
            }
        }
        self.forget_record(ClusterRecord::default())
    }

    async fn retried(&self, work: &Work, scope: &Scope, remedy: &str, failure: Failure) {
        self.send(EventKind::ActionRetried {
            place: self.place(&work.instance, scope),
            action: "create".into(),
            remedy: remedy.into(),
            failure,
        })
        .await;
    }
}
