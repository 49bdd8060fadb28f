//! How far everything is, as the state tells.

use std::collections::HashMap;

use super::{Obstacle, Strays, Subject};
use crate::state::{ClusterRecord, Project};

/// What `.kitchen/` says about the subjects of a plan.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    /// The last action of each instance that has one.
    pub last_actions: HashMap<String, String>,
    /// What each cluster has done.
    pub records: HashMap<String, ClusterRecord>,
    /// Instances and clusters whose files cannot be read, and why.
    pub broken: HashMap<String, Obstacle>,
    /// What the configuration does not have any more.
    pub strays: Strays,
}

impl Facts {
    /// Reads what there is about `subjects`. A file that cannot be read is no error here: `destroy`
    /// needs none.
    pub fn read(project: &Project, subjects: &[Subject]) -> Self {
        let mut facts = Self::default();
        for subject in subjects {
            // An instance of a cluster has that cluster's faults.
            let cluster = match subject {
                Subject::Cluster(cluster) => Some(&cluster.name),
                Subject::Instance(instance) => instance.cluster.as_ref(),
            };
            if let Some(cluster) = cluster {
                match ClusterRecord::read(&project.kitchen(), cluster) {
                    Ok(record) => drop(facts.records.insert(cluster.clone(), record)),
                    Err(error) => facts.broken(cluster, &error),
                }
            }
            for member in subject.members() {
                match project.state_file(&member.name).read() {
                    Ok(state) => {
                        if let Some(last) = state.get("last_action").and_then(|it| it.as_str()) {
                            facts.last_actions.insert(member.name.clone(), last.into());
                        }
                    }
                    Err(error) => facts.broken(&member.name, &error),
                }
            }
        }
        facts
    }

    fn broken(&mut self, name: &str, error: &crate::state::Error) {
        let obstacle = Obstacle {
            message: error.to_string(),
            hints: error.hints(),
            ..Obstacle::default()
        };
        self.broken.insert(name.into(), obstacle);
    }

    /// Whether the instance was made and not removed.
    pub fn exists(&self, instance: &str) -> bool {
        self.last_actions
            .get(instance)
            .is_some_and(|last| last != "destroy")
    }
}
