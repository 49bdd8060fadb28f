//! A single step.

use std::sync::Arc;
use std::time::Duration;

use super::super::build::filter;
use super::super::fields::Fields;
use super::super::overrides::Keyed;
use super::super::step::{Action, Step, StepOptions, TimeLimit};
use super::super::{Instance, duration};
use super::names::is_pattern;
use super::options::{Incomplete, incomplete, options};
use super::parsed::{Body, Parsed};
use super::reference::{ACTIONS, words};
use super::{Reader, command, fault, heartbeat, wait};
use crate::config::{Map, Node, Problem, Span, nearest, section};

/// Words of the specification that a later version brings.
const LATER: [&str; 2] = ["snapshot", "restore"];

impl Reader<'_> {
    /// A step written as `text`, with the options in `map`, of which `node` is the whole. Keys in
    /// `further` may stand beside the step's own, and are read elsewhere.
    pub(super) fn step(
        &mut self,
        text: &str,
        span: Span,
        node: &Node,
        map: &Map,
        further: &[&str],
    ) -> Option<Parsed> {
        let text = text.trim();
        let (word, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
        let rest = rest.trim();
        let Some(form) = ACTIONS.iter().find(|form| form.word == word) else {
            return self.no_action(word, text, span);
        };
        let concerns_groups = word == "heal" || fault::named(word).is_some();
        let groups = match concerns_groups {
            true => self.groups(word, rest, span)?,
            false => Vec::new(),
        };
        let suite = match word {
            "run" | "sleep" => None,
            _ if concerns_groups => None,
            _ => Some(self.suite(word, rest, span)?),
        };
        let before = self.problems.list.len();
        let filter = filter(node, self.sources, self.problems)?;
        let common = self.limit;
        let mut fields = Fields::new(map, self.sources, self.problems);
        fields.take("step");
        let read = options(&mut fields).and_then(|mut options| {
            options.idempotent = word == "converge" && fields.flag("idempotent");
            if word == "verify" {
                options.tests_dir = fields.text("tests_dir");
                options.allow_empty = fields.flag("allow_empty");
            }
            let action = action(word, rest, &mut fields)?;
            limited(&mut options, &action, common);
            Ok((options, action))
        });
        let settings = fields.rest();
        let acts_on = self.acted_on(suite.as_deref());
        let keyed = Keyed {
            form,
            further,
            members: acts_on,
            settings: &settings,
            plugins: self.plugins,
            sources: self.sources,
        };
        keyed.problems().into_iter().for_each(|it| self.push(it));
        let (options, action) = match read {
            Ok(read) => read,
            Err(wrong) if self.problems.list.len() == before => {
                return self.incomplete(&wrong, span);
            }
            Err(_) => return None,
        };
        let step = Step {
            text: text.to_owned(),
            action,
            suite,
            groups,
            options,
            overrides: Arc::new(section(&settings, self.sources)),
            rolling: self.rolling,
            origin: self.sources.origin(span),
        };
        Some(Parsed {
            filter,
            body: Body::Step(Arc::new(step), span),
        })
    }

    /// `chaos: {…}` with options beside it.
    pub(super) fn chaos(&mut self, map: &Map, node: &Node) -> Option<Parsed> {
        let read = self.keyed("chaos", map, node, |inner, _| {
            let members = inner.words("members").unwrap_or_default();
            let action = Action::Chaos(fault::chaos(inner)?);
            Ok((action, None, members))
        })?;
        let (step, span, mut groups) = read;
        if groups.is_empty() {
            groups.push("*".into());
        }
        let known = groups.iter().all(|name| self.is_known(name, "chaos", span));
        let step = Step {
            groups: vec![groups],
            ..step
        };
        known.then(|| self.parsed(step, node, span)).flatten()
    }

    /// `heartbeat: {…}` with options beside it.
    pub(super) fn heartbeat(&mut self, map: &Map, node: &Node) -> Option<Parsed> {
        let beside = self.beside;
        let read = self.keyed("heartbeat", map, node, |inner, options| {
            let from = inner.text("from");
            let beat = heartbeat::heartbeat(inner)?;
            if beat.count.is_none() && !beside && options.timeout.is_none() {
                return Err(incomplete(
                    "a heartbeat by itself that never ends",
                    "give it a `count`, or put it into `during:` of a block with `steps:`",
                ));
            }
            Ok((Action::Heartbeat(beat), from, Vec::new()))
        })?;
        let (step, span, _) = read;
        if let Some(from) = &step.suite {
            self.suite("heartbeat from", from, span)?;
        }
        self.parsed(step, node, span)
    }

    /// A step that is the key `word` of a map, with options beside it.
    #[allow(clippy::type_complexity, reason = "named by its one use")]
    fn keyed(
        &mut self,
        word: &'static str,
        map: &Map,
        node: &Node,
        read: impl FnOnce(
            &mut Fields<'_, '_>,
            &StepOptions,
        ) -> Result<(Action, Option<String>, Vec<String>), Incomplete>,
    ) -> Option<(Step, Span, Vec<String>)> {
        let span = map.get(word).map_or(node.span, |entry| entry.key);
        let (beside, common) = (self.beside, self.limit);
        let before = self.problems.list.len();
        let mut fields = Fields::new(map, self.sources, self.problems);
        let options = options(&mut fields);
        fields.take(word);
        let read = options.and_then(|options| {
            let Some(mut inner) = fields.inner(word) else {
                return Err(incomplete(
                    format!("`{word}` says nothing"),
                    format!("write its settings below `{word}:`"),
                ));
            };
            let read = read(&mut inner, &options)?;
            inner.finish(&format!("`{word}`"));
            let endless = beside && matches!(&read.0, Action::Heartbeat(it) if it.count.is_none());
            let mut options = options;
            limited(&mut options, &read.0, common.filter(|_| !endless));
            Ok((options, read))
        });
        fields.finish("a step");
        let (options, (action, suite, names)) = match read {
            Ok(read) => read,
            Err(wrong) if self.problems.list.len() == before => {
                return self.incomplete(&wrong, span);
            }
            Err(_) => return None,
        };
        let step = Step {
            text: options.name.clone().unwrap_or_else(|| word.into()),
            action,
            suite,
            groups: Vec::new(),
            options,
            overrides: Arc::default(),
            rolling: false,
            origin: self.sources.origin(span),
        };
        Some((step, span, names))
    }

    fn parsed(&mut self, step: Step, node: &Node, span: Span) -> Option<Parsed> {
        Some(Parsed {
            filter: filter(node, self.sources, self.problems)?,
            body: Body::Step(Arc::new(step), span),
        })
    }

    fn no_action<T>(&mut self, word: &str, text: &str, span: Span) -> Option<T> {
        if LATER.contains(&word) {
            let message = format!("this version does not have `{word}` yet");
            return self.tell(message, span, "remove it, or use a version that has it");
        }
        let help = match nearest(word, words()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("the actions are: {}", words().join(", ")),
        };
        self.tell(
            format!("unknown action `{word}` in the step `{text}`"),
            span,
            &help,
        )
    }

    pub(super) fn suite(&mut self, action: &str, name: &str, span: Span) -> Option<String> {
        if self.suites.known.contains(name) {
            return Some(name.to_owned());
        }
        let message = match name.is_empty() {
            true => format!("the step `{action}` names no suite"),
            false => format!("the step `{action} {name}` names no known suite"),
        };
        let help = match nearest(name, self.suites.names.iter().copied()) {
            Some(near) if !name.is_empty() => format!("did you mean `{near}`?"),
            _ => self.known_suites(),
        };
        self.tell(message, span, &help)
    }

    /// For who names another suite.
    pub(super) fn known_suites(&self) -> String {
        match self.suites.names.as_slice() {
            [] => "there are no suites: add `suites:`".into(),
            suites => format!("the suites are: {}", suites.join(", ")),
        }
    }

    fn groups(&mut self, word: &str, rest: &str, span: Span) -> Option<Vec<Vec<String>>> {
        let groups = match fault::groups(word, rest) {
            Ok(groups) => groups,
            Err(wrong) => return self.incomplete(&wrong, span),
        };
        let mut names = groups.iter().flatten();
        names
            .all(|name| self.is_known(name, word, span))
            .then_some(groups)
    }

    /// Whether `name` may mean a member; it is told where it cannot.
    pub(super) fn is_known(&mut self, name: &str, word: &str, span: Span) -> bool {
        let suites = self.suites;
        let known = is_pattern(name) || suites.known.contains(name) || suites.roles.contains(name);
        known || self.suite(word, name, span).is_some()
    }

    /// The instances that a step on `suite` acts on.
    fn acted_on(&self, suite: Option<&str>) -> Vec<&'_ Instance> {
        let lets = |it: &Instance| self.filters.iter().all(|filter| filter.lets(&it.platform));
        let of_it = suite.and_then(|suite| self.suites.by_suite.get(suite));
        let of_it = of_it.into_iter().flatten().copied();
        of_it.filter(|it| lets(it)).collect()
    }

    /// Notes what is wrong; a step that is read for several members tells it once.
    fn push(&mut self, problem: Problem) {
        let at = |problem: &Problem| problem.place().map(|place| place.span);
        let mut told = self.problems.list.iter();
        if !told.any(|other| other.message == problem.message && at(other) == at(&problem)) {
            self.problems.push(problem);
        }
    }
}

