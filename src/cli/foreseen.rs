//! What can be known to fail before anything is made: a `test` of everything is planned without a
//! look at what there is, and what keeps it from running is told with its place.

use std::sync::Arc;

use crate::config::{Config, Problem};
use crate::matrix::{Cluster, Instance, Matrix};
use crate::plan::{Command, Facts, Obstacle, Options, Planner, Subject};
use crate::registry::Registry;
use crate::state::Project;

/// What is described, and what is asked about it.
pub struct Foresight<'a> {
    pub config: &'a Config,
    pub matrix: &'a Matrix,
    pub registry: &'a Registry,
    pub project: &'a Project,
}

impl Foresight<'_> {
    /// What keeps clusters from being tested, as errors, and what may, as warnings.
    pub fn of_clusters(&self, clusters: &[Arc<Cluster>]) -> Vec<Problem> {
        let subjects = clusters.iter().cloned().map(Subject::Cluster);
        self.problems(subjects.collect(), true)
    }

    /// What is wrong with the settings of instances of no cluster, as errors, and paths that these
    /// name and that are missing, as warnings.
    pub fn of_instances(&self, instances: &[Arc<Instance>]) -> Vec<Problem> {
        let subjects = instances.iter().cloned().map(Subject::Instance);
        self.problems(subjects.collect(), false)
    }

    fn problems(&self, subjects: Vec<Subject>, obstacles: bool) -> Vec<Problem> {
        let planner = Planner {
            project: self.project,
            matrix: self.matrix,
            registry: self.registry,
            facts: &Facts::default(),
        };
        let Ok(plan) = planner.plan(&subjects, Command::Test, &Options::default()) else {
            return Vec::new();
        };
        let mut found: Vec<Problem> = Vec::new();
        for task in &plan.tasks {
            let of_settings = |it: &Obstacle| obstacles || it.at.is_some();
            let errors = task.obstacles.iter();
            let errors = errors.filter(|it| it.of_files && of_settings(it));
            let errors = errors.map(|it| (it, Problem::error(&it.message)));
            let doubts = task.doubts.iter();
            let doubts = doubts.map(|it| (it, Problem::warning(&it.message)));
            for (obstacle, problem) in errors.chain(doubts) {
                let problem = placed(problem, obstacle, self.config);
                if !found.iter().any(|other| other.message == problem.message) {
                    found.push(problem);
                }
            }
        }
        found
    }
}

/// `problem`, which `obstacle` is, with its place and what to do.
pub fn placed(mut problem: Problem, obstacle: &Obstacle, config: &Config) -> Problem {
    if let Some(at) = &obstacle.at {
        problem.message = problem.message.replacen(&format!(" ({at})"), "", 1);
        problem = problem.at_origin(&config.sources, at, "here");
    }
    match obstacle.hints.is_empty() {
        true => problem,
        false => problem.help(obstacle.hints.join("\n")),
    }
}
