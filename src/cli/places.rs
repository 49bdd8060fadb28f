//! Where the steps of a plan are written, for annotations of a build server.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use banquet_sdk::Origin;

use crate::matrix::StepNode;
use crate::plan::{Item, Plan, Subject};
use crate::report::ci::Places;

/// The directory below which the build server looks for the files that annotations name: the
/// repository's, else the nearest above `project` that is a repository, else `project`.
pub fn root(project: &Path) -> PathBuf {
    let workspace = std::env::var_os("GITHUB_WORKSPACE").map(PathBuf::from);
    let workspace = workspace.filter(|workspace| project.starts_with(workspace));
    let repository = || project.ancestors().find(|it| it.join(".git").exists());
    workspace
        .or_else(|| repository().map(Path::to_path_buf))
        .unwrap_or_else(|| project.to_path_buf())
}

/// The places of all steps and subjects, with files as they are called in the directory `root`:
/// that of the repository, as the build server has it.
pub fn of(plan: &Plan, root: &Path) -> Places {
    let mut places = Places::default();
    for task in &plan.tasks {
        let name = task.subject.name();
        if let Some(origin) = of_subject(&task.subject) {
            places.insert(name, Vec::new(), within(&origin, root));
        }
        for item in &task.items {
            if let Item::Step { number, node } = item {
                add(name, &mut vec![*number], node, root, &mut places);
            }
        }
    }
    places
}

fn add(name: &str, path: &mut Vec<usize>, node: &StepNode, root: &Path, places: &mut Places) {
    let origin = match node {
        StepNode::Step(step) => step.origin.as_ref(),
        StepNode::Block(block) => block.origin.as_ref(),
    };
    if let Some(origin) = origin {
        places.insert(name, path.clone(), within(origin, root));
    }
    if let StepNode::Block(block) = node {
        for (index, child) in block.shape.children().enumerate() {
            path.push(index + 1);
            add(name, path, child, root, places);
            path.pop();
        }
    }
}

fn of_subject(subject: &Subject) -> Option<Origin> {
    match subject {
        Subject::Cluster(cluster) => cluster.origin.clone(),
        Subject::Instance(instance) => instance.origin.clone(),
    }
}

fn within(origin: &Origin, root: &Path) -> Origin {
    match origin.file.strip_prefix(root) {
        Ok(file) => Origin {
            file: Arc::new(file.to_path_buf()),
            ..origin.clone()
        },
        Err(_) => origin.clone(),
    }
}
