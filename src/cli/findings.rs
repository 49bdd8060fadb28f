//! All that is wrong with a project, collected and not only its first mistakes: for `validate` and
//! `migrate`.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::args::Common;
use super::fault::Fault;
use super::foreseen::Foresight;
use super::loaded::options;
use super::mask;
use crate::config::{self, Config, LoadOptions, Node, Problem, Severity, Span};
use crate::matrix::{Instance, Kind, Matrix, Plugins};
use crate::plan::misnamed;
use crate::registry::Registry;
use crate::run::check_hook;
use crate::state::Project;

/// What was found.
pub struct Findings {
    /// In the order of the files.
    pub problems: Vec<Problem>,
    /// What could be read.
    pub config: Option<Config>,
    /// What could be made of it.
    pub matrix: Option<Matrix>,
}

impl Findings {
    /// Looks at the project in the working directory, and goes on after every mistake.
    pub fn of(common: &Common) -> Result<Self, Fault> {
        let options = LoadOptions {
            strict: false,
            ..options(common)?
        };
        let mut findings = Self {
            problems: Vec::new(),
            config: None,
            matrix: None,
        };
        findings.look(&options);
        findings.problems.sort_by_key(|problem| {
            let place = problem.place();
            place.map(|place| (place.span.file, place.span.line, place.span.column))
        });
        Ok(findings)
    }

    fn look(&mut self, options: &LoadOptions) {
        let (config, problems) = config::survey(options);
        mask::learn_broken(&problems);
        problems.into_iter().for_each(|problem| self.add(problem));
        let Some(config) = config else { return };
        mask::learn(&config);
        let mistakes = hooks(&config);
        mistakes.into_iter().for_each(|problem| self.add(problem));
        let registry = Registry::of_project(&options.root);
        let (matrix, mut problems) = Matrix::survey(&config, &registry);
        problems.list.extend(matrix.conflicts.iter().cloned());
        problems.list.extend(matrix.refusals.iter().cloned());
        let is_error = |it: &Problem| it.severity == Severity::Error;
        let sound = !self.problems.iter().chain(&problems.list).any(is_error);
        let instances = &matrix.instances;
        problems
            .list
            .extend(unknown_plugins(instances, &registry, &config));
        problems
            .list
            .extend(unknown_keys(instances, &registry, &config));
        problems.list.extend(expressions(&matrix, &config));
        problems
            .list
            .into_iter()
            .for_each(|problem| self.add(problem));
        if sound {
            self.foresee(&config, &matrix, &registry);
        }
        self.matrix = Some(matrix);
        self.config = Some(config);
    }

    /// What a test of all of it would find missing.
    fn foresee(&mut self, config: &Config, matrix: &Matrix, registry: &Registry) {
        let Ok(project) = Project::new(&config.root, Some(&config.test_base_path)) else {
            return;
        };
        let foresight = Foresight {
            config,
            matrix,
            registry,
            project: &project,
        };
        let alone = matrix.instances.iter().filter(|it| it.cluster.is_none());
        let alone: Vec<_> = alone.cloned().collect();
        let mut found = foresight.of_clusters(&matrix.clusters);
        found.extend(foresight.of_instances(&alone));
        let known: Vec<String> = self.problems.iter().map(|it| it.message.clone()).collect();
        found.retain(|problem| !known.contains(&problem.message));
        found.into_iter().for_each(|problem| self.add(problem));
    }

    /// What goes wrong early often goes wrong again later: once is enough.
    fn add(&mut self, problem: Problem) {
        let at = |problem: &Problem| problem.place().map(|place| place.span);
        let known = self
            .problems
            .iter()
            .any(|other| other.message == problem.message && at(other) == at(&problem));
        if !known {
            self.problems.push(problem);
        }
    }

    /// How many problems are as severe as that.
    pub fn count(&self, severity: Severity) -> usize {
        let problems = self.problems.iter();
        problems
            .filter(|problem| problem.severity == severity)
            .count()
    }
}

