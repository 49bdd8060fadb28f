//! One action on one instance: hooks around it, its plugin, what the state says afterwards.

use std::sync::Arc;

use banquet_sdk::{Connection, Context, Section, State};
use tokio::time::Instant;

use super::expression::has_expressions;
use super::job::Job;
use super::member::Member;
use super::scope::Scope;
use super::sink::Printed;
use super::step::BESIDE;
use super::{Cause, EventKind, Failure, Outcome, Place, hooks};
use crate::matrix::{Action, Instance, Kind, Step};
use crate::plan::{self, Sought, Task, word};
use crate::state::unique_id;

/// The variable that tells the user's commands which directory's tests are run.
pub(super) const TESTS_NAME: &str = "KITCHEN_TESTS_NAME";

/// An action, and the instance with the settings that hold for it.
pub(super) struct Work {
    pub action: Action,
    pub instance: Arc<Instance>,
    /// Where tests are looked for.
    pub tests: Sought,
    pub idempotent: bool,
    /// Whether it is part of a turn of `rolling`.
    pub rolling: bool,
}

impl Work {
    /// An action with the instance's own settings.
    pub fn of(action: Action, instance: &Arc<Instance>, task: &Task) -> Self {
        Self {
            action,
            instance: instance.clone(),
            tests: Sought::of(task, instance, None),
            idempotent: false,
            rolling: false,
        }
    }

    /// The action of a step, with the settings that the step brings.
    pub fn step(step: &Step, instance: &Arc<Instance>, task: &Task) -> Self {
        let mut work = Self::of(step.action.clone(), instance, task);
        if !step.overrides.values.is_empty() {
            work.instance = Arc::new(instance.for_step(step));
        }
        work.tests = Sought::of(task, instance, Some(step));
        work.idempotent = step.options.idempotent;
        work.rolling = step.rolling;
        work
    }
}

