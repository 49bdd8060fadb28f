//! Multisuites to clusters.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::build::{filter, name_span};
use super::fields::unknown;
use super::levels::Item;
use super::limits;
use super::names::{Filter, joined};
use super::plugins::Plugins;
use super::step::StepNode;
use super::steps::{Cast, Parsed, Reader, Suites};
use super::{Cluster, Matrix};
use crate::config::{
    Config, Entry, Keys, Map, Node, Problem, Problems, Severity, Sources, Span, keys_of,
    named_item, section,
};

/// One multisuite, read.
struct Multisuite<'a> {
    name: &'a str,
    node: &'a Node,
    filter: Filter,
    steps: Vec<Parsed>,
    /// Whether its own filter names platforms that there are not.
    strange: bool,
}

/// Adds the clusters of the configuration to `matrix`, and makes their instances members.
pub fn add(
    matrix: &mut Matrix,
    config: &Config,
    plugins: &dyn Plugins,
    suites: &[Item<'_>],
    platforms: &[Item<'_>],
    problems: &mut Problems,
) {
    let sources = &config.sources;
    let limit = limits::of_steps(config, problems);
    let Some(list) = listed(&config.tree, sources, problems) else {
        return;
    };
    let names: Vec<&str> = platforms.iter().map(|platform| platform.name).collect();
    let all = suites.iter().map(|suite| suite.name).collect();
    let whom = Suites::new(all, &matrix.instances);
    let mut refusals = Vec::new();
    let mut multisuites: Vec<Multisuite<'_>> = Vec::new();
    for node in list {
        let mut reader = Reader {
            sources,
            suites: &whom,
            plugins,
            problems,
            beside: false,
            filters: Vec::new(),
            platforms: &names,
            limit: limit.as_ref(),
            refused: Vec::new(),
            rolling: false,
        };
        if let Some(multisuite) = read(node, &mut reader) {
            multisuites.push(multisuite);
        }
        refusals.append(&mut reader.refused);
    }
    check_names(&multisuites, suites, sources, problems);
    check_suites(&multisuites, suites, sources, problems);
    let mut builder = Builder {
        by_place: places(matrix),
        matrix,
        suites,
        sources,
        problems,
    };
    for multisuite in &multisuites {
        for platform in platforms {
            builder.cluster(multisuite, platform.name);
        }
    }
    let sound = !problems
        .list
        .iter()
        .any(|it| it.severity == Severity::Error);
    for multisuite in multisuites.iter().filter(|it| sound && !it.strange) {
        let clusters = &matrix.clusters;
        if !clusters.iter().any(|it| it.multisuite == multisuite.name) {
            refusals.push(comes_to_nothing(multisuite, &names, sources));
        }
    }
    matrix.refusals = refusals;
}

/// A multisuite that is a cluster on no platform.
fn comes_to_nothing(multisuite: &Multisuite<'_>, platforms: &[&str], sources: &Sources) -> Problem {
    let name = multisuite.name;
    let help = match platforms {
        [] => "There are no platforms: add `platforms:`.".to_owned(),
        all => format!(
            "Its `includes` and `excludes` and those of its steps leave nothing to do on {}.",
            all.join(", ")
        ),
    };
    Problem::error(format!(
        "the multisuite `{name}` comes to nothing on every platform"
    ))
    .at(sources, name_span(multisuite.node), "no cluster")
    .help(help)
}

/// The list of multisuites, under either key.
fn listed<'a>(tree: &'a Map, sources: &Sources, problems: &mut Problems) -> Option<&'a [Node]> {
    let (new, old) = (tree.get("multisuites"), tree.get("supersuites"));
    if let (Some(new), Some(old)) = (new, old) {
        problems.push(
            Problem::error("both `multisuites` and `supersuites`")
                .at(sources, old.key, "the same key by its older name")
                .at(sources, new.key, "here as well")
                .help("Put all of them under `multisuites`."),
        );
    }
    let entry: &Entry = new.or(old)?;
    if entry.node.is_null() {
        return None;
    }
    let list = entry.node.as_list();
    if list.is_none() {
        let message = format!(
            "`multisuites` must be a list, and is {}",
            entry.node.described()
        );
        problems.push(
            Problem::error(message)
                .at(sources, entry.node.span, "not a list")
                .help("Write each multisuite as an item: `- name: …`, `steps: […]`."),
        );
    }
    list
}

