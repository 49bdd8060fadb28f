//! The temporary security group of a cluster: its members talk to each other freely, the kitchen
//! comes in by SSH.

use aws_sdk_ec2::types::{
    Filter, IpPermission, IpRange, Ipv6Range, ResourceType, SecurityGroup, UserIdGroupPair,
};
use banquet_sdk::{Context, Error, Result};

use crate::client::Account;
use crate::errors::{Cause, Refusal};
use crate::settings::Settings;
use crate::tags::{Owner, filter, specification};

/// State key, as kitchen-ec2's.
pub const ID: &str = "auto_security_group_id";

/// SSH; on Windows also RDP and WinRM.
const PORTS: &[i32] = &[22];
const WINDOWS_PORTS: &[i32] = &[22, 3389, 5985, 5986];

/// The ids of the groups that the section names, in the network `vpc`.
pub async fn named(account: &Account, settings: &Settings, vpc: &str) -> Result<Vec<String>> {
    let mut ids = settings.security_group_ids.0.clone();
    if !ids.is_empty() {
        return Ok(ids);
    }
    for wanted in &settings.security_group_filter.0 {
        let (key, value) = match (&wanted.name, &wanted.tag) {
            (Some(name), _) => ("group-name".to_owned(), name),
            (None, Some(tag)) => (
                format!("tag:{tag}"),
                wanted.value.as_ref().map_or(tag, |value| &value.0),
            ),
            (None, None) => continue,
        };
        let found = list(
            account,
            vec![filter(&key, [value]), filter("vpc-id", [vpc])],
        )
        .await?;
        if found.is_empty() {
            let message = format!("no security group of network {vpc} has {key} {value}");
            return Err(Error::config("/security_group_filter", message));
        }
        ids.extend(found.into_iter().filter_map(|group| group.group_id));
    }
    Ok(ids)
}

/// The cluster's own group in the network `vpc`, made where no member has done so. Call it under a
/// lock; other processes may still be at it too.
pub async fn ensure(
    account: &Account,
    owner: &Owner,
    settings: &Settings,
    vpc: &str,
    windows: bool,
) -> Result<String> {
    let mut filters = owner.shared();
    filters.push(filter("vpc-id", [vpc]));
    let found = list(account, filters.clone()).await?.into_iter().next();
    let group = match found {
        Some(group) => group,
        None => {
            let id = create(account, owner, vpc).await?;
            let by_id = vec![filter("group-id", [&id])];
            let made = list(account, by_id).await?.into_iter().next();
            made.unwrap_or_else(|| SecurityGroup::builder().group_id(id).build())
        }
    };
    let id = group.group_id().unwrap_or_default().to_owned();
    for permission in wanted(&id, &settings.security_group_cidr_ip.0, windows) {
        if !has(group.ip_permissions(), &permission) {
            allow(account, &id, permission).await?;
        }
    }
    Ok(id)
}

async fn create(account: &Account, owner: &Owner, vpc: &str) -> Result<String> {
    let name = owner.shared_name();
    let request = account
        .client
        .create_security_group()
        .group_name(&name)
        .description(description(owner.0.group()))
        .vpc_id(vpc)
        .tag_specifications(specification(
            ResourceType::SecurityGroup,
            &owner.of_shared(),
        ));
    match request.send().await.map_err(Refusal::from) {
        Ok(made) => Ok(made.group_id.unwrap_or_default()),
        // Another member was first.
        Err(refusal) if refusal.cause() == Cause::Duplicate => {
            let by_name = vec![filter("group-name", [&name]), filter("vpc-id", [vpc])];
            let found = list(account, by_name).await?.into_iter().next();
            found
                .and_then(|group| group.group_id)
                .ok_or_else(|| account.error("make the security group", &refusal))
        }
        Err(refusal) => Err(account.error("make the security group", &refusal)),
    }
}

/// EC2 takes few characters there.
fn description(group: &str) -> String {
    let fits = |c: char| c.is_ascii_alphanumeric() || " ._-:/()#,@[]+=&;{}!$*".contains(c);
    let group = group.chars().map(|c| if fits(c) { c } else { '-' });
    format!(
        "banquet, temporary, for {}",
        group.take(200).collect::<String>()
    )
}

/// The rules that a group must have.
fn wanted(id: &str, ranges: &[String], windows: bool) -> Vec<IpPermission> {
    let each_other = UserIdGroupPair::builder().group_id(id).build();
    let each_other = IpPermission::builder()
        .ip_protocol("-1")
        .user_id_group_pairs(each_other)
        .build();
    let mut all = vec![each_other];
    let ports = if windows { WINDOWS_PORTS } else { PORTS };
    for port in ports {
        for range in ranges {
            let rule = IpPermission::builder()
                .ip_protocol("tcp")
                .from_port(*port)
                .to_port(*port);
            let rule = match range.contains(':') {
                true => rule.ipv6_ranges(Ipv6Range::builder().cidr_ipv6(range).build()),
                false => rule.ip_ranges(IpRange::builder().cidr_ip(range).build()),
            };
            all.push(rule.build());
        }
    }
    all
}

