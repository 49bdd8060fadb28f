//! Configuration to matrix.

use std::collections::HashMap;
use std::sync::Arc;

use super::levels::{Item, Levels, items};
use super::names::{Filter, joined};
use super::plugins::Plugins;
use super::{Instance, Kind, Matrix, platform_type};
use super::{clusters, limits};
use crate::config::{self, Config, Error, Node, Problem, Problems, Sources, Span};

impl Matrix {
    /// All instances and clusters of a configuration; what is wrong is told at once. Names that
    /// two instances share are [`Matrix::conflicts`], which only commands that act must refuse.
    pub fn build(config: &Config, plugins: &dyn Plugins) -> Result<Self, Error> {
        let (mut matrix, mut problems) = Self::survey(config, plugins);
        if !matrix.clusters.is_empty() || problems.list.iter().any(is_error) {
            problems.list.append(&mut matrix.conflicts);
        }
        matrix.warnings = problems.finish(config.strict)?;
        Ok(matrix)
    }

    /// As [`Matrix::build`], and gives with all that is wrong what could be made all the same.
    pub fn survey(config: &Config, plugins: &dyn Plugins) -> (Self, Problems) {
        let mut problems = Problems::default();
        let suites = items(&config.tree, "suites");
        let platforms = items(&config.tree, "platforms");
        kitchens_own(config, &mut problems);
        let mut matrix = Self {
            instances: instances(config, plugins, &suites, &platforms, &mut problems),
            ..Self::default()
        };
        matrix.destroy_limit = limits::of_destroy(config, &mut problems);
        matrix.conflicts = conflicts(&matrix, &suites, &platforms, &config.sources);
        clusters::add(
            &mut matrix,
            config,
            plugins,
            &suites,
            &platforms,
            &mut problems,
        );
        (matrix, problems)
    }
}

/// Warns of settings of plugins that are the kitchen's own: as in Test Kitchen, which puts its own
/// values in their place (data_munger.rb, `set_kitchen_config_at!`), nothing reads them there.
fn kitchens_own(config: &Config, problems: &mut Problems) {
    let lists = ["platforms", "suites"];
    let lists = lists.map(|key| config::items(&config.tree, key));
    let items = lists.into_iter().flatten().filter_map(Node::as_map);
    for level in std::iter::once(&config.tree).chain(items) {
        for kind in Kind::ALL {
            let section = level.get(kind.key()).and_then(|it| it.node.as_map());
            let keys = kind.kitchen_keys().iter();
            for (key, entry) in keys.filter_map(|key| section?.get_key_value(*key)) {
                let kind = kind.key();
                let problem = Problem::warning(format!("`{key}` in `{kind}` has no effect"));
                let problem = problem.at(&config.sources, entry.key, "nothing reads this");
                problems.push(problem.help(match key.as_str() {
                    "test_base_path" => {
                        "One directory holds the tests of all suites: write \
                         `kitchen: {test_base_path: DIRECTORY}` at the top. The tests of a suite are \
                         in a directory of its name below it."
                    }
                    "log_level" => "Write `kitchen: {log_level: LEVEL}` at the top.",
                    "kitchen_root" => "It is the directory of the configuration. Remove it.",
                    _ => "Remove it; `--debug` shows more.",
                }));
            }
        }
    }
}

fn is_error(problem: &Problem) -> bool {
    problem.severity == crate::config::Severity::Error
}

