//! What `kitchen doctor` says: whether Vagrant and what the provider needs are there.

use banquet_sdk::{Context, Error, Fault, Result, process};
use tokio::process::Command;

use crate::settings::Settings;
use crate::{command, docker, errors};

/// The oldest Vagrant that this driver was tried with.
const OLDEST: (u32, u32) = (2, 3);

/// Every lack that can be found without making a machine.
pub async fn examine(cx: &Context) -> Result<Vec<Fault>> {
    let settings = match Settings::of(cx) {
        Ok(settings) => settings,
        Err(error) => return Ok(vec![fault(error)]),
    };
    let version = match version(&settings).await {
        Ok(version) => version,
        Err(error) => return Ok(vec![fault(error)]),
    };
    let mut faults = Vec::new();
    if numbers(&version).is_some_and(|it| it < OLDEST) {
        faults.push(Fault {
            message: format!("Vagrant is {version}"),
            advice: format!("Install Vagrant {}.{} or newer.", OLDEST.0, OLDEST.1),
        });
    }
    faults.extend(provider(&settings).await?);
    Ok(faults)
}

fn fault(error: Error) -> Fault {
    Fault {
        advice: error.hints.join(" "),
        message: error.message,
    }
}

async fn version(settings: &Settings) -> Result<String> {
    let program = command::program(settings);
    let mut asked = Command::new(program);
    asked.arg("--version");
    let said = process::capture(asked).await;
    let said = said.map_err(|error| errors::not_started(program, error))?;
    Ok(said.trim().trim_start_matches("Vagrant ").to_owned())
}

fn numbers(version: &str) -> Option<(u32, u32)> {
    let mut parts = version.split('.').map(|part| part.parse().ok());
    Some((parts.next()??, parts.next()??))
}

/// What the provider lacks.
async fn provider(settings: &Settings) -> Result<Option<Fault>> {
    let provider = settings.provider();
    let plugin = match provider.as_str() {
        "docker" => return Ok(docker::version().await.err().map(fault)),
        "virtualbox" => return Ok(virtualbox().await),
        "hyperv" if cfg!(windows) => return Ok(None),
        "hyperv" => {
            return Ok(Some(Fault {
                message: "provider hyperv is for Windows workstations".into(),
                advice: "Set `provider` to one that this workstation can use.".into(),
            }));
        }
        "vmware_desktop" | "vmware_fusion" | "vmware_workstation" => "vagrant-vmware-desktop",
        other => &format!("vagrant-{other}"),
    };
    let mut asked = Command::new(command::program(settings));
    asked.args(["plugin", "list"]);
    let listed = process::capture(asked).await?;
    let has = listed
        .lines()
        .any(|line| line.split_whitespace().next() == Some(plugin));
    Ok((!has).then(|| Fault {
        message: format!("Vagrant has no plugin {plugin} for provider {provider}"),
        advice: format!("Run `vagrant plugin install {plugin}`, or set `provider`."),
    }))
}

async fn virtualbox() -> Option<Fault> {
    let mut asked = Command::new("VBoxManage");
    asked.arg("--version");
    let error = process::capture(asked).await.err()?;
    Some(Fault {
        message: error.message,
        advice: "Install VirtualBox, or set `provider`.".into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions() {
        assert_eq!(numbers("2.3.4"), Some((2, 3)));
        assert!(numbers("2.2.19").unwrap() < OLDEST);
        assert!(numbers("2.10.0").unwrap() > OLDEST);
        assert_eq!(numbers("unknown"), None);
    }
}
