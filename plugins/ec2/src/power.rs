//! Switches machines.

use aws_sdk_ec2::types::{Instance, InstanceStateName};
use banquet_sdk::process::Collect;
use banquet_sdk::{Context, Error, Exec, Power, Result, State};

use crate::client::Account;
use crate::errors::Refusal;
use crate::machine;
use crate::settings::Settings;

/// Prints what differs from one start of a machine to the next: the kernel's own name for it, and
/// when the first process began (a container shares its kernel).
const BOOT: &str = "cat /proc/sys/kernel/random/boot_id; cut -d' ' -f22 /proc/1/stat";

/// Switches the machine `id`, and waits until that is so. The answer is the machine where it runs
/// anew and may have other addresses.
pub async fn switch(
    account: &Account,
    cx: &Context,
    settings: &Settings,
    state: &State,
    id: &str,
    power: Power,
) -> Result<Option<Instance>> {
    match power {
        Power::Stop | Power::Kill => {
            stop(account, cx, settings, id, power == Power::Kill).await?;
            Ok(None)
        }
        Power::Start => start(account, cx, settings, id).await.map(Some),
        Power::Reboot => reboot(account, cx, settings, state, id).await.map(Some),
        Power::Pause | Power::Resume => Err(Error::unsupported(format!(
            "driver ec2 cannot {}",
            format!("{power:?}").to_lowercase()
        ))),
    }
}

async fn stop(
    account: &Account,
    cx: &Context,
    settings: &Settings,
    id: &str,
    at_once: bool,
) -> Result<()> {
    let request = account.client.stop_instances().instance_ids(id);
    let request = match at_once {
        true => request.force(true).skip_os_shutdown(true),
        false => request,
    };
    request.send().await.map_err(|error| {
        let refusal = Refusal::from(error);
        let error = account.error("stop the machine", &refusal);
        match refusal.code.as_str() {
            "UnsupportedOperation" => {
                error.hint("A spot machine cannot be stopped: leave out `spot_price`.")
            }
            _ => error,
        }
    })?;
    let stopped = InstanceStateName::Stopped;
    machine::until(account, cx, settings, id, stopped).await?;
    Ok(())
}

/// Starts a machine that is off or going off.
pub async fn start(
    account: &Account,
    cx: &Context,
    settings: &Settings,
    id: &str,
) -> Result<Instance> {
    let found = machine::find(account, id).await?;
    if found.is_some_and(|it| machine::state_of(&it) == InstanceStateName::Stopping) {
        machine::until(account, cx, settings, id, InstanceStateName::Stopped).await?;
    }
    let asked = account.client.start_instances().instance_ids(id).send();
    asked.await.map_err(account.doing("start the machine"))?;
    machine::until(account, cx, settings, id, InstanceStateName::Running).await
}

/// EC2 answers before it begins, and never calls a machine anything but running: only the machine
/// itself can tell that it has started anew.
async fn reboot(
    account: &Account,
    cx: &Context,
    settings: &Settings,
    state: &State,
    id: &str,
) -> Result<Instance> {
    let before = boot(cx, state).await.ok();
    let asked = account.client.reboot_instances().instance_ids(id).send();
    asked.await.map_err(account.doing("reboot the machine"))?;
    if let Some(before) = before {
        let doing = format!("the reboot of machine {id}");
        let again = || async {
            let now = boot(cx, state).await;
            Ok(now.is_ok_and(|now| now != before).then_some(()))
        };
        cx.poll(
            &doing,
            settings.retryable_sleep.0,
            settings.patience(),
            again,
        )
        .await?;
    }
    machine::until(account, cx, settings, id, InstanceStateName::Running).await
}

async fn boot(cx: &Context, state: &State) -> Result<String> {
    let connection = cx.connect(state).await?;
    let text = Collect::default();
    let status = connection.exec(&Exec::new(BOOT), &text).await?;
    match status.0 {
        0 => Ok(text.into_parts().0),
        code => Err(Error::machine(format!(
            "ask when it started: exit code {code}"
        ))),
    }
}
