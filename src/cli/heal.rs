//! Faults that an earlier run left in force: commands that reach machines outside of a run undo
//! them first, those that change nothing tell of them.

use std::io;
use std::sync::Arc;

use banquet_sdk::Fault as Found;

use super::act::{Shown, carry_out};
use super::args::Common;
use super::exit::Exit;
use super::fault::Fault;
use super::loaded::Loaded;
use super::mask;
use super::plan::make;
use super::show::options;
use crate::matrix::{Cluster, Instance, Selection};
use crate::plan::{self, Command};
use crate::report::Style;
use crate::report::ci::Server;
use crate::run::Options;
use crate::state::{self, Broken, ClusterRecord, Lock};

/// Undoes what is broken in the clusters of `selection`, and says so on standard error. What a run
/// that is going on has broken is only told: it is meant. Fails where something stays broken.
pub fn first(loaded: &Loaded, common: &Common, selection: &Selection) -> Result<(), Fault> {
    let kitchen = loaded.project.kitchen();
    let mut clusters = Vec::new();
    for cluster in concerned(loaded, selection) {
        let broken = in_force(loaded, &cluster);
        if broken.is_empty() {
            continue;
        }
        match Lock::look(&kitchen, &cluster.name)? {
            state::Found::Held(holder) => {
                let held = state::Error::Held {
                    name: cluster.name.clone(),
                    holder: Some(holder),
                };
                mask::note(&format!("-----> {held}; {}", told(&broken)));
            }
            state::Found::Free | state::Found::Killed(_) => clusters.push(cluster),
        }
    }
    if clusters.is_empty() {
        return Ok(());
    }
    let selection = Selection {
        clusters,
        instances: Vec::new(),
    };
    let plan = make(loaded, &selection, Command::Heal, &plan::Options::default())?;
    let mut report = options(common, 1, &kitchen);
    report.style = Style::Lines;
    // What is told beside a command is no part of the job.
    if report.ci.server != Server::None {
        report.ci.server = Server::Other;
    }
    report.ci.summary = None;
    // What the logs tell of the run before is still of use.
    report.overwrite = false;
    let shown = Shown {
        report,
        out: Box::new(io::stderr()),
    };
    let goes = Options {
        secrets: mask::secrets().clone(),
        ..Options::default()
    };
    match carry_out(&plan, &loaded.kitchen(), &goes, shown)? {
        Exit::Success => Ok(()),
        exit => {
            let names: Vec<&str> = selection
                .clusters
                .iter()
                .map(|it| it.name.as_str())
                .collect();
            let names = names.join(" ");
            Err(Fault::new(
                exit,
                "what an earlier run broke could not be undone",
                [format!(
                    "`kitchen heal {names}` tries again, `kitchen destroy {names}` removes it."
                )],
            ))
        }
    }
}

/// Tells on standard error what is broken in the clusters of `selection`.
pub fn tell(loaded: &Loaded, selection: &Selection) {
    for (cluster, found) in found(loaded, selection) {
        mask::note(&format!(
            "-----> {cluster} is not whole: {}. {}",
            found.message, found.advice
        ));
    }
}

/// What is broken in the clusters of `selection`, each by its name.
pub fn found(loaded: &Loaded, selection: &Selection) -> Vec<(String, Found)> {
    let clusters = concerned(loaded, selection).into_iter();
    let found = clusters.filter_map(|cluster| {
        let broken = in_force(loaded, &cluster);
        let found = Found {
            message: told(&broken),
            advice: format!(
                "The end of its run undoes it, else the next command on it or `kitchen heal {}`.",
                cluster.name
            ),
        };
        (!broken.is_empty()).then(|| (cluster.name.clone(), found))
    });
    found.collect()
}

/// Whether a fault keeps the instance from answering.
pub fn is_silenced(loaded: &Loaded, instance: &Instance) -> bool {
    let mut clusters = loaded.matrix.clusters.iter();
    let cluster = clusters.find(|it| Some(&it.name) == instance.cluster.as_ref());
    let broken = cluster.map(|cluster| in_force(loaded, cluster));
    let mut broken = broken.into_iter().flatten();
    broken.any(|it| !it.what.is_of_links() && it.concerns(&instance.name))
}

/// The clusters that are selected, and those whose members are.
fn concerned(loaded: &Loaded, selection: &Selection) -> Vec<Arc<Cluster>> {
    let all = loaded.matrix.clusters.iter();
    let is_meant = |cluster: &&Arc<Cluster>| {
        let name = Some(cluster.name.as_str());
        let mut instances = selection.instances.iter();
        selection.clusters.iter().any(|it| it.name == cluster.name)
            || instances.any(|it| it.cluster.as_deref() == name)
    };
    all.filter(is_meant).cloned().collect()
}

/// What is broken in a cluster; nothing where its record cannot be read, which others tell.
fn in_force(loaded: &Loaded, cluster: &Cluster) -> Vec<Broken> {
    let record = ClusterRecord::read(&loaded.project.kitchen(), &cluster.name);
    record.map(|record| record.broken).unwrap_or_default()
}

/// Tells what is broken, in a line.
fn told(broken: &[Broken]) -> String {
    let each = |it: &Broken| format!("`{}` on {} since {}", it.step, it.members(), it.when());
    let all: Vec<String> = broken.iter().map(each).collect();
    format!("in force: {}", all.join("; "))
}
