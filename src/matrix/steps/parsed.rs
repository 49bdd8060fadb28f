//! What was read, of which each platform takes its part.

use std::collections::HashSet;
use std::sync::Arc;

use super::super::Instance;
use super::super::fault::Fault;
use super::super::names::Filter;
use super::super::step::{Action, Block, Shape, Step, StepNode, StepOptions};
use super::names::{is_pattern, meant};
use crate::config::Span;
use banquet_sdk::Origin;

/// A step or block, and on which platforms it counts.
pub struct Parsed {
    pub(super) filter: Filter,
    pub(super) body: Body,
}

/// What was read.
pub(super) enum Body {
    /// A step; its groups may hold patterns and roles.
    Step(Arc<Step>, Span),
    /// Steps that belong together.
    Block {
        options: Box<StepOptions>,
        origin: Option<Origin>,
        kind: Kind,
    },
}

/// The blocks.
pub(super) enum Kind {
    Concurrent(Vec<Parsed>),
    Sequence(Vec<Parsed>),
    During(Vec<Parsed>, Vec<Parsed>),
    Rolling {
        /// What the suites are called.
        name: String,
        /// A suite that may be meant, and its turn.
        turns: Vec<(String, Parsed)>,
        max_unavailable: usize,
        span: Span,
    },
}

/// Who takes part in a cluster, and what is wrong with whom steps mean.
pub struct Cast<'a> {
    /// The platform.
    pub platform: &'a str,
    /// The members.
    pub members: Vec<&'a Instance>,
    suites: HashSet<&'a str>,
    /// Messages and their places.
    pub wrong: Vec<(String, Span)>,
}

impl<'a> Cast<'a> {
    /// These members on this platform.
    pub fn new(platform: &'a str, members: Vec<&'a Instance>) -> Self {
        Self {
            platform,
            suites: members.iter().map(|it| it.suite.as_str()).collect(),
            members,
            wrong: Vec::new(),
        }
    }
}

impl Parsed {
    /// What there is to do in the cluster of `cast`.
    pub fn on(&self, cast: &mut Cast<'_>) -> Option<StepNode> {
        if !self.filter.lets(cast.platform) {
            return None;
        }
        let (options, origin, kind) = match &self.body {
            Body::Step(step, _) if step.groups.is_empty() => {
                return Some(StepNode::Step(step.clone()));
            }
            Body::Step(step, span) => {
                let groups = cast.groups(step, *span);
                let step = Step {
                    groups,
                    ..Step::clone(step)
                };
                return Some(StepNode::Step(Arc::new(step)));
            }
            Body::Block {
                options,
                origin,
                kind,
            } => (options, origin, kind),
        };
        let mut all = |list: &[Parsed]| list.iter().filter_map(|it| it.on(cast)).collect();
        let shape = match kind {
            Kind::Concurrent(steps) => Shape::Concurrent(all(steps)),
            Kind::Sequence(steps) => Shape::Sequence(all(steps)),
            Kind::During(beside, steps) => Shape::During {
                beside: all(beside),
                steps: all(steps),
            },
            Kind::Rolling {
                name,
                turns,
                max_unavailable,
                span,
            } => {
                let meant = cast.meant(name, *span);
                let turns = turns.iter().filter(|(suite, _)| meant.contains(suite));
                Shape::Rolling {
                    turns: turns.filter_map(|(_, turn)| turn.on(cast)).collect(),
                    max_unavailable: *max_unavailable,
                }
            }
        };
        shape.children().next()?;
        Some(StepNode::Block(Arc::new(Block {
            options: StepOptions::clone(options),
            shape,
            part: None,
            origin: origin.clone(),
        })))
    }

    /// Every suite called by its own name, with the place, in order; on `platform` only where one
    /// is given.
    pub fn suites<'a>(&'a self, platform: Option<&str>, into: &mut Vec<(&'a str, Span)>) {
        if platform.is_some_and(|platform| !self.filter.lets(platform)) {
            return;
        }
        let kind = match &self.body {
            Body::Step(step, span) => {
                into.extend(step.suites().map(|name| (name.as_str(), *span)));
                return;
            }
            Body::Block { kind, .. } => kind,
        };
        let mut all = |list: &'a [Parsed]| list.iter().for_each(|it| it.suites(platform, into));
        match kind {
            Kind::Concurrent(steps) | Kind::Sequence(steps) => all(steps),
            Kind::During(beside, steps) => {
                all(beside);
                all(steps);
            }
            Kind::Rolling { name, span, .. } => into.push((name, *span)),
        }
    }
}

impl Cast<'_> {
    fn meant(&mut self, name: &str, span: Span) -> Vec<String> {
        if self.suites.contains(name) {
            return vec![name.to_owned()];
        }
        let found: Vec<String> = meant(name, &self.members)
            .into_iter()
            .map(str::to_owned)
            .collect();
        if found.is_empty() {
            let what = if is_pattern(name) {
                "matches no member"
            } else {
                "is neither a member nor a role"
            };
            self.wrong.push((format!("`{name}` {what}"), span));
        }
        found
    }

    /// The groups of a fault, every name replaced by the suites that it means.
    fn groups(&mut self, step: &Step, span: Span) -> Vec<Vec<String>> {
        let mut seen: HashSet<String> = HashSet::new();
        let mut groups = Vec::new();
        let partition = step.groups.len() > 1;
        for group in &step.groups {
            let mut suites: Vec<String> = Vec::new();
            let mut own = HashSet::new();
            for name in group {
                for suite in self.meant(name, span) {
                    if !own.insert(suite.clone()) {
                        continue;
                    }
                    if partition && seen.contains(&suite) {
                        let message = format!("`{}` has `{suite}` on both sides", step.text);
                        self.wrong.push((message, span));
                    }
                    suites.push(suite);
                }
            }
            seen.extend(suites.iter().cloned());
            groups.push(suites);
        }
        if let Action::Chaos(chaos) = &step.action
            && chaos.min_in_service >= seen.len()
        {
            let message = format!(
                "`min_in_service` is {}, of {} members: nothing could ever be broken",
                chaos.min_in_service,
                seen.len()
            );
            self.wrong.push((message, span));
        }
        if let Action::Chaos(chaos) = &step.action
            && chaos.faults.contains(&Fault::Partition)
            && seen.len() < 2
        {
            let message = "`chaos` has nobody to cut a single member off from".into();
            self.wrong.push((message, span));
        }
        groups
    }
}
