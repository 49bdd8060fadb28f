//! Within which limits and where something is done, and how errors of plugins become failures.

use std::time::Duration;

use banquet_sdk::{Error, ErrorKind, aftermath};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{Cause, Failure};

/// The limits of a piece of work, and its step.
#[derive(Clone, Debug)]
pub(super) struct Scope {
    /// Path of the step; empty outside steps.
    pub step: Vec<usize>,
    /// When it must have ended.
    pub deadline: Option<Instant>,
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
            cancel: cancel.clone(),
            enough: None,
        }
    }

    /// The same, ending after `limit` at the latest.
    pub fn within(&self, limit: Option<Duration>) -> Self {
        let limit = limit.map(|limit| Instant::now() + limit);
        Self {
            deadline: [self.deadline, limit].into_iter().flatten().min(),
            ..self.clone()
        }
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
                let error = Error::timeout(what, rounded(started.elapsed()));
                Failure::of(Cause::Timeout, error)
            }
            ended = work => return ended,
        };
        // The dropped work may still be ending what it had begun on a machine.
        aftermath::settled().await;
        Err(failure)
    }
}

/// Without the digits that nobody reads.
fn rounded(duration: Duration) -> Duration {
    Duration::from_millis(duration.as_millis().try_into().unwrap_or(u64::MAX))
}

impl Failure {
    pub(super) fn new(cause: Cause, message: impl Into<String>) -> Self {
        Self {
            cause,
            message: message.into(),
            hints: Vec::new(),
        }
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
        }
    }

    pub(super) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// Whether a step may be meant to fail in this way.
    pub(super) fn may_be_meant(&self) -> bool {
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
        }
    }
}
