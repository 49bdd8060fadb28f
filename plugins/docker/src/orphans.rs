//! Everything on an engine that bears this program's labels.

use std::collections::HashMap;
use std::time::{SystemTime, UNIX_EPOCH};

use banquet_sdk::{Orphan, Result};
use bollard::query_parameters::{
    ListContainersOptionsBuilder, ListImagesOptionsBuilder, ListNetworksOptionsBuilder,
};

use crate::engine::Engine;
use crate::labels;

/// Containers, networks and built images with labels of ours, of any project.
pub async fn list(engine: &Engine) -> Result<Vec<Orphan>> {
    let filter = labels::any_filter();
    let containers = ListContainersOptionsBuilder::default()
        .all(true)
        .filters(&filter)
        .build();
    let networks = ListNetworksOptionsBuilder::default()
        .filters(&filter)
        .build();
    let images = ListImagesOptionsBuilder::default().filters(&filter).build();
    let (containers, networks, images) = tokio::try_join!(
        engine.settled(|| engine.docker.list_containers(Some(containers.clone()))),
        engine.docker.list_networks(Some(networks)),
        engine.docker.list_images(Some(images)),
    )
    .map_err(engine.doing("list what bears our labels"))?;
    let mut orphans = Vec::new();
    for found in containers {
        let name = found.names.unwrap_or_default().into_iter().next();
        let name = name.or(found.id).unwrap_or_default();
        let resource = format!("container {}", name.trim_start_matches('/'));
        orphans.extend(orphan(
            &found.labels.unwrap_or_default(),
            resource,
            found.created,
        ));
    }
    for found in networks {
        let resource = format!("network {}", found.name.unwrap_or_default());
        orphans.extend(orphan(&found.labels.unwrap_or_default(), resource, None));
    }
    for found in images {
        let name = found.repo_tags.into_iter().next().unwrap_or(found.id);
        orphans.extend(orphan(
            &found.labels,
            format!("image {name}"),
            Some(found.created),
        ));
    }
    Ok(orphans)
}

/// `created`: seconds since 1970.
fn orphan(
    labels: &HashMap<String, String>,
    resource: String,
    created: Option<i64>,
) -> Option<Orphan> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).ok()?.as_secs();
    Some(Orphan {
        identity: labels::identity(labels)?,
        resource,
        age: created
            .and_then(|created| u64::try_from(created).ok())
            .map(|created| now.saturating_sub(created)),
    })
}
