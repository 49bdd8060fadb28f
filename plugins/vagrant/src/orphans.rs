//! Everything on this workstation that this program made through Vagrant.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use banquet_sdk::{Context, Orphan, Result};

use crate::command::Vagrant;
use crate::docker::{self, Found};
use crate::environment::Environment;
use crate::labels;
use crate::settings::Settings;

/// Containers and networks with labels of ours, and machines of other providers that Vagrant knows
/// in environments of ours. Of projects whose `.kitchen` is gone only the former are found.
pub async fn list(cx: &Context, settings: &Settings) -> Result<Vec<Orphan>> {
    let mut orphans = Vec::new();
    match tokio::try_join!(
        docker::containers(labels::any()),
        docker::networks(labels::any())
    ) {
        Ok((containers, networks)) => {
            orphans.extend(
                containers
                    .into_iter()
                    .map(|found| labelled("container", found)),
            );
            orphans.extend(networks.into_iter().map(|found| labelled("network", found)));
        }
        // Where it is not used it need not be there.
        Err(_) if !settings.is_docker() => {}
        Err(error) => return Err(error),
    }
    if !settings.is_docker() {
        orphans.extend(machines(cx, settings).await?);
    }
    Ok(orphans)
}

fn labelled(kind: &str, found: Found) -> Orphan {
    let id = &found.id[..found.id.len().min(12)];
    Orphan {
        resource: format!("{kind} {id} of vagrant"),
        identity: found.identity,
        age: age_of(&found.created),
    }
}

/// Seconds since a time as docker writes it: `2026-11-21 10:31:05.123 +0000 UTC`.
fn age_of(created: &str) -> Option<u64> {
    let words: Vec<&str> = created.split_whitespace().take(3).collect();
    let [date, time, zone] = words.as_slice() else {
        return None;
    };
    let time = time.split('.').next().unwrap_or(time);
    let text = format!("{date} {time} {zone}");
    let then = jiff::Zoned::strptime("%Y-%m-%d %H:%M:%S %z", &text).ok()?;
    u64::try_from(jiff::Timestamp::now().as_second() - then.timestamp().as_second()).ok()
}

async fn machines(cx: &Context, settings: &Settings) -> Result<Vec<Orphan>> {
    let vagrant = Vagrant {
        cx,
        settings,
        root: &cx.root,
        file: None,
    };
    let known = vagrant.ask(&["global-status"]).await?;
    let mut homes: Vec<PathBuf> = known.homes.into_iter().map(PathBuf::from).collect();
    homes.retain(|home| {
        home.parent()
            .is_some_and(|it| it.ends_with(".kitchen/kitchen-vagrant"))
    });
    homes.sort();
    homes.dedup();
    let mut orphans = Vec::new();
    for root in homes {
        let environment = Environment { root };
        for record in environment.records()? {
            if record.provider == "docker" || environment.id(&record.machine).is_none() {
                continue;
            }
            let resource = format!("machine {} of vagrant ({})", record.name, record.provider);
            orphans.push(Orphan {
                identity: record.identity,
                resource,
                age: age_of_file(
                    &environment
                        .root
                        .join("machines")
                        .join(format!("{}.json", record.machine)),
                ),
            });
        }
    }
    Ok(orphans)
}

fn age_of_file(path: &Path) -> Option<u64> {
    let made = std::fs::metadata(path).ok()?.modified().ok()?;
    Some(SystemTime::now().duration_since(made).ok()?.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dockers_times() {
        for text in [
            "2020-01-01 00:00:00 +0000 UTC",
            "2020-01-01 02:00:00.123456 +0200 CEST",
        ] {
            assert!(age_of(text).unwrap() > 100_000_000, "{text}");
        }
        assert_eq!(age_of("soon"), None);
    }
}