fn read<'a>(node: &'a Node, reader: &mut Reader<'_>) -> Option<Multisuite<'a>> {
    named_item(node, "multisuite", reader.sources, reader.problems);
    let map = node.as_map()?;
    let name = node.get("name")?.as_str()?;
    keys_of(map, Keys::Multisuite, reader.sources, reader.problems);
    created(map, reader.sources, reader.problems);
    let filter = filter(node, reader.sources, reader.problems)?;
    let strange = reader.strangers(node);
    let steps = node.get("steps").and_then(Node::as_list);
    let Some(steps) = steps.filter(|steps| !steps.is_empty()) else {
        let span = match map.get("steps") {
            Some(entry) => entry.key,
            None => name_span(node),
        };
        reader.problems.push(
            Problem::error(format!("the multisuite `{name}` has no steps"))
                .at(reader.sources, span, "here")
                .help("Add `steps:` with a list such as `- converge SUITE`, `- verify SUITE`."),
        );
        return None;
    };
    reader.filters.push(filter.clone());
    let steps = reader.list(steps);
    reader.filters.pop();
    Some(Multisuite {
        name,
        node,
        filter,
        steps,
        strange,
    })
}

/// Keys of `create:` that nothing reads are errors, as those of the multisuite are.
fn created(map: &Map, sources: &Sources, problems: &mut Problems) {
    const KNOWN: [&str; 2] = ["retries", "recover"];
    let create = map.get("create").and_then(|entry| entry.node.as_map());
    for (key, entry) in create.into_iter().flatten() {
        if !KNOWN.contains(&key.as_str()) {
            let problem = unknown("`create`", key, entry, sources);
            problems.push(problem.suggest(key, KNOWN));
        }
    }
}

