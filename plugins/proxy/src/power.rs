//! Switches hosts: by commands of the user's, for nothing else switches a host on that is off. A
//! reboot needs none: it goes over the transport and is over once the host has another boot id.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use banquet_sdk::process::{self, Collect};
use banquet_sdk::{Context, Error, Exec, Power, Result, State, Stdin};

use crate::settings::{Commands, Settings};

/// Key of the state that is there while the host is off or frozen.
pub(crate) const POWER: &str = "power";

/// How often a host that reboots is asked whether it has.
const INTERVAL: Duration = Duration::from_secs(1);

/// Prints what another boot changes, on Linux and on the BSDs.
const BOOT: &str = "cat /proc/sys/kernel/random/boot_id 2>/dev/null || sysctl -n kern.boottime";

/// The kernel's boot id of this workstation.
const OWN: &str = "/proc/sys/kernel/random/boot_id";

/// As a step has it.
fn word(power: Power) -> String {
    format!("{power:?}").to_lowercase()
}

/// Why a host with these commands cannot be switched so; none where it can.
pub(crate) fn lacks(commands: &Commands, power: Power) -> Option<Error> {
    if power == Power::Reboot || commands.of(power).is_some() {
        return None;
    }
    let word = word(power);
    let error = Error::unsupported(format!(
        "driver proxy cannot {word}: its setting `power` has no command `{word}`"
    ));
    let back = match power {
        Power::Stop | Power::Kill => ", start: COMMAND",
        Power::Pause => ", resume: COMMAND",
        Power::Start | Power::Reboot | Power::Resume => "",
    };
    Some(error.hint(format!(
        "Write `power: {{{word}: COMMAND{back}}}` with commands of the workstation that switch the host (IPMI, a hypervisor); `reboot` and `partition` need none."
    )))
}

/// Switches the host of `state`. What keeps it from answering is in the state before it is done.
pub(crate) async fn switch(
    cx: &Context,
    settings: &Settings,
    state: &mut State,
    power: Power,
) -> Result<()> {
    let commands = settings.commands_of(state);
    let command = match (commands.of(power), lacks(&commands, power)) {
        (Some(command), _) => command,
        (None, Some(error)) => return Err(error),
        (None, None) => {
            let limit = Duration::from_secs(settings.reboot_timeout);
            return reboot(cx, state, limit).await;
        }
    };
    let silent = match power {
        Power::Stop | Power::Kill => Some("stopped"),
        Power::Pause => Some("paused"),
        Power::Start | Power::Reboot | Power::Resume => None,
    };
    if let Some(silent) = silent {
        state.set(POWER, silent);
        state.checkpoint()?;
    }
    run(cx, state, power, command).await?;
    if silent.is_none() && state.remove(POWER).is_some() {
        state.checkpoint()?;
    }
    Ok(())
}

/// Before the host is given back: on, and thawed.
pub(crate) async fn restore(cx: &Context, settings: &Settings, state: &mut State) -> Result<()> {
    let power = match state.str(POWER) {
        Some("paused") => Power::Resume,
        Some(_) => Power::Start,
        None => return Ok(()),
    };
    let restored = switch(cx, settings, state, power).await;
    restored.map_err(|error| error.while_doing("give the host back as it was"))
}

/// Runs a command of the workstation that is told which host it is about.
async fn run(cx: &Context, state: &State, power: Power, line: &str) -> Result<()> {
    let mut command = cx.local_command(line);
    command.env(
        "KITCHEN_INSTANCE_HOSTNAME",
        state.str("hostname").unwrap_or_default(),
    );
    if let Some(port) = state.u64("port") {
        command.env("KITCHEN_INSTANCE_PORT", port.to_string());
    }
    let status = process::run(command, &Stdin::Empty, cx.output.as_ref()).await?;
    match status.success() {
        true => Ok(()),
        false => Err(Error::machine(format!(
            "`power.{}`: exit code {}: {line}",
            word(power),
            status.0
        ))),
    }
}

async fn reboot(cx: &Context, state: &State, limit: Duration) -> Result<()> {
    let before = boot(cx, state).await?;
    if std::fs::read_to_string(OWN).is_ok_and(|own| own.trim() == before) {
        return Err(Error::unsupported(
            "it has the boot id of this workstation: it is the workstation itself or a container on it, and is not rebooted",
        )
        .hint("Give a command that reboots it: `power: {reboot: COMMAND}` of the driver."));
    }
    go_down(cx, state).await?;
    let last = Mutex::new(String::new());
    let rebooted = cx.poll("the reboot", INTERVAL, limit, || async {
        let seen = match boot(cx, state).await {
            Ok(id) if id != before => return Ok(Some(())),
            Ok(_) => "it has not gone down: its boot id is still the same".into(),
            Err(error) => error.message,
        };
        *last.lock().unwrap_or_else(PoisonError::into_inner) = seen;
        Ok(None)
    });
    let rebooted = rebooted.await;
    let last = last.into_inner().unwrap_or_else(PoisonError::into_inner);
    rebooted.map_err(|error| match last.is_empty() {
        true => error,
        false => error.hint(format!(
            "Last: {last}. `reboot_timeout` says how long to wait."
        )),
    })
}

/// What another boot changes.
async fn boot(cx: &Context, state: &State) -> Result<String> {
    let said = Collect::default();
    let status = cx
        .connect(state)
        .await?
        .exec(&Exec::new(BOOT), &said)
        .await?;
    let (out, err) = said.into_parts();
    let id = out.trim().to_owned();
    if status.success() && !id.is_empty() {
        return Ok(id);
    }
    Err(Error::machine(format!(
        "read the boot id of the host: {}",
        err.trim()
    )))
}

/// Tells the host to reboot; that the connection breaks is a good sign.
async fn go_down(cx: &Context, state: &State) -> Result<()> {
    let said = Collect::default();
    let mut exec = Exec::new("shutdown -r now || reboot");
    exec.user = Some("root".into());
    let ended = cx.connect(state).await?.exec(&exec, &said).await;
    let (_, err) = said.into_parts();
    match ended {
        Err(error) if !error.lost => Err(error),
        // Above are signals of a system that goes down.
        Ok(status) if (1..128).contains(&status.0) => Err(Error::machine(format!(
            "reboot the host: exit code {}: {}",
            status.0,
            err.trim()
        ))),
        _ => Ok(()),
    }
}
