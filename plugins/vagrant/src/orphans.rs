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
    let found = async { Ok([containers().await?, networks().await?].concat()) };
    let mut orphans = match found.await {
        Ok(found) => found,
        // Where it is not used it need not be there.
        Err(_) if !settings.is_docker() => Vec::new(),
        Err(error) => return Err(error),
    };
    if !settings.is_docker() {
        orphans.extend(machines(cx, settings).await?);
    }
    Ok(orphans)
}

const CONTAINER: &str = "container";
const NETWORK: &str = "network";

async fn containers() -> Result<Vec<Orphan>> {
    let found = docker::containers(labels::any()).await?.into_iter();
    Ok(found.map(|found| labelled(CONTAINER, found)).collect())
}

async fn networks() -> Result<Vec<Orphan>> {
    let found = docker::networks(labels::any()).await?.into_iter();
    Ok(found.map(|found| labelled(NETWORK, found)).collect())
}

fn labelled(kind: &str, found: Found) -> Orphan {
    Orphan {
        age: age_of(&found.created),
        names: vec![found.name.clone(), found.id],
        ..Orphan::new(found.identity, format!("{kind} {} of vagrant", found.name))
    }
}

/// Removes a container or a network that was listed, if it still is what was listed. Other
/// machines only Vagrant itself can remove.
pub async fn reclaim(cx: &Context, orphan: &Orphan) -> Result<bool> {
    let kind = orphan.resource.split(' ').next().unwrap_or_default();
    let now = match kind {
        CONTAINER => containers().await?,
        NETWORK => networks().await?,
        _ => return Ok(false),
    };
    let same = |it: &&Orphan| it.identity == orphan.identity && it.names == orphan.names;
    match (kind, now.iter().find(same).and_then(|it| it.names.last())) {
        (_, None) => {}
        (CONTAINER, Some(id)) => docker::remove_container(cx, id).await?,
        (_, Some(id)) => docker::remove_network(cx, id).await?,
    }
    Ok(true)
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
    // Vagrant is not started where this project has no environment of it.
    if !cx.kitchen_dir.join("kitchen-vagrant").is_dir() {
        return Ok(Vec::new());
    }
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
            let made = format!("machines/{}.json", record.machine);
            let what = format!("machine {} of vagrant ({})", record.name, record.provider);
            orphans.push(Orphan {
                age: age_of_file(&environment.root.join(made)),
                names: vec![record.name],
                ..Orphan::new(record.identity, what)
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
