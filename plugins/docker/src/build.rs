//! Images that are built from a Dockerfile: the context as a tar archive, the classic builder.
//!
//! The image's tag is a hash of all that goes into it, so that an image is built once however many
//! members, runs and commands want it, and anew as soon as something changes.

use std::collections::HashMap;
use std::fs::File;
use std::io::{Seek, Write};
use std::path::{Path, PathBuf};

use banquet_sdk::{Context, Error, Line, Result, Stream, process};
use bollard::query_parameters::BuildImageOptionsBuilder;
use futures::StreamExt;
use globset::{GlobBuilder, GlobMatcher};
use serde_json::json;
use tokio_util::io::ReaderStream;

use crate::archive::{self, Keep};
use crate::credentials;
use crate::endpoint::Surroundings;
use crate::engine::Engine;
use crate::labels;
use crate::settings::{BuildContext, Pull, Settings};

/// The Dockerfile's name in the archive: its own may be ignored, outside of the context, or made up.
const DOCKERFILE: &str = ".banquet.Dockerfile";
/// The kitchen's own directory changes all the time and belongs into no image.
const KITCHEN_DIR: &str = ".kitchen";

/// What to build, and under which name.
pub struct Plan {
    /// Name of the image.
    pub tag: String,
    archive: File,
}

impl Plan {
    /// Reads the Dockerfile and its context.
    pub fn of(cx: &Context, settings: &Settings) -> Result<Self> {
        let text = dockerfile(cx, settings)?;
        let directory = match (&settings.dockerfile, &settings.build_context) {
            (_, Some(BuildContext::Directory(path))) => Some(cx.root.join(path)),
            (_, Some(BuildContext::Whether(false))) | (None, _) => None,
            (Some(_), _) => Some(cx.root.clone()),
        };
        let mut archive = tempfile::tempfile()?;
        let mut hasher = blake3::Hasher::new();
        for part in [
            settings.platform().unwrap_or_default(),
            settings.build_target.as_deref().unwrap_or_default(),
            &json!(settings.build_args.0).to_string(),
        ] {
            hasher.update(part.as_bytes()).update(b"\0");
        }
        let tee = Tee(&mut archive, &mut hasher);
        pack(tee, &text, directory.as_deref())
            .map_err(|error| Error::from(error).while_doing("read the build's context"))?;
        archive.rewind()?;
        let hash = hasher.finalize().to_hex();
        Ok(Self {
            tag: format!("{}:{}", repository(&cx.identity.project), &hash[..16]),
            archive,
        })
    }
}

/// Under this name a project's images are built, with the project as lower case letters and digits.
pub fn repository(project: &str) -> String {
    let clean = project.chars().filter(char::is_ascii_alphanumeric);
    let clean: String = clean.map(|c| c.to_ascii_lowercase()).take(40).collect();
    format!("banquet-{clean}")
}

/// The Dockerfile's text, with the lines that the section adds.
fn dockerfile(cx: &Context, settings: &Settings) -> Result<String> {
    let mut text = match &settings.dockerfile {
        Some(path) => std::fs::read_to_string(cx.root.join(path)).map_err(|error| {
            Error::config("/dockerfile", format!("read {path}: {error}"))
                .hint("The path is relative to the directory of the configuration.")
        })?,
        None => format!("FROM {}\n", settings.image(&cx.identity.platform)),
    };
    if !text.ends_with('\n') {
        text.push('\n');
    }
    for line in &settings.intermediate_instructions.0 {
        text.push_str(&format!("{line}\n"));
    }
    for command in &settings.provision_command.0 {
        text.push_str(&format!("RUN {command}\n"));
    }
    Ok(text)
}

