//! Which containers are an instance's: by what its state notes, and by labels.

use std::collections::HashMap;

use banquet_sdk::{Context, Result, State, Status};
use bollard::models::ContainerInspectResponse;
use bollard::query_parameters::ListContainersOptionsBuilder;

use crate::engine::{ASK_AGAIN, Engine, SETTLE};
use crate::errors::{Cause, cause};
use crate::{container, labels};

/// State keys: the container, and the name under which it was asked for.
pub const ID: &str = "container_id";
pub const NAME: &str = "container_name";

/// Containers of an instance, by what tells that they are its own.
pub enum Found {
    /// Their labels: a list of the engine tells when they are gone.
    Labelled(Vec<String>),
    /// The instance's state alone.
    Noted(Vec<String>),
}

/// The container of this name where it is ours and of the same run.
pub async fn adopt(engine: &Engine, cx: &Context, name: &str) -> Result<Option<String>> {
    let Some(found) = inspect(engine, name).await? else {
        return Ok(None);
    };
    let labels = found
        .config
        .as_ref()
        .and_then(|config| config.labels.as_ref());
    let ours = labels.and_then(labels::identity) == Some(cx.identity.clone());
    if ours && container::status(&found) != Status::Absent {
        cx.note(format!("adopting the container {name}")).await;
        return Ok(found.id);
    }
    Ok(None)
}

/// What the engine knows of a container; none where it knows of none.
pub async fn inspect(engine: &Engine, id: &str) -> Result<Option<ContainerInspectResponse>> {
    let asked = engine.settled(|| engine.asked.inspect_container(id, None));
    match asked.await {
        Ok(found) => Ok(Some(found)),
        Err(error) if cause(&error) == Cause::Absent => Ok(None),
        Err(error) => Err(engine.error("inspect the container", error)),
    }
}

/// The container that the state notes, by id, else by name where its labels say that it is ours.
pub async fn noted(
    engine: &Engine,
    cx: &Context,
    state: &State,
) -> Result<Option<ContainerInspectResponse>> {
    let Some(noted) = state.str(ID).or_else(|| state.str(NAME)) else {
        return Ok(None);
    };
    let found = inspect(engine, noted).await?;
    let by_id = state.str(ID).is_some();
    Ok(found.filter(|found| {
        let labels = found
            .config
            .as_ref()
            .and_then(|config| config.labels.as_ref());
        by_id || labels::is_instance(labels, &cx.identity)
    }))
}

/// The containers to remove: those that bear this project's and instance's labels, and the one
/// noted in the state where its labels name the instance (the project may have moved since).
pub async fn to_remove(engine: &Engine, cx: &Context, state: &State) -> Result<Found> {
    let ids = labelled(engine, cx).await?;
    if !ids.is_empty() {
        return Ok(Found::Labelled(ids));
    }
    let Some(noted) = state.str(ID).or_else(|| state.str(NAME)) else {
        return Ok(Found::Labelled(match cx.after_crash {
            true => late(engine, cx).await?,
            false => ids,
        }));
    };
    match inspect(engine, noted).await? {
        Some(found) => {
            let labels = found
                .config
                .as_ref()
                .and_then(|config| config.labels.as_ref());
            if labels::is_instance(labels, &cx.identity) {
                return Ok(Found::Noted(found.id.into_iter().collect()));
            }
            cx.note(format!(
                "leaving the container {noted} alone: it bears no label of ours"
            ))
            .await;
            Ok(Found::Labelled(ids))
        }
        // Its creation was asked for and the answer never came: the engine may still be at it.
        None if state.str(ID).is_none() => Ok(Found::Labelled(late(engine, cx).await?)),
        None => Ok(Found::Labelled(ids)),
    }
}

/// What of the instance the engine still lists, and what of `noted` it still knows: a container of
/// a project that has moved is not listed under the project's label.
pub async fn remaining(engine: &Engine, cx: &Context, noted: &[String]) -> Result<Vec<String>> {
    let mut ids = labelled(engine, cx).await?;
    for id in noted {
        if !ids.contains(id) && inspect(engine, id).await?.is_some() {
            ids.push(id.clone());
        }
    }
    Ok(ids)
}

async fn labelled(engine: &Engine, cx: &Context) -> Result<Vec<String>> {
    list(engine, labels::instance_filter(&cx.identity)).await
}

/// The id of the container where the engine lists it, which it does before its creation has ended.
pub async fn listed(engine: &Engine, id: &str) -> Result<Vec<String>> {
    list(engine, HashMap::from([("id".into(), vec![id.to_owned()])])).await
}

/// The ids of the containers that pass the filter, in whatever state they are.
async fn list(engine: &Engine, filters: HashMap<String, Vec<String>>) -> Result<Vec<String>> {
    let options = ListContainersOptionsBuilder::default()
        .all(true)
        .filters(&filters)
        .build();
    let listed = engine.settled(|| engine.asked.list_containers(Some(options.clone())));
    let found = listed.await.map_err(engine.doing("list containers"))?;
    Ok(found
        .into_iter()
        .filter_map(|container| container.id)
        .collect())
}

/// Containers that appear within [`SETTLE`].
async fn late(engine: &Engine, cx: &Context) -> Result<Vec<String>> {
    let appearing = async {
        loop {
            let ids = labelled(engine, cx).await?;
            if !ids.is_empty() {
                return Ok(ids);
            }
            tokio::time::sleep(ASK_AGAIN).await;
        }
    };
    tokio::time::timeout(SETTLE, appearing)
        .await
        .unwrap_or(Ok(Vec::new()))
}
