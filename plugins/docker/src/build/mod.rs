//! Images that are built from a Dockerfile: the context as a tar archive, the classic builder.
//!
//! The image's tag is a hash of all that goes into it, so that an image is built once however many
//! members, runs and commands want it, and anew as soon as something changes.

mod dockerfile;
mod ignore;
mod turn;

use std::collections::HashMap;
use std::fs::File;
use std::io::{Seek, Write};
use std::path::PathBuf;
use std::sync::Arc;

use banquet_sdk::{Context, Error, Line, Result, Stream, process};
use bollard::query_parameters::{BuildImageOptions, BuildImageOptionsBuilder};
use futures::StreamExt;
use serde_json::json;
use tokio_util::io::ReaderStream;

use crate::archive::{self, Keep};
use crate::built;
use crate::credentials;
use crate::endpoint::Surroundings;
use crate::engine::Engine;
use crate::labels::{self, Origin};
use crate::settings::{BuildContext, Pull, Settings};

use ignore::Ignored;
pub use turn::is_taken;

/// The Dockerfile's name in the archive: its own may be ignored, outside of the context, or made up.
const DOCKERFILE: &str = ".banquet.Dockerfile";

/// What an image is built from, and under which name.
#[derive(Debug)]
pub struct Plan {
    /// Name of the image.
    pub tag: String,
    origin: Origin,
    inputs: Arc<Inputs>,
}

/// All that goes into an image.
#[derive(Debug)]
struct Inputs {
    project: String,
    /// The Dockerfile, with labels.
    text: String,
    /// Where the Dockerfile is.
    dockerfile: Option<PathBuf>,
    /// The context.
    directory: Option<PathBuf>,
    /// What is asked of the engine besides.
    options: String,
}

/// Where the image of these settings comes from: the same whatever the files hold. `platform` is
/// the name of the instance's platform.
pub fn origin(cx: &Context, settings: &Settings, platform: &str) -> Origin {
    let from_platform = settings.dockerfile.is_none() && settings.image.is_none();
    let base = settings
        .dockerfile
        .is_none()
        .then(|| settings.image(platform));
    let context = match &settings.build_context {
        Some(BuildContext::Directory(path)) => json!(path),
        Some(BuildContext::Whether(whether)) => json!(whether),
        None => json!(null),
    };
    let source = short(&json!([
        settings.dockerfile,
        base,
        context,
        settings.platform()
    ]));
    let recipe = short(&json!([
        source,
        settings.build_target,
        settings.build_args.0,
        settings.intermediate_instructions.0,
        settings.provision_command.0,
    ]));
    Origin {
        project: cx.identity.project.clone(),
        platform: from_platform.then(|| platform.to_owned()),
        source,
        recipe: Some(recipe),
    }
}

fn short(value: &serde_json::Value) -> String {
    blake3::hash(value.to_string().as_bytes()).to_hex()[..16].to_owned()
}

impl Plan {
    /// Reads the Dockerfile and its context.
    pub fn of(cx: &Context, settings: &Settings, platform: &str) -> Result<Self> {
        let origin = origin(cx, settings, platform);
        let text = dockerfile::text(cx, settings, &settings.image(platform))?;
        let directory = match (&settings.dockerfile, &settings.build_context) {
            (_, Some(BuildContext::Directory(path))) => Some(cx.root.join(path)),
            (_, Some(BuildContext::Whether(false))) | (None, _) => None,
            (Some(_), _) => Some(cx.root.clone()),
        };
        let options = json!([
            settings.platform(),
            settings.build_target,
            settings.build_args.0
        ]);
        let inputs = Inputs {
            project: cx.identity.project.clone(),
            text: dockerfile::with_each_stage(&text, &labels::of_stage(&origin)),
            dockerfile: settings.dockerfile.as_ref().map(|path| cx.root.join(path)),
            directory,
            options: options.to_string(),
        };
        Ok(Self {
            tag: inputs.packed(std::io::sink())?,
            origin,
            inputs: Arc::new(inputs),
        })
    }

    /// The archive that the engine is sent, and the name of what is built from it: another than
    /// was planned where a file has changed since.
    async fn archive(&self) -> Result<(File, String)> {
        let inputs = self.inputs.clone();
        let packing = tokio::task::spawn_blocking(move || {
            let mut archive = tempfile::tempfile()?;
            let tag = inputs.packed(&mut archive)?;
            archive.rewind()?;
            Ok((archive, tag))
        });
        packing
            .await
            .map_err(|error| Error::machine(error.to_string()))?
    }
}

