//! Lifecycle hooks: the user's commands around each action (lib/kitchen/lifecycle_hooks.rb).

use std::collections::BTreeMap;
use std::sync::Arc;

use banquet_sdk::lenient::{List, Text};
use banquet_sdk::{Context, Exec, Peers, State, Stdin, first_line, process, wording};
use serde::Deserialize;
use serde_json::Value;

use super::action::Work;
use super::job::Job;
use super::member::Member;
use super::scope::Scope;
use super::wait::quoted;
use super::{Cause, Failure};
use crate::matrix::{Action, Filter, Instance, Kind};
use crate::plan::word;

/// The variable that tells hooks where the machine is; empty before it is known.
const HOST_NAME: &str = "KITCHEN_INSTANCE_HOSTNAME";

/// One hook, as written; a string is a local command.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Hook {
    local: Option<Text>,
    remote: Option<Text>,
    environment: BTreeMap<String, Value>,
    cwd: Option<String>,
    user: Option<Text>,
    skippable: bool,
    includes: List<String>,
    excludes: List<String>,
    /// Of both, read.
    #[serde(skip)]
    filter: Filter,
}

/// Runs the hooks of `timing` (`pre`, `post`, `finally`) around the action of `work`, in order.
pub(super) async fn run(
    job: &Job<'_>,
    member: &Member,
    work: &Work,
    timing: &str,
    scope: &Scope,
) -> Result<(), Failure> {
    let key = format!("{timing}_{}", word(&work.action));
    for hook in hooks(&work.instance, &key)? {
        if !hook.filter.lets(&work.instance.platform) {
            continue;
        }
        match (&hook.local, &hook.remote) {
            (Some(command), _) => local(job, member, work, &hook, &command.0, scope).await?,
            (None, Some(command)) => {
                remote(job, member, work, &hook, &command.0, scope)
                    .await
                    .map_err(|failure| named(failure, &key))?;
            }
            (None, None) => {
                return Err(Failure::new(
                    Cause::Config,
                    format!("a hook of {key} has neither `local` nor `remote`"),
                )
                .hint("Write a command, `{local: COMMAND}` or `{remote: COMMAND}`."));
            }
        }
    }
    Ok(())
}

/// What is wrong with one hook, before anything runs.
pub(crate) fn check(written: &Value) -> Result<(), String> {
    match Hook::read(written)? {
        Hook {
            local: None,
            remote: None,
            ..
        } => Err("it has neither `local` nor `remote`".into()),
        _ => Ok(()),
    }
}

fn hooks(instance: &Instance, key: &str) -> Result<Vec<Hook>, Failure> {
    let Some(written) = instance.lifecycle.values.get(key) else {
        return Ok(Vec::new());
    };
    let list = match written {
        Value::Array(list) => list.as_slice(),
        Value::Null => &[],
        one => std::slice::from_ref(one),
    };
    list.iter()
        .map(Hook::read)
        .collect::<Result<_, _>>()
        .map_err(|error| {
            let place = instance.lifecycle.origin(&format!("/{key}"));
            let place = place.map(|at| format!(" ({at})")).unwrap_or_default();
            Failure::new(
                Cause::Config,
                format!("lifecycle hook {key}{place}: {error}"),
            )
            .hint(
                "A hook is a command, `{local, environment, cwd, user}` or `{remote, skippable}`.",
            )
        })
}

impl Hook {
    fn read(written: &Value) -> Result<Self, String> {
        let mut hook: Self = match written {
            Value::String(command) => Self {
                local: Some(Text(command.clone())),
                ..Self::default()
            },
            other => serde_json::from_value(other.clone())
                .map_err(|error| wording::of_value(&error.to_string()))?,
        };
        hook.filter = Filter::new(&hook.includes.0, &hook.excludes.0)?;
        Ok(hook)
    }

    /// The command line of a local hook, under its user's rights where it names one.
    fn line(&self, command: &str) -> String {
        let Some(Text(user)) = &self.user else {
            return command.to_owned();
        };
        let (user, command) = (quoted(user), quoted(command));
        // Root needs no `sudo`, which is often missing where there is no one else.
        format!(
            "if [ \"$(id -un)\" = {user} ]; then exec sh -c {command}; fi; \
             if [ \"$(id -u)\" = 0 ] && command -v setpriv >/dev/null; then \
             group=$(id -g {user}) && \
             exec setpriv --reuid {user} --regid \"$group\" --init-groups sh -c {command}; fi; \
             exec sudo -n -E -u {user} sh -c {command}"
        )
    }
}

/// A value as Ruby's `to_s` makes text of it.
fn text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// What a hook is told. While a cluster is made nobody has heard of the others yet: its hooks are
/// told of all members, with what is known of each by then.
async fn context(
    job: &Job<'_>,
    work: &Work,
    state: &State,
    scope: &Scope,
) -> Result<Context, Failure> {
    let mut cx = job.context(work, Kind::Transport, state, scope).await?;
    if work.action == Action::Create && scope.step.is_empty() && job.task.cluster.is_some() {
        let peers = Peers(job.members.iter().map(Member::peer).collect());
        cx.environment.share(Arc::new(peers.environment()));
    }
    Ok(cx)
}

