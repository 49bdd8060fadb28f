//! The image of an instance: there already, pulled, or built; once a run however many members want
//! it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use banquet_sdk::{Context, Error, Result};
use bollard::models::CreateImageInfo;
use bollard::query_parameters::{CreateImageOptionsBuilder, RemoveImageOptionsBuilder};
use futures::StreamExt;

use crate::build;
use crate::credentials;
use crate::endpoint::Surroundings;
use crate::engine::Engine;
use crate::errors::{Cause, cause};
use crate::settings::{Pull, Settings};

/// What this process has pulled or built already, by name; each name is worked on by one call at a
/// time.
#[derive(Debug, Default)]
pub struct Images(Mutex<HashMap<String, Arc<tokio::sync::Mutex<bool>>>>);

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
            let plan = {
                let (cx, settings) = (cx.clone(), settings.clone());
                let reading = tokio::task::spawn_blocking(move || build::Plan::of(&cx, &settings));
                reading
                    .await
                    .map_err(|error| Error::machine(error.to_string()))??
            };
            let turn = self.turn(&plan.tag);
            let mut done = turn.lock().await;
            if !*done {
                build::run(engine, cx, settings, &plan).await?;
                *done = true;
            }
            return Ok(plan.tag);
        }
        let image = settings.image(&cx.identity.platform);
        if settings.pull() == Pull::Always {
            self.pull(engine, cx, settings, &image).await?;
        }
        Ok(image)
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
        let turn = self.turn(image);
        let mut done = turn.lock().await;
        if !*done {
            pull(engine, cx, settings, image).await?;
            *done = true;
        }
        Ok(())
    }

    fn turn(&self, name: &str) -> Arc<tokio::sync::Mutex<bool>> {
        let mut turns = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        turns.entry(name.to_owned()).or_default().clone()
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

/// Whether `tag` is a name that this program gives to images that it builds for `project`.
pub fn is_built_for(tag: &str, project: &str) -> bool {
    tag.rsplit_once(':').is_some_and(|(name, _)| {
        name == build::repository(project)
            || name.ends_with(&format!("/{}", build::repository(project)))
    })
}

/// Removes an image that was built for the instance, unless another container uses it or it is not
/// ours.
pub async fn remove(engine: &Engine, image: &str) -> Result<()> {
    let doing = format!("remove the image {image}");
    let found = match engine.asked.inspect_image(image).await {
        Ok(found) => found,
        Err(error) if error_is_absent(&error) => return Ok(()),
        Err(error) => return Err(engine.error(&doing, error)),
    };
    let labels = found
        .config
        .and_then(|config| config.labels)
        .unwrap_or_default();
    if crate::labels::image_identity(&labels).is_none() {
        return Ok(());
    }
    let options = RemoveImageOptionsBuilder::default().build();
    match engine.docker.remove_image(image, Some(options), None).await {
        Err(error) if cause(&error) == Cause::Conflict || error_is_absent(&error) => Ok(()),
        result => result.map(|_| ()).map_err(engine.doing(&doing)),
    }
}

fn error_is_absent(error: &bollard::errors::Error) -> bool {
    matches!(cause(error), Cause::Absent | Cause::NoImage)
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
