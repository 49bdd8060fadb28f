//! Images that were built here: which there are, whose they are, and how they go.

use std::collections::HashSet;

use banquet_sdk::{Context, Result};
use bollard::models::ImageSummary;
use bollard::query_parameters::{
    ListContainersOptionsBuilder, ListImagesOptionsBuilder, RemoveImageOptionsBuilder,
};

use crate::build;
use crate::engine::Engine;
use crate::errors::{Cause, cause};
use crate::labels::{self, IMAGE_RECIPE, Origin};
use crate::settings::Settings;

/// An image that this program built, or was building when it was killed.
#[derive(Debug)]
pub struct Built {
    id: String,
    /// The names that it was built under; none of an unfinished or replaced one.
    pub tags: Vec<String>,
    /// Where it comes from.
    pub origin: Origin,
    /// When it was made, in seconds since 1970.
    pub created: i64,
}

impl Built {
    /// Its id: hexadecimal digits, as engines write it with and without `sha256:`.
    pub fn id(&self) -> &str {
        bare(&self.id)
    }

    /// Whether it is the one of this name, which engines may write with `localhost/`.
    pub fn is_named(&self, tag: &str) -> bool {
        self.tags.iter().any(|name| is_same_name(name, tag))
    }

    /// What images have in common that may use each other's layers.
    pub fn family(&self) -> (&str, &str) {
        (&self.origin.project, &self.origin.source)
    }

    /// What there is to remove: the names, else the id. A name that somebody else gave it stays.
    fn handles(&self) -> &[String] {
        match self.tags.is_empty() {
            true => std::slice::from_ref(&self.id),
            false => &self.tags,
        }
    }
}

/// Every image that this program built, for any project. What others made from one has its labels
/// too: it bears another name, or other layers on top.
pub async fn list(engine: &Engine) -> Result<Vec<Built>> {
    let options = ListImagesOptionsBuilder::default()
        .filters(&labels::any_image_filter())
        .build();
    let listed = engine.asked.list_images(Some(options)).await;
    let mut built = Vec::new();
    for image in listed.map_err(engine.doing("list images"))? {
        let Some(origin) = labels::origin(&image.labels) else {
            continue;
        };
        let names = named(&image);
        let own = |name: &&String| is_built_for(name, &origin.project);
        let tags: Vec<String> = names.iter().filter(own).cloned().collect();
        let is_ours = match (tags.is_empty(), names.is_empty()) {
            (false, _) => true,
            (true, false) => false,
            // A build that has not ended has no recipe yet, and nothing is made from it but by its
            // id.
            (true, true) => origin.recipe.is_none() || is_unchanged(engine, &image.id).await,
        };
        if is_ours {
            built.push(Built {
                id: image.id,
                tags,
                origin,
                created: image.created,
            });
        }
    }
    Ok(built)
}

fn bare(id: &str) -> &str {
    id.trim_start_matches("sha256:")
}

fn is_same_name(name: &str, tag: &str) -> bool {
    name == tag
        || name
            .strip_suffix(tag)
            .is_some_and(|host| host.ends_with('/'))
}

/// The names of an image; engines write `<none>:<none>` where there is none.
fn named(image: &ImageSummary) -> Vec<String> {
    let names = image.repo_tags.iter();
    names
        .filter(|name| !name.starts_with("<none>"))
        .cloned()
        .collect()
}

/// Whether the last layer of the image is the one that our builds end with.
async fn is_unchanged(engine: &Engine, id: &str) -> bool {
    let history = engine.asked.image_history(id).await.unwrap_or_default();
    let last = history.first();
    last.is_some_and(|layer| layer.created_by.contains(IMAGE_RECIPE))
}

/// Whether `tag` is a name that this program gives to images that it builds for `project`.
fn is_built_for(tag: &str, project: &str) -> bool {
    tag.rsplit_once(':').is_some_and(|(name, _)| {
        name == build::repository(project)
            || name.ends_with(&format!("/{}", build::repository(project)))
    })
}

