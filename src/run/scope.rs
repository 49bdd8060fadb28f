//! Within which limits and where something is done, and how errors of plugins become failures.

use std::time::Duration;

use banquet_sdk::{Error, ErrorKind, aftermath, wording};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{Cause, Failure};
use crate::matrix::TimeLimit;

/// The limits of a piece of work, and its step.
#[derive(Clone, Debug)]
pub(super) struct Scope {
    /// Path of the step; empty outside steps.
    pub step: Vec<usize>,
    /// When it must have ended.
    pub deadline: Option<Instant>,
    /// The limit that the deadline is of.
    pub limit: Option<TimeLimit>,
    /// Ends it before.
    pub cancel: CancellationToken,
    /// Where it runs beside other steps: tells that these have ended.
    pub enough: Option<Enough>,
}

/// The end of the steps that something runs beside.
#[derive(Clone, Debug, Default)]
pub(super) struct Enough {
    /// They have ended.
    pub over: CancellationToken,
    /// They have failed.
    pub failed: CancellationToken,
}

impl Scope {
    pub fn new(cancel: &CancellationToken) -> Self {
        Self {
            step: Vec::new(),
            deadline: None,
            limit: None,
            cancel: cancel.clone(),
            enough: None,
        }
    }

    /// The same, ending after `limit` at the latest.
    pub fn within(&self, limit: Option<&TimeLimit>) -> Self {
        let mut inner = self.clone();
        if let Some(limit) = limit {
            let deadline = Instant::now() + limit.length;
            if inner.deadline.is_none_or(|outer| deadline < outer) {
                inner.deadline = Some(deadline);
                inner.limit = Some(limit.clone());
            }
        }
        inner
    }

    /// The same, for a step within.
    pub fn at(&self, index: usize) -> Self {
        let mut inner = self.clone();
        inner.step.push(index);
        inner
    }

    /// The same, in step `step`.
    pub fn at_step(self, step: &[usize]) -> Self {
        Self {
            step: step.to_vec(),
            ..self
        }
    }

    /// Runs `work` within the limits.
    pub async fn limit<T>(
        &self,
        what: &str,
        work: impl Future<Output = Result<T, Failure>>,
    ) -> Result<T, Failure> {
        let started = Instant::now();
        let expired = async {
            match self.deadline {
                Some(deadline) => tokio::time::sleep_until(deadline).await,
                None => std::future::pending().await,
            }
        };
        let failure = tokio::select! {
            biased;
            () = self.cancel.cancelled() => Failure::interrupted(),
            () = expired => {
                self.expired(what, started.elapsed())
            }
            ended = work => return ended,
        };
        // The dropped work may still be ending what it had begun on a machine.
        aftermath::settled().await;
        Err(failure)
    }

    /// `what` was ended by the limit, `elapsed` after its begin: it may be the limit of something
    /// around it.
    fn expired(&self, what: &str, elapsed: Duration) -> Failure {
        let Some(limit) = &self.limit else {
            let error = Error::timeout(what, elapsed);
            return Failure::of(Cause::Timeout, error);
        };
        let (length, from) = (wording::time(limit.length), &limit.from);
        let message = match elapsed >= limit.length.mul_f64(0.9) {
            true => format!("{what} took longer than {length} ({from})"),
            false => format!(
                "{what} had not ended after {length} ({from}), of which it had {}",
                wording::time(elapsed)
            ),
        };
        Failure::new(Cause::Timeout, message)
    }
}

impl Failure {
    pub(super) fn new(cause: Cause, message: impl Into<String>) -> Self {
        Self {
            cause,
            message: wording::without_numbers(&message.into()).into_owned(),
            hints: Vec::new(),
            verdict: false,
        }
    }

    /// A step's own answer, which is no.
    pub(super) fn verdict(cause: Cause, message: impl Into<String>) -> Self {
        Self::new(cause, message).with_verdict(true)
    }

    pub(super) fn with_verdict(self, verdict: bool) -> Self {
        Self { verdict, ..self }
    }

    pub(super) fn interrupted() -> Self {
        Self::new(Cause::Interrupted, "interrupted")
    }

    /// The failure that `error` is, where the user's own code has cause `action`.
    pub(super) fn of(action: Cause, error: Error) -> Self {
        let cause = match error.kind {
            ErrorKind::Config | ErrorKind::Unsupported => Cause::Config,
            ErrorKind::Machine => Cause::Infrastructure,
            ErrorKind::Action => action,
            ErrorKind::Timeout => Cause::Timeout,
            ErrorKind::Cancelled => Cause::Interrupted,
            ErrorKind::Internal => Cause::Internal,
        };
        Self {
            cause,
            message: error.message,
            hints: error.hints,
            verdict: false,
        }
    }

    /// Of a step that asks the driver for something: its no is the step's.
    pub(super) fn of_driver(self) -> Self {
        let verdict = self.cause == Cause::Infrastructure;
        self.with_verdict(verdict)
    }

    pub(super) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// Whether another attempt may do better, and `allow_failure` lets it pass.
    pub(super) fn may_pass(&self) -> bool {
        !matches!(
            self.cause,
            Cause::Interrupted | Cause::Config | Cause::Internal
        )
    }
}

impl From<crate::state::Error> for Failure {
    fn from(error: crate::state::Error) -> Self {
        Self {
            cause: Cause::Infrastructure,
            message: error.to_string(),
            hints: error.hints(),
            verdict: false,
        }
    }
}
