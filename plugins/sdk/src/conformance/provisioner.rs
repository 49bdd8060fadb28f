//! What every provisioner must hold to.

use serde_json::Value;

use super::checks::{Checks, Exempt, Judge, Outcome, Told, expect, expect_eq, info_is_complete};
use super::subject::{settings, unique};
use crate::{Changes, Connection, Context, Error, ErrorKind, Identity, Provisioner, State};

/// A provisioner under test, and settings for the suite to use.
pub struct ProvisionerSubject<'a> {
    /// The plugin.
    pub provisioner: &'a dyn Provisioner,
    /// A way to a machine that it can converge.
    pub connection: &'a dyn Connection,
    /// Directory of the configuration.
    pub root: &'a std::path::Path,
    /// Settings (a map) with which a converge succeeds and a second one changes nothing.
    pub good: Value,
    /// Settings with which the user's code fails; null: that is not checked.
    pub failing: Value,
    /// Settings of a wrong type, and the JSON pointer to them; null: that is not checked.
    pub wrong: (Value, &'a str),
}

/// Checks the provisioner of `subject`. Panics with every check that did not hold.
pub async fn provisioner(subject: &ProvisionerSubject<'_>) {
    let judge = Judge::new(format!("provisioner {}", subject.provisioner.info().name));
    check_provisioner(subject, &|check| judge.hear(check)).await;
    judge.finish();
}

/// Checks the provisioner of `subject`; `told` hears of every check.
pub async fn check_provisioner(subject: &ProvisionerSubject<'_>, told: Told<'_>) {
    let info = subject.provisioner.info();
    let none = Exempt::new();
    let mut checks = Checks::new(&none, told);
    checks
        .check("info describes every key", async {
            info_is_complete(&info)
        })
        .await;
    checks
        .check("a converge succeeds, and again", twice(subject))
        .await;
    if !subject.failing.is_null() {
        checks
            .check("code that fails is the user's error", failing(subject))
            .await;
    }
    if !subject.wrong.0.is_null() {
        checks
            .check("a wrong setting is named", wrong(subject))
            .await;
    }
}

/// A context for an instance of its own.
pub(super) fn context(root: &std::path::Path, values: &Value) -> Context {
    let project = unique();
    let identity = Identity {
        cluster: None,
        instance: format!("default-{project}"),
        suite: "default".into(),
        platform: "conformance".into(),
        run: project.clone(),
        project,
    };
    Context::for_tests(identity, root.to_path_buf(), settings(values.clone()))
}

async fn twice(subject: &ProvisionerSubject<'_>) -> Outcome {
    let cx = context(subject.root, &subject.good);
    let mut state = State::in_memory();
    let tells = subject.provisioner.tells_changes(&cx).is_ok();
    for converge in ["first", "second"] {
        let converged = subject
            .provisioner
            .converge(&cx, subject.connection, &mut state)
            .await
            .map_err(|error| format!("{converge} converge: {error}"))?;
        let unknown = converged.changes == Changes::Unknown;
        expect(
            unknown != tells,
            format_args!(
                "changes to be told where tells_changes is Ok and only there; \
                 it is {tells}, the {converge} converge told {:?}",
                converged.changes
            ),
        )?;
        if tells && converge == "second" {
            expect_eq("changes", converged.changes, Changes::None)?;
        }
    }
    Ok(())
}

async fn failing(subject: &ProvisionerSubject<'_>) -> Outcome {
    let cx = context(subject.root, &subject.failing);
    let converged = subject
        .provisioner
        .converge(&cx, subject.connection, &mut State::in_memory())
        .await;
    let kind = converged.err().map(|error| error.kind);
    expect_eq("the kind of error", kind, Some(ErrorKind::Action))
}

async fn wrong(subject: &ProvisionerSubject<'_>) -> Outcome {
    let (values, key) = &subject.wrong;
    let cx = context(subject.root, values);
    let converged = subject
        .provisioner
        .converge(&cx, subject.connection, &mut State::in_memory())
        .await;
    names_key(converged.err(), key)
}

/// The error is one of the configuration and points to `key`.
pub(super) fn names_key(error: Option<Error>, key: &str) -> Outcome {
    let seen = error.map(|error| (error.kind, error.key));
    let want = Some((ErrorKind::Config, Some(key.to_string())));
    expect_eq("the error's kind and key", seen, want)
}
