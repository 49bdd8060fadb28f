//! A verify: the verifier's work within its own limit, and what its cases say.

use banquet_sdk::lookup::{Lookup, look_up, shown};
use banquet_sdk::{CaseStatus, Context, State, TestCase, Tests, VerifierKeys};

use super::action::{TESTS_NAME, Work};
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
        let failed = |error, cx: &_| Failure::plugin(Cause::Verify, error, cx, Kind::Verifier);
        let keys = cx.config::<VerifierKeys>();
        let keys = keys.map_err(|error| failed(error, &cx))?;
        let looked = look_up(&*verifier, &mut cx);
        let lookup = looked.map_err(|error| failed(error, &cx))?;
        cx.environment.insert(TESTS_NAME, cx.tests_name.as_str());
        if work.action == Action::Verify {
            self.passed_over(&cx, &lookup, work, scope).await;
            if lookup.is_vain() {
                return self.untested(&cx, &keys, &lookup, &[], work, scope).await;
            }
        }
        let connection = self.connect(member, work, state, scope).await?;
        let own = keys.timeout.map(|limit| {
            let at = cx.section.origin("/timeout").map(|at| format!(", {at}"));
            let from = format!("`timeout` of the verifier{}", at.unwrap_or_default());
            TimeLimit::new(limit.0, from)
        });
        let scope = &scope.within(own.as_ref());
        cx.deadline = scope.deadline;
        if work.action == Action::Setup {
            return verifier
                .setup(&cx, &*connection, state)
                .await
                .map_err(|error| failed(error, &cx));
        }
        let verifying = async {
            let verified = verifier.verify(&cx, &*connection, state).await;
            verified.map_err(|error| failed(error, &cx))
        };
        let cases = scope.limit("the tests", verifying).await?;
        for case in &cases {
            self.send(EventKind::TestFinished {
                place: self.place(&work.instance, scope),
                case: case.clone(),
            })
            .await;
        }
        if cases.iter().all(|it| it.status == CaseStatus::Skipped) {
            return self
                .untested(&cx, &keys, &lookup, &cases, work, scope)
                .await;
        }
        self.tested();
        judged(&cases)
    }

    /// Tells of directories that hold tests which are not run.
    async fn passed_over(&self, cx: &Context, lookup: &Lookup, work: &Work, scope: &Scope) {
        let Some(Tests::Directory { directory, .. }) = lookup.taken() else {
            return;
        };
        let taken = shown(directory, &cx.root);
        for tests in lookup.passed_over() {
            if let Tests::Directory { directory, .. } = tests {
                let other = shown(directory, &cx.root);
                let message = format!(
                    "the tests in {other} are not run: {taken} holds tests as well, and comes first"
                );
                let place = self.place(&work.instance, scope);
                self.send(EventKind::Warned { place, message }).await;
            }
        }
    }

    /// A verify that ran no test: in a cluster it has failed, else it is warned of, as in Test
    /// Kitchen, unless the step, the command line or the verifier's settings say otherwise, in this
    /// order.
    async fn untested(
        &self,
        cx: &Context,
        keys: &VerifierKeys,
        lookup: &Lookup,
        skipped: &[TestCase],
        work: &Work,
        scope: &Scope,
    ) -> Result<(), Failure> {
        let message = format!("no test was run: {}", why_none(cx, lookup, skipped));
        let options = &self.run.options;
        let in_file = keys.require_tests.unwrap_or(work.tests.required);
        if !work.tests.allow_empty && (options.require_tests || in_file) {
            let failure = Failure::new(Cause::Verify, message).hint(
                "`kitchen plan` tells where each step looks. `allow_empty: true` on the step, or \
                 `verifier: {require_tests: false}`, lets it pass as skipped.",
            );
            return Err(failure);
        }
        let place = self.place(&work.instance, scope);
        if skipped.is_empty() {
            let mut case = TestCase::new(NO_TEST, CaseStatus::Skipped);
            case.message = Some(message.clone());
            let place = place.clone();
            self.send(EventKind::TestFinished { place, case }).await;
        }
        self.send(EventKind::Warned { place, message }).await;
        Ok(())
    }
}

/// Why a verify ran no test, and where it looked.
fn why_none(cx: &Context, lookup: &Lookup, skipped: &[TestCase]) -> String {
    let verifier = &cx.plugins.verifier;
    match (skipped.len(), lookup.taken()) {
        (0, _) if lookup.is_vain() => {
            format!("there is none; looked for {}", lookup.places(&cx.root))
        }
        (
            0,
            Some(Tests::Directory {
                directory, files, ..
            }),
        ) => format!(
            "{verifier} ran none of the {} in {}",
            counted(files.len()),
            shown(directory, &cx.root)
        ),
        (0, _) => format!("{verifier} told of none"),
        (1, _) => "the only one is skipped".into(),
        (many, _) => format!("all {many} are skipped"),
    }
}

fn counted(files: usize) -> String {
    match files {
        1 => "tests of 1 file".into(),
        many => format!("tests of {many} files"),
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
    Err(Failure::verdict(
        Cause::Verify,
        format!(
            "{} of {} tests failed: {}: {reason}{others}",
            failed.len(),
            cases.len(),
            first.name
        ),
    ))
}