async fn local(
    job: &Job<'_>,
    member: &Member,
    work: &Work,
    hook: &Hook,
    command: &str,
    scope: &Scope,
) -> Result<(), Failure> {
    let state = member.state();
    let mut cx = context(job, work, &state, scope).await?;
    if cx.environment.get(HOST_NAME).is_none() {
        cx.environment.insert(HOST_NAME, "");
    }
    for (name, value) in &hook.environment {
        cx.environment.insert(name.as_str(), text(value));
    }
    let mut process = cx.local_command(&hook.line(command));
    let directory = match &hook.cwd {
        Some(cwd) => cx.root.join(cwd),
        None => cx.root.clone(),
    };
    if hook.cwd.is_some() {
        process.current_dir(&directory);
    }
    process::run(process, &Stdin::Empty, &*cx.output)
        .await
        .and_then(|status| {
            let ended = status.into_result(&format!("hook `{command}`"));
            ended
                .map_err(|error| error.advised(first_line::of_command(command, &directory, status)))
        })
        .map_err(|error| Failure::of(cause(&work.action), error))
}

async fn remote(
    job: &Job<'_>,
    member: &Member,
    work: &Work,
    hook: &Hook,
    command: &str,
    scope: &Scope,
) -> Result<(), Failure> {
    if !member.lives() {
        if hook.skippable {
            return Ok(());
        }
        return Err(Failure::new(
            Cause::Config,
            format!("the remote hook `{command}` cannot run: the instance does not exist then"),
        )
        .hint("Set `skippable: true`, or hook another phase."));
    }
    let state = member.state();
    let cx = context(job, work, &state, scope).await?;
    let connection = job.connect(member, work, &state, scope).await?;
    let exec = Exec::new(command).env(&cx.environment);
    let status = connection
        .exec(&exec, &*cx.output)
        .await
        .map_err(|error| Failure::of(Cause::Infrastructure, error))?;
    if status.success() || hook.skippable {
        return Ok(());
    }
    let Err(error) = status.into_result(&format!("hook `{command}`")) else {
        return Ok(());
    };
    let why = first_line::on_machine(command, &*connection, status).await;
    Err(Failure::of(cause(&work.action), error.advised(why)))
}

fn named(mut failure: Failure, key: &str) -> Failure {
    failure.message = format!("{key}: {}", failure.message);
    failure
}

/// A hook's failure counts as its action's.
fn cause(action: &Action) -> Cause {
    match action {
        Action::Converge => Cause::Converge,
        Action::Setup | Action::Verify => Cause::Verify,
        _ => Cause::Infrastructure,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn hook(written: Value) -> Result<Hook, String> {
        Hook::read(&written)
    }

    #[test]
    fn includes_beat_excludes() {
        let named =
            hook(json!({"local": "x", "includes": "a", "excludes": ["a", "/c/"]})).expect("a hook");
        assert!(named.filter.lets("a"));
        assert!(!named.filter.lets("b"));
        let other = hook(json!({"local": "x", "excludes": ["a", "/C$/i"]})).expect("a hook");
        assert!(other.filter.lets("b"));
        assert!(!other.filter.lets("a"));
        assert!(!other.filter.lets("abc"));
        assert!(hook(json!("x")).expect("a hook").filter.lets("b"));
        let bad = hook(json!({"local": "x", "includes": ["/[/"]})).expect_err("a bad pattern");
        assert!(bad.contains("premature end of char-class"), "{bad}");
    }

    #[test]
    fn values_of_variables_are_rubys_texts() {
        for (value, expected) in [
            (json!(null), ""),
            (json!(5), "5"),
            (json!(true), "true"),
            (json!("a b"), "a b"),
        ] {
            assert_eq!(text(&value), expected);
        }
    }

    #[test]
    fn a_command_runs_as_its_user() {
        let line = |user: &str| {
            let hook = hook(json!({"local": "id -un", "user": user})).expect("a hook");
            let ran = std::process::Command::new("sh")
                .args(["-c", &hook.line("id -un; echo \"$X\" 'it'\\''s'")])
                .env("X", "a  b")
                .output()
                .expect("sh runs");
            String::from_utf8_lossy(&ran.stdout).into_owned()
        };
        let me = std::process::Command::new("id")
            .arg("-un")
            .output()
            .expect("id runs");
        let me = String::from_utf8_lossy(&me.stdout).trim().to_owned();
        assert_eq!(line(&me), format!("{me}\na  b it's\n"));
        if me == "root" {
            assert_eq!(line("nobody"), "nobody\na  b it's\n");
        }
    }
}
