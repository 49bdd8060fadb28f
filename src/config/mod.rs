//! Files to one merged configuration: found, rendered, parsed with positions, merged with
//! provenance, old forms moved, shapes and keys checked. Called by the matrix and the command line.

mod check;
mod erb;
mod files;
mod layers;
mod legacy;
mod merge;
pub(crate) mod node;
mod problem;
mod report;
mod scalar;
mod secrets;
mod source;
#[cfg(test)]
mod tests;
mod yaml;

use std::borrow::Cow;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub use check::unknown_keys;
pub use files::Files;
pub use problem::{Error, Problem, Problems, Severity, nearest};
pub use report::Report;
pub use source::{Place, Source, Sources, Span};

pub(crate) use check::{Keys, items, keys_of, named_item};
pub(crate) use merge::merge_entry;
pub(crate) use node::{Entry, Map, Node, Value, escaped, section};

/// Where the configuration is, and how strictly it is judged.
#[derive(Clone, Debug, Default)]
pub struct LoadOptions {
    /// Absolute path of the project's directory.
    pub root: PathBuf,
    /// The project's file, in place of `kitchen.yml` or `.kitchen.yml`.
    pub project: Option<PathBuf>,
    /// The working copy's file, in place of `kitchen.local.yml`.
    pub local: Option<PathBuf>,
    /// The user's file, in place of `~/.kitchen/config.yml`.
    pub global: Option<PathBuf>,
    /// Directory of the tests, in place of `test/integration`.
    pub test_base_path: Option<PathBuf>,
    /// `debug`, `info`, `warn`, `error` or `fatal`, in place of `info`.
    pub log_level: Option<String>,
    /// Warnings are errors.
    pub strict: bool,
}

impl LoadOptions {
    /// The project in `root`, with the files that the environment names (`KITCHEN_YAML`,
    /// `KITCHEN_LOCAL_YAML`, `KITCHEN_GLOBAL_YAML`, or `_YML`).
    pub fn from_env(root: impl Into<PathBuf>) -> Self {
        Self::from_variables(root, |name| std::env::var_os(name))
    }

    fn from_variables(
        root: impl Into<PathBuf>,
        variable: impl Fn(&str) -> Option<OsString>,
    ) -> Self {
        let named = |name: &str| {
            ["YAML", "YML"]
                .iter()
                .find_map(|form| variable(&format!("{name}_{form}")))
                .filter(|path| !path.is_empty())
                .map(PathBuf::from)
        };
        Self {
            root: root.into(),
            project: named("KITCHEN"),
            local: named("KITCHEN_LOCAL"),
            global: named("KITCHEN_GLOBAL"),
            ..Self::default()
        }
    }
}

/// A configuration, merged from its files.
#[derive(Clone, Debug)]
pub struct Config {
    /// Absolute path of the project's directory (`kitchen_root`).
    pub root: PathBuf,
    /// Which files were read.
    pub files: Files,
    /// Their texts.
    pub sources: Sources,
    /// What is odd but does not stop anything.
    pub warnings: Vec<Problem>,
    /// Absolute path of the directory with the tests.
    pub test_base_path: PathBuf,
    /// `debug`, `info`, `warn`, `error` or `fatal`.
    pub log_level: String,
    /// Whether warnings are errors.
    pub strict: bool,
    /// What is written of runs.
    pub report: Report,
    /// Names of keys and variables whose values are never shown.
    pub declared: Vec<String>,
    /// The merged tree, old forms moved.
    pub(crate) tree: Map,
    /// Each file's tree as written, in the order of `sources`.
    pub(crate) raw: Vec<(Arc<Source>, Node)>,
}

/// Reads, merges and checks a configuration. All problems are told at once.
pub fn load(options: &LoadOptions) -> Result<Config, Error> {
    let files = files::find(options)?;
    let mut problems = Problems::default();
    let (layers, failures) = layers::Layers::read(&files, &options.root, &mut problems);
    if !failures.is_empty() {
        return Err(Error { problems: failures });
    }
    let tree = layers.merged()?;
    let mut config = assembled(options, files, layers, tree, &mut problems);
    config.warnings = problems.finish(options.strict)?;
    Ok(config)
}

/// As [`load`], and goes on after every mistake: what can be read of a configuration, for those who
/// look at it and do nothing with it, and all that is wrong.
pub fn survey(options: &LoadOptions) -> (Option<Config>, Vec<Problem>) {
    let mut problems = Problems::default();
    let mut options = options.clone();
    let files = files::find(&options).or_else(|problem| {
        // Where there are two, the one without a dot is looked at.
        problems.push(problem);
        let plain = options.root.join("kitchen.yml");
        let project = options.project.get_or_insert(plain);
        options.local = options
            .local
            .take()
            .or(Some(project.with_extension("local.yml")));
        files::find(&options)
    });
    let Ok(files) = files else {
        return (None, problems.list);
    };
    let (layers, failures) = layers::Layers::read(&files, &options.root, &mut problems);
    problems.list.extend(failures);
    let tree = match layers.merged() {
        Ok(tree) => tree,
        Err(problem) => {
            problems.push(problem);
            return (None, problems.list);
        }
    };
    let config = assembled(&options, files, layers, tree, &mut problems);
    (Some(config), problems.list)
}

/// A configuration of what was read; what is wrong with it goes to `problems`.
fn assembled(
    options: &LoadOptions,
    files: Files,
    layers: layers::Layers,
    mut tree: Map,
    problems: &mut Problems,
) -> Config {
    check::shapes(&tree, &layers.sources, problems);
    check::keys(&tree, &layers.sources, problems);
    if let Err(problem) = legacy::normalize(&mut tree, &layers.sources) {
        problems.push(problem);
    }
    if tree.is_empty() && !layers.raw.is_empty() {
        let name = files.project.display();
        problems.push(
            Problem::warning(format!("{name} is empty"))
                .help("Add `driver:`, `platforms:` and `suites:`."),
        );
    }
    let kitchen = |key: &str| {
        let section = tree.get("kitchen")?;
        let text = section.node.get(key)?.as_str()?;
        Some(text.trim_start_matches(':').to_owned())
    };
    let tests = kitchen("test_base_path").map(PathBuf::from);
    let tests = tests
        .or_else(|| options.test_base_path.clone())
        .unwrap_or_else(|| Path::new("test").join("integration"));
    let report = report::read(&tree, &layers.sources, problems);
    let declared = secrets::read(&layers.raw, &layers.sources, problems);
    let log_level = kitchen("log_level").or_else(|| options.log_level.clone());
    Config {
        root: options.root.clone(),
        files,
        sources: layers.sources,
        warnings: Vec::new(),
        test_base_path: options.root.join(tests),
        log_level: log_level.unwrap_or_else(|| "info".into()),
        strict: options.strict,
        report,
        declared,
        tree,
        raw: layers.raw,
    }
}

/// A section as a map: a plain name is `{key: name}`, nothing is empty; none for other values.
pub(crate) fn named_map<'a>(node: &'a Node, key: &str) -> Option<Cow<'a, Map>> {
    match &node.value {
        Value::Map(map) => Some(Cow::Borrowed(map)),
        _ if node.is_null() => Some(Cow::default()),
        _ if node.as_str().is_some() => node.clone().under(key).into_map().map(Cow::Owned),
        _ => None,
    }
}
