//! Steps and blocks: limits, attempts, allowed and expected failures.

use std::cell::Cell;
use std::pin::pin;
use std::time::Duration;

use futures::FutureExt;
use futures::future::LocalBoxFuture;
use tokio::time::Instant;

use super::action::Work;
use super::job::Job;
use super::member::Member;
use super::scope::{Enough, Scope};
use super::wait::Wanted;
use super::{Cause, EventKind, Failure, Outcome, Place};
use crate::matrix::{Action, Condition, Repeat, Step, StepNode, StepOptions};
use crate::plan::title;
use crate::state::Damage;

/// Why something was ended that did not fail itself.
pub(super) const BESIDE: &str = "ended with what ran beside it";

/// A step, and what is told of its attempts.
struct Tries<'a> {
    node: &'a StepNode,
    options: &'a StepOptions,
    place: &'a Place,
    title: &'a str,
    attempts: &'a Cell<u32>,
}

impl Job<'_> {
    /// A step or block, with all its attempts.
    pub(super) fn node<'a>(
        &'a self,
        node: &'a StepNode,
        scope: &'a Scope,
    ) -> LocalBoxFuture<'a, Outcome> {
        async move {
            let options = match node {
                StepNode::Step(step) => &step.options,
                StepNode::Block(block) => &block.options,
            };
            let place = Place {
                subject: self.task.subject.name().into(),
                instance: self
                    .suite_of(node)
                    .map(|member| member.instance.name.clone()),
                step: scope.step.clone(),
            };
            let (started, title) = (Instant::now(), title(node));
            let attempts = Cell::new(0);
            let tries = Tries {
                node,
                options,
                place: &place,
                title: &title,
                attempts: &attempts,
            };
            let ended = match options.repeat {
                Some(repeat) => self.rounds(&tries, repeat, scope).await,
                None => self.attempts(&tries, &title, scope).await,
            };
            let outcome = match ended {
                Ok(()) => match left_out(node) {
                    [] => Outcome::Passed,
                    left => Outcome::Partly(left.to_vec()),
                },
                Err(failure) if options.allow_failure && failure.may_pass() => {
                    Outcome::Allowed(failure)
                }
                Err(failure) => self.failed(failure),
            };
            self.send(EventKind::StepFinished {
                place,
                title,
                attempts: attempts.get(),
                outcome: outcome.clone(),
                duration: started.elapsed(),
            })
            .await;
            outcome
        }
        .boxed_local()
    }

    /// Attempt after attempt, until one passes or there are no more.
    async fn attempts(&self, tries: &Tries<'_>, title: &str, scope: &Scope) -> Result<(), Failure> {
        let options = tries.options;
        let mut attempt = 1;
        loop {
            tries.attempts.set(attempt);
            let began = EventKind::StepStarted {
                place: tries.place.clone(),
                title: title.into(),
                attempt,
            };
            self.send(began).await;
            let ended = self.attempt(tries.node, options, scope).await;
            let again = attempt <= options.retries && !scope.cancel.is_cancelled();
            match ended {
                Err(ref failure) if again && failure.may_pass() => {
                    self.send(EventKind::StepRetried {
                        place: tries.place.clone(),
                        title: title.into(),
                        attempt,
                        failure: failure.clone(),
                    })
                    .await;
                    attempt += 1;
                    let pause = self.sleep(options.retry_wait);
                    scope.limit(title, pause).await?;
                }
                ended => return ended,
            }
        }
    }

    /// Round after round: all of them, or until one fails. Rounds without number end with the
    /// step's time limit, and if none failed by then that is passing.
    async fn rounds(
        &self,
        tries: &Tries<'_>,
        repeat: Repeat,
        scope: &Scope,
    ) -> Result<(), Failure> {
        let limit = tries.options.limit.as_ref();
        let limit = limit.filter(|limit| repeat.times.is_none() && !limit.common);
        let scope = &scope.within(limit);
        let over = || limit.is_some() && scope.deadline.is_some_and(|at| Instant::now() >= at);
        let enough = || {
            let over = |enough: &Enough| enough.over.is_cancelled();
            scope.enough.as_ref().is_some_and(over) && !scope.cancel.is_cancelled()
        };
        let mut failed: Vec<(u32, Failure)> = Vec::new();
        let mut round = 0;
        while repeat.times.is_none_or(|times| round < times) && !over() {
            round += 1;
            let title = match repeat.times {
                Some(1) => tries.title.to_owned(),
                Some(times) => format!("{} (round {round} of {times})", tries.title),
                None => format!("{} (round {round})", tries.title),
            };
            match self.attempts(tries, &title, scope).await {
                Ok(()) => {}
                // Ended with what it runs beside, after rounds that were judged.
                Err(failure) if round > 1 && failure.cause == Cause::Interrupted && enough() => {
                    round -= 1;
                    break;
                }
                Err(failure) if !failure.may_pass() => return Err(failure),
                Err(failure) if failure.cause == Cause::Timeout && over() => {
                    round -= 1;
                    if round == 0 {
                        return Err(failure.hint("No round ended within the step's `timeout`."));
                    }
                }
                Err(failure) => {
                    self.send(EventKind::RoundFailed {
                        place: tries.place.clone(),
                        title,
                        round,
                        failure: failure.clone(),
                    })
                    .await;
                    failed.push((round, failure));
                    if repeat.until_failure {
                        break;
                    }
                }
            }
        }
        let many = failed.len();
        let Some((first, mut failure)) = failed.into_iter().next() else {
            return Ok(());
        };
        let of = repeat
            .times
            .map_or(String::new(), |times| format!(" of {times}"));
        failure.message = match many {
            _ if repeat.times == Some(1) => failure.message,
            1 => format!("round {first}{of} failed: {}", failure.message),
            _ => format!(
                "{many} of {round} rounds failed, first round {first}: {}",
                failure.message
            ),
        };
        Err(failure)
    }

    /// What was ended because something beside it had failed did not fail itself.
    pub(super) fn failed(&self, failure: Failure) -> Outcome {
        match self.ended_with_others(&failure) {
            true => Outcome::Skipped(BESIDE.into()),
            false => Outcome::Failed(failure),
        }
    }

    /// Whether it was ended by what ran beside it, and not by a person.
    pub(super) fn ended_with_others(&self, failure: &Failure) -> bool {
        let stopped = self.run.stop.soon.is_cancelled() || self.run.stop.now.is_cancelled();
        failure.cause == Cause::Interrupted && !stopped
    }

    /// One attempt, judged by `expect_failure`.
    async fn attempt(
        &self,
        node: &StepNode,
        options: &StepOptions,
        scope: &Scope,
    ) -> Result<(), Failure> {
        let scope = scope.within(options.limit.as_ref());
        let beats =
            matches!(node, StepNode::Step(step) if matches!(step.action, Action::Heartbeat(_)));
        let ended = match scope.enough.clone() {
            Some(enough) if !beats => self.until_enough(node, &enough, &scope).await,
            _ => self.once(node, &scope).await,
        };
        if let (Err(failure), Some(member)) = (&ended, self.suite_of(node))
            && failure.cause == Cause::Infrastructure
        {
            // The way may be broken: the next attempt finds a new one.
            *member.connection.lock().await = None;
        }
        if let StepNode::Step(step) = node
            && step.judges()
            // A verify tells how many tests it ran.
            && step.action != Action::Verify
            && ended.as_ref().map_or_else(|it| it.verdict, |()| true)
        {
            self.tested();
        }
        if !options.expect_failure {
            return ended;
        }
        match ended {
            // What would have failed may be what was left out.
            Ok(()) if !left_out(node).is_empty() => Ok(()),
            Ok(()) => Err(Failure::verdict(
                Cause::Verify,
                format!("{} was expected to fail, and passed", title(node)),
            )),
            Err(failure) if failure.verdict => Ok(()),
            Err(failure) => Err(failure.hint(
                "`expect_failure` expects that the step itself says no, and this is another failure.",
            )),
        }
    }

    /// Once, ended with the steps that it runs beside: then it has passed, but for a step that
    /// judges, which is skipped.
    async fn until_enough(
        &self,
        node: &StepNode,
        enough: &Enough,
        scope: &Scope,
    ) -> Result<(), Failure> {
        let mut inner = scope.clone();
        inner.enough = None;
        inner.cancel = scope.cancel.child_token();
        let mut work = pin!(self.once(node, &inner));
        tokio::select! {
            biased;
            ended = &mut work => return ended,
            () = enough.over.cancelled() => inner.cancel.cancel(),
        }
        match work.await {
            // What was ended before it judged has tested nothing.
            Err(failure) if matches!(node, StepNode::Step(step) if step.judges()) => Err(failure),
            Err(failure) if failure.cause == Cause::Interrupted && !scope.cancel.is_cancelled() => {
                Ok(())
            }
            ended => ended,
        }
    }

    async fn once(&self, node: &StepNode, scope: &Scope) -> Result<(), Failure> {
        match node {
            StepNode::Step(step) => self.step(step, scope).await,
            StepNode::Block(block) => self.block(block, scope).await,
        }
    }

    /// One step, within its limits. An action of an instance limits itself, so that its hooks and
    /// its state have the last word.
    async fn step(&self, step: &Step, scope: &Scope) -> Result<(), Failure> {
        let limited = |work| scope.limit(&step.text, work);
        match &step.action {
            Action::Sleep(duration) => limited(self.sleep(*duration).boxed_local()).await,
            Action::Run {
                command,
                cwd,
                environment,
            } => {
                let work = self.run_step(step, command, cwd.as_deref(), environment, scope);
                limited(work.boxed_local()).await
            }
            Action::Exec {
                command,
                environment,
                expect,
            } => {
                let member = self.living(step)?;
                let work = self.exec(member, step, (command, environment), expect, scope);
                limited(work.boxed_local()).await
            }
            Action::Wait {
                condition,
                interval,
            } => self.wait(step, condition, *interval, scope).await,
            Action::Create => {
                let member = self.of_step(step)?;
                let made = async {
                    self.gossip(std::slice::from_ref(&member.instance), scope)
                        .await?;
                    self.action(member, &self.work(step, member), scope).await
                };
                made.await.map_err(Failure::of_driver)?;
                self.late_gossip(scope).await
            }
            Action::Destroy => {
                let member = self.of_step(step)?;
                let removed = self.action(member, &self.work(step, member), scope).await;
                removed.map_err(Failure::of_driver)?;
                self.lost(member, scope).await?;
                self.late_gossip(scope).await
            }
            Action::Fault { fault, lasts } => {
                let set = self.fault_step(step, *fault, *lasts, scope).await;
                set.map_err(Failure::of_driver)
            }
            Action::Heal => {
                let healed = self.heal_step(step, scope).await;
                healed.map_err(Failure::of_driver)
            }
            Action::Chaos(chaos) => self.chaos(step, chaos, scope).await,
            Action::Heartbeat(beat) => self.heartbeat(step, beat, scope).await,
            Action::Converge | Action::Setup | Action::Verify => {
                let member = self.living(step)?;
                self.action(member, &self.work(step, member), scope).await
            }
        }
    }

    pub(super) async fn sleep(&self, duration: Duration) -> Result<(), Failure> {
        tokio::time::sleep(duration).await;
        Ok(())
    }

    async fn wait(
        &self,
        step: &Step,
        condition: &Condition,
        interval: Duration,
        scope: &Scope,
    ) -> Result<(), Failure> {
        let member = self.living(step)?;
        let work = self.work(step, member);
        let told = self.expressions(Some(&work.instance), step.rolling);
        let mut wanted = Wanted::new(condition, step, &told, &member.peer())?;
        let state = member.state();
        if let Wanted::Command { environment, .. } = &mut wanted {
            *environment = self.on_member(&work, &state, scope).await?.environment;
        }
        let connecting = self.connect(member, &work, &state, scope);
        let connecting = scope.limit(&step.text, connecting).await;
        // Of a member that a step has switched off, no answer is the answer.
        let off = self.silenced(member).is_some();
        let connection = connecting.map_err(|failure| failure.with_verdict(off))?;
        wanted.poll(&*connection, interval, &step.text, scope).await
    }

    fn work(&self, step: &Step, member: &Member) -> Work {
        Work::step(step, &member.instance, self.task)
    }

    fn suite_of(&self, node: &StepNode) -> Option<&Member> {
        match node {
            StepNode::Step(step) => self.of_step(step).ok(),
            StepNode::Block(_) => None,
        }
    }

    fn of_step(&self, step: &Step) -> Result<&Member, Failure> {
        let found = step.suite.as_deref().and_then(|it| self.of_suite(it));
        found.ok_or_else(|| {
            Failure::new(
                Cause::Internal,
                format!("{}: no member of that name", step.text),
            )
        })
    }

    pub(super) fn living(&self, step: &Step) -> Result<&Member, Failure> {
        let member = self.of_step(step)?;
        self.must_live(member, &step.text)?;
        // What is waited for may be that it is on again.
        let waits = matches!(step.action, Action::Wait { .. });
        match self.silenced(member).filter(|_| !waits) {
            None => Ok(member),
            Some(broken) => Err(Failure::new(
                Cause::Infrastructure,
                format!(
                    "{}: {} is {} since `{}`",
                    step.text,
                    member.instance.name,
                    match broken.what {
                        Damage::Frozen => "paused",
                        _ => "off",
                    },
                    broken.step
                ),
            )),
        }
    }
}

/// The steps that the command leaves out of `node`; none of a step, which is whole.
fn left_out(node: &StepNode) -> &[String] {
    match node {
        StepNode::Step(_) => &[],
        StepNode::Block(block) => block.left_out(),
    }
}
