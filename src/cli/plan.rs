//! `kitchen plan`: what a command would do.

use std::io::{self, Write};

use super::args::{self, Planned};
use super::exit::Exit;
use super::fault::Fault;
use super::loaded::Loaded;
use crate::matrix::Selection;
use crate::plan::{Command, Facts, Options, Plan, Planner, Subject, render};

/// Prints the plan, which changes nothing; one that could not run is an error all the same.
pub fn plan(plan: &args::Plan) -> Result<Exit, Fault> {
    let loaded = Loaded::read(&plan.common)?;
    let selection = loaded.choose(&plan.names)?;
    let command = match plan.command {
        Planned::Create => Command::Create,
        Planned::Converge => Command::Converge,
        Planned::Setup => Command::Setup,
        Planned::Verify => Command::Verify,
        Planned::Destroy => Command::Destroy,
        Planned::Test => Command::Test,
    };
    let options = plan.part.options(plan.destroy);
    let plan = make(&loaded, &selection, command, &options)?;
    io::stdout().write_all(render(&plan).as_bytes())?;
    match plan.tasks.iter().all(|task| task.obstacles.is_empty()) {
        true => Ok(Exit::Success),
        false => Ok(Exit::Config),
    }
}

/// What `command` would do to all that is selected.
pub fn make(
    loaded: &Loaded,
    selection: &Selection,
    command: Command,
    options: &Options,
) -> Result<Plan, Fault> {
    let clusters = selection.clusters.iter().cloned().map(Subject::Cluster);
    let instances = selection.instances.iter().cloned().map(Subject::Instance);
    let subjects: Vec<Subject> = clusters.chain(instances).collect();
    let planner = Planner {
        project: &loaded.project,
        matrix: &loaded.matrix,
        registry: &loaded.registry,
        facts: &Facts::read(&loaded.project, &subjects),
    };
    planner
        .plan(&subjects, command, options)
        .map_err(|error| Fault::usage(error.to_string(), None::<String>))
}