impl Inputs {
    /// Writes the archive; gives the name of the image.
    fn packed(&self, to: impl Write) -> Result<String> {
        let mut hasher = blake3::Hasher::new();
        hasher.update(self.options.as_bytes()).update(b"\0");
        let mut tee = Tee(std::io::BufWriter::with_capacity(64 * 1024, to), hasher);
        self.pack(&mut tee)
            .map_err(|error| Error::from(error).while_doing("read the build's context"))?;
        tee.flush()?;
        let hash = tee.1.finalize().to_hex();
        Ok(format!("{}:{}", repository(&self.project), &hash[..16]))
    }

    /// Packs the Dockerfile and what of the context is not ignored. The archive depends on names,
    /// contents and modes alone: neither times nor owners nor the order of the directory change it.
    fn pack(&self, to: impl Write) -> std::io::Result<()> {
        let mut archive = tar::Builder::new(to);
        let mut header = tar::Header::new_gnu();
        header.set_size(self.text.len() as u64);
        header.set_mode(0o644);
        archive.append_data(&mut header, DOCKERFILE, self.text.as_bytes())?;
        if let Some(directory) = &self.directory {
            let ignored = Ignored::read(directory, self.dockerfile.as_deref())?;
            for path in ignored.list(directory)? {
                archive::append(&mut archive, &directory.join(&path), &path, Keep::Nothing)?;
            }
        }
        archive.finish()
    }
}

/// Under this name a project's images are built, with the project as lower case letters and digits.
pub fn repository(project: &str) -> String {
    let clean = project.chars().filter(char::is_ascii_alphanumeric);
    let clean: String = clean.map(|c| c.to_ascii_lowercase()).take(40).collect();
    format!("banquet-{clean}")
}

/// Builds the image of `plan` unless the engine has it; gives its name. Whoever else wants one from
/// the same Dockerfile waits, also another kitchen.
pub async fn run(
    engine: &Engine,
    cx: &Context,
    settings: &Settings,
    plan: &Plan,
) -> Result<String> {
    let may_be_there = settings.use_cache != Some(false) && settings.pull() != Pull::Always;
    if may_be_there && engine.asked.inspect_image(&plan.tag).await.is_ok() {
        return Ok(plan.tag.clone());
    }
    let _turn = turn::take(cx, &plan.origin.source).await?;
    let (archive, tag) = plan.archive().await?;
    let before = engine.asked.inspect_image(&tag).await.ok();
    if may_be_there && before.is_some() {
        return Ok(tag);
    }
    cx.note(format!("building the image {tag}")).await;
    let config = Surroundings::real().docker_config();
    let credentials = credentials::all(config.as_deref()).await?;
    let body = ReaderStream::with_capacity(tokio::fs::File::from_std(archive), 64 * 1024);
    let stream = engine.docker.build_image(
        options(settings, &plan.origin, &tag),
        Some(credentials),
        Some(bollard::body_try_stream(body)),
    );
    futures::pin_mut!(stream);
    let mut lines = process::LineSplitter::default();
    while let Some(info) = stream.next().await {
        let info = info.map_err(engine.doing("build the image"))?;
        for text in lines.push(info.stream.unwrap_or_default().as_bytes()) {
            show(cx, text).await;
        }
    }
    if let Some(text) = lines.finish() {
        show(cx, text).await;
    }
    built::supersede(engine, cx, &tag, before.and_then(|image| image.id)).await?;
    Ok(tag)
}

fn options(settings: &Settings, origin: &Origin, tag: &str) -> BuildImageOptions {
    let cached = settings.use_cache.unwrap_or(true);
    let arguments: HashMap<String, String> = settings.build_args.0.clone().into_iter().collect();
    let mut options = BuildImageOptionsBuilder::default()
        .dockerfile(DOCKERFILE)
        .t(tag)
        .rm(true)
        .forcerm(true)
        .nocache(!cached)
        .buildargs(&arguments)
        .labels(&labels::of_image(origin));
    if settings.pull() == Pull::Always {
        options = options.pull("true");
    }
    if let Some(platform) = settings.platform() {
        options = options.platform(platform);
    }
    if let Some(target) = &settings.build_target {
        options = options.target(target);
    }
    options.build()
}

async fn show(cx: &Context, text: String) {
    cx.output
        .line(Line {
            stream: Stream::Out,
            text,
        })
        .await;
}