/// Names must be unique, among multisuites and against suites.
fn check_names(
    multisuites: &[Multisuite<'_>],
    suites: &[Item<'_>],
    sources: &Sources,
    problems: &mut Problems,
) {
    let mut known: HashMap<&str, &Node> = HashMap::new();
    for multisuite in multisuites {
        let here = name_span(multisuite.node);
        if let Some(first) = known.insert(multisuite.name, multisuite.node) {
            problems.push(
                Problem::error(format!("two multisuites are called `{}`", multisuite.name))
                    .at(sources, here, "the second")
                    .at(sources, name_span(first), "the first")
                    .help("Give each a name of its own, or remove one."),
            );
        }
        if let Some(suite) = suites.iter().find(|suite| suite.name == multisuite.name) {
            problems.push(
                Problem::error(format!(
                    "a multisuite and a suite are called `{}`",
                    suite.name
                ))
                .at(sources, here, "the multisuite")
                .at(sources, name_span(suite.node), "the suite")
                .help("Rename one of them."),
            );
        }
    }
}

/// A suite can be in one multisuite only.
fn check_suites(
    multisuites: &[Multisuite<'_>],
    suites: &[Item<'_>],
    sources: &Sources,
    problems: &mut Problems,
) {
    let known: HashSet<&str> = suites.iter().map(|suite| suite.name).collect();
    let mut owners: HashMap<&str, (&str, Span)> = HashMap::new();
    for multisuite in multisuites {
        let mut named = Vec::new();
        multisuite
            .steps
            .iter()
            .for_each(|step| step.suites(None, &mut named));
        let mut told = HashSet::new();
        named.retain(|(name, _)| known.contains(name));
        for (suite, span) in named {
            let (owner, first) = *owners.entry(suite).or_insert((multisuite.name, span));
            if owner != multisuite.name && told.insert(suite) {
                problems.push(
                    Problem::error(format!(
                        "the suite `{suite}` is in two multisuites, `{owner}` and `{}`",
                        multisuite.name
                    ))
                    .at(sources, span, "here a second time")
                    .at(sources, first, "here first")
                    .help(format!(
                        "Make a copy of `{suite}` under another name for one of them."
                    )),
                );
            }
        }
    }
}

/// Index of the instance of each suite and platform.
fn places(matrix: &Matrix) -> HashMap<(String, String), usize> {
    let instances = matrix.instances.iter().enumerate();
    instances
        .map(|(at, instance)| ((instance.suite.clone(), instance.platform.clone()), at))
        .collect()
}

struct Builder<'a, 'b> {
    by_place: HashMap<(String, String), usize>,
    matrix: &'a mut Matrix,
    suites: &'a [Item<'b>],
    sources: &'a Sources,
    problems: &'a mut Problems,
}

impl Builder<'_, '_> {
    fn cluster(&mut self, multisuite: &Multisuite<'_>, platform: &str) {
        if !multisuite.filter.lets(platform) {
            return;
        }
        let mut named = Vec::new();
        let all = multisuite.steps.iter();
        all.for_each(|step| step.suites(Some(platform), &mut named));
        let mut members: Vec<usize> = Vec::new();
        let mut seen = HashSet::new();
        let mut absent = Vec::new();
        for (suite, span) in named {
            match self.by_place.get(&(suite.to_owned(), platform.to_owned())) {
                Some(at) if !seen.insert(*at) => {}
                Some(at) => members.push(*at),
                None if self.is_suite(suite) => absent.push((suite, span)),
                // A pattern or a role: it means members, and makes none.
                None => {}
            }
        }
        let Some(steps) = self.steps(multisuite, platform, &members) else {
            return;
        };
        let name = joined(multisuite.name, platform);
        self.check_name(&name, multisuite);
        for (suite, span) in absent {
            self.absent(suite, platform, multisuite, span);
        }
        for at in &members {
            Arc::make_mut(&mut self.matrix.instances[*at]).cluster = Some(name.clone());
        }
        let members = members.iter().map(|at| self.matrix.instances[*at].clone());
        self.matrix.clusters.push(Arc::new(Cluster {
            members: members.collect(),
            name,
            multisuite: multisuite.name.to_owned(),
            platform: platform.to_owned(),
            steps,
            settings: Arc::new(section(&settings(multisuite.node), self.sources)),
            origin: self.sources.origin(multisuite.node.span),
            by_suite: Default::default(),
        }));
    }

    fn is_suite(&self, name: &str) -> bool {
        self.suites.iter().any(|suite| suite.name == name)
    }

    /// The steps for the platform; none where there are none.
    fn steps(
        &mut self,
        multisuite: &Multisuite<'_>,
        platform: &str,
        members: &[usize],
    ) -> Option<Vec<StepNode>> {
        let instances = &self.matrix.instances;
        let mut cast = Cast::new(
            platform,
            members.iter().map(|at| &*instances[*at]).collect(),
        );
        let steps = multisuite.steps.iter();
        let steps: Vec<_> = steps.filter_map(|it| it.on(&mut cast)).collect();
        let names: Vec<&str> = cast.members.iter().map(|it| it.suite.as_str()).collect();
        let help = match names.as_slice() {
            [] => format!(
                "No suite is on `{platform}`: look at `includes` and `excludes` of the suites."
            ),
            names => format!("The members on `{platform}` are: {}.", names.join(", ")),
        };
        for (message, span) in cast.wrong {
            self.problems.push(
                Problem::error(message)
                    .at(self.sources, span, "here")
                    .help(help.clone()),
            );
        }
        (!steps.is_empty()).then_some(steps)
    }

    fn check_name(&mut self, name: &str, multisuite: &Multisuite<'_>) {
        let clusters = self.matrix.clusters.iter();
        let other = clusters
            .map(|it| (&it.name, "cluster", &it.multisuite))
            .chain(
                self.matrix
                    .instances
                    .iter()
                    .map(|it| (&it.name, "instance", &it.suite)),
            );
        let taken = other
            .filter(|(other, _, of)| *other == name && *of != multisuite.name)
            .map(|(_, what, of)| format!("{what} of `{of}`"))
            .next();
        if let Some(taken) = taken {
            self.problems.push(
                Problem::error(format!("the cluster `{name}` has the name of the {taken}"))
                    .at(self.sources, name_span(multisuite.node), "the multisuite")
                    .help("Rename one: in names `_`, `,` and `/` become `-`, and dots vanish."),
            );
        }
    }

    /// A member that the matrix does not have on this platform.
    fn absent(&mut self, suite: &str, platform: &str, multisuite: &Multisuite<'_>, step: Span) {
        let item = self.suites.iter().find(|item| item.name == suite);
        let filter = item.and_then(|item| {
            let map = item.node.as_map()?;
            map.get("includes").or_else(|| map.get("excludes"))
        });
        let name = multisuite.name;
        self.problems.push(
            Problem::error(format!(
                "the suite `{suite}` is excluded on `{platform}`, where `{name}` needs it"
            ))
            .at(self.sources, step, "needed here")
            .at(self.sources, filter.map(|entry| entry.key).unwrap_or_default(), "excluded here")
            .help(format!(
                "Exclude `{platform}` from `{name}` or from this step as well, or let the suite run on it."
            )),
        );
    }
}

/// The keys of a multisuite that are settings of its clusters.
fn settings(node: &Node) -> Map {
    let own = |key: &str| !matches!(key, "name" | "includes" | "excludes" | "steps");
    let entries = node.as_map().into_iter().flatten();
    entries
        .filter(|(key, _)| own(key))
        .map(|(key, entry)| (key.clone(), entry.clone()))
        .collect()
}
