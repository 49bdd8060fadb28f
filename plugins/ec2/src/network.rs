//! Where a machine may be put: subnets, and the network that they are part of.

use aws_sdk_ec2::types::Subnet;
use banquet_sdk::{Error, Result};

use crate::client::Account;
use crate::settings::Settings;
use crate::tags::filter;

/// One place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The subnet; none: EC2 chooses one of the default network.
    pub subnet: Option<String>,
    /// The network.
    pub vpc: String,
}

/// The places that the section names, in the order in which they are tried.
pub async fn places(account: &Account, settings: &Settings) -> Result<Vec<Place>> {
    let found = if !settings.subnet_id.0.is_empty() {
        named(account, &settings.subnet_id.0).await?
    } else if !settings.subnet_filter.0.is_empty() {
        tagged(account, settings).await?
    } else {
        return Ok(vec![default_network(account).await?]);
    };
    let free = |subnet: &&Subnet| subnet.available_ip_address_count() != Some(0);
    let with_addresses: Vec<Place> = found.iter().filter(free).map(place).collect();
    if with_addresses.is_empty() {
        let names: Vec<&str> = found.iter().filter_map(Subnet::subnet_id).collect();
        return Err(Error::machine(format!(
            "find a place for the machine: no address is free in subnet {}",
            names.join(", ")
        ))
        .hint("Name another subnet, or several: the next is tried where one is full."));
    }
    Ok(with_addresses)
}

fn place(subnet: &Subnet) -> Place {
    Place {
        subnet: subnet.subnet_id().map(Into::into),
        vpc: subnet.vpc_id().unwrap_or_default().into(),
    }
}

/// In the order of the section.
async fn named(account: &Account, ids: &[String]) -> Result<Vec<Subnet>> {
    let request = account
        .client
        .describe_subnets()
        .set_subnet_ids(Some(ids.to_vec()));
    let answer = request
        .send()
        .await
        .map_err(account.doing("look up the subnet"))?;
    let mut found = answer.subnets.unwrap_or_default();
    found.sort_by_key(|subnet| ids.iter().position(|id| subnet.subnet_id() == Some(id)));
    Ok(found)
}

/// Those with most free addresses first.
async fn tagged(account: &Account, settings: &Settings) -> Result<Vec<Subnet>> {
    let wanted = &settings.subnet_filter.0;
    let filters = wanted
        .iter()
        .map(|it| filter(&format!("tag:{}", it.tag), [&it.value.0]));
    let request = account
        .client
        .describe_subnets()
        .set_filters(Some(filters.collect()));
    let answer = request
        .send()
        .await
        .map_err(account.doing("look up the subnet"))?;
    let mut found = answer.subnets.unwrap_or_default();
    if found.is_empty() {
        let wanted: Vec<String> = wanted
            .iter()
            .map(|it| format!("{}={}", it.tag, it.value.0))
            .collect();
        let message = format!(
            "no subnet in region {} has the tags {}",
            account.region,
            wanted.join(", ")
        );
        return Err(Error::config("/subnet_filter", message));
    }
    found.sort_by_key(|subnet| std::cmp::Reverse(subnet.available_ip_address_count()));
    Ok(found)
}

async fn default_network(account: &Account) -> Result<Place> {
    let request = account
        .client
        .describe_vpcs()
        .filters(filter("is-default", ["true"]));
    let answer = request
        .send()
        .await
        .map_err(account.doing("look up the default network"))?;
    let vpc = answer.vpcs().first().and_then(|vpc| vpc.vpc_id());
    let vpc = vpc.ok_or_else(|| {
        let message = format!("region {} has no default network", account.region);
        Error::config("/subnet_id", message).hint("Set `subnet_id` or `subnet_filter`.")
    })?;
    Ok(Place {
        subnet: None,
        vpc: vpc.into(),
    })
}
