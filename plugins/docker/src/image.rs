//! The image of an instance: there already, pulled, or built; once a run however many members want
//! it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use banquet_sdk::{Context, Error, Identity, Result};
use bollard::models::CreateImageInfo;
use bollard::query_parameters::CreateImageOptionsBuilder;
use futures::StreamExt;
use tokio::sync::OnceCell;

use crate::build;
use crate::credentials;
use crate::endpoint::Surroundings;
use crate::engine::Engine;
use crate::settings::{Pull, Settings};

/// What this process has pulled or built already. Each image is worked on by one call at a time.
#[derive(Debug, Default)]
pub struct Images {
    /// By engine and name: the name under which it is there.
    turns: Mutex<HashMap<(String, String), Turn>>,
    /// What is to be built, read once a run: by run, project and recipe.
    plans: Mutex<HashMap<[String; 3], Planned>>,
}

type Turn = Arc<tokio::sync::Mutex<Option<String>>>;
type Planned = Arc<OnceCell<Arc<build::Plan>>>;

impl Images {
    /// The name of the image to make the container from. It is there unless it has never been
    /// pulled: then the engine says so when the container is made, and [`Images::pull`] helps.
    pub async fn ensure(
        &self,
        engine: &Engine,
        cx: &Context,
        settings: &Settings,
    ) -> Result<String> {
        if settings.is_built() {
            let plan = self.plan(cx, settings, &cx.identity.platform).await?;
            let turn = self.turn(engine, &plan.tag);
            let mut done = turn.lock().await;
            if let Some(tag) = &*done
                && engine.asked.inspect_image(tag).await.is_ok()
            {
                return Ok(tag.clone());
            }
            let tag = build::run(engine, cx, settings, &plan).await?;
            *done = Some(tag.clone());
            return Ok(tag);
        }
        let image = settings.image(&cx.identity.platform);
        if settings.pull() == Pull::Always {
            self.pull(engine, cx, settings, &image).await?;
        }
        Ok(image)
    }

    /// What instances of `platform` with these settings are made from. The context is read once a
    /// run, however many members want it.
    pub async fn plan(
        &self,
        cx: &Context,
        settings: &Settings,
        platform: &str,
    ) -> Result<Arc<build::Plan>> {
        let recipe = build::origin(cx, settings, platform).recipe;
        let Identity { run, project, .. } = cx.identity.clone();
        let key = [run, project, recipe.unwrap_or_default()];
        let planned = {
            let mut plans = self.plans.lock().unwrap_or_else(PoisonError::into_inner);
            plans.retain(|[run, ..], _| *run == key[0]);
            plans.entry(key).or_default().clone()
        };
        let reading = || async {
            let (cx, settings, platform) = (cx.clone(), settings.clone(), platform.to_owned());
            let reading =
                tokio::task::spawn_blocking(move || build::Plan::of(&cx, &settings, &platform));
            let plan = reading.await;
            plan.map_err(|error| Error::machine(error.to_string()))?
                .map(Arc::new)
        };
        planned.get_or_try_init(reading).await.cloned()
    }

    /// Pulls `image`, once a process.
    pub async fn pull(
        &self,
        engine: &Engine,
        cx: &Context,
        settings: &Settings,
        image: &str,
    ) -> Result<()> {
        if settings.pull() == Pull::Never {
            return Err(Error::config(
                "/image",
                format!("the engine has no image {image} and pull is never"),
            )
            .hint(format!(
                "Build it (docker build -t {image} .), load it (docker load), or set pull: missing."
            )));
        }
        let turn = self.turn(engine, image);
        let mut done = turn.lock().await;
        if done.is_none() {
            pull(engine, cx, settings, image).await?;
            *done = Some(image.to_owned());
        }
        Ok(())
    }

    fn turn(&self, engine: &Engine, name: &str) -> Turn {
        let mut turns = self.turns.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (engine.endpoint.host.clone(), name.to_owned());
        turns.entry(key).or_default().clone()
    }
}

async fn pull(engine: &Engine, cx: &Context, settings: &Settings, image: &str) -> Result<()> {
    let doing = format!("pull the image {image}");
    let config = Surroundings::real().docker_config();
    let credentials = credentials::for_image(config.as_deref(), image)
        .await
        .map_err(|error| error.while_doing(&doing))?;
    cx.note(format!("pulling the image {image}")).await;
    let tagged = with_tag(image);
    let mut options = CreateImageOptionsBuilder::default().from_image(&tagged);
    if let Some(platform) = settings.platform() {
        options = options.platform(platform);
    }
    let stream = engine
        .docker
        .create_image(Some(options.build()), None, credentials);
    futures::pin_mut!(stream);
    let mut progress = Progress::default();
    while let Some(info) = stream.next().await {
        let info = info.map_err(engine.doing(&doing))?;
        if let Some(line) = progress.line(&info) {
            cx.note(line).await;
        }
    }
    Ok(())
}

/// Without a tag or digest the API would pull every tag that there is.
fn with_tag(image: &str) -> String {
    let name = image.rsplit('/').next().unwrap_or(image);
    if name.contains([':', '@']) {
        image.to_owned()
    } else {
        format!("{image}:latest")
    }
}

/// Keeps the lines of a pull worth showing: each layer's state once, no progress bars.
#[derive(Default)]
struct Progress(HashMap<String, String>);

impl Progress {
    fn line(&mut self, info: &CreateImageInfo) -> Option<String> {
        let status = info.status.clone()?;
        let Some(layer) = info.id.clone() else {
            return Some(status);
        };
        let shown = ["Pull complete", "Already exists", "Pulling from"];
        if !shown.iter().any(|word| status.starts_with(word)) {
            return None;
        }
        let before = self.0.insert(layer.clone(), status.clone());
        (before.as_ref() != Some(&status)).then(|| format!("{layer}: {status}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_tag_is_pulled() {
        for (image, wanted) in [
            ("debian", "debian:latest"),
            ("debian:12", "debian:12"),
            ("host:5000/app", "host:5000/app:latest"),
            ("app@sha256:ab", "app@sha256:ab"),
        ] {
            assert_eq!(with_tag(image), wanted);
        }
    }

    #[test]
    fn a_pull_is_told_without_its_bars() {
        let mut progress = Progress::default();
        let info = |id: Option<&str>, status: &str| CreateImageInfo {
            id: id.map(Into::into),
            status: Some(status.into()),
            ..CreateImageInfo::default()
        };
        assert_eq!(progress.line(&info(Some("a"), "Downloading")), None);
        let done = info(Some("a"), "Pull complete");
        assert_eq!(progress.line(&done).as_deref(), Some("a: Pull complete"));
        assert_eq!(progress.line(&done), None);
        assert!(progress.line(&info(None, "Status: Downloaded")).is_some());
    }
}
