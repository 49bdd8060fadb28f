//! A converge: the provisioner's work, done again where it asks for that.

use banquet_sdk::{Changes, Error, ExitStatus, Retry, State, wording};

use super::action::Work;
use super::job::{Job, PEERS_FILE};
use super::member::Member;
use super::scope::Scope;
use super::{Cause, EventKind, Failure};
use crate::matrix::Kind;

impl Job<'_> {
    /// Converges, up to `max_retries` times more where an exit code or a lost connection asks for
    /// it; each time once the machine is back.
    pub(super) async fn converge(
        &self,
        member: &Member,
        work: &Work,
        state: &mut State,
        scope: &Scope,
    ) -> Result<(), Failure> {
        let instance = &work.instance;
        let provisioner = self
            .run
            .kitchen
            .registry
            .provisioner(&instance.provisioner.name)?;
        let mut cx = self.context(work, Kind::Provisioner, state, scope).await?;
        if !self.is_workstation(instance) {
            cx.environment.insert("KITCHEN_PEERS_FILE", PEERS_FILE);
        }
        let failure = |error: Error| {
            let started = !error
                .exit_code
                .is_some_and(|it| ExitStatus(it).not_started());
            let failure = Failure::plugin(Cause::Converge, error, &cx, Kind::Provisioner);
            let verdict = started && failure.cause == Cause::Converge;
            failure.with_verdict(verdict)
        };
        let retry = provisioner.retry(&cx).map_err(failure)?;
        let mut retries = 0;
        let converged = loop {
            let connection = self.connect(member, work, state, scope).await?;
            let error = match provisioner.converge(&cx, &*connection, state).await {
                Ok(converged) => break converged,
                Err(error) => error,
            };
            if !retry.is_asked_by(&error) || retries == retry.max_retries {
                return Err(failure(advised(error, &retry, retries)));
            }
            retries += 1;
            let message = format!(
                "{error}: converging again in {} (retry {retries} of {})",
                wording::time(retry.wait_for_retry.0),
                retry.max_retries
            );
            let place = self.place(instance, scope);
            self.send(EventKind::Warned { place, message }).await;
            drop(connection);
            tokio::time::sleep(retry.wait_for_retry.0).await;
            // The next one waits for the machine.
            *member.connection.lock().await = None;
        };
        if work.idempotent {
            unchanged(&converged.changes)
        } else {
            Ok(())
        }
    }
}

/// The error of the last attempt, with what to do about it.
fn advised(error: Error, retry: &Retry, retries: u32) -> Error {
    if retries > 0 {
        let tries = retries + 1;
        return error.hint(format!("It was tried {tries} times (`max_retries`)."));
    }
    match error.lost && retry.retry_on_exit_code.0.is_empty() {
        true => error.hint(
            "If the converge reboots the machine, set `retry_on_exit_code` of the provisioner.",
        ),
        false => error,
    }
}

fn unchanged(changes: &Changes) -> Result<(), Failure> {
    match changes {
        Changes::None => Ok(()),
        Changes::Some(changes) => Err(Failure::verdict(
            Cause::Converge,
            format!("the converge is not idempotent, it changed: {}", changes.join("; ")),
        )),
        Changes::Unknown => Err(Failure::new(
            Cause::Converge,
            "the provisioner did not tell whether the converge changed anything",
        )
        .hint("Scripts tell by writing a line for each change to the file $KITCHEN_CHANGES; an empty file says that nothing was changed.")),
    }
}