impl Job<'_> {
    /// Does `work`, one action at a time on each member.
    pub async fn action(&self, member: &Member, work: &Work, scope: &Scope) -> Result<(), Failure> {
        let what = word(&work.action);
        let busy = scope.limit(what, async { Ok(member.busy.lock().await) });
        let _busy = busy.await?;
        if work.action == Action::Verify && !is_set_up(member) {
            let setup = Work {
                action: Action::Setup,
                instance: work.instance.clone(),
                tests: work.tests.clone(),
                idempotent: false,
                rolling: work.rolling,
            };
            self.told(member, &setup, scope).await?;
        }
        self.told(member, work, scope).await
    }

    /// The action between its two events.
    async fn told(&self, member: &Member, work: &Work, scope: &Scope) -> Result<(), Failure> {
        let (place, action) = (self.place(&work.instance, scope), word(&work.action));
        let started = Instant::now();
        let attempt = Attempt::on(member);
        self.send(EventKind::Attempted {
            place: place.clone(),
            suite: work.instance.suite.clone(),
            platform: work.instance.platform.clone(),
            action: action.into(),
            action_id: attempt.id.clone(),
            session: attempt.session.clone(),
        })
        .await;
        self.send(EventKind::ActionStarted {
            place: place.clone(),
            action: action.into(),
        })
        .await;
        let ended = self.hooked(member, work, &attempt, scope).await;
        let outcome = match &ended {
            Ok(()) => Outcome::Passed,
            Err(failure) => self.failed(failure.clone()),
        };
        self.send(EventKind::ActionFinished {
            place,
            action: action.into(),
            outcome,
            duration: started.elapsed(),
        })
        .await;
        ended
    }

    /// The action between its hooks; `finally_` hooks run whatever happened
    /// (lib/kitchen/lifecycle_hooks.rb).
    async fn hooked(
        &self,
        member: &Member,
        work: &Work,
        attempt: &Attempt,
        scope: &Scope,
    ) -> Result<(), Failure> {
        let mut state = member.state();
        let ended = scope
            .limit(word(&work.action), async {
                hooks::run(self, member, work, "pre", scope).await?;
                self.perform(member, work, &mut state, scope).await
            })
            .await;
        let ended = ended.map_err(|mut failure| {
            if self.ended_with_others(&failure) {
                failure.message = BESIDE.into();
            }
            failure
        });
        let ended = match ended {
            Ok(()) if work.action == Action::Destroy => member.forget(),
            ended => note(
                &mut state,
                word(&work.action),
                attempt,
                &self.run.id,
                ended,
                |text| self.run.sink.secrets.mask(text).into_owned(),
            ),
        };
        // In a phase all learn together, at its end.
        let alone = !scope.step.is_empty() || self.task.subject.members().len() == 1;
        if alone && matches!(work.action, Action::Create | Action::Destroy) {
            self.look_around();
        }
        let ended = match ended {
            Ok(()) => {
                let hooks = hooks::run(self, member, work, "post", scope);
                scope.limit("the hooks", hooks).await
            }
            failed => failed,
        };
        let last = Scope::new(&self.run.stop.now).at_step(&scope.step);
        let hooks = hooks::run(self, member, work, "finally", &last);
        ended.and(last.limit("the hooks", hooks).await)
    }

    async fn perform(
        &self,
        member: &Member,
        work: &Work,
        state: &mut State,
        scope: &Scope,
    ) -> Result<(), Failure> {
        match work.action {
            Action::Create => self.create(member, work, state, scope).await,
            Action::Converge => self.converge(member, work, state, scope).await,
            Action::Setup | Action::Verify => self.judge(member, work, state, scope).await,
            Action::Destroy => self.destroy(member, work, state, scope).await,
            _ => Err(Failure::new(
                Cause::Internal,
                format!("{} is no action of an instance", word(&work.action)),
            )),
        }
    }

    /// What a plugin of the instance is told.
    pub async fn context(
        &self,
        work: &Work,
        kind: Kind,
        state: &State,
        scope: &Scope,
    ) -> Result<Context, Failure> {
        let (instance, kitchen) = (&*work.instance, self.run.kitchen);
        let known = self.known();
        let section = self.section(work, kind)?;
        let mut cx = plan::context(&kitchen.project, instance, section, &self.run.id);
        cx.after_crash = self.after_crash;
        cx.debug = self.run.options.debug;
        cx.peers = known.peers.clone();
        cx.targets = known.targets.clone();
        cx.tests_names.clone_from(&work.tests.names);
        cx.take_first_directory();
        cx.secrets = self.run.sink.secrets.clone();
        let place = self.place(instance, scope);
        cx.output = Arc::new(Printed::new(&self.run.sink, place));
        cx.deadline = scope.deadline;
        cx.cancel = scope.cancel.clone();
        if kind != Kind::Driver {
            // Drivers run none of the user's code that asks for peers.
            cx.environment.share(known.environment.clone());
        }
        cx.environment.insert(TESTS_NAME, cx.tests_name.as_str());
        let user = instance
            .transport
            .section
            .values
            .get("username")
            .and_then(|it| it.as_str());
        for (name, value) in [
            ("KITCHEN_INSTANCE_HOSTNAME", state.str("hostname")),
            ("KITCHEN_USERNAME", state.str("username").or(user)),
        ] {
            if let Some(value) = value {
                cx.environment.insert(name, value);
            }
        }
        if kind != Kind::Transport {
            let transport = kitchen.registry.transport(&instance.transport.name).ok();
            cx.transport = transport.map(|it| (it.clone(), instance.transport.section.clone()));
        }
        if kind == Kind::Driver {
            return Ok(cx);
        }
        if let Ok(driver) = kitchen.registry.driver(&instance.driver.name) {
            if driver.capabilities().workstation {
                self.keep_apart(&mut cx, kind, instance)?;
            }
            let own = plan::context(
                &kitchen.project,
                instance,
                instance.driver.section.clone(),
                &self.run.id,
            );
            cx.local_prefix = match driver.local_prefix(&own, state).await {
                Ok(prefix) => prefix,
                // Where the machine is not there yet, nothing leads to it.
                Err(_) if state.str("last_action").is_none() => Vec::new(),
                Err(error) => return Err(Failure::of(Cause::Infrastructure, error)),
            };
        }
        Ok(cx)
    }

    /// Keeps files of the plugin apart from those of other users of the workstation.
    fn keep_apart(&self, cx: &mut Context, kind: Kind, instance: &Instance) -> Result<(), Failure> {
        let (registry, name) = (&self.run.kitchen.registry, &instance.plugin(kind).name);
        let plugin = match kind {
            Kind::Provisioner => registry.provisioner(name).map(|it| it.info()),
            Kind::Verifier => registry.verifier(name).map(|it| it.info()),
            _ => return Ok(()),
        };
        match plugin {
            Ok(plugin) => super::workstation::place(cx, kind, &plugin),
            // Whoever uses it says so.
            Err(_) => Ok(()),
        }
    }

    fn section(&self, work: &Work, kind: Kind) -> Result<Arc<Section>, Failure> {
        let section: &Arc<Section> = &work.instance.plugin(kind).section;
        let user_code = matches!(kind, Kind::Provisioner | Kind::Verifier);
        if !self.run.kitchen.expressions || !user_code || !has_expressions(section) {
            return Ok(section.clone());
        }
        self.expressions(Some(&work.instance), work.rolling)
            .section(section)
    }

    /// The way to the member: the one that is open, or a new one.
    pub async fn connect(
        &self,
        member: &Member,
        work: &Work,
        state: &State,
        scope: &Scope,
    ) -> Result<Arc<dyn Connection>, Failure> {
        let own = Arc::ptr_eq(
            &work.instance.transport.section,
            &member.instance.transport.section,
        );
        let mut open = member.connection.lock().await;
        if let (true, Some(connection)) = (own, &*open)
            && connection.is_open()
        {
            return Ok(connection.clone());
        }
        let transport = self
            .run
            .kitchen
            .registry
            .transport(&work.instance.transport.name)?;
        let mut cx = self.context(work, Kind::Transport, state, scope).await?;
        // The connection outlives this step and its limits, which hold for the call alone.
        cx.deadline = None;
        cx.cancel = self.run.stop.now.clone();
        let connection: Arc<dyn Connection> = transport
            .connect(&cx, state)
            .await
            .map_err(|error| Failure::plugin(Cause::Infrastructure, error, &cx, Kind::Transport))?
            .into();
        if own {
            *open = Some(connection.clone());
        }
        Ok(connection)
    }

    /// Where something is done to `instance`.
    pub fn place(&self, instance: &Instance, scope: &Scope) -> Place {
        Place {
            subject: self.task.subject.name().into(),
            instance: Some(instance.name.clone()),
            step: scope.step.clone(),
        }
    }

    pub async fn send(&self, kind: EventKind) {
        self.run.sink.send(kind).await;
    }

    /// Whether the machine is the workstation itself, which is never written to unasked.
    pub fn is_workstation(&self, instance: &Instance) -> bool {
        let driver = self.run.kitchen.registry.driver(&instance.driver.name);
        driver.is_ok_and(|driver| driver.capabilities().workstation)
    }
}

