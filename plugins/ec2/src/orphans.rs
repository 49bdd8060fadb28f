//! Everything in a region of an account that bears this project's tags.

use std::time::SystemTime;

use aws_sdk_ec2::primitives::DateTime;
use aws_sdk_ec2::types::Tag;
use banquet_sdk::{Context, Orphan, Result};

use crate::client::Account;
use crate::settings::Settings;
use crate::tags::{self, Owner};
use crate::{group, key, machine};

const MACHINE: &str = "machine";
const GROUP: &str = "security group";
const KEY: &str = "key pair";

/// Machines, security groups and key pairs, of any project, in the order in which they can be
/// removed.
pub async fn list(account: &Account, owner: &Owner) -> Result<Vec<Orphan>> {
    let (machines, groups, keys) = tokio::try_join!(
        machine::list(account, owner.everything()),
        group::list(account, owner.everything()),
        key::tagged(account, owner.everything()),
    )?;
    let mut orphans = Vec::new();
    for found in machines.iter().filter(|it| machine::is_alive(it)) {
        let names = [found.instance_id()];
        orphans.extend(orphan(MACHINE, found.tags(), names, found.launch_time()));
    }
    for found in &groups {
        // Beside the group's id, members note the name that it shares with their key pair.
        let names = [found.group_id(), found.group_name()];
        orphans.extend(orphan(GROUP, found.tags(), names, None));
    }
    for found in &keys {
        let names = [found.key_name()];
        orphans.extend(orphan(KEY, found.tags(), names, found.create_time()));
    }
    Ok(orphans)
}

/// Something with `names`, of which the first is shown.
fn orphan<const N: usize>(
    what: &str,
    tags: &[Tag],
    names: [Option<&str>; N],
    made: Option<&DateTime>,
) -> Option<Orphan> {
    let names: Vec<String> = names.into_iter().flatten().map(Into::into).collect();
    let age = made.and_then(|made| {
        let made = SystemTime::try_from(*made).ok()?;
        Some(SystemTime::now().duration_since(made).ok()?.as_secs())
    });
    let resource = format!("{what} {}", names.first()?);
    Some(Orphan {
        age,
        names,
        ..Orphan::new(tags::identity(tags)?, resource)
    })
}

/// Removes what was listed, if it still is what was listed. Gone already is success.
pub async fn reclaim(
    account: &Account,
    cx: &Context,
    settings: &Settings,
    owner: &Owner,
    orphan: &Orphan,
) -> Result<()> {
    let now = list(account, owner).await?;
    let same = |it: &&Orphan| it.identity == orphan.identity && it.resource == orphan.resource;
    let Some(found) = now.iter().find(same) else {
        return Ok(());
    };
    let Some(name) = found.names.first() else {
        return Ok(());
    };
    match found.resource.strip_suffix(&format!(" {name}")) {
        Some(MACHINE) => machine::remove(account, cx, settings, vec![name.clone()]).await,
        Some(GROUP) => group::remove_one(account, cx, settings, name).await,
        _ => key::remove_one(account, cx, name).await,
    }
}
