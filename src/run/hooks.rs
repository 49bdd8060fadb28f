//! Lifecycle hooks: the user's commands around each action (lib/kitchen/lifecycle_hooks.rb).

use std::collections::BTreeMap;

use banquet_sdk::{Exec, Stdin, process};
use serde::Deserialize;
use serde_json::Value;

use super::action::Work;
use super::job::Job;
use super::member::Member;
use super::scope::Scope;
use super::{Cause, Failure};
use crate::matrix::{Action, Instance, Kind};
use crate::plan::word;

/// One hook, as written; a string is a local command.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Hook {
    local: Option<String>,
    remote: Option<String>,
    environment: BTreeMap<String, Value>,
    cwd: Option<String>,
    user: Option<String>,
    skippable: bool,
    includes: Vec<String>,
    excludes: Vec<String>,
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
        if !hook.concerns(&work.instance.platform) {
            continue;
        }
        match (&hook.local, &hook.remote) {
            (Some(command), _) => local(job, member, work, &hook, command, scope).await?,
            (None, Some(command)) => {
                remote(job, member, work, &hook, command, scope)
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

fn hooks(instance: &Instance, key: &str) -> Result<Vec<Hook>, Failure> {
    let Some(written) = instance.lifecycle.values.get(key) else {
        return Ok(Vec::new());
    };
    let list = match written {
        Value::Array(list) => list.as_slice(),
        Value::Null => &[],
        one => std::slice::from_ref(one),
    };
    let read = |hook: &Value| match hook {
        Value::String(command) => Ok(Hook {
            local: Some(command.clone()),
            ..Hook::default()
        }),
        other => serde_json::from_value(other.clone()),
    };
    list.iter()
        .map(read)
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
    /// `includes` beats `excludes` (lib/kitchen/lifecycle_hook/base.rb).
    fn concerns(&self, platform: &str) -> bool {
        let named = |filters: &[String]| filters.iter().any(|it| filter_matches(it, platform));
        match (self.includes.is_empty(), self.excludes.is_empty()) {
            (false, _) => named(&self.includes),
            (true, false) => !named(&self.excludes),
            (true, true) => true,
        }
    }
}

/// A name, or a regular expression between slashes (lib/kitchen/platform_filter.rb).
fn filter_matches(filter: &str, platform: &str) -> bool {
    match filter
        .strip_prefix('/')
        .and_then(|rest| rest.rsplit_once('/'))
    {
        Some((expression, flags)) => {
            let expression = match flags.contains('i') {
                true => format!("(?i){expression}"),
                false => expression.into(),
            };
            fancy_regex::Regex::new(&expression)
                .is_ok_and(|it| it.is_match(platform).unwrap_or(false))
        }
        None => filter == platform,
    }
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
    let mut cx = job.context(work, Kind::Transport, &state, scope).await?;
    cx.environment
        .entry("KITCHEN_INSTANCE_HOSTNAME".into())
        .or_default();
    for (name, value) in &hook.environment {
        let text = value
            .as_str()
            .map_or_else(|| value.to_string(), str::to_owned);
        cx.environment.insert(name.clone(), text);
    }
    let line = match &hook.user {
        None => command.to_owned(),
        Some(user) => format!(
            "sudo -n -E -u {} sh -c {}",
            super::wait::quoted(user),
            super::wait::quoted(command)
        ),
    };
    let mut process = cx.local_command(&line);
    if let Some(cwd) = &hook.cwd {
        process.current_dir(cx.root.join(cwd));
    }
    process::run(process, &Stdin::Empty, &*cx.output)
        .await
        .and_then(|status| status.into_result(&format!("hook `{command}`")))
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
    let cx = job.context(work, Kind::Transport, &state, scope).await?;
    let connection = job.connect(member, work, &state, scope).await?;
    let exec = Exec::new(command).env(&cx.environment);
    let status = connection
        .exec(&exec, &*cx.output)
        .await
        .map_err(|error| Failure::of(Cause::Infrastructure, error))?;
    if status.success() || hook.skippable {
        return Ok(());
    }
    let failed = status.into_result(&format!("hook `{command}`"));
    failed.map_err(|error| Failure::of(cause(&work.action), error))
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
    use super::*;

    #[test]
    fn filters_are_names_or_expressions() {
        assert!(filter_matches("ubuntu-22.04", "ubuntu-22.04"));
        assert!(filter_matches("/^UBUNTU/i", "ubuntu-22.04"));
        assert!(!filter_matches("ubuntu", "ubuntu-22.04"));
    }

    #[test]
    fn includes_beat_excludes() {
        let hook = Hook {
            includes: vec!["a".into()],
            excludes: vec!["a".into()],
            ..Hook::default()
        };
        assert!(hook.concerns("a"));
        assert!(!hook.concerns("b"));
        assert!(Hook::default().concerns("b"));
    }
}