/// Whether the last thing that was done needs no further preparation for tests.
fn is_set_up(member: &Member) -> bool {
    member
        .last_action()
        .is_some_and(|last| last == "setup" || last == "verify")
}

/// Ids of an attempt at an action; the session is the instance's until it is destroyed.
struct Attempt {
    id: String,
    session: String,
}

impl Attempt {
    fn on(member: &Member) -> Self {
        let state = member.state();
        let session = state.str("instance_session_id").map(str::to_owned);
        Self {
            id: unique_id(),
            session: session.unwrap_or_else(unique_id),
        }
    }
}

/// Notes how an action ended (lib/kitchen/instance.rb, `synchronize_or_call`), on disk.
fn note(
    state: &mut State,
    action: &str,
    attempt: &Attempt,
    run: &str,
    ended: Result<(), Failure>,
    mask: impl Fn(&str) -> String,
) -> Result<(), Failure> {
    state.set("instance_session_id", attempt.session.as_str());
    state.set("last_attempted_action", action);
    state.set("last_action_id", attempt.id.as_str());
    state.set("last_kitchen_run_id", run);
    match &ended {
        Ok(()) => {
            state.set("last_action", action);
            state.set("last_error", serde_json::Value::Null);
        }
        Err(failure) => {
            let first = failure.message.lines().next().unwrap_or_default();
            state.set("last_error", mask(first));
        }
    }
    let saved = state
        .checkpoint()
        .map_err(|error| Failure::of(Cause::Infrastructure, error));
    ended.and(saved)
}

impl From<crate::registry::Unknown> for Failure {
    fn from(unknown: crate::registry::Unknown) -> Self {
        Failure::new(Cause::Config, unknown.to_string()).hint(unknown.hint())
    }
}

impl Failure {
    /// A plugin's error; one about a key tells where the key is written.
    pub(super) fn plugin(
        action: Cause,
        error: banquet_sdk::Error,
        cx: &Context,
        kind: Kind,
    ) -> Self {
        let key = error.key.clone();
        let mut failure = Self::of(action, error);
        if let Some(key) = key {
            let name = key.trim_start_matches('/').replace('/', ".");
            let place = cx
                .section
                .origin(&key)
                .map(|at| format!(" ({at})"))
                .unwrap_or_default();
            failure.message = format!("{} `{name}`{place}: {}", kind.key(), failure.message);
        }
        failure
    }
}
