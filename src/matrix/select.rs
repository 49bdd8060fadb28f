//! Which clusters and instances a command is about.

use std::sync::Arc;

use super::pattern::regex;
use super::{Cluster, Instance, Matrix};
use crate::config;

/// What a command is about, in the order of the configuration.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    /// Clusters.
    pub clusters: Vec<Arc<Cluster>>,
    /// Instances by themselves.
    pub instances: Vec<Arc<Instance>>,
}

impl Selection {
    /// Adds what `other` selects and this does not.
    pub fn add(&mut self, other: Self) {
        for cluster in other.clusters {
            if !self.clusters.iter().any(|it| it.name == cluster.name) {
                self.clusters.push(cluster);
            }
        }
        for instance in other.instances {
            if !self.instances.iter().any(|it| it.name == instance.name) {
                self.instances.push(instance);
            }
        }
    }

    /// Whether nothing is selected.
    pub fn is_empty(&self) -> bool {
        self.clusters.is_empty() && self.instances.is_empty()
    }
}

/// Why nothing could be selected; the words are Test Kitchen's (command.rb).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SelectError {
    /// Nothing is called so.
    #[error("No instances for regex `{pattern}', try running `kitchen list'")]
    NoMatch {
        /// What was asked for.
        pattern: String,
        /// The name that is nearest to it, if any is near.
        nearest: Option<String>,
    },
    /// `all`, and there is nothing.
    #[error("No instances defined")]
    NoneDefined,
    /// Not a regular expression.
    #[error(
        "Invalid Ruby regular expression, you may need to single quote the argument. Please try again or consult https://rubular.com/ ({0})"
    )]
    BadPattern(String),
}

impl Matrix {
    /// What `pattern` selects: `all` or nothing given is everything; else an exact name, else an
    /// unanchored regular expression; clusters first, and instances where no cluster matches. With
    /// clusters in the configuration, everything means all clusters.
    pub fn select(&self, pattern: Option<&str>) -> Result<Selection, SelectError> {
        let found = match pattern {
            None | Some("all") => self.all(),
            Some(pattern) => self.matching(pattern)?,
        };
        match (found.is_empty(), pattern) {
            (false, _) => Ok(found),
            (true, Some("all")) => Err(SelectError::NoneDefined),
            (true, pattern) => {
                let pattern = pattern.unwrap_or_default();
                Err(SelectError::NoMatch {
                    nearest: self.nearest(pattern).map(str::to_owned),
                    pattern: pattern.into(),
                })
            }
        }
    }

    /// What several arguments select together, each as in [`Matrix::select`]; nothing twice. No
    /// arguments select everything.
    pub fn select_many<S: AsRef<str>>(&self, patterns: &[S]) -> Result<Selection, SelectError> {
        if patterns.is_empty() {
            return self.select(None);
        }
        let (mut clusters, mut instances) = (Vec::new(), Vec::new());
        for pattern in patterns {
            let found = self.select(Some(pattern.as_ref()))?;
            clusters.extend(found.clusters.iter().map(|cluster| cluster.name.clone()));
            instances.extend(found.instances.iter().map(|instance| instance.name.clone()));
        }
        Ok(Selection {
            clusters: kept(&self.clusters, |cluster| clusters.contains(&cluster.name)),
            instances: kept(&self.instances, |instance| {
                instances.contains(&instance.name)
            }),
        })
    }

    /// As [`Matrix::select`], but among instances only.
    pub fn select_instances(
        &self,
        pattern: Option<&str>,
    ) -> Result<Vec<Arc<Instance>>, SelectError> {
        let instances = Matrix {
            instances: self.instances.clone(),
            ..Matrix::default()
        };
        Ok(instances.select(pattern)?.instances)
    }

    /// The name of a cluster, an instance, a multisuite, a suite or a platform that is nearest to
    /// `wrong`; each selects what is called so.
    fn nearest(&self, wrong: &str) -> Option<&str> {
        let clusters = self.clusters.iter();
        let clusters = clusters.flat_map(|it| [&it.name, &it.multisuite, &it.platform]);
        let instances = self.instances.iter();
        let instances = instances.flat_map(|it| [&it.name, &it.suite, &it.platform]);
        config::nearest(wrong, clusters.chain(instances).map(String::as_str))
    }

    fn all(&self) -> Selection {
        let instances = match self.clusters.is_empty() {
            true => self.instances.clone(),
            false => Vec::new(),
        };
        Selection {
            clusters: self.clusters.clone(),
            instances,
        }
    }

    fn matching(&self, pattern: &str) -> Result<Selection, SelectError> {
        let mut found = Selection::default();
        if let Some(cluster) = self.clusters.iter().find(|it| it.name == pattern) {
            found.clusters.push(cluster.clone());
            return Ok(found);
        }
        let exact = self.instances.iter().find(|it| it.name == pattern);
        let regex = match exact {
            Some(instance) if self.clusters.is_empty() => {
                found.instances.push(instance.clone());
                return Ok(found);
            }
            _ => regex(pattern, ""),
        };
        let matches = |name: &str| match &regex {
            Ok(regex) => regex.is_match(name).unwrap_or(false),
            Err(_) => false,
        };
        found.clusters = kept(&self.clusters, |cluster| matches(&cluster.name));
        if !found.clusters.is_empty() {
            return Ok(found);
        }
        found.instances = match exact {
            Some(instance) => vec![instance.clone()],
            None => kept(&self.instances, |instance| matches(&instance.name)),
        };
        match (found.is_empty(), regex) {
            (true, Err(error)) => Err(SelectError::BadPattern(error)),
            _ => Ok(found),
        }
    }
}

fn kept<T>(all: &[Arc<T>], keep: impl Fn(&T) -> bool) -> Vec<Arc<T>> {
    all.iter().filter(|it| keep(it)).cloned().collect()
}
