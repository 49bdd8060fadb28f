//! `kitchen completions`: what shells know of this program. A shell asks it for every word, so that
//! names of instances, clusters and steps are completed as the project has them now.

use std::ffi::OsStr;
use std::io::Write;
use std::path::{Path, PathBuf};

use clap::{Args, CommandFactory, ValueEnum};
use clap_complete::CompleteEnv;
use clap_complete::engine::CompletionCandidate;
use clap_complete::env::{Bash, EnvCompleter, Fish, Powershell, Zsh};

use super::args::Arguments;
use super::exit::Exit;
use super::fault::Fault;
use super::streams;
use crate::config::{self, LoadOptions};
use crate::matrix::{Matrix, StepNode};
use crate::registry::Registry;
use crate::report::record::Runs;

/// The variable by which a shell asks.
const VARIABLE: &str = "KITCHEN_COMPLETE";

/// `completions`.
#[derive(Args, Clone, Debug)]
pub struct Completions {
    /// The shell
    #[arg(value_enum)]
    pub shell: Shell,
}

/// Shells that can ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[allow(missing_docs, reason = "names of shells")]
pub enum Shell {
    Bash,
    Zsh,
    Fish,
    Powershell,
}

/// Answers a shell that asks what a word could be, and ends; does nothing where none asks.
pub fn answer() {
    CompleteEnv::with_factory(Arguments::command)
        .var(VARIABLE)
        .complete();
}

/// Prints what a shell must know in order to ask.
pub fn completions(completions: &Completions) -> Result<Exit, Fault> {
    let shell: &dyn EnvCompleter = match completions.shell {
        Shell::Bash => &Bash,
        Shell::Zsh => &Zsh,
        Shell::Fish => &Fish,
        Shell::Powershell => &Powershell,
    };
    let mut script = Vec::new();
    shell.write_registration(VARIABLE, "kitchen", "kitchen", "kitchen", &mut script)?;
    streams::stdout().write_all(&script)?;
    Ok(Exit::Success)
}

/// Names of clusters and instances that begin so.
pub fn names(current: &OsStr) -> Vec<CompletionCandidate> {
    let Some(matrix) = matrix() else {
        return Vec::new();
    };
    let clusters = matrix.clusters.iter().map(|cluster| {
        let members = cluster.members.len();
        (cluster.name.clone(), format!("cluster of {members}"))
    });
    let instances = matrix.instances.iter().map(|instance| {
        let driver = &instance.driver.name;
        (instance.name.clone(), format!("instance, {driver}"))
    });
    candidates(current, clusters.chain(instances))
}

/// Numbers and names of the steps of all clusters that begin so.
pub fn steps(current: &OsStr) -> Vec<CompletionCandidate> {
    let Some(matrix) = matrix() else {
        return Vec::new();
    };
    let mut found: Vec<(String, String)> = Vec::new();
    for cluster in &matrix.clusters {
        for (number, node) in (1..).zip(&cluster.steps) {
            let title = crate::plan::title(node);
            let options = match node {
                StepNode::Step(step) => &step.options,
                StepNode::Block(block) => &block.options,
            };
            let help = format!("{title} of {}", cluster.name);
            let named = options.name.iter().map(|name| (name.clone(), help.clone()));
            found.extend(named.chain([(number.to_string(), help.clone())]));
        }
    }
    let mut seen = std::collections::HashSet::new();
    found.retain(|(value, _)| seen.insert(value.clone()));
    candidates(current, found.into_iter())
}

/// Ids of recorded runs that begin so, the newest first.
pub fn runs(current: &OsStr) -> Vec<CompletionCandidate> {
    let entries = Runs::new(&directory().join(".kitchen")).list();
    let entries = entries.into_iter().map(|entry| {
        let began = entry.at.strftime("%Y-%m-%d %H:%M:%S UTC").to_string();
        (entry.run, began)
    });
    candidates(current, entries)
}

fn candidates(
    current: &OsStr,
    all: impl Iterator<Item = (String, String)>,
) -> Vec<CompletionCandidate> {
    let current = current.to_string_lossy();
    all.filter(|(value, _)| value.starts_with(&*current))
        .map(|(value, help)| CompletionCandidate::new(value).help(Some(help.into())))
        .collect()
}

/// What the configuration describes; none where it has errors: a shell is no place to tell them.
fn matrix() -> Option<Matrix> {
    let root = std::path::absolute(directory()).ok()?;
    let config = config::load(&LoadOptions::from_env(root)).ok()?;
    Matrix::build(&config, &Registry::builtin()).ok()
}

/// The value of `-C` in the words so far, else the working directory.
fn directory() -> PathBuf {
    let mut words = std::env::args_os().skip_while(|word| word != "--").skip(1);
    while let Some(word) = words.next() {
        if (word == "-C" || word == "--directory")
            && let Some(directory) = words.next()
        {
            return directory.into();
        }
    }
    Path::new(".").into()
}
