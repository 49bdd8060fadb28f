//! What every verifier must hold to.

use std::collections::BTreeSet;

use serde_json::Value;

use super::checks::{
    Checks, During, Exempt, Judge, Outcome, Told, expect, expect_eq, info_is_complete,
};
use super::provisioner::{context, names_key};
use crate::{CaseStatus, Connection, ErrorKind, State, TestCase, Verifier};

/// A verifier under test, and settings for the suite to use.
pub struct VerifierSubject<'a> {
    /// The plugin.
    pub verifier: &'a dyn Verifier,
    /// A way to a machine that it can judge.
    pub connection: &'a dyn Connection,
    /// Directory of the configuration.
    pub root: &'a std::path::Path,
    /// Settings (a map) with which all tests pass.
    pub good: Value,
    /// Settings with which a test fails; null: that is not checked.
    pub failing: Value,
    /// Settings of a wrong type, and the JSON pointer to them; null: that is not checked.
    pub wrong: (Value, &'a str),
}

/// Checks the verifier of `subject`. Panics with every check that did not hold.
pub async fn verifier(subject: &VerifierSubject<'_>) {
    let judge = Judge::new(format!("verifier {}", subject.verifier.info().name));
    check_verifier(subject, &|check| judge.hear(check)).await;
    judge.finish();
}

/// Checks the verifier of `subject`; `told` hears of every check.
pub async fn check_verifier(subject: &VerifierSubject<'_>, told: Told<'_>) {
    let info = subject.verifier.info();
    let none = Exempt::new();
    let mut checks = Checks::new(&none, told);
    checks
        .check("info describes every key", async {
            info_is_complete(&info)
        })
        .await;
    checks
        .check("tests that hold are cases", passing(subject))
        .await;
    if !subject.failing.is_null() {
        checks
            .check("a test that fails is a case", failing(subject))
            .await;
    }
    if !subject.wrong.0.is_null() {
        checks
            .check("a wrong setting is named", wrong(subject))
            .await;
    }
}

async fn verify(subject: &VerifierSubject<'_>, values: &Value) -> crate::Result<Vec<TestCase>> {
    let cx = context(subject.root, values);
    let mut state = State::in_memory();
    subject
        .verifier
        .setup(&cx, subject.connection, &mut state)
        .await?;
    subject
        .verifier
        .verify(&cx, subject.connection, &mut state)
        .await
}

fn names_differ(cases: &[TestCase]) -> Outcome {
    let names: BTreeSet<&str> = cases.iter().map(|case| case.name.as_str()).collect();
    expect(!names.contains(""), "every case to have a name")?;
    expect_eq("names of cases, each once", names.len(), cases.len())
}

async fn passing(subject: &VerifierSubject<'_>) -> Outcome {
    let cases = verify(subject, &subject.good).await.during("verify")?;
    names_differ(&cases)?;
    let failed: Vec<&TestCase> = cases
        .iter()
        .filter(|case| case.status == CaseStatus::Failed)
        .collect();
    expect(
        failed.is_empty(),
        format_args!("no failed case, saw {failed:?}"),
    )?;
    expect(!cases.is_empty(), "at least one case")
}

/// A tool that tells its cases names the failed one; one that tells none is an error of the user's.
async fn failing(subject: &VerifierSubject<'_>) -> Outcome {
    match verify(subject, &subject.failing).await {
        Ok(cases) => {
            names_differ(&cases)?;
            expect(
                cases
                    .iter()
                    .any(|case| case.status == CaseStatus::Failed && case.message.is_some()),
                format_args!("a failed case with a message, saw {cases:?}"),
            )
        }
        Err(error) => expect_eq("the kind of error", error.kind, ErrorKind::Action),
    }
}

async fn wrong(subject: &VerifierSubject<'_>) -> Outcome {
    let (values, key) = &subject.wrong;
    names_key(verify(subject, values).await.err(), key)
}