/// Builds the image of `plan` unless the engine has it.
pub async fn run(engine: &Engine, cx: &Context, settings: &Settings, plan: &Plan) -> Result<()> {
    let cached = settings.use_cache.unwrap_or(true);
    let fresh = settings.pull() == Pull::Always;
    if cached && !fresh && engine.asked.inspect_image(&plan.tag).await.is_ok() {
        return Ok(());
    }
    cx.note(format!("building the image {}", plan.tag)).await;
    let arguments: HashMap<String, String> = settings.build_args.0.clone().into_iter().collect();
    let mut options = BuildImageOptionsBuilder::default()
        .dockerfile(DOCKERFILE)
        .t(&plan.tag)
        .rm(true)
        .forcerm(true)
        .nocache(!cached)
        .buildargs(&arguments)
        .labels(&labels::of_image(&cx.identity));
    if fresh {
        options = options.pull("true");
    }
    if let Some(platform) = settings.platform() {
        options = options.platform(platform);
    }
    if let Some(target) = &settings.build_target {
        options = options.target(target);
    }
    let config = Surroundings::real().docker_config();
    let credentials = credentials::all(config.as_deref()).await?;
    let file = tokio::fs::File::from_std(plan.archive.try_clone()?);
    let body = bollard::body_try_stream(ReaderStream::with_capacity(file, 64 * 1024));
    let stream = engine
        .docker
        .build_image(options.build(), Some(credentials), Some(body));
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
    Ok(())
}

async fn show(cx: &Context, text: String) {
    cx.output
        .line(Line {
            stream: Stream::Out,
            text,
        })
        .await;
}

/// Writes to a file and into a hash.
struct Tee<'a>(&'a mut File, &'a mut blake3::Hasher);

impl Write for Tee<'_> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let written = self.0.write(bytes)?;
        self.1.update(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.0.flush()
    }
}

/// Packs the Dockerfile and what of `directory` is not ignored. The archive depends on names,
/// contents and modes alone: neither times nor owners nor the order of the directory change it.
fn pack(to: impl Write, dockerfile: &str, directory: Option<&Path>) -> std::io::Result<()> {
    let mut archive = tar::Builder::new(to);
    let mut header = tar::Header::new_gnu();
    header.set_size(dockerfile.len() as u64);
    header.set_mode(0o644);
    archive.append_data(&mut header, DOCKERFILE, dockerfile.as_bytes())?;
    if let Some(directory) = directory {
        let ignored = Ignored::read(directory)?;
        for path in ignored.list(directory)? {
            archive::append(&mut archive, &directory.join(&path), &path, Keep::Nothing)?;
        }
    }
    archive.finish()
}

/// The patterns of a `.dockerignore`: relative to the context's root, the last that matches a path
/// or a directory above it decides, `!` takes back.
struct Ignored(Vec<(GlobMatcher, bool)>);

impl Ignored {
    fn read(directory: &Path) -> std::io::Result<Self> {
        match std::fs::read_to_string(directory.join(".dockerignore")) {
            Ok(text) => Self::parse(&text),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Self::parse(""),
            Err(error) => Err(error),
        }
    }

    fn parse(text: &str) -> std::io::Result<Self> {
        let lines = std::iter::once(KITCHEN_DIR).chain(text.lines());
        let mut patterns = Vec::new();
        for line in lines
            .map(str::trim)
            .filter(|line| !line.is_empty() && !line.starts_with('#'))
        {
            let (pattern, ignores) = match line.strip_prefix('!') {
                Some(pattern) => (pattern.trim(), false),
                None => (line, true),
            };
            let pattern = pattern.trim_start_matches("./").trim_matches('/');
            let glob = GlobBuilder::new(pattern)
                .literal_separator(true)
                .build()
                .map_err(|error| std::io::Error::other(format!(".dockerignore: {error}")))?;
            patterns.push((glob.compile_matcher(), ignores));
        }
        Ok(Self(patterns))
    }

    fn ignores(&self, path: &Path) -> bool {
        let matches = |glob: &GlobMatcher| {
            path.ancestors()
                .take_while(|part| !part.as_os_str().is_empty())
                .any(|part| glob.is_match(part))
        };
        self.0
            .iter()
            .rev()
            .find(|(glob, _)| matches(glob))
            .is_some_and(|(_, ignores)| *ignores)
    }

