//! Everything on an engine that bears this program's labels.

use std::time::{SystemTime, UNIX_EPOCH};

use banquet_sdk::{Context, Identity, Orphan, Result};
use bollard::query_parameters::{
    ListContainersOptionsBuilder, ListImagesOptionsBuilder, ListNetworksOptionsBuilder,
};

use crate::engine::Engine;
use crate::{driver, image, labels, network};

const CONTAINER: &str = "container";
const NETWORK: &str = "network";
const IMAGE: &str = "image";

/// Containers, networks and built images with labels of ours, of any project.
pub async fn list(engine: &Engine) -> Result<Vec<Orphan>> {
    let (containers, networks, images) =
        tokio::try_join!(containers(engine), networks(engine), images(engine))?;
    Ok([containers, networks, images].concat())
}

async fn containers(engine: &Engine) -> Result<Vec<Orphan>> {
    let options = ListContainersOptionsBuilder::default()
        .all(true)
        .filters(&labels::any_filter())
        .build();
    let listed = engine.settled(|| engine.asked.list_containers(Some(options.clone())));
    let listed = listed.await.map_err(engine.doing("list containers"))?;
    let orphans = listed.into_iter().filter_map(|found| {
        let names = found.names.unwrap_or_default().into_iter();
        let names = names.map(|name| name.trim_start_matches('/').to_owned());
        let identity = labels::identity(&found.labels?)?;
        Some(Orphan {
            age: found.created.and_then(age),
            ..orphan(CONTAINER, identity, names.chain(found.id).collect())
        })
    });
    Ok(orphans.collect())
}

async fn networks(engine: &Engine) -> Result<Vec<Orphan>> {
    let options = ListNetworksOptionsBuilder::default()
        .filters(&labels::any_filter())
        .build();
    let listed = engine.asked.list_networks(Some(options)).await;
    let listed = listed.map_err(engine.doing("list networks"))?;
    let orphans = listed.into_iter().filter_map(|found| {
        let created = found.created.and_then(|text| text.parse().ok());
        let identity = labels::identity(&found.labels?)?;
        Some(Orphan {
            age: created.and_then(|at: jiff::Timestamp| age(at.as_second())),
            ..orphan(
                NETWORK,
                identity,
                found.name.into_iter().chain(found.id).collect(),
            )
        })
    });
    Ok(orphans.collect())
}

/// Built images under the name that they were given; what else bears the labels was made from them
/// by others.
async fn images(engine: &Engine) -> Result<Vec<Orphan>> {
    let options = ListImagesOptionsBuilder::default()
        .filters(&labels::any_image_filter())
        .build();
    let listed = engine.asked.list_images(Some(options)).await;
    let listed = listed.map_err(engine.doing("list images"))?;
    let orphans = listed.into_iter().filter_map(|found| {
        let identity = labels::image_identity(&found.labels)?;
        let tags = found.repo_tags.into_iter();
        let tags = tags.filter(|tag| image::is_built_for(tag, &identity.project));
        let names: Vec<String> = tags.collect();
        (!names.is_empty()).then(|| Orphan {
            age: age(found.created),
            cache: true,
            ..orphan(IMAGE, identity, names)
        })
    });
    Ok(orphans.collect())
}

/// Something with `names`, of which the first is shown.
fn orphan(what: &str, identity: Identity, names: Vec<String>) -> Orphan {
    let shown = names.first().map_or("without a name", String::as_str);
    Orphan {
        resource: format!("{what} {shown}"),
        names,
        ..Orphan::new(identity, "")
    }
}

/// Seconds since `created`, which counts from 1970.
fn age(created: i64) -> Option<u64> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).ok()?.as_secs();
    Some(now.saturating_sub(u64::try_from(created).ok()?))
}

/// Removes what was listed, if it still is what was listed. Gone already is success.
pub async fn reclaim(engine: &Engine, cx: &Context, orphan: &Orphan) -> Result<()> {
    let what = orphan.resource.split(' ').next().unwrap_or_default();
    let now = match what {
        CONTAINER => containers(engine).await?,
        NETWORK => networks(engine).await?,
        _ => images(engine).await?,
    };
    let Some(found) = now.iter().find(|it| is_same(it, orphan)) else {
        return Ok(());
    };
    match (what, found.names.first(), found.names.last()) {
        (CONTAINER, _, Some(id)) => driver::remove_one(engine, cx, id).await,
        (NETWORK, _, Some(id)) => network::remove_one(engine, cx, id).await,
        (IMAGE, Some(name), _) => image::remove(engine, name).await,
        _ => Ok(()),
    }
}

fn is_same(one: &Orphan, other: &Orphan) -> bool {
    one.identity == other.identity && one.names.iter().any(|name| other.names.contains(name))
}
