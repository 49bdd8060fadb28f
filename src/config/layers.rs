//! The files put over each other: the user's, the project's, the working copy's.

use std::path::Path;
use std::sync::Arc;

use super::files::{self, Files};
use super::merge::merged;
use super::node::{Entry, Map, Node, Value};
use super::problem::{Problem, Problems};
use super::source::{Source, Sources};
use super::{erb, yaml};

/// The files, read and parsed, the weakest first.
#[derive(Debug, Default)]
pub struct Layers {
    /// Their texts.
    pub sources: Sources,
    /// Their trees as written.
    pub raw: Vec<(Arc<Source>, Node)>,
}

impl Layers {
    /// Reads all files, and gives with them what is wrong with those that cannot be used.
    pub fn read(files: &Files, root: &Path, problems: &mut Problems) -> (Self, Vec<Problem>) {
        let mut layers = Self::default();
        let mut failures = Vec::new();
        let paths = [&files.global, &Some(files.project.clone()), &files.local];
        for path in paths.into_iter().flatten() {
            if let Err(problem) = layers.read_file(path, root, &mut problems.list) {
                failures.push(problem);
            }
        }
        (layers, failures)
    }

    fn read_file(
        &mut self,
        path: &Path,
        root: &Path,
        warnings: &mut Vec<Problem>,
    ) -> Result<(), Problem> {
        let written = files::read(path, root)?;
        let source = erb::load(&written)?;
        let file = self.sources.add(source.clone());
        let node = yaml::parse(&source, file, warnings)?;
        if !(node.is_null() || node.as_map().is_some() || is_false(&node)) {
            return Err(Problem::error(format!(
                "{} must be a map of keys, and is {}",
                source.shown,
                node.described()
            ))
            .at(&self.sources, node.span, "here")
            .help("Begin with keys such as `driver:`, `platforms:` and `suites:`."));
        }
        self.raw.push((source, node));
        Ok(())
    }

    /// One tree of all files.
    pub fn merged(&self) -> Result<Map, Problem> {
        let mut result = Map::new();
        for (_, node) in &self.raw {
            if let Some(map) = node.as_map() {
                result = merged(&result, &normalized(map), &self.sources)?;
            }
        }
        Ok(result)
    }
}

/// Psych reads an empty document as false.
fn is_false(node: &Node) -> bool {
    node.value == Value::Scalar(false.into())
}

/// Short forms made long before files are merged (loader/yaml.rb, normalize): not in lists.
fn normalized(map: &Map) -> Map {
    let long = |(key, entry): (&String, &Entry)| {
        let node = match (key.as_str(), &entry.node.value) {
            ("driver" | "provisioner" | "busser", Value::Scalar(_)) => {
                let name = if key == "busser" { "version" } else { "name" };
                match super::named_map(&entry.node, name) {
                    Some(map) => Node::map(map.into_owned(), entry.node.span),
                    None => entry.node.clone(),
                }
            }
            (_, Value::Map(inner)) => Node::map(normalized(inner), entry.node.span),
            _ => entry.node.clone(),
        };
        let place = entry.key;
        (key.clone(), Entry { key: place, node })
    };
    map.iter().map(long).collect()
}