/// Whether the rules there include `wanted`; EC2 joins rules that differ in their ranges alone.
fn has(there: &[IpPermission], wanted: &IpPermission) -> bool {
    let pair = |it: &UserIdGroupPair| it.group_id().map(String::from);
    there.iter().any(|it| {
        it.ip_protocol() == wanted.ip_protocol()
            && it.from_port() == wanted.from_port()
            && it.to_port() == wanted.to_port()
            && wanted.ip_ranges().iter().all(|range| {
                let there = it.ip_ranges().iter();
                there.clone().any(|it| it.cidr_ip() == range.cidr_ip())
            })
            && wanted.ipv6_ranges().iter().all(|range| {
                let there = it.ipv6_ranges().iter();
                there.clone().any(|it| it.cidr_ipv6() == range.cidr_ipv6())
            })
            && wanted.user_id_group_pairs().iter().all(|group| {
                let there = it.user_id_group_pairs().iter();
                there.clone().any(|it| pair(it) == pair(group))
            })
    })
}

async fn allow(account: &Account, id: &str, permission: IpPermission) -> Result<()> {
    let request = account
        .client
        .authorize_security_group_ingress()
        .group_id(id)
        .ip_permissions(permission);
    match request.send().await.map_err(Refusal::from) {
        Err(refusal) if refusal.cause() != Cause::Duplicate => {
            Err(account.error("let the members reach each other", &refusal))
        }
        _ => Ok(()),
    }
}

/// The groups that pass these filters.
pub async fn list(account: &Account, filters: Vec<Filter>) -> Result<Vec<SecurityGroup>> {
    let request = account.client.describe_security_groups();
    let answer = request.set_filters(Some(filters)).send().await;
    let answer = answer.map_err(account.doing("list the security groups"))?;
    Ok(answer.security_groups.unwrap_or_default())
}

/// Removes every group of `owner`.
pub async fn remove(
    account: &Account,
    cx: &Context,
    owner: &Owner,
    settings: &Settings,
) -> Result<()> {
    for group in list(account, owner.shared()).await? {
        remove_one(account, cx, settings, group.group_id().unwrap_or_default()).await?;
    }
    Ok(())
}

/// Removes a group. EC2 holds on to it for a while after its last machine went.
pub async fn remove_one(
    account: &Account,
    cx: &Context,
    settings: &Settings,
    id: &str,
) -> Result<()> {
    let doing = format!("removing the security group {id}");
    cx.note(doing.clone()).await;
    let asking = || async {
        let request = account.client.delete_security_group().group_id(id);
        match request.send().await.map_err(Refusal::from) {
            Ok(_) => Ok(Some(())),
            Err(refusal) => match refusal.cause() {
                Cause::Absent => Ok(Some(())),
                Cause::InUse => Ok(None),
                _ => Err(account.error("remove the security group", &refusal)),
            },
        }
    };
    let (interval, limit) = (settings.retryable_sleep.0, settings.patience());
    cx.poll(&doing, interval, limit, asking).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_reach_each_other_and_the_kitchen_all_of_them() {
        let rules = wanted("sg-1", &["10.0.0.0/8".into(), "::/0".into()], false);
        assert_eq!(rules.len(), 3);
        assert_eq!(rules[0].ip_protocol(), Some("-1"));
        assert_eq!(rules[0].user_id_group_pairs()[0].group_id(), Some("sg-1"));
        assert_eq!(rules[1].from_port(), Some(22));
        assert_eq!(rules[1].ip_ranges()[0].cidr_ip(), Some("10.0.0.0/8"));
        assert_eq!(rules[2].ipv6_ranges()[0].cidr_ipv6(), Some("::/0"));
        assert_eq!(wanted("sg-1", &["10.0.0.0/8".into()], true).len(), 5);
    }

    #[test]
    fn a_rule_that_is_there_is_not_asked_for_again() {
        let [_, one, two] = &wanted("sg-1", &["10.0.0.0/8".into(), "11.0.0.0/8".into()], false)[..]
        else {
            panic!("three rules");
        };
        let joined = IpPermission::builder()
            .ip_protocol("tcp")
            .from_port(22)
            .to_port(22)
            .set_ip_ranges(Some([one.ip_ranges(), two.ip_ranges()].concat()))
            .build();
        assert!(has(std::slice::from_ref(&joined), one));
        assert!(has(std::slice::from_ref(&joined), two));
        assert!(!has(std::slice::from_ref(one), two));
        assert!(!has(&[], one));
    }

    #[test]
    fn a_description_has_only_what_ec2_takes() {
        assert_eq!(description("wéb"), "banquet, temporary, for w-b");
    }
}