fn instances(
    config: &Config,
    plugins: &dyn Plugins,
    suites: &[Item<'_>],
    platforms: &[Item<'_>],
    problems: &mut Problems,
) -> Vec<Arc<Instance>> {
    let mut levels = Levels::new(config, plugins);
    let mut instances = Vec::new();
    for suite in suites {
        let Some(filter) = filter(suite.node, &config.sources, problems) else {
            continue;
        };
        let passing = platforms
            .iter()
            .filter(|platform| filter.lets(platform.name));
        for platform in passing {
            match instance(&mut levels, suite, platform) {
                Ok(instance) => instances.push(Arc::new(instance)),
                Err(problem) => push_once(problems, problem),
            }
        }
    }
    instances
}

/// The same two places are at odds for every instance that they meet in: one message is enough.
fn push_once(problems: &mut Problems, problem: Problem) {
    let known = problems.list.iter().any(|other| {
        other.message == problem.message
            && other.place().map(|place| place.span) == problem.place().map(|place| place.span)
    });
    if !known {
        problems.push(problem);
    }
}

/// The filter of a suite, multisuite or step; none where it cannot be used, which is told.
pub(super) fn filter(node: &Node, sources: &Sources, problems: &mut Problems) -> Option<Filter> {
    match Filter::of(node) {
        Ok(filter) => Some(filter),
        Err(bad) => {
            problems.push(
                Problem::error(bad.message)
                    .at(sources, bad.at, "here")
                    .help("Write the platform's name, or a regular expression between slashes."),
            );
            None
        }
    }
}

fn instance(
    levels: &mut Levels<'_>,
    suite: &Item<'_>,
    platform: &Item<'_>,
) -> Result<Instance, Problem> {
    let driver = levels.plugin(Kind::Driver, suite, platform, None)?;
    let transport = levels.plugin(Kind::Transport, suite, platform, Some(&driver.name))?;
    let provisioner = levels.plugin(Kind::Provisioner, suite, platform, None)?;
    let verifier = levels.plugin(Kind::Verifier, suite, platform, None)?;
    Ok(Instance {
        name: joined(suite.name, platform.name),
        suite: suite.name.to_owned(),
        platform: platform.name.to_owned(),
        platform_type: platform_type(platform.node),
        roles: roles(suite.node, &provisioner.section.run_list()),
        driver,
        transport,
        provisioner,
        verifier,
        lifecycle: levels.lifecycle(suite, platform)?,
        cluster: None,
        origin: levels.sources().origin(name_span(suite.node)),
    })
}

/// The suite's own `roles`, and those that its run list gives it.
fn roles(suite: &Node, run_list: &[Node]) -> Vec<String> {
    let own = suite.get("roles").and_then(Node::as_list);
    let own = own.unwrap_or_default().iter();
    let mut roles: Vec<String> = own
        .filter_map(|item| item.as_str().map(str::to_owned))
        .collect();
    for entry in run_list.iter().filter_map(Node::as_str) {
        let role = entry.strip_prefix("role[");
        if let Some(role) = role.and_then(|role| role.strip_suffix(']'))
            && !roles.iter().any(|known| known == role)
        {
            roles.push(role.to_owned());
        }
    }
    roles
}

fn conflicts(
    matrix: &Matrix,
    suites: &[Item<'_>],
    platforms: &[Item<'_>],
    sources: &Sources,
) -> Vec<Problem> {
    let mut found = Vec::new();
    for (list, one) in [(suites, "suite"), (platforms, "platform")] {
        for item in list
            .iter()
            .enumerate()
            .filter(|(at, item)| item.first != *at)
        {
            let (second, first) = (item.1, &list[item.1.first]);
            found.push(
                Problem::error(format!("two {one}s are called `{}`", second.name))
                    .at(sources, name_span(second.node), "the second")
                    .at(sources, name_span(first.node), "the first")
                    .help(
                        "Give each a name of its own, or remove one: they would share one state.",
                    ),
            );
        }
    }
    if found.is_empty() {
        found = collisions(matrix, suites, sources);
    }
    found
}

/// Different suites and platforms that come to one name: `a-b` × `c` and `a` × `b-c`.
fn collisions(matrix: &Matrix, suites: &[Item<'_>], sources: &Sources) -> Vec<Problem> {
    let mut known: HashMap<&str, &Instance> = HashMap::new();
    let mut found = Vec::new();
    for instance in &matrix.instances {
        let Some(first) = known.insert(&instance.name, instance) else {
            continue;
        };
        let of = |instance: &Instance| {
            format!(
                "suite `{}` on platform `{}`",
                instance.suite, instance.platform
            )
        };
        let span = |instance: &Instance| {
            let suite = suites.iter().find(|suite| suite.name == instance.suite);
            suite.map(|suite| name_span(suite.node)).unwrap_or_default()
        };
        let message = format!(
            "two instances are called `{}`: {} and {}",
            instance.name,
            of(first),
            of(instance)
        );
        found.push(
            Problem::error(message)
                .at(sources, span(instance), "the second")
                .at(sources, span(first), "the first")
                .help("Rename one: in names `_`, `,` and `/` become `-`, and dots vanish."),
        );
    }
    found
}

/// Where the name of a suite, platform or multisuite is written.
pub(super) fn name_span(node: &Node) -> Span {
    node.get("name").map_or(node.span, |name| name.span)
}