    /// Everything below `root` that is not ignored, directories before what is in them.
    fn list(&self, root: &Path) -> std::io::Result<Vec<PathBuf>> {
        let takes_back = self.0.iter().any(|(_, ignores)| !ignores);
        let mut found = Vec::new();
        let mut directories = vec![PathBuf::new()];
        while let Some(directory) = directories.pop() {
            for entry in std::fs::read_dir(root.join(&directory))? {
                let entry = entry?;
                let path = directory.join(entry.file_name());
                let ignored = self.ignores(&path);
                if entry.file_type()?.is_dir() && (!ignored || takes_back) {
                    directories.push(path.clone());
                }
                if !ignored {
                    found.push(path);
                }
            }
        }
        found.sort();
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use banquet_sdk::{Identity, Section};
    use std::io::Read;

    fn project(files: &[(&str, &str)]) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = root.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        root
    }

    fn listed(files: &[(&str, &str)]) -> Vec<String> {
        let root = project(files);
        let ignored = Ignored::read(root.path()).unwrap();
        let paths = ignored.list(root.path()).unwrap();
        let files = paths.iter().filter(|path| root.path().join(path).is_file());
        files
            .map(|path| path.to_str().unwrap().to_owned())
            .collect()
    }

    #[test]
    fn patterns_start_at_the_root() {
        let files = [
            (
                ".dockerignore",
                "# logs\n*.log\n/tmp/\nsub/*.txt\n**/deep.bin\n",
            ),
            ("a.log", ""),
            ("sub/a.log", ""),
            ("sub/b.txt", ""),
            ("sub/c/deep.bin", ""),
            ("tmp/x", ""),
            ("kept", ""),
            (".kitchen/logs/x.log", ""),
        ];
        assert_eq!(listed(&files), [".dockerignore", "kept", "sub/a.log"]);
    }

    #[test]
    fn the_last_pattern_decides_and_takes_back_what_is_deep_inside() {
        let files = [
            (".dockerignore", "*\n!keep/this\nkeep/this/not\n"),
            ("other", ""),
            ("keep/this/a", ""),
            ("keep/this/not", ""),
            ("keep/that", ""),
        ];
        assert_eq!(listed(&files), ["keep/this/a"]);
    }

    fn plan(root: &Path, section: serde_json::Value) -> Result<Plan> {
        let values = section.as_object().unwrap().clone();
        let identity = Identity {
            project: "P-1".into(),
            cluster: None,
            instance: "web-debian-12".into(),
            suite: "web".into(),
            platform: "debian-12".into(),
            run: "r".into(),
        };
        let section = Section {
            values,
            ..Section::default()
        };
        let cx = Context::for_tests(identity, root.to_owned(), section);
        Plan::of(&cx, &cx.config().unwrap())
    }

    #[test]
    fn the_tag_changes_with_the_content_and_with_nothing_else() {
        let files = [("Dockerfile", "FROM x\n"), ("a", "1")];
        let section = json!({"dockerfile": "Dockerfile"});
        let (one, two) = (project(&files), project(&files));
        let first = plan(one.path(), section.clone()).unwrap().tag;
        assert!(first.starts_with("banquet-p1:"), "{first}");
        assert_eq!(first, plan(two.path(), section.clone()).unwrap().tag);
        std::fs::write(two.path().join("a"), "2").unwrap();
        assert_ne!(first, plan(two.path(), section).unwrap().tag);
        let with = json!({"dockerfile": "Dockerfile", "build_args": {"V": 2}});
        assert_ne!(first, plan(one.path(), with).unwrap().tag);
    }

    #[test]
    fn lines_of_the_section_come_after_the_image() {
        let root = project(&[]);
        let plan = plan(
            root.path(),
            json!({"provision_command": ["true", "id"], "intermediate_instructions": "ENV A=1"}),
        )
        .unwrap();
        let mut archive = tar::Archive::new(plan.archive);
        let mut entry = archive.entries().unwrap().next().unwrap().unwrap();
        let mut text = String::new();
        entry.read_to_string(&mut text).unwrap();
        assert_eq!(text, "FROM debian:12\nENV A=1\nRUN true\nRUN id\n");
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
