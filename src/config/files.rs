//! Which files make up a configuration, and their text. The rules are those of Test Kitchen
//! (loader/yaml.rb).

use std::path::{Path, PathBuf};
use std::sync::Arc;

use banquet_sdk::outside::file;

use super::problem::Problem;
use super::source::{Source, Span};

/// The files of a configuration; only the project's own must exist.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Files {
    /// For all projects of a user.
    pub global: Option<PathBuf>,
    /// The project's.
    pub project: PathBuf,
    /// For one working copy.
    pub local: Option<PathBuf>,
}

/// Finds the files: those named, else those in their usual places.
pub fn find(options: &super::LoadOptions) -> Result<Files, Problem> {
    let project = match &options.project {
        Some(path) => options.root.join(path),
        None => project_file(&options.root)?,
    };
    if !project.exists() {
        return Err(missing(&project, &options.root));
    }
    let local = match &options.local {
        Some(path) => Some(options.root.join(path)),
        None => local_file(&project)?,
    };
    let global = match &options.global {
        Some(path) => Some(options.root.join(path)),
        None => std::env::home_dir().map(|home| home.join(".kitchen/config.yml")),
    };
    let existing = |path: Option<PathBuf>| path.filter(|path| path.exists());
    Ok(Files {
        global: existing(global),
        project,
        local: existing(local),
    })
}

fn project_file(root: &Path) -> Result<PathBuf, Problem> {
    let (plain, dotted) = (root.join("kitchen.yml"), root.join(".kitchen.yml"));
    match (plain.exists(), dotted.exists()) {
        (true, true) => Err(Problem::error(format!(
            "Both {} and {} found. Please use the un-dotted variant: {}.",
            plain.display(),
            dotted.display(),
            plain.display()
        ))
        .help("Remove or rename one of the two.")),
        (false, true) => Ok(dotted),
        _ => Ok(plain),
    }
}

/// `kitchen.local.yml` beside `kitchen.yml`, dotted or not.
fn local_file(project: &Path) -> Result<Option<PathBuf>, Problem> {
    let (Some(dir), Some(stem)) = (project.parent(), project.file_stem()) else {
        return Ok(None);
    };
    let extension = match project.extension() {
        Some(extension) => format!(".local.{}", extension.to_string_lossy()),
        None => ".local".into(),
    };
    let own = format!("{}{extension}", stem.to_string_lossy());
    let undotted = own.strip_prefix('.').unwrap_or(&own);
    let (plain, dotted) = (dir.join(undotted), dir.join(format!(".{undotted}")));
    match (plain.exists(), dotted.exists()) {
        (true, true) => Err(Problem::error(format!(
            "Both {undotted} and .{undotted} found in {}. Please use {own} which matches your {}.",
            dir.display(),
            project.display()
        ))
        .help("Remove or rename one of the two.")),
        (false, true) => Ok(Some(dotted)),
        _ => Ok(Some(plain)),
    }
}

fn missing(project: &Path, root: &Path) -> Problem {
    let problem = Problem::error(format!(
        "Kitchen YAML file {} does not exist.",
        project.display()
    ));
    let above = root
        .ancestors()
        .skip(1)
        .find(|dir| dir.join("kitchen.yml").is_file() || dir.join(".kitchen.yml").is_file());
    match above {
        Some(dir) => problem.help(format!(
            "There is one in {}: run there, or with `-C {}`.",
            dir.display(),
            dir.display()
        )),
        None => {
            problem.help("Write a kitchen.yml, or name a directory that has one with `-C DIR`.")
        }
    }
}

/// Largest file, and largest text that templates make of one, in bytes.
const BYTES_LIMIT: u64 = 16 << 20;

/// What is wrong with a text of `shown` that has so many bytes, if it is too many.
pub fn too_large(shown: &str, bytes: u64) -> Option<Problem> {
    (bytes > BYTES_LIMIT).then(|| {
        let limit = BYTES_LIMIT >> 20;
        Problem::error(format!("{shown} is larger than {limit} MiB"))
            .help("Is it the right file? A configuration this large cannot be meant.")
    })
}

/// The file at `path`, without a byte order mark.
pub fn read(path: &Path, root: &Path) -> Result<Arc<Source>, Problem> {
    let failed = |error: std::io::Error| {
        Problem::error(format!("failed to read {}: {error}", path.display()))
            .help("Check that it is a regular file and that you may read it.")
    };
    let shown = path.strip_prefix(root).unwrap_or(path).display();
    let file = file::open(path).map_err(failed)?;
    let size = file.metadata().map_err(failed)?.len();
    if let Some(problem) = too_large(&shown.to_string(), size) {
        return Err(problem);
    }
    let bytes = file::read_from(&file, BYTES_LIMIT).map_err(failed)?;
    let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(&bytes);
    match std::str::from_utf8(bytes) {
        Ok(text) => Ok(Source::new(path, root, text.to_owned())),
        Err(error) => Err(not_utf8(path, root, bytes, error.valid_up_to())),
    }
}

fn not_utf8(path: &Path, root: &Path, bytes: &[u8], at: usize) -> Problem {
    let source = Source::new(path, root, String::from_utf8_lossy(bytes).into_owned());
    let span = Span::at_byte(&source.text, at, 1);
    let message = format!(
        "{} is not UTF-8: the byte 0x{:02X}",
        source.shown, bytes[at]
    );
    Problem::error(message)
        .in_source(source, span, "here")
        .help("Save the file as UTF-8; it may be Latin-1 (`iconv -f latin1 -t utf-8`).")
}