/// Each key that a plugin of these instances does not know, once.
pub fn unknown_keys(
    instances: &[Arc<Instance>],
    registry: &Registry,
    config: &Config,
) -> Vec<Problem> {
    let mut known = HashMap::new();
    let (mut sections, mut told) = (HashSet::new(), HashSet::new());
    let mut found: Vec<Problem> = Vec::new();
    for (instance, kind) in instances
        .iter()
        .flat_map(|it| Kind::ALL.map(|kind| (it, kind)))
    {
        let plugin = instance.plugin(kind);
        if !sections.insert((kind, Arc::as_ptr(&*plugin.section))) {
            continue;
        }
        let keys = known
            .entry((kind, plugin.name.as_str()))
            .or_insert_with(|| registry.keys(kind, &plugin.name));
        let Some(keys) = keys else { continue };
        let what = format!("{} {}", kind.key(), plugin.name);
        let (section, foreign) = (&plugin.section, plugin.section.foreign());
        let sources = &config.sources;
        let unknown = config::unknown_keys(&what, section, keys, foreign, sources, &mut told);
        found.extend(unknown);
    }
    found
}

/// Expressions that name nothing.
fn expressions(matrix: &Matrix, config: &Config) -> Vec<Problem> {
    let found = misnamed(matrix).into_iter().map(|it| {
        let problem = Problem::error(it.wrong.to_string()).help(it.wrong.help);
        match &it.at {
            Some(at) => problem.at_origin(&config.sources, at, "here"),
            None => problem,
        }
    });
    found.collect()
}

/// Hooks that cannot run, and keys of `lifecycle` that no action has.
fn hooks(config: &Config) -> Vec<Problem> {
    let known: Vec<String> = ["pre", "post", "finally"]
        .iter()
        .flat_map(|timing| {
            ["create", "converge", "setup", "verify", "destroy"]
                .map(|action| format!("{timing}_{action}"))
        })
        .collect();
    let items = ["platforms", "suites"].map(|key| config::items(&config.tree, key));
    let items = items.into_iter().flatten();
    let top = config.tree.get("lifecycle").map(|entry| &entry.node);
    let sections = top
        .into_iter()
        .chain(items.filter_map(|item| item.get("lifecycle")));
    let mut found = Vec::new();
    for (key, entry) in sections.filter_map(Node::as_map).flatten() {
        if !known.contains(key) {
            let problem = Problem::warning(format!("unknown key `{key}` of `lifecycle`"));
            let problem = problem.at(&config.sources, entry.key, "nothing reads this");
            found.push(problem.suggest(key, known.iter().map(String::as_str)));
            continue;
        }
        let all = entry
            .node
            .as_list()
            .unwrap_or(std::slice::from_ref(&entry.node));
        for hook in all.iter().filter(|hook| !hook.is_null()) {
            if let Err(reason) = check_hook(&hook.to_json()) {
                let problem = Problem::error(format!("a hook of {key} cannot run: {reason}")).at(
                    &config.sources,
                    hook.span,
                    "here",
                );
                found.push(problem.help(
                    "A hook is a command, `{local, environment, cwd, user}` or `{remote, skippable}`.",
                ));
            }
        }
    }
    found
}

/// Each plugin that the configuration names and this build does not have, once.
fn unknown_plugins(
    instances: &[Arc<Instance>],
    registry: &Registry,
    config: &Config,
) -> Vec<Problem> {
    let mut seen = Vec::new();
    let mut found = Vec::new();
    for (instance, kind) in instances
        .iter()
        .flat_map(|it| Kind::ALL.map(|kind| (it, kind)))
    {
        let plugin = instance.plugin(kind);
        let Some(unknown) = registry.unknown(kind, &plugin.name) else {
            continue;
        };
        let key = (kind, plugin.name.as_str());
        if !plugin.named || seen.contains(&key) {
            continue;
        }
        seen.push(key);
        let problem = Problem::error(unknown.to_string()).help(unknown.hint());
        found.push(match place(config, kind, &plugin.name) {
            Some(span) => problem.at(&config.sources, span, "not in this build"),
            None => problem,
        });
    }
    found
}

/// Where the configuration names a plugin: at the top, on a platform or on a suite.
fn place(config: &Config, kind: Kind, name: &str) -> Option<Span> {
    let lists = ["platforms", "suites"];
    let items = lists
        .into_iter()
        .flat_map(|key| config::items(&config.tree, key));
    let top = config.tree.get(kind.key()).map(|entry| &entry.node);
    let sections = top
        .into_iter()
        .chain(items.filter_map(|item| item.get(kind.key())));
    let named = |section: &Node| {
        let written = section.get("name").unwrap_or(section);
        (written.as_str() == Some(name)).then_some(written.span)
    };
    sections.into_iter().find_map(named)
}
