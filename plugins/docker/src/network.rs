//! The private network of a cluster.

use std::time::Duration;

use banquet_sdk::{Context, Error, Result};
use bollard::models::{Network, NetworkCreateRequest};
use bollard::query_parameters::ListNetworksOptionsBuilder;

use crate::engine::{ASK_AGAIN, Engine};
use crate::errors::{Cause, cause};
use crate::labels;

/// Longest wait for the last endpoints to leave a network.
const LEAVE: Duration = Duration::from_secs(10);

/// The name of the cluster's network, which is made unless it is there. `wanted` is its name where
/// it must be made. Callers of one process take turns: engines allow two networks of one name.
pub async fn ensure(engine: &Engine, cx: &Context, cluster: &str, wanted: &str) -> Result<String> {
    if let Some(found) = of_cluster(engine, cx, cluster).await?.into_iter().next() {
        return Ok(found.name.unwrap_or_else(|| wanted.to_owned()));
    }
    cx.note(format!("creating the network {wanted}")).await;
    let request = NetworkCreateRequest {
        name: wanted.to_owned(),
        driver: Some("bridge".into()),
        labels: Some(labels::of_cluster(&cx.identity)),
        ..NetworkCreateRequest::default()
    };
    match engine.docker.create_network(request).await {
        // In use already: another process was first, for the name belongs to this cluster and run.
        Err(error) if cause(&error) == Cause::Conflict => {}
        result => {
            result.map_err(engine.doing("create the cluster's network"))?;
        }
    }
    Ok(wanted.to_owned())
}

/// Removes the cluster's networks. Gone already is success.
pub async fn remove(engine: &Engine, cx: &Context, cluster: &str) -> Result<()> {
    for network in of_cluster(engine, cx, cluster).await? {
        let Some(id) = network.id else { continue };
        let name = network.name.unwrap_or_else(|| id.clone());
        remove_one(engine, cx, &id, &name).await?;
    }
    Ok(())
}

/// Removes a network. Gone already is success.
pub async fn remove_one(engine: &Engine, cx: &Context, id: &str, name: &str) -> Result<()> {
    cx.note(format!("removing the network {name}")).await;
    let doing = format!("remove the network {name}");
    let removed = cx
        .poll(&doing, ASK_AGAIN, LEAVE, || async {
            match engine.docker.remove_network(id).await {
                Ok(()) => Ok(Some(())),
                Err(error) if cause(&error) == Cause::Absent => Ok(Some(())),
                // A container that was just removed may hold its endpoint for a moment.
                Err(error) if error.to_string().contains("active endpoints") => Ok(None),
                Err(error) => Err(engine.error(&doing, error)),
            }
        })
        .await;
    match removed {
        Ok(()) => Ok(()),
        Err(error) => Err(blame_holders(engine, id, name, error).await),
    }
}

async fn blame_holders(engine: &Engine, id: &str, name: &str, error: Error) -> Error {
    let Ok(network) = engine.docker.inspect_network(id, None).await else {
        return error;
    };
    let holders = network.containers.unwrap_or_default();
    let holders: Vec<String> = holders
        .into_values()
        .filter_map(|holder| holder.name)
        .collect();
    if holders.is_empty() {
        return error;
    }
    error.hint(format!(
        "Containers that are not ours are on it: docker network disconnect -f {name} {}.",
        holders.join(" ")
    ))
}

/// The cluster's networks by their labels, oldest first.
async fn of_cluster(engine: &Engine, cx: &Context, cluster: &str) -> Result<Vec<Network>> {
    let options = ListNetworksOptionsBuilder::default()
        .filters(&labels::cluster_filter(&cx.identity, cluster))
        .build();
    let mut networks = engine
        .docker
        .list_networks(Some(options))
        .await
        .map_err(engine.doing("list networks"))?;
    networks.sort_by_key(|network| (network.created.clone(), network.id.clone()));
    Ok(networks)
}