/// Writes somewhere and into a hash.
struct Tee<W>(W, blake3::Hasher);

impl<W: Write> Write for Tee<W> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let written = self.0.write(bytes)?;
        self.1.update(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.0.flush()
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use banquet_sdk::{Identity, Section};

    pub fn project(files: &[(&str, &str)]) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = root.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        root
    }

    fn plan_of(root: &Path, section: serde_json::Value, instance: &str) -> Result<Plan> {
        let values = section.as_object().unwrap().clone();
        let identity = Identity {
            project: "P-1".into(),
            cluster: None,
            instance: instance.into(),
            suite: "web".into(),
            platform: "debian-12".into(),
            run: format!("run of {instance}"),
        };
        let section = Section {
            values,
            ..Section::default()
        };
        let cx = Context::for_tests(identity, root.to_owned(), section);
        Plan::of(&cx, &cx.config().unwrap(), &cx.identity.platform)
    }

    fn plan(root: &Path, section: serde_json::Value) -> Result<Plan> {
        plan_of(root, section, "web-debian-12")
    }

    #[test]
    fn the_tag_changes_with_the_content_and_with_nothing_else() {
        let files = [("Dockerfile", "FROM x\n"), ("a", "1")];
        let section = json!({"dockerfile": "Dockerfile"});
        let (one, two) = (project(&files), project(&files));
        let first = plan(one.path(), section.clone()).unwrap().tag;
        assert!(first.starts_with("banquet-p1:"), "{first}");
        assert_eq!(first, plan(two.path(), section.clone()).unwrap().tag);
        let another = plan_of(two.path(), section.clone(), "db-debian-12").unwrap();
        assert_eq!(first, another.tag, "members and runs share an image");
        std::fs::write(two.path().join("a"), "2").unwrap();
        assert_ne!(first, plan(two.path(), section).unwrap().tag);
        let with = json!({"dockerfile": "Dockerfile", "build_args": {"V": 2}});
        assert_ne!(first, plan(one.path(), with).unwrap().tag);
    }

    #[cfg(unix)]
    #[test]
    fn the_tag_changes_with_modes_and_names() {
        use std::os::unix::fs::PermissionsExt;
        let files = [("Dockerfile", "FROM x\n"), ("a", "1")];
        let section = json!({"dockerfile": "Dockerfile"});
        let root = project(&files);
        let tag = || plan(root.path(), section.clone()).unwrap().tag;
        let first = tag();
        let a = root.path().join("a");
        std::fs::set_permissions(&a, std::fs::Permissions::from_mode(0o755)).unwrap();
        let second = tag();
        std::fs::rename(&a, root.path().join("b")).unwrap();
        assert!(first != second && second != tag());
    }

    #[test]
    fn an_image_has_its_origin_whatever_the_files_hold() {
        let root = project(&[("Dockerfile", "FROM x\n")]);
        let origin = |section: serde_json::Value| plan(root.path(), section).unwrap().origin;
        let plain = json!({"dockerfile": "Dockerfile"});
        let first = origin(plain.clone());
        assert_eq!(first.platform, None);
        std::fs::write(root.path().join("Dockerfile"), "FROM y\n").unwrap();
        assert_eq!(first, origin(plain));
        let other = origin(json!({"dockerfile": "Dockerfile", "build_args": {"V": 2}}));
        assert_eq!(first.source, other.source);
        assert_ne!(first.recipe, other.recipe);
        let lines = origin(json!({"provision_command": "true"}));
        assert_eq!(lines.platform.as_deref(), Some("debian-12"));
    }

    #[test]
    fn lines_of_the_section_come_after_the_image() {
        let root = project(&[]);
        let plan = plan(
            root.path(),
            json!({"provision_command": ["true", "id"], "intermediate_instructions": "ENV A=1"}),
        )
        .unwrap();
        let lines: Vec<&str> = plan.inputs.text.lines().collect();
        assert_eq!(lines[0], "FROM debian:12");
        assert!(lines[1].starts_with("LABEL org.banquet.image.project=\"P-1\""));
        assert_eq!(lines[2..], ["ENV A=1", "RUN true", "RUN id"]);
    }

    #[test]
    fn a_missing_dockerfile_is_an_error_of_its_key() {
        let root = project(&[]);
        let error = plan(root.path(), json!({"dockerfile": "Nowhere"}))
            .err()
            .unwrap();
        assert_eq!(error.key.as_deref(), Some("/dockerfile"));
    }
}
