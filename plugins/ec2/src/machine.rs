//! A machine as EC2 tells of it: found by id or by tags, waited for, removed.

use aws_sdk_ec2::types::{Filter, Instance, InstanceStateName};
use banquet_sdk::{Context, Error, Result, State, Status};
use base64::Engine;
use base64::prelude::BASE64_STANDARD as BASE64;

use crate::client::Account;
use crate::errors::{Cause, Refusal};
use crate::settings::Settings;
use crate::tags::Owner;
use crate::values::Interface;

/// State key, as kitchen-ec2's.
pub const ID: &str = "server_id";

/// So many of the console's last lines are shown of a machine that died.
const CONSOLE_LINES: usize = 20;

/// The machine `id`; none where EC2 does not know it.
pub async fn find(account: &Account, id: &str) -> Result<Option<Instance>> {
    let asked = account.client.describe_instances().instance_ids(id).send();
    match asked.await.map_err(Refusal::from) {
        Ok(answer) => {
            let all = answer.reservations.unwrap_or_default().into_iter();
            Ok(all.flat_map(|it| it.instances.unwrap_or_default()).next())
        }
        Err(refusal) if refusal.cause() == Cause::Absent => Ok(None),
        Err(refusal) => Err(account.error("look at the machine", &refusal)),
    }
}

/// All machines that pass these filters and are not gone.
pub async fn list(account: &Account, filters: Vec<Filter>) -> Result<Vec<Instance>> {
    let request = account.client.describe_instances();
    let mut pages = request
        .set_filters(Some(filters))
        .into_paginator()
        .items()
        .send();
    let mut found = Vec::new();
    while let Some(reservation) = pages.next().await {
        let reservation = reservation.map_err(account.doing("list the machines"))?;
        found.extend(reservation.instances.unwrap_or_default());
    }
    Ok(found)
}

/// The word for what a machine does.
pub fn state_of(machine: &Instance) -> InstanceStateName {
    let state = machine.state().and_then(|state| state.name());
    state.cloned().unwrap_or(InstanceStateName::Pending)
}

/// Whether it is there, or will be.
pub fn is_alive(machine: &Instance) -> bool {
    !matches!(
        state_of(machine),
        InstanceStateName::Terminated | InstanceStateName::ShuttingDown
    )
}

/// In the contract's words.
pub fn status(machine: &Instance) -> Status {
    match state_of(machine) {
        InstanceStateName::Terminated | InstanceStateName::ShuttingDown => Status::Absent,
        InstanceStateName::Stopped | InstanceStateName::Stopping => Status::Stopped,
        _ => Status::Running,
    }
}

/// Waits until the machine is in state `wanted`, and has an address if that is running. One that
/// dies meanwhile is the error, with what it said.
pub async fn until(
    account: &Account,
    cx: &Context,
    settings: &Settings,
    id: &str,
    wanted: InstanceStateName,
) -> Result<Instance> {
    let doing = format!("waiting for machine {id} to be {wanted}");
    let probe = || async {
        // EC2 may not know its own machine for a moment.
        let Some(machine) = find(account, id).await? else {
            return Ok(None);
        };
        let state = state_of(&machine);
        let addressed = wanted != InstanceStateName::Running || address(&machine, None).is_some();
        if state == wanted {
            return Ok(addressed.then_some(machine));
        }
        let dead = !is_alive(&machine)
            || (wanted == InstanceStateName::Running && state == InstanceStateName::Stopped);
        match dead {
            true => Err(died(&machine, id)),
            false => Ok(None),
        }
    };
    let found = cx.poll(
        &doing,
        settings.retryable_sleep.0,
        settings.patience(),
        probe,
    );
    let found = found.await;
    if wanted == InstanceStateName::Running && found.is_err() && !cx.cancel.is_cancelled() {
        show_console(account, cx, id).await;
    }
    found
}

fn died(machine: &Instance, id: &str) -> Error {
    let reason = machine.state_reason();
    let code = reason.and_then(|it| it.code()).unwrap_or_default();
    let why = reason.and_then(|it| it.message()).unwrap_or_default();
    let why = match (why, code) {
        ("", "") => "EC2 gives no reason".into(),
        ("", code) => code.to_owned(),
        (why, code) if why.starts_with(code) => why.to_owned(),
        (why, code) => format!("{why} ({code})"),
    };
    let state = state_of(machine);
    let error = Error::machine(format!("start machine {id}: it is {state}: {why}"));
    match code {
        code if code.contains("Capacity") || code.contains("Spot") => {
            error.hint("Try later, or list several values for `instance_type` and `subnet_id`.")
        }
        code if code.contains("Volume") => {
            error.hint("Check the quota of volumes, and the key that they are encrypted with.")
        }
        _ => error.hint("The image or the user data may switch the machine off."),
    }
}

/// What a machine that did not start has printed, as far as EC2 tells.
async fn show_console(account: &Account, cx: &Context, id: &str) {
    let asked = account.client.get_console_output().instance_id(id).send();
    let Ok(answer) = asked.await else { return };
    let text = answer.output().unwrap_or_default();
    let text = BASE64.decode(text).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let lines: Vec<&str> = text.lines().collect();
    for line in &lines[lines.len().saturating_sub(CONSOLE_LINES)..] {
        cx.note(format!("console of {id}: {line}")).await;
    }
}

