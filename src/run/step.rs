//! Steps and blocks: limits, attempts, allowed and expected failures.

use std::time::Duration;

use futures::FutureExt;
use futures::future::{LocalBoxFuture, join_all};
use tokio::time::Instant;

use super::action::Work;
use super::expression::Expressions;
use super::job::Job;
use super::member::Member;
use super::scope::Scope;
use super::wait::{self, Wanted};
use super::{Cause, EventKind, Failure, Outcome, Place};
use crate::matrix::{Action, Condition, Step, StepNode, StepOptions};
use crate::plan::title;

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
            let mut attempt = 1;
            let ended = loop {
                let began = EventKind::StepStarted {
                    place: place.clone(),
                    title: title.clone(),
                    attempt,
                };
                self.send(began).await;
                let ended = self.attempt(node, options, scope).await;
                let again = attempt <= options.retries && !scope.cancel.is_cancelled();
                match ended {
                    Err(ref failure) if again && failure.may_be_meant() => {
                        self.send(EventKind::StepRetried {
                            place: place.clone(),
                            title: title.clone(),
                            attempt,
                            failure: failure.clone(),
                        })
                        .await;
                        attempt += 1;
                        let pause = self.sleep(options.retry_wait);
                        if let Err(ended) = scope.limit(&title, pause).await {
                            break Err(ended);
                        }
                    }
                    ended => break ended,
                }
            };
            let outcome = match ended {
                Ok(()) => Outcome::Passed,
                Err(failure) if options.allow_failure && failure.may_be_meant() => {
                    Outcome::Allowed(failure)
                }
                Err(failure) => Outcome::Failed(failure),
            };
            self.send(EventKind::StepFinished {
                place,
                title,
                attempts: attempt,
                outcome: outcome.clone(),
                duration: started.elapsed(),
            })
            .await;
            outcome
        }
        .boxed_local()
    }

    /// One attempt, judged by `expect_failure`.
    async fn attempt(
        &self,
        node: &StepNode,
        options: &StepOptions,
        scope: &Scope,
    ) -> Result<(), Failure> {
        let waits =
            matches!(node, StepNode::Step(step) if matches!(step.action, Action::Wait { .. }));
        let limit = options.timeout.or(waits.then_some(wait::LIMIT));
        let scope = scope.within(limit);
        let ended = self.once(node, &scope).await;
        if let (Err(failure), Some(member)) = (&ended, self.suite_of(node))
            && failure.cause == Cause::Infrastructure
        {
            // The way may be broken: the next attempt finds a new one.
            *member.connection.lock().await = None;
        }
        if !options.expect_failure {
            return ended;
        }
        match ended {
            Ok(()) => Err(Failure::new(
                Cause::Verify,
                format!("{} was expected to fail, and passed", title(node)),
            )),
            Err(failure) if failure.may_be_meant() => Ok(()),
            Err(failure) => Err(failure),
        }
    }

    async fn once(&self, node: &StepNode, scope: &Scope) -> Result<(), Failure> {
        match node {
            StepNode::Step(step) => self.step(step, scope).await,
            StepNode::Block(block) => {
                let scopes: Vec<Scope> = (1..=block.concurrent.len())
                    .map(|index| scope.at(index))
                    .collect();
                let work = block.concurrent.iter().zip(&scopes);
                let ended = join_all(work.map(|(node, scope)| self.node(node, scope))).await;
                let failed = ended.into_iter().find_map(|outcome| match outcome {
                    Outcome::Failed(failure) => Some(failure),
                    _ => None,
                });
                failed.map_or(Ok(()), Err)
            }
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
            Action::Exec { command, expect } => {
                let work = self.exec(self.living(step)?, step, command, expect, scope);
                limited(work.boxed_local()).await
            }
            Action::Wait {
                condition,
                interval,
            } => self.wait(step, condition, *interval, scope).await,
            Action::Create => {
                let member = self.of_step(step)?;
                self.gossip(std::slice::from_ref(&member.instance), scope)
                    .await?;
                self.action(member, &self.work(step, member), scope).await?;
                self.late_gossip(scope).await
            }
            Action::Destroy => {
                let member = self.of_step(step)?;
                self.action(member, &self.work(step, member), scope).await?;
                self.late_gossip(scope).await
            }
            Action::Converge | Action::Setup | Action::Verify => {
                let member = self.living(step)?;
                self.action(member, &self.work(step, member), scope).await
            }
        }
    }

    async fn sleep(&self, duration: Duration) -> Result<(), Failure> {
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
        let known = self.known();
        let told = Expressions::new(
            &known.peers,
            Some(self.task.subject.name()),
            Some(&work.instance),
        );
        let wanted = Wanted::new(condition, step, &told, &member.peer())?;
        let state = member.state();
        let connecting = self.connect(member, &work, &state, scope);
        let connection = scope.limit(&step.text, connecting).await?;
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
        let suite = step.suite.as_deref();
        let found = self
            .members
            .iter()
            .find(|member| Some(member.instance.suite.as_str()) == suite);
        found.ok_or_else(|| {
            Failure::new(
                Cause::Internal,
                format!("{}: no member of that name", step.text),
            )
        })
    }

    fn living(&self, step: &Step) -> Result<&Member, Failure> {
        let member = self.of_step(step)?;
        if member.lives() {
            return Ok(member);
        }
        Err(Failure::new(
            Cause::Infrastructure,
            format!("{}: {} does not exist", step.text, member.instance.name),
        )
        .hint(format!(
            "Let a step `create {}` come before.",
            member.instance.suite
        )))
    }
}