/// How long a `wait` without `timeout` waits.
const WAIT: Duration = Duration::from_secs(60);

/// Gives a step without `timeout` the limit of its action, or the `common` one of all steps.
fn limited(options: &mut StepOptions, action: &Action, common: Option<&TimeLimit>) {
    if options.timeout.is_some() {
        return;
    }
    options.limit = common.cloned();
    if matches!(action, Action::Wait { .. }) {
        options.timeout = Some(WAIT);
        if common.is_none_or(|common| common.length > WAIT) {
            options.limit = Some(TimeLimit::new(WAIT, "that of a `wait` without `timeout`"));
        }
    }
}

fn action(word: &str, rest: &str, fields: &mut Fields<'_, '_>) -> Result<Action, Incomplete> {
    if let Some(named) = fault::named(word) {
        return fault::fault(named, fields);
    }
    Ok(match word {
        "create" => Action::Create,
        "converge" => Action::Converge,
        "setup" => Action::Setup,
        "verify" => Action::Verify,
        "destroy" => Action::Destroy,
        "heal" => Action::Heal,
        "exec" => command::exec(fields)?,
        "run" => command::run(rest, fields)?,
        "wait" => wait::wait(rest, fields)?,
        _ => Action::Sleep(duration::parse(rest).ok_or_else(|| {
            incomplete(
                format!("`{rest}` is not a length of time"),
                "write a length such as `sleep 2s`, `sleep 500ms`, `sleep 1m30s`",
            )
        })?),
    })
}
