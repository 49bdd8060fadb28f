//! Everything in a region of an account that bears this workstation's tags.

use std::time::SystemTime;

use aws_sdk_ec2::primitives::DateTime;
use aws_sdk_ec2::types::Tag;
use banquet_sdk::{Orphan, Result};

use crate::client::Account;
use crate::tags::{self, Owner};
use crate::{group, key, machine};

/// Machines, security groups and key pairs, of any project.
pub async fn list(account: &Account, owner: &Owner) -> Result<Vec<Orphan>> {
    let (machines, groups, keys) = tokio::try_join!(
        machine::list(account, owner.everything()),
        group::list(account, owner.everything()),
        key::tagged(account, owner.everything()),
    )?;
    let mut orphans = Vec::new();
    for found in machines.iter().filter(|it| machine::is_alive(it)) {
        let resource = format!("machine {}", found.instance_id().unwrap_or_default());
        orphans.extend(orphan(found.tags(), resource, found.launch_time()));
    }
    for found in &groups {
        let resource = format!("security group {}", found.group_id().unwrap_or_default());
        orphans.extend(orphan(found.tags(), resource, None));
    }
    for found in &keys {
        let resource = format!("key pair {}", found.key_name().unwrap_or_default());
        orphans.extend(orphan(found.tags(), resource, found.create_time()));
    }
    Ok(orphans)
}

fn orphan(tags: &[Tag], resource: String, made: Option<&DateTime>) -> Option<Orphan> {
    let age = made.and_then(|made| {
        let made = SystemTime::try_from(*made).ok()?;
        Some(SystemTime::now().duration_since(made).ok()?.as_secs())
    });
    Some(Orphan {
        identity: tags::identity(tags)?,
        resource,
        age,
    })
}
