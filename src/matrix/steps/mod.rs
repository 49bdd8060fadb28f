//! The steps of a multisuite, read from the configuration: `step` reads a single one, `block`
//! those that belong together, the other files the keys of a family of actions, `parsed` is the
//! result, of which each platform takes its part.

mod block;
mod command;
mod fault;
mod heartbeat;
mod names;
mod options;
mod parsed;
pub mod reference;
mod step;
mod wait;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::Instance;
use super::names::{Filter, strangers};
use super::plugins::Plugins;
use super::step::TimeLimit;
use crate::config::{Map, Node, Problem, Problems, Sources, Span, nearest};

use options::Incomplete;
pub use options::OPTIONS;
pub use parsed::{Cast, Parsed};

/// Keys that make a map a block, or a step that has no word.
const MAPS: [&str; 7] = [
    "step",
    "concurrent",
    "during",
    "steps",
    "rolling",
    "chaos",
    "heartbeat",
];

/// Whom steps may name.
pub struct Suites<'a> {
    /// The names of suites, in order.
    pub names: Vec<&'a str>,
    known: HashSet<&'a str>,
    roles: HashSet<&'a str>,
    instances: &'a [Arc<Instance>],
    by_suite: HashMap<&'a str, Vec<&'a Instance>>,
}

impl<'a> Suites<'a> {
    /// The suites called `names`, of which there are `instances`.
    pub fn new(names: Vec<&'a str>, instances: &'a [Arc<Instance>]) -> Self {
        let mut by_suite: HashMap<&str, Vec<&Instance>> = HashMap::new();
        for instance in instances {
            by_suite.entry(&instance.suite).or_default().push(instance);
        }
        let roles = instances.iter().flat_map(|it| &it.roles);
        Self {
            known: names.iter().copied().collect(),
            roles: roles.map(String::as_str).collect(),
            instances,
            by_suite,
            names,
        }
    }
}

/// Reads steps; what is wrong is told, and left out.
pub struct Reader<'a> {
    /// For excerpts.
    pub sources: &'a Sources,
    /// Whom steps may name, and whose settings they may change.
    pub suites: &'a Suites<'a>,
    /// For the keys that they know.
    pub plugins: &'a dyn Plugins,
    /// What is wrong.
    pub problems: &'a mut Problems,
    /// Whether what is read runs beside other steps, and ends with them.
    pub beside: bool,
    /// Of the multisuite, the blocks and the step that are being read: where it is done.
    pub filters: Vec<Filter>,
    /// The platforms that there are.
    pub platforms: &'a [&'a str],
    /// The limit of steps that have none of their own.
    pub limit: Option<&'a TimeLimit>,
    /// What stops all that makes machines.
    pub refused: Vec<Problem>,
    /// Whether what is read is a turn of `rolling`.
    pub rolling: bool,
}

impl Reader<'_> {
    /// The steps of a list.
    pub fn list(&mut self, list: &[Node]) -> Vec<Parsed> {
        list.iter().filter_map(|node| self.node(node)).collect()
    }

    fn node(&mut self, node: &Node) -> Option<Parsed> {
        if let Some(text) = node.as_str() {
            return self.step(text, node.span, node, &Map::new(), &[]);
        }
        let Some(map) = node.as_map() else {
            let message = format!("a step must be text or a map, and is {}", node.described());
            return self.tell(
                message,
                node.span,
                "write `- ACTION SUITE`, such as `- converge web`",
            );
        };
        let strange = self.strangers(node);
        let somewhere = self.somewhere();
        // What is wrong with the filter is told by whoever reads the step.
        self.filters.push(Filter::of(node).unwrap_or_default());
        if somewhere && !strange && !self.somewhere() {
            self.nowhere(map, node);
        }
        let read = self.map(map, node);
        self.filters.pop();
        read
    }

    /// Whether what is being read is done on any platform.
    fn somewhere(&self) -> bool {
        let lets = |name: &&&str| self.filters.iter().all(|filter| filter.lets(name));
        self.platforms.iter().any(|name| lets(&name))
    }

    /// A step or block that its own `includes` or `excludes` leave out on every platform: a test
    /// that it holds would never be run, and nobody would see it.
    fn nowhere(&mut self, map: &Map, node: &Node) {
        let entry = map.get("includes").or_else(|| map.get("excludes"));
        let span = entry.map_or(node.span, |entry| entry.key);
        let problem = Problem::error("this step is done on no platform")
            .at(self.sources, span, "leaves it out everywhere")
            .help(
                "Together with those of the blocks and the multisuite around it, its `includes` and \
                 `excludes` leave no platform. Change them, or remove the step.",
            );
        self.refused.push(problem);
    }

    /// A step or block with settings.
    fn map(&mut self, map: &Map, node: &Node) -> Option<Parsed> {
        if let Some(step) = map.get("step") {
            let step = &step.node;
            return match step.as_str() {
                Some(text) => self.step(text, step.span, node, map, &[]),
                None => {
                    let message = format!("`step` must be text, and is {}", step.described());
                    self.tell(message, step.span, "write `step: ACTION SUITE`")
                }
            };
        }
        let has = |key: &str| map.contains_key(key);
        match () {
            () if has("rolling") => self.rolling(map, node),
            () if has("concurrent") || has("during") || has("steps") => self.block(map, node),
            () if has("chaos") => self.chaos(map, node),
            () if has("heartbeat") => self.heartbeat(map, node),
            () => self.no_step(map, node),
        }
    }

    /// A map that is neither a step nor a block.
    fn no_step(&mut self, map: &Map, node: &Node) -> Option<Parsed> {
        for (key, entry) in map {
            if let Some(step) = reference::suggested(key, entry.node.as_str()) {
                let help = format!("write `{step}`; options stand beside `step`");
                return self.tell("a step without `step`".into(), entry.key, &help);
            }
            if let Some(near) = nearest(key, MAPS) {
                let message = format!("unknown key `{key}` in a step");
                return self.tell(message, entry.key, &format!("did you mean `{near}`?"));
            }
        }
        let help = "a step has the key `step`, a block the key `concurrent`, `steps`, `during` or `rolling`";
        self.tell(
            "a map that is neither a step nor a block".into(),
            node.span,
            help,
        )
    }

    /// Tells of `includes` and `excludes` that name no platform: what has them would be left out,
    /// or done where it should not be. Gives whether there were any.
    pub fn strangers(&mut self, node: &Node) -> bool {
        let strangers = strangers(node, self.platforms);
        let any = !strangers.is_empty();
        for (key, text, span) in strangers {
            let problem = Problem::error(format!("`{text}` in `{key}` names no platform"));
            let problem = problem.at(self.sources, span, "here");
            let problem = match self.platforms.is_empty() {
                true => problem.help("There are no platforms: add `platforms:`."),
                false => problem.suggest(text, self.platforms.iter().copied()),
            };
            self.refused.push(problem);
        }
        any
    }

    fn incomplete<T>(&mut self, wrong: &Incomplete, span: Span) -> Option<T> {
        self.tell(wrong.message.clone(), span, &wrong.help)
    }

    /// Notes an error; `help` becomes a sentence.
    fn tell<T>(&mut self, message: String, span: Span, help: &str) -> Option<T> {
        let mut letters = help.chars();
        let first = letters.next().map(|c| c.to_uppercase().to_string());
        let end = if help.ends_with(['?', '.']) { "" } else { "." };
        let help = format!("{}{}{end}", first.unwrap_or_default(), letters.as_str());
        let problem = Problem::error(message).at(self.sources, span, "here");
        self.problems.push(problem.help(help));
        None
    }
}