/// Where the kitchen connects: what the section wants, else the first that there is.
pub fn address(machine: &Instance, interface: Option<Interface>) -> Option<&str> {
    let of = |interface| match interface {
        Interface::Dns => machine.public_dns_name(),
        Interface::Public => machine.public_ip_address(),
        Interface::Private => machine.private_ip_address(),
        Interface::PrivateDns => machine.private_dns_name(),
        Interface::Id => machine.instance_id(),
    };
    let usual = [Interface::Dns, Interface::Public, Interface::Private];
    let mut all = interface.into_iter().chain(usual);
    all.find_map(|interface| of(interface).filter(|it| !it.is_empty()))
        .or_else(|| machine.ipv6_address())
}

/// Writes down where the machine is. Public addresses change whenever it is started.
pub fn note_addresses(machine: &Instance, settings: &Settings, state: &mut State) -> Result<()> {
    let at = address(machine, settings.interface).unwrap_or_default();
    state.set("hostname", at);
    let peers = machine.private_ip_address().unwrap_or(at);
    state.set("address", peers);
    state.checkpoint()
}

/// Removes machines that are known to be ours, and waits until they are gone.
pub async fn remove(
    account: &Account,
    cx: &Context,
    settings: &Settings,
    ids: Vec<String>,
) -> Result<()> {
    if ids.is_empty() {
        return Ok(());
    }
    cx.note(format!("removing machine {}", ids.join(", ")))
        .await;
    for id in &ids {
        let asked = account.client.terminate_instances().instance_ids(id).send();
        match asked.await.map_err(Refusal::from) {
            Err(refusal) if refusal.cause() != Cause::Absent => {
                return Err(account.error("remove the machine", &refusal));
            }
            _ => {}
        }
    }
    for id in &ids {
        let doing = format!("removing machine {id}");
        let gone = || async {
            let found = find(account, id).await?;
            let gone = found.is_none_or(|it| state_of(&it) == InstanceStateName::Terminated);
            Ok(gone.then_some(()))
        };
        cx.poll(
            &doing,
            settings.retryable_sleep.0,
            settings.patience(),
            gone,
        )
        .await?;
    }
    Ok(())
}

/// The machines that `destroy` must remove: the one that the state names if it is ours, and those
/// that bear the tags. Where a request may have been cut off, EC2 gets a moment to tell of it.
pub async fn to_remove(
    account: &Account,
    cx: &Context,
    settings: &Settings,
    owner: &Owner,
    state: &State,
    unanswered: bool,
) -> Result<Vec<String>> {
    let mut ids = Vec::new();
    if let Some(id) = state.str(ID)
        && let Some(machine) = find(account, id).await?
    {
        match owner.owns(machine.tags()) {
            true if state_of(&machine) != InstanceStateName::Terminated => ids.push(id.into()),
            true => {}
            false => {
                cx.note(format!(
                    "machine {id} does not bear this instance's tags: it is left alone"
                ))
                .await;
            }
        }
    }
    let tagged = || async {
        let found = list(account, owner.machines()).await?;
        let there = found
            .into_iter()
            .filter(|it| state_of(it) != InstanceStateName::Terminated);
        let found: Vec<String> = there.filter_map(|it| it.instance_id).collect();
        Ok::<_, Error>(found)
    };
    let mut found = tagged().await?;
    if unanswered && ids.is_empty() && found.is_empty() {
        let until = tokio::time::Instant::now() + cx.within(settings.consistency_wait.0);
        while found.is_empty() && tokio::time::Instant::now() < until {
            tokio::time::sleep(settings.retryable_sleep.0.min(settings.consistency_wait.0)).await;
            found = tagged().await?;
        }
    }
    ids.extend(found);
    ids.sort();
    ids.dedup();
    Ok(ids)
}

#[cfg(test)]
mod tests {
    use aws_sdk_ec2::types::{InstanceState, StateReason};

    use super::*;

    fn machine() -> aws_sdk_ec2::types::builders::InstanceBuilder {
        Instance::builder()
            .instance_id("i-1")
            .public_dns_name("")
            .public_ip_address("203.0.113.1")
            .private_ip_address("10.0.0.1")
            .private_dns_name("ip-10-0-0-1.ec2.internal")
    }

    #[test]
    fn the_first_address_that_there_is() {
        let named = machine().public_dns_name("ec2.example").build();
        assert_eq!(address(&named, None), Some("ec2.example"));
        let machine = machine().build();
        for (interface, at) in [
            (None, "203.0.113.1"),
            (Some(Interface::Dns), "203.0.113.1"),
            (Some(Interface::Private), "10.0.0.1"),
            (Some(Interface::PrivateDns), "ip-10-0-0-1.ec2.internal"),
            (Some(Interface::Id), "i-1"),
        ] {
            assert_eq!(address(&machine, interface), Some(at), "{interface:?}");
        }
        assert_eq!(address(&Instance::builder().build(), None), None);
    }

    #[test]
    fn why_a_machine_died_is_said_once() {
        let died_of = |code: &str, message: &str| {
            let state = InstanceState::builder().name(InstanceStateName::Terminated);
            let reason = StateReason::builder().code(code).message(message);
            let machine = machine().state(state.build()).state_reason(reason.build());
            died(&machine.build(), "i-1")
        };
        let code = "Client.VolumeLimitExceeded";
        let error = died_of(code, "Client.VolumeLimitExceeded: too many");
        assert_eq!(
            error.message,
            "start machine i-1: it is terminated: Client.VolumeLimitExceeded: too many"
        );
        assert!(error.hints[0].contains("quota"));
        let error = died_of("Server.SpotInstanceTermination", "taken back");
        assert!(
            error
                .message
                .ends_with("taken back (Server.SpotInstanceTermination)")
        );
    }
}
