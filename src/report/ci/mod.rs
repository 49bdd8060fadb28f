//! Build servers: what a report writes for the one that it runs on (groups of lines, annotations,
//! a summary of the job), and what it keeps from it. A build server obeys lines of the output, and
//! whatever a machine prints is output: [`neutral`] takes their power. Called by the report and,
//! for all else that is printed, by the command line.

mod annotations;
mod groups;
mod neutral;
mod summary;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::path::PathBuf;

use banquet_sdk::Origin;

pub use annotations::annotations;
pub use groups::{Groups, open};
pub use neutral::{Content, Guard, neutral};
pub use summary::append;

use crate::run::Place;

/// The build server that reads the output.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Server {
    /// None: the output is for people and files.
    #[default]
    None,
    /// One for which nothing special is written, and which may obey lines all the same.
    Other,
    /// GitHub Actions, and what runs its workflows (Forgejo, Gitea).
    Github,
    /// GitLab.
    Gitlab,
}

impl Server {
    /// The server that the variables of the environment name; `variable` gives the value of one.
    pub fn of(variable: impl Fn(&str) -> Option<String>) -> Self {
        let set = |name| variable(name).is_some_and(|it| !it.is_empty() && it != "false");
        match () {
            () if set("GITHUB_ACTIONS") => Self::Github,
            () if set("GITLAB_CI") => Self::Gitlab,
            () if ["CI", "TF_BUILD", "TEAMCITY_VERSION"].into_iter().any(set) => Self::Other,
            () => Self::None,
        }
    }

    /// The server that the variables of this process name.
    pub fn of_environment() -> Self {
        Self::of(|name| Some(std::env::var_os(name)?.to_string_lossy().into_owned()))
    }
}

/// What a report does for a build server.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The server.
    pub server: Server,
    /// Where each step is written, the file as an annotation names it.
    pub places: Places,
    /// The file of the job's summary, to which GitHub's is appended; none: no summary.
    pub summary: Option<PathBuf>,
}

/// Where steps are written: by subject and path of the step. The path of an instance by itself, and
/// of what happens outside of steps, is empty.
#[derive(Clone, Debug, Default)]
pub struct Places(BTreeMap<(String, Vec<usize>), Origin>);

impl Places {
    /// Notes where the step `path` of `subject` is written.
    pub fn insert(&mut self, subject: &str, path: Vec<usize>, origin: Origin) {
        self.0.insert((subject.to_owned(), path), origin);
    }

    /// Where the step at `place` is written, else the block that it is in, else its subject.
    fn of(&self, place: &Place) -> Option<&Origin> {
        let lengths = (0..=place.step.len()).rev();
        let mut paths =
            lengths.map(|length| (place.subject.clone(), place.step[..length].to_vec()));
        paths.find_map(|path| self.0.get(&path))
    }
}
