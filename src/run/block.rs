//! Blocks: steps at once, in turn, beside each other, member after member.

use std::cell::{Cell, RefCell};

use futures::StreamExt;
use futures::future::join_all;
use tokio_util::sync::CancellationToken;

use super::job::Job;
use super::scope::{Enough, Scope};
use super::{Cause, Failure, Outcome};
use crate::matrix::{Block, Shape, StepNode};
use crate::plan::title;

impl Job<'_> {
    /// The steps of a block, each under the number that it has in the block as it is written.
    pub(super) async fn block(&self, block: &Block, scope: &Scope) -> Result<(), Failure> {
        let children = block.shape.children().enumerate();
        let scopes: Vec<Scope> = children
            .map(|(index, _)| scope.at(block.number(index)))
            .collect();
        match &block.shape {
            Shape::Concurrent(steps) => self.concurrent(steps, &scopes).await,
            Shape::Sequence(steps) => self.sequence(steps, &scopes, scope).await,
            Shape::During { beside, steps } => {
                let (aside, main) = scopes.split_at(beside.len());
                self.during((beside, aside), (steps, main), scope).await
            }
            Shape::Rolling {
                turns,
                max_unavailable,
            } => self.rolling(turns, *max_unavailable, &scopes).await,
        }
    }

    async fn concurrent(&self, steps: &[StepNode], scopes: &[Scope]) -> Result<(), Failure> {
        let work = steps.iter().zip(scopes);
        let ended = join_all(work.map(|(node, scope)| self.node(node, scope))).await;
        first_failure(ended)
    }

    /// One after another, each within its own of `scopes`, until `whole` is cancelled.
    async fn sequence(
        &self,
        steps: &[StepNode],
        scopes: &[Scope],
        whole: &Scope,
    ) -> Result<(), Failure> {
        for (node, scope) in steps.iter().zip(scopes) {
            if let Outcome::Failed(failure) = self.node(node, scope).await {
                return Err(failure);
            }
            if whole.cancel.is_cancelled() {
                return Err(Failure::interrupted());
            }
        }
        Ok(())
    }

    /// `beside` runs until the steps have ended; where it fails, they are ended too.
    async fn during(
        &self,
        (beside, aside): (&[StepNode], &[Scope]),
        (steps, scopes): (&[StepNode], &[Scope]),
        scope: &Scope,
    ) -> Result<(), Failure> {
        let enough = Enough::default();
        let mut main = scope.clone();
        main.cancel = scope.cancel.child_token();
        let stop: &CancellationToken = &main.cancel;
        let scopes: Vec<Scope> = scopes
            .iter()
            .map(|scope| Scope {
                cancel: stop.clone(),
                ..scope.clone()
            })
            .collect();
        let aside = beside.iter().zip(aside).map(|(node, scope)| {
            let mut inner = scope.clone();
            inner.enough = Some(enough.clone());
            async move {
                let ended = self.node(node, &inner).await;
                if matches!(ended, Outcome::Failed(_)) {
                    stop.cancel();
                }
                ended
            }
        });
        let steps = async {
            let ended = self.sequence(steps, &scopes, &main).await;
            if ended.is_err() {
                enough.failed.cancel();
            }
            enough.over.cancel();
            ended
        };
        let (aside, steps) = tokio::join!(join_all(aside), steps);
        match (first_failure(aside), steps) {
            // The steps were ended because the other side had failed.
            (Err(failure), Err(ended)) if ended.cause == Cause::Interrupted => Err(failure),
            (aside, steps) => steps.and(aside),
        }
    }

    /// Up to `at_once` turns at the same time; none begins after one has failed.
    async fn rolling(
        &self,
        turns: &[StepNode],
        at_once: usize,
        scopes: &[Scope],
    ) -> Result<(), Failure> {
        let failed: Cell<Option<Failure>> = Cell::new(None);
        let stopped = Cell::new(false);
        let left = RefCell::new(Vec::new());
        let work = turns.iter().zip(scopes).map(|(turn, scope)| {
            let (failed, stopped, left) = (&failed, &stopped, &left);
            async move {
                if stopped.get() || scope.cancel.is_cancelled() {
                    left.borrow_mut().push(title(turn));
                } else if let Outcome::Failed(mut failure) = self.node(turn, scope).await {
                    failure.message = format!("{}: {}", title(turn), failure.message);
                    if !stopped.replace(true) {
                        failed.set(Some(failure));
                    }
                }
            }
        });
        let mut running = futures::stream::iter(work).buffer_unordered(at_once.max(1));
        while running.next().await.is_some() {}
        drop(running);
        let left = left.into_inner();
        match failed.into_inner() {
            Some(mut failure) if !left.is_empty() => {
                let left = left.join(", ");
                failure.message = format!("{}; not begun any more: {left}", failure.message);
                Err(failure)
            }
            Some(failure) => Err(failure),
            None if left.is_empty() => Ok(()),
            None => Err(Failure::interrupted()),
        }
    }
}

fn first_failure(ended: Vec<Outcome>) -> Result<(), Failure> {
    let failed = ended.into_iter().find_map(|outcome| match outcome {
        Outcome::Failed(failure) => Some(failure),
        _ => None,
    });
    failed.map_or(Ok(()), Err)
}
