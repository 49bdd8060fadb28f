//! Says which setting of the workstation forbids a sandbox, and what else to use.

use std::fs;
use std::sync::Arc;

use banquet_sdk::{Context, Driver, Error, Fault, Result, State};

use super::SandboxDriver;
use super::group::new_id;

const OTHERWISE: &str = "Or use `driver: docker`, or run the kitchen as root.";

/// An error of a helper, with what to do about it where that can be told.
pub fn explain(message: String, errno: Option<i32>) -> Error {
    let error = Error::machine(message.clone());
    if message.contains("nf_tables") {
        return error.hint("`internet: true` needs a kernel with nf_tables and its NAT.");
    }
    let forbidden = [
        libc::EPERM,
        libc::EACCES,
        libc::ENOSPC,
        libc::EUSERS,
        libc::EINVAL,
    ];
    if !message.contains("namespace") && !message.contains("map the") && !message.contains("mount")
        || !errno.is_some_and(|errno| forbidden.contains(&errno))
    {
        return error;
    }
    let faults = settings();
    if faults.is_empty() {
        return error.hint(
            "The kernel, or the container that the kitchen runs in, forbids it. Use `driver: docker`.",
        );
    }
    faults.into_iter().fold(error, |error, fault| {
        error.hint(format!("{}. {}", capitalised(&fault.message), fault.advice))
    })
}

/// Makes an instance and removes it again: what fails is what is wrong.
pub async fn diagnose(driver: &SandboxDriver, cx: &Context) -> Result<Vec<Fault>> {
    let mut trial = cx.clone();
    trial.identity.cluster = None;
    trial.identity.instance = format!("doctor-{}", new_id());
    trial.section = Arc::default();
    let mut state = State::in_memory();
    let made = driver.create(&trial, &mut state).await;
    driver.destroy(&trial, &mut state).await?;
    let Err(error) = made else {
        return Ok(Vec::new());
    };
    let faults = settings();
    if !faults.is_empty() {
        return Ok(faults);
    }
    Ok(vec![Fault {
        message: error.message,
        advice: error.hints.join(" "),
    }])
}

/// What the kernel's settings forbid.
fn settings() -> Vec<Fault> {
    let value = |name: &str| {
        let text = fs::read_to_string(format!("/proc/sys/{name}")).ok()?;
        text.trim().parse::<u64>().ok()
    };
    let mut faults = Vec::new();
    for (name, forbids, sets) in [
        ("user/max_user_namespaces", 0, "10000"),
        ("user/max_net_namespaces", 0, "10000"),
        ("user/max_mnt_namespaces", 0, "10000"),
        ("user/max_pid_namespaces", 0, "10000"),
        ("kernel/unprivileged_userns_clone", 0, "1"),
        ("kernel/apparmor_restrict_unprivileged_userns", 1, "0"),
    ] {
        // Root's sandboxes have users of their own as well, but root may always make them.
        let only_for_users = name.starts_with("kernel/");
        if only_for_users && rustix::process::geteuid().is_root() {
            continue;
        }
        if value(name) == Some(forbids) {
            let dotted = name.replace('/', ".");
            faults.push(Fault {
                message: format!("{dotted} is {forbids}, which forbids namespaces"),
                advice: format!("Set it with `sysctl -w {dotted}={sets}` as root. {OTHERWISE}"),
            });
        }
    }
    faults
}

fn capitalised(text: &str) -> String {
    let mut letters = text.chars();
    letters
        .next()
        .map(|first| first.to_uppercase().chain(letters).collect())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_forbidden_is_explained_and_what_is_not_is_not() {
        let forbidden = explain("make a user namespace: no".into(), Some(libc::EPERM));
        assert!(forbidden.hints.iter().any(|hint| hint.contains("docker")));
        let missing = explain("enter /nowhere: no such file".into(), Some(libc::ENOENT));
        assert!(missing.hints.is_empty());
    }
}
