//! The private network of a cluster.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use banquet_sdk::{Context, Error, ErrorKind, Result};
use bollard::models::{Network, NetworkCreateRequest};
use bollard::query_parameters::{ListContainersOptionsBuilder, ListNetworksOptionsBuilder};

use crate::engine::{ASK_AGAIN, Engine};
use crate::errors::{Cause, cause};
use crate::labels;

/// Longest wait for the last endpoints to leave a network.
const LEAVE: Duration = Duration::from_secs(10);

/// Longest wait, after a crash, for a network that the engine is making.
const APPEAR: Duration = Duration::from_secs(2);

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

/// Removes the cluster's networks, until the engine lists none. Gone already is success. After a
/// crash the engine may be making one still.
pub async fn remove(engine: &Engine, cx: &Context, cluster: &str) -> Result<()> {
    let list = || async {
        let listed = of_cluster(engine, cx, cluster).await?;
        Ok::<_, Error>(
            listed
                .into_iter()
                .filter_map(|it| it.id)
                .collect::<Vec<_>>(),
        )
    };
    if cx.after_crash {
        appearing(&list).await?;
    }
    remove_listed(engine, cx, list).await
}

/// Waits until `list` finds something, at most [`APPEAR`].
async fn appearing<L>(list: impl Fn() -> L) -> Result<()>
where
    L: Future<Output = Result<Vec<String>>>,
{
    let until = Instant::now() + APPEAR;
    while list().await?.is_empty() && Instant::now() < until {
        tokio::time::sleep(ASK_AGAIN).await;
    }
    Ok(())
}

/// Removes one network, until the engine does not list it any more.
pub async fn remove_one(engine: &Engine, cx: &Context, id: &str) -> Result<()> {
    let filters = HashMap::from([("id".to_owned(), vec![id.to_owned()])]);
    let list = || async {
        let listed = listed(engine, filters.clone()).await?;
        Ok::<_, Error>(
            listed
                .into_iter()
                .filter_map(|it| it.id)
                .collect::<Vec<_>>(),
        )
    };
    remove_listed(engine, cx, list).await
}

async fn remove_listed<L>(engine: &Engine, cx: &Context, list: impl Fn() -> L) -> Result<()>
where
    L: Future<Output = Result<Vec<String>>>,
{
    let remove = |id: String| async move {
        match engine.docker.remove_network(&id).await {
            Err(error) if is_leaving(&error) => Ok(()),
            result => result.map_err(engine.doing(&format!("remove the network {id}"))),
        }
    };
    let removing = |id: String| async move {
        let name = name(engine, &id).await.unwrap_or(id);
        cx.note(format!("removing the network {name}")).await;
    };
    let removed = cx
        .remove_listed("networks", LEAVE, &list, remove, removing)
        .await;
    match removed {
        Err(error) if error.kind == ErrorKind::Timeout => {
            let ids = list().await?;
            Err(blame_holders(engine, &ids, error).await)
        }
        removed => removed,
    }
}

async fn name(engine: &Engine, id: &str) -> Option<String> {
    let found = engine.asked.inspect_network(id, None).await;
    found.ok()?.name
}

/// Whether the network is gone, or only held by a container that was just removed.
fn is_leaving(error: &bollard::errors::Error) -> bool {
    cause(error) == Cause::Absent || error.to_string().contains("active endpoints")
}

/// Says which containers hold the networks: ours by their labels, and those of others.
async fn blame_holders(engine: &Engine, networks: &[String], mut error: Error) -> Error {
    for network in networks {
        let filters = HashMap::from([("network".to_owned(), vec![network.clone()])]);
        let options = ListContainersOptionsBuilder::default()
            .all(true)
            .filters(&filters)
            .build();
        let Ok(holders) = engine.asked.list_containers(Some(options)).await else {
            continue;
        };
        for holder in holders {
            let name = holder.names.unwrap_or_default().into_iter().next();
            let name = name.or(holder.id).unwrap_or_default();
            let name = name.trim_start_matches('/');
            error = error.hint(match holder.labels.as_ref().and_then(labels::identity) {
                Some(identity) => format!(
                    "The container {name} of the instance {} is on it: `kitchen gc` removes what \
                     the configuration does not have any more.",
                    identity.instance
                ),
                None => format!(
                    "A container that is not ours is on it: docker network disconnect -f \
                     {network} {name}."
                ),
            });
        }
    }
    error
}

/// The cluster's networks by their labels, oldest first.
async fn of_cluster(engine: &Engine, cx: &Context, cluster: &str) -> Result<Vec<Network>> {
    let mut networks = listed(engine, labels::cluster_filter(&cx.identity, cluster)).await?;
    networks.sort_by_key(|network| (network.created.clone(), network.id.clone()));
    Ok(networks)
}

async fn listed(engine: &Engine, filters: HashMap<String, Vec<String>>) -> Result<Vec<Network>> {
    let options = ListNetworksOptionsBuilder::default()
        .filters(&filters)
        .build();
    let listed = engine.asked.list_networks(Some(options)).await;
    listed.map_err(engine.doing("list networks"))
}
