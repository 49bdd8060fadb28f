//! Everything on an engine that bears this program's labels.

use std::collections::{HashMap, HashSet};
use std::time::{SystemTime, UNIX_EPOCH};

use banquet_sdk::{Context, Error, Identity, Orphan, Result};
use bollard::query_parameters::{ListContainersOptionsBuilder, ListNetworksOptionsBuilder};

use crate::built::{self, Built};
use crate::engine::Engine;
use crate::image::Images;
use crate::settings::Settings;
use crate::{build, driver, labels, network};

const CONTAINER: &str = "container";
const NETWORK: &str = "network";
const IMAGE: &str = "image";

/// Containers, networks and built images with labels of ours, of any project.
pub async fn list(
    engine: &Engine,
    cx: &Context,
    settings: &Settings,
    plans: &Images,
) -> Result<Vec<Orphan>> {
    let (containers, networks, images) = tokio::try_join!(
        containers(engine),
        networks(engine),
        images(engine, cx, settings, plans)
    )?;
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

/// Built images. One is kept on purpose as long as these settings would take it as it is, or a
/// container uses it.
async fn images(
    engine: &Engine,
    cx: &Context,
    settings: &Settings,
    plans: &Images,
) -> Result<Vec<Orphan>> {
    let images = built::list(engine).await?;
    if images.is_empty() {
        return Ok(Vec::new());
    }
    let in_use = built::in_use(engine).await?;
    let mut kept = HashSet::new();
    for image in &images {
        if in_use.contains(image.id()) || is_current(cx, settings, plans, image).await {
            kept.insert(image.id());
        }
    }
    // The layers of a stage serve the next build of the Dockerfile as long as an image of it does.
    // What is younger than that belongs to a build that never ended.
    let mut newest: HashMap<(&str, &str), i64> = HashMap::new();
    for image in &images {
        if kept.contains(image.id()) && !image.tags.is_empty() {
            let age = newest.entry(image.family()).or_insert(image.created);
            *age = image.created.max(*age);
        }
    }
    let serves = |image: &Built| {
        let newest = newest.get(&image.family());
        image.tags.is_empty() && newest.is_some_and(|newest| *newest >= image.created)
    };
    let orphans = images.iter().map(|image| Orphan {
        cache: kept.contains(image.id()) || serves(image),
        ..as_orphan(image)
    });
    Ok(orphans.collect())
}

/// Whether these settings would take the image as it is.
async fn is_current(cx: &Context, settings: &Settings, plans: &Images, image: &Built) -> bool {
    let platform = image.origin.platform.as_ref();
    let platform = platform.unwrap_or(&cx.identity.platform);
    let comes_from_here = || build::origin(cx, settings, platform).recipe == image.origin.recipe;
    if !settings.is_built() || image.origin.project != cx.identity.project || !comes_from_here() {
        return false;
    }
    // Where the Dockerfile is gone nothing would be built.
    let plan = plans.plan(cx, settings, platform).await;
    plan.is_ok_and(|plan| image.is_named(&plan.tag))
}

fn as_orphan(image: &Built) -> Orphan {
    let short: String = image.id().chars().take(12).collect();
    let own = [short, format!("sha256:{}", image.id())];
    let names = image.tags.iter().cloned().chain(own).collect();
    Orphan {
        age: age(image.created),
        ..orphan(IMAGE, labels::of_project(&image.origin), names)
    }
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
        _ => return reclaim_image(engine, cx, orphan).await,
    };
    let found = now.iter().find(|it| is_same(it, orphan));
    match (what, found.and_then(|found| found.names.last())) {
        (CONTAINER, Some(id)) => driver::remove_one(engine, cx, id).await,
        (_, Some(id)) => network::remove_one(engine, cx, id).await,
        (_, None) => Ok(()),
    }
}

async fn reclaim_image(engine: &Engine, cx: &Context, orphan: &Orphan) -> Result<()> {
    let images = built::list(engine).await?;
    let mut same = images.iter().filter(|it| is_same(&as_orphan(it), orphan));
    let Some(image) = same.next() else {
        return Ok(());
    };
    match built::remove(engine, cx, image).await? {
        true => Ok(()),
        false => Err(Error::machine(format!(
            "remove the {}: a container uses it, or a kitchen is building it",
            orphan.resource
        ))),
    }
}

fn is_same(one: &Orphan, other: &Orphan) -> bool {
    one.identity == other.identity && one.names.iter().any(|name| other.names.contains(name))
}