/// The ids of the images of all containers, whoever made them.
pub async fn in_use(engine: &Engine) -> Result<HashSet<String>> {
    let options = ListContainersOptionsBuilder::default().all(true).build();
    let listed = engine.settled(|| engine.asked.list_containers(Some(options.clone())));
    let listed = listed.await.map_err(engine.doing("list containers"))?;
    let ids = listed.into_iter().filter_map(|it| it.image_id);
    Ok(ids.map(|id| bare(&id).to_owned()).collect())
}

/// Removes an image, and the layers that nothing else needs. False where a container uses it, or a
/// kitchen builds from the same Dockerfile just now.
pub async fn remove(engine: &Engine, cx: &Context, image: &Built) -> Result<bool> {
    if image.tags.is_empty() && build::is_taken(cx, &image.origin.source) {
        return Ok(false);
    }
    let mut gone = true;
    for name in image.handles() {
        gone &= remove_name(engine, name).await?;
    }
    Ok(gone)
}

async fn remove_name(engine: &Engine, name: &str) -> Result<bool> {
    let options = RemoveImageOptionsBuilder::default().build();
    match engine.docker.remove_image(name, Some(options), None).await {
        Err(error) if cause(&error) == Cause::Conflict => Ok(false),
        Err(error) if matches!(cause(&error), Cause::Absent | Cause::NoImage) => Ok(true),
        result => result
            .map(|_| true)
            .map_err(engine.doing(&format!("remove the image {name}"))),
    }
}

/// Removes what was built with these settings, in whatever state the files were, and the image that
/// the instance's state notes. What another container uses stays until that one goes.
pub async fn remove_of(
    engine: &Engine,
    cx: &Context,
    settings: &Settings,
    noted: Option<&str>,
) -> Result<()> {
    let wanted = settings
        .is_built()
        .then(|| build::origin(cx, settings, &cx.identity.platform));
    let mut images = list(engine).await?;
    images.retain(|image| image.origin.project == cx.identity.project);
    let is_wanted = |image: &Built| {
        let noted = noted.is_some_and(|name| image.is_named(name));
        let made = wanted.as_ref().is_some_and(|wanted| {
            image.origin.recipe.is_some() && image.origin.recipe == wanted.recipe
        });
        noted || made
    };
    let (gone, rest): (Vec<_>, Vec<_>) = images.into_iter().partition(is_wanted);
    for image in &gone {
        remove(engine, cx, image).await?;
    }
    // Stages and unfinished builds serve the finished images of the same Dockerfile.
    let sources = gone.iter().map(|image| &image.origin.source);
    let sources: HashSet<&String> = sources.chain(wanted.iter().map(|it| &it.source)).collect();
    for image in rest.iter().filter(|image| image.tags.is_empty()) {
        let source = &image.origin.source;
        let serves = |it: &Built| !it.tags.is_empty() && it.origin.source == *source;
        if sources.contains(source) && !rest.iter().any(serves) {
            remove(engine, cx, image).await?;
        }
    }
    Ok(())
}

/// After the build of `tag`: takes away the names that the same image had before, and the image that
/// had this name, unless a container uses it.
pub async fn supersede(
    engine: &Engine,
    cx: &Context,
    tag: &str,
    before: Option<String>,
) -> Result<()> {
    let found = engine.asked.inspect_image(tag).await;
    let found = found.map_err(engine.doing(&format!("find the image {tag}")))?;
    let project = &cx.identity.project;
    let names = found.repo_tags.unwrap_or_default().into_iter();
    for name in names.filter(|name| is_built_for(name, project) && !is_same_name(name, tag)) {
        remove_name(engine, &name).await?;
    }
    let Some(before) = before.filter(|id| Some(id) != found.id.as_ref()) else {
        return Ok(());
    };
    for image in list(engine).await? {
        if image.id() == bare(&before) && image.tags.is_empty() && image.origin.project == *project
        {
            remove_name(engine, &image.id).await?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_ours_are_those_of_the_project() {
        for (name, ours) in [
            ("banquet-p1:abc", true),
            ("localhost/banquet-p1:abc", true),
            ("banquet-p2:abc", false),
            ("mine:1", false),
            ("notbanquet-p1:abc", false),
        ] {
            assert_eq!(is_built_for(name, "P-1"), ours, "{name}");
        }
    }
}
