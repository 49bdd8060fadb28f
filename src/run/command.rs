//! `exec` and `run`: the user's commands on a member and on the workstation.

use std::collections::BTreeMap;
use std::sync::Arc;

use banquet_sdk::process::{self, Collect};
use banquet_sdk::{
    Context, Environment, Exec, ExitStatus, Line, Output, State, Stdin, async_trait, first_line,
};

use super::action::Work;
use super::expression::Expressions;
use super::job::{Job, PEERS_FILE};
use super::member::Member;
use super::scope::Scope;
use super::sink::Printed;
use super::{Cause, Failure, Place};
use crate::matrix::{Expect, Kind, Step};

/// Shows what a command prints, and keeps the end of it for the expectation.
struct Both {
    shown: Arc<dyn Output>,
    kept: Collect,
}

#[async_trait]
impl Output for Both {
    async fn line(&self, line: Line) {
        self.kept.line(line.clone()).await;
        self.shown.line(line).await;
    }
}

impl Both {
    fn new(shown: Arc<dyn Output>) -> Self {
        Self {
            shown,
            kept: Collect::default(),
        }
    }
}

impl Job<'_> {
    pub(super) async fn exec(
        &self,
        member: &Member,
        step: &Step,
        (command, environment): (&str, &BTreeMap<String, String>),
        expect: &Expect,
        scope: &Scope,
    ) -> Result<(), Failure> {
        let work = Work::step(step, &member.instance, self.task);
        let state = member.state();
        let told = self.expressions(Some(&work.instance), step.rolling);
        let command = told.text(command, step.origin.as_ref())?;
        let mut cx = self.on_member(&work, &state, scope).await?;
        for (name, value) in environment {
            let value = told.text(value, step.origin.as_ref())?;
            cx.environment.insert(name.as_str(), value);
        }
        let connection = self.connect(member, &work, &state, scope).await?;
        let output = Both::new(cx.output.clone());
        let exec = Exec::new(command.as_str()).env(&cx.environment);
        let status = connection
            .exec(&exec, &output)
            .await
            .map_err(|error| Failure::of(Cause::Infrastructure, error))?;
        let Err(mut failure) = expected(expect, status, output, &told, step) else {
            return Ok(());
        };
        if status.0 != expect.exit_code {
            let why = first_line::on_machine(&command, &*connection, status).await;
            failure.hints.extend(why);
        }
        Err(failure)
    }

    /// What a command on the member of `work` is told: `exec`, `wait` and heartbeats give it the
    /// variables of this context.
    pub(super) async fn on_member(
        &self,
        work: &Work,
        state: &State,
        scope: &Scope,
    ) -> Result<Context, Failure> {
        let mut cx = self.context(work, Kind::Transport, state, scope).await?;
        if !self.is_workstation(&work.instance) {
            cx.environment.insert("KITCHEN_PEERS_FILE", PEERS_FILE);
        }
        Ok(cx)
    }

    /// The variables of a command of the workstation that is no member's.
    pub(super) fn on_workstation(&self) -> Environment {
        let cluster = self.task.subject.name().to_owned();
        let own = BTreeMap::from([("KITCHEN_CLUSTER".to_owned(), cluster)]);
        Environment::new(self.known().environment.clone(), own)
    }

    /// A command of the workstation that reaches the members.
    pub(super) async fn run_step(
        &self,
        step: &Step,
        command: &str,
        cwd: Option<&str>,
        environment: &BTreeMap<String, String>,
        scope: &Scope,
    ) -> Result<(), Failure> {
        let told = self.expressions(None, step.rolling);
        let text = |text: &str| told.text(text, step.origin.as_ref());
        let command = text(command)?;
        let mut process = process::shell(&self.local_prefix(scope).await?, &command);
        let root = &self.run.kitchen.project.root;
        let directory = cwd.map_or_else(|| root.clone(), |cwd| root.join(cwd));
        process.current_dir(&directory);
        process.envs(&self.on_workstation());
        for (name, value) in environment {
            process.env(name, text(value)?);
        }
        let place = Place {
            subject: self.task.subject.name().into(),
            instance: None,
            step: scope.step.clone(),
        };
        let output = Printed::new(&self.run.sink, place);
        process::run(process, &Stdin::Empty, &output)
            .await
            .and_then(|status| {
                let ended = status.into_result(&format!("`{command}`"));
                let why = || first_line::of_command(&command, &directory, status);
                ended.map_err(|error| error.advised(why()))
            })
            .map_err(|error| {
                let code = error.exit_code.map(ExitStatus);
                let ended = code.is_some_and(|code| !code.not_started());
                Failure::of(Cause::Verify, error).with_verdict(ended)
            })
    }

    /// The way into the members' network: that of the first living member which has one.
    pub(super) async fn local_prefix(&self, scope: &Scope) -> Result<Vec<String>, Failure> {
        for member in self.members.iter().filter(|member| member.lives()) {
            let work = Work::of(crate::matrix::Action::Verify, &member.instance, self.task);
            let cx = self
                .context(&work, Kind::Transport, &member.state(), scope)
                .await?;
            if !cx.local_prefix.is_empty() {
                return Ok(cx.local_prefix);
            }
        }
        Ok(Vec::new())
    }
}

fn expected(
    expect: &Expect,
    status: ExitStatus,
    output: Both,
    told: &Expressions,
    step: &Step,
) -> Result<(), Failure> {
    let failure =
        |message: String| Failure::verdict(Cause::Verify, format!("{}: {message}", step.text));
    if status.0 != expect.exit_code {
        let (code, wanted) = (status.0, expect.exit_code);
        let failure = failure(format!("exit code {code}, expected {wanted}"));
        return Err(failure.with_verdict(!status.not_started()));
    }
    let (out, _) = output.kept.into_parts();
    if let Some(wanted) = &expect.contains {
        let wanted = told.text(wanted, step.origin.as_ref())?;
        if !out.contains(&wanted) {
            return Err(failure(format!(
                "standard output does not contain {wanted:?}"
            )));
        }
    }
    if let Some(wanted) = &expect.matches {
        let wanted = &told.text(wanted, step.origin.as_ref())?;
        let expression = regex::RegexBuilder::new(wanted)
            .multi_line(true)
            .build()
            .map_err(|error| {
                Failure::new(Cause::Config, format!("{}: {wanted:?}: {error}", step.text))
            })?;
        if !expression.is_match(&out) {
            return Err(failure(format!(
                "standard output does not match {wanted:?}"
            )));
        }
    }
    Ok(())
}
