//! `kitchen plan`: what a command would do.

use std::io::Write;

use clap::{Args, ValueEnum};

use super::args::{Common, Destroy, Names, Part};
use super::exit::Exit;
use super::fault::Fault;
use super::loaded::Loaded;
use super::mask;
use crate::matrix::Selection;
use crate::plan::{self, Command, Facts, Options, Planner, Subject, render};

/// `plan`: takes what `test` takes, and the command to plan.
#[derive(Args, Clone, Debug)]
pub struct Plan {
    /// Which.
    #[command(flatten)]
    pub names: Names,
    /// The command that would run
    #[arg(long = "for", value_name = "COMMAND", default_value = "test")]
    pub command: Planned,
    /// When `test` would destroy afterwards
    #[arg(short, long, value_name = "WHEN", default_value = "passing")]
    pub destroy: Destroy,
    /// Which steps.
    #[command(flatten)]
    pub part: Part,
    /// Output.
    #[command(flatten)]
    pub common: Common,
}

/// A command that can be planned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[allow(missing_docs, reason = "each is the command of its name")]
pub enum Planned {
    Create,
    Converge,
    Setup,
    Verify,
    Destroy,
    Test,
}

/// Prints the plan, which changes nothing; one that could not run is an error all the same.
pub fn plan(plan: &Plan) -> Result<Exit, Fault> {
    let loaded = Loaded::read(&plan.common)?;
    let command = match plan.command {
        Planned::Create => Command::Create,
        Planned::Converge => Command::Converge,
        Planned::Setup => Command::Setup,
        Planned::Verify => Command::Verify,
        Planned::Destroy => Command::Destroy,
        Planned::Test => Command::Test,
    };
    let selection = loaded.choose_for(command, &plan.names)?;
    let options = plan.part.options(plan.destroy);
    let plan = make(&loaded, &selection, command, &options)?;
    mask::out().write_all(render(&plan).as_bytes())?;
    loaded.refuse(command, &selection)?;
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
) -> Result<plan::Plan, Fault> {
    let clusters = selection.clusters.iter().cloned().map(Subject::Cluster);
    let instances = selection.instances.iter().cloned().map(Subject::Instance);
    let subjects: Vec<Subject> = clusters.chain(instances).collect();
    let mut facts = Facts::read(&loaded.project, &subjects);
    if matches!(command, Command::Destroy | Command::Test) {
        facts.strays = loaded.strays();
    }
    let planner = Planner {
        project: &loaded.project,
        matrix: &loaded.matrix,
        registry: &loaded.registry,
        facts: &facts,
    };
    planner
        .plan(&subjects, command, options)
        .map_err(|error| Fault::usage(error.to_string(), None::<String>))
}
