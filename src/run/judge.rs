//! A verify: the verifier's work within its own limit, and what its cases say.

use banquet_sdk::{CaseStatus, Context, Limit, State, TestCase};

use super::action::Work;
use super::job::Job;
use super::member::Member;
use super::scope::Scope;
use super::{Cause, EventKind, Failure};
use crate::matrix::{Action, Kind, TimeLimit};

/// The case that stands for tests that were not there, so that reports count a skipped test and
/// never a passed one.
pub const NO_TEST: &str = "no test";

impl Job<'_> {
    /// `setup` and `verify`.
    pub(super) async fn judge(
        &self,
        member: &Member,
        work: &Work,
        state: &mut State,
        scope: &Scope,
    ) -> Result<(), Failure> {
        let used = &work.instance.verifier;
        let verifier = self.run.kitchen.registry.verifier(&used.name)?;
        let mut cx = self.context(work, Kind::Verifier, state, scope).await?;
        let connection = self.connect(member, work, state, scope).await?;
        let limit = cx.config::<Limit>();
        let limit =
            limit.map_err(|error| Failure::plugin(Cause::Verify, error, &cx, Kind::Verifier))?;
        let own = limit.timeout.map(|limit| {
            let at = cx.section.origin("/timeout").map(|at| format!(", {at}"));
            let from = format!("`timeout` of the verifier{}", at.unwrap_or_default());
            TimeLimit::new(limit.0, from)
        });
        let scope = &scope.within(own.as_ref());
        cx.deadline = scope.deadline;
        let failure = |error| Failure::plugin(Cause::Verify, error, &cx, Kind::Verifier);
        if work.action == Action::Setup {
            return verifier
                .setup(&cx, &*connection, state)
                .await
                .map_err(failure);
        }
        let verifying = async {
            let verified = verifier.verify(&cx, &*connection, state).await;
            verified.map_err(failure)
        };
        let cases = scope.limit("the tests", verifying).await?;
        for case in &cases {
            self.send(EventKind::TestFinished {
                place: self.place(&work.instance, scope),
                case: case.clone(),
            })
            .await;
        }
        if cases.is_empty() {
            self.without_cases(&cx, work, scope).await?;
        }
        judged(&cases)
    }

    /// Tests that do not exist pass, as in Test Kitchen, unless they are required.
    async fn without_cases(&self, cx: &Context, work: &Work, scope: &Scope) -> Result<(), Failure> {
        let message = format!("zero cases ran: there are no tests of {}", cx.tests_name);
        if self.run.options.require_tests {
            let hint = "--require-tests makes this a failure. `kitchen plan` tells under which name \
                        the tests of a step are looked up.";
            return Err(Failure::new(Cause::Verify, message).hint(hint));
        }
        let place = self.place(&work.instance, scope);
        let mut case = TestCase::new(NO_TEST, CaseStatus::Skipped);
        case.message = Some(message.clone());
        self.send(EventKind::TestFinished {
            place: place.clone(),
            case,
        })
        .await;
        self.send(EventKind::Warned { place, message }).await;
        Ok(())
    }
}

fn judged(cases: &[TestCase]) -> Result<(), Failure> {
    let failed: Vec<&TestCase> = cases
        .iter()
        .filter(|case| case.status == CaseStatus::Failed)
        .collect();
    let Some(first) = failed.first() else {
        return Ok(());
    };
    let reason = first.message.as_deref().unwrap_or("failed");
    let others = match failed.len() {
        1 => String::new(),
        more => format!(" (and {} others)", more - 1),
    };
    Err(Failure::new(
        Cause::Verify,
        format!(
            "{} of {} tests failed: {}: {reason}{others}",
            failed.len(),
            cases.len(),
            first.name
        ),
    ))
}
