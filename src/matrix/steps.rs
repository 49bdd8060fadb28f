//! The steps of a multisuite, read from the configuration.

use std::sync::Arc;
use std::time::Duration;

use super::build::filter;
use super::fields::Fields;
use super::names::Filter;
use super::overrides;
use super::plugins::Plugins;
use super::step::{Action, Block, Condition, Expect, Step, StepNode, StepOptions};
use super::{Instance, duration};
use crate::config::{Map, Node, Problem, Problems, Sources, Span, Value, nearest, section};

/// Actions of a step, by their words.
const ACTIONS: [&str; 9] = [
    "create", "converge", "setup", "verify", "destroy", "exec", "run", "wait", "sleep",
];

/// Words of the specification that a later version brings.
const LATER: [&str; 13] = [
    "stop",
    "start",
    "kill",
    "reboot",
    "pause",
    "resume",
    "partition",
    "heal",
    "delay",
    "drop",
    "snapshot",
    "restore",
    "during",
];

/// Options of every step and block.
const OPTIONS: [&str; 8] = [
    "name",
    "timeout",
    "retries",
    "retry_wait",
    "allow_failure",
    "expect_failure",
    "includes",
    "excludes",
];

/// A step or block, and on which platforms it counts.
pub struct Parsed {
    filter: Filter,
    body: Body,
}

enum Body {
    Step(Arc<Step>, Span),
    Block(Block, Vec<Parsed>),
}

impl Parsed {
    /// What there is to do on `platform`.
    pub fn on(&self, platform: &str) -> Option<StepNode> {
        if !self.filter.lets(platform) {
            return None;
        }
        match &self.body {
            Body::Step(step, _) => Some(StepNode::Step(step.clone())),
            Body::Block(block, children) => {
                let concurrent: Vec<_> = children.iter().filter_map(|it| it.on(platform)).collect();
                (!concurrent.is_empty()).then(|| {
                    StepNode::Block(Arc::new(Block {
                        concurrent,
                        ..block.clone()
                    }))
                })
            }
        }
    }

    /// Every suite named, with the place, in order; on `platform` only where one is given.
    pub fn suites<'a>(&'a self, platform: Option<&str>, into: &mut Vec<(&'a str, Span)>) {
        if platform.is_some_and(|platform| !self.filter.lets(platform)) {
            return;
        }
        match &self.body {
            Body::Step(step, span) => into.extend(step.suite.as_deref().map(|it| (it, *span))),
            Body::Block(_, children) => {
                children
                    .iter()
                    .for_each(|child| child.suites(platform, into));
            }
        }
    }
}

/// Reads steps; what is wrong is told, and left out.
pub struct Reader<'a> {
    /// For excerpts.
    pub sources: &'a Sources,
    /// The suites that steps may name.
    pub suites: Vec<&'a str>,
    /// For the settings that a step may change.
    pub instances: &'a [Arc<Instance>],
    /// For the keys that they know.
    pub plugins: &'a dyn Plugins,
    /// What is wrong.
    pub problems: &'a mut Problems,
}

impl Reader<'_> {
    /// The steps of a list.
    pub fn list(&mut self, list: &[Node]) -> Vec<Parsed> {
        list.iter().filter_map(|node| self.node(node)).collect()
    }

    fn node(&mut self, node: &Node) -> Option<Parsed> {
        if let Some(text) = node.as_str() {
            return self.step(text, node.span, node, &Map::new());
        }
        let Some(map) = node.as_map() else {
            let message = format!("a step must be text or a map, and is {}", node.described());
            return self.tell(
                message,
                node.span,
                "write `- ACTION SUITE`, such as `- converge web`",
            );
        };
        if map.contains_key("concurrent") {
            return self.block(map, node);
        }
        match map.get("step").map(|entry| &entry.node) {
            Some(step) => match step.as_str() {
                Some(text) => self.step(text, step.span, node, map),
                None => {
                    let message = format!("`step` must be text, and is {}", step.described());
                    self.tell(message, step.span, "write `step: ACTION SUITE`")
                }
            },
            None => self.no_step(map, node),
        }
    }

    /// A map that is neither a step nor a block.
    fn no_step(&mut self, map: &Map, node: &Node) -> Option<Parsed> {
        if let Some(entry) = map.get("during") {
            return self.later("during", entry.key);
        }
        let known = ["step", "concurrent"];
        for (key, entry) in map {
            if let Some(near) = nearest(key, known) {
                let message = format!("unknown key `{key}` in a step");
                return self.tell(message, entry.key, &format!("did you mean `{near}`?"));
            }
            if ACTIONS.contains(&key.as_str()) {
                let value = entry.node.as_str().unwrap_or("SUITE");
                let help =
                    format!("write `- {key} {value}`, or `- step: {key} {value}` and options");
                return self.tell("a step without `step`".into(), entry.key, &help);
            }
        }
        let help = "a step has the key `step`, a block the key `concurrent`";
        self.tell(
            "a map that is neither a step nor a block".into(),
            node.span,
            help,
        )
    }

    fn block(&mut self, map: &Map, node: &Node) -> Option<Parsed> {
        let filter = filter(node, self.sources, self.problems)?;
        let mut fields = Fields::new(map, self.sources, self.problems);
        let mut options = options(&mut fields);
        options.idempotent = false;
        let concurrent = fields.take("concurrent")?;
        fields.finish("a block");
        let list = match concurrent.as_list() {
            Some(list) if !list.is_empty() => list,
            _ => {
                let span = if concurrent.is_null() {
                    node.span
                } else {
                    concurrent.span
                };
                let message = format!(
                    "`concurrent` must be a list of steps, and is {}",
                    if concurrent.as_list().is_some() {
                        "empty".into()
                    } else {
                        concurrent.described()
                    }
                );
                return self.tell(
                    message,
                    span,
                    "write the steps below it, each as `- ACTION SUITE`",
                );
            }
        };
        let children = self.list(list);
        let origin = self.sources.origin(node.span);
        let block = Block {
            options,
            concurrent: Vec::new(),
            origin,
        };
        Some(Parsed {
            filter,
            body: Body::Block(block, children),
        })
    }

    /// A step written as `text`, with the options in `map`, of which `node` is the whole.
    fn step(&mut self, text: &str, span: Span, node: &Node, map: &Map) -> Option<Parsed> {
        let text = text.trim();
        let (word, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
        let rest = rest.trim();
        if !ACTIONS.contains(&word) {
            return self.no_action(word, text, span);
        }
        let suite = match word {
            "run" | "sleep" => None,
            _ => Some(self.suite(word, rest, span)?),
        };
        let before = self.problems.list.len();
        let filter = filter(node, self.sources, self.problems)?;
        let mut fields = Fields::new(map, self.sources, self.problems);
        fields.take("step");
        let mut options = options(&mut fields);
        options.idempotent = word == "converge" && fields.flag("idempotent");
        let action = action(word, rest, &mut fields);
        if matches!(action, Ok(Action::Wait { .. })) && options.timeout.is_none() {
            options.timeout = Some(Duration::from_secs(60));
        }
        let settings = fields.rest();
        let action = match action {
            Ok(action) => action,
            Err(wrong) if self.problems.list.len() == before => {
                return self.tell(wrong.message, span, &wrong.help);
            }
            Err(_) => return None,
        };
        self.settings(word, suite.as_deref(), &settings);
        let step = Step {
            text: text.to_owned(),
            action,
            suite,
            options,
            overrides: Arc::new(section(&settings, self.sources)),
            origin: self.sources.origin(span),
        };
        Some(Parsed {
            filter,
            body: Body::Step(Arc::new(step), span),
        })
    }

    fn no_action(&mut self, word: &str, text: &str, span: Span) -> Option<Parsed> {
        if LATER.contains(&word) {
            return self.later(word, span);
        }
        let help = match nearest(word, ACTIONS) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("the actions are: {}", ACTIONS.join(", ")),
        };
        self.tell(
            format!("unknown action `{word}` in the step `{text}`"),
            span,
            &help,
        )
    }

    fn suite(&mut self, action: &str, name: &str, span: Span) -> Option<String> {
        if self.suites.contains(&name) {
            return Some(name.to_owned());
        }
        let message = match name.is_empty() {
            true => format!("the step `{action}` names no suite"),
            false => format!("the step `{action} {name}` names no known suite"),
        };
        let help = match nearest(name, self.suites.iter().copied()) {
            Some(near) if !name.is_empty() => format!("did you mean `{near}`?"),
            _ if self.suites.is_empty() => "there are no suites: add `suites:`".into(),
            _ => format!("the suites are: {}", self.suites.join(", ")),
        };
        self.tell(message, span, &help)
    }

    fn later<T>(&mut self, word: &str, span: Span) -> Option<T> {
        let message = format!("this version does not have `{word}` yet");
        self.tell(message, span, "remove it, or use a version that has it")
    }

    fn settings(&mut self, word: &str, suite: Option<&str>, settings: &Map) {
        let member = self
            .instances
            .iter()
            .find(|it| Some(it.suite.as_str()) == suite);
        let member = member.map(Arc::as_ref);
        for (key, entry) in settings {
            let judged = overrides::judge(word, member, settings, key, entry, self.plugins);
            if let Some(problem) = judged {
                self.problems
                    .push(problem.at(self.sources, entry.key, "here"));
            }
        }
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

/// The options that a step or block may have.
pub fn known_options<'a>() -> impl Iterator<Item = &'a str> {
    OPTIONS.into_iter().chain(["step", "idempotent"])
}

fn options(fields: &mut Fields<'_, '_>) -> StepOptions {
    fields.take("includes");
    fields.take("excludes");
    StepOptions {
        name: fields.text("name"),
        timeout: fields.duration("timeout"),
        retries: fields.number("retries").unwrap_or_default(),
        retry_wait: fields.duration("retry_wait").unwrap_or_default(),
        allow_failure: fields.flag("allow_failure"),
        expect_failure: fields.flag("expect_failure"),
        idempotent: false,
    }
}

/// Why a step is incomplete, and what to write.
struct Incomplete {
    message: String,
    help: String,
}

fn incomplete(message: impl Into<String>, help: impl Into<String>) -> Incomplete {
    Incomplete {
        message: message.into(),
        help: help.into(),
    }
}

fn action(word: &str, rest: &str, fields: &mut Fields<'_, '_>) -> Result<Action, Incomplete> {
    Ok(match word {
        "create" => Action::Create,
        "converge" => Action::Converge,
        "setup" => Action::Setup,
        "verify" => Action::Verify,
        "destroy" => Action::Destroy,
        "exec" => Action::Exec {
            command: command(word, fields)?,
            expect: expect(fields),
        },
        "run" if rest.is_empty() => Action::Run {
            command: command(word, fields)?,
            cwd: fields.text("cwd"),
            environment: environment(fields),
        },
        "run" => {
            return Err(incomplete(
                format!("`run` acts on the workstation, and `{rest}` is no option of it"),
                "write `- step: run` and `command: …` below it",
            ));
        }
        "wait" => Action::Wait {
            condition: condition(rest, fields)?,
            interval: fields
                .duration("interval")
                .unwrap_or(Duration::from_millis(500)),
        },
        _ => Action::Sleep(duration::parse(rest).ok_or_else(|| {
            incomplete(
                format!("`{rest}` is not a length of time"),
                "write a length such as `sleep 2s`, `sleep 500ms`, `sleep 1m30s`",
            )
        })?),
    })
}

fn command(word: &str, fields: &mut Fields<'_, '_>) -> Result<String, Incomplete> {
    fields.text("command").ok_or_else(|| {
        let suite = if word == "run" { "" } else { " SUITE" };
        incomplete(
            format!("`{word}` without a `command`"),
            format!("write `- step: {word}{suite}` and `command: …` below it"),
        )
    })
}

fn expect(fields: &mut Fields<'_, '_>) -> Expect {
    let mut expect = Expect::default();
    match fields.take("expect").map(|node| &node.value) {
        None => {}
        Some(Value::Scalar(_)) => expect.exit_code = fields.number("expect").unwrap_or_default(),
        Some(_) => {
            if let Some(mut inner) = fields.inner("expect") {
                expect.exit_code = inner.number("exit_code").unwrap_or_default();
                expect.contains = inner.text("contains");
                expect.matches = inner.pattern("matches");
                inner.finish("`expect`");
            }
        }
    }
    expect
}

fn environment(fields: &mut Fields<'_, '_>) -> std::collections::BTreeMap<String, String> {
    let Some(node) = fields.take("environment") else {
        return Default::default();
    };
    let Some(map) = node.as_map() else {
        let _: Option<()> = fields.wrong("environment", node, "a map of variables");
        return Default::default();
    };
    let mut variables = std::collections::BTreeMap::new();
    for (name, entry) in map {
        match &entry.node.value {
            Value::Scalar(serde_json::Value::Null) => variables.insert(name.clone(), String::new()),
            Value::Scalar(serde_json::Value::String(text)) => {
                variables.insert(name.clone(), text.clone())
            }
            Value::Scalar(value) => variables.insert(name.clone(), value.to_string()),
            _ => fields.wrong(name, &entry.node, "text"),
        };
    }
    variables
}

const CONDITIONS: [&str; 5] = ["port", "http", "command", "file", "log"];

fn condition(suite: &str, fields: &mut Fields<'_, '_>) -> Result<Condition, Incomplete> {
    let given: Vec<_> = CONDITIONS
        .into_iter()
        .filter(|key| fields.take(key).is_some())
        .collect();
    let [one] = given.as_slice() else {
        let message = match given.is_empty() {
            true => format!("`wait {suite}` says not for what"),
            false => format!(
                "`wait {suite}` has several conditions: {}",
                given.join(", ")
            ),
        };
        return Err(incomplete(
            message,
            "give one of `port`, `http`, `command`, `file`, `log`; several conditions are several steps",
        ));
    };
    let condition = match *one {
        "port" => fields.number("port").map(Condition::Port),
        "command" => fields.text("command").map(Condition::Command),
        "file" => fields.text("file").map(Condition::File),
        "http" => http(fields),
        _ => log(fields),
    };
    let needed = if *one == "log" {
        "`file` and `matches`"
    } else {
        "`url`"
    };
    condition.ok_or_else(|| {
        incomplete(
            format!("`{one}` is incomplete"),
            format!("write `{one}: {{…}}` with {needed}"),
        )
    })
}

fn http(fields: &mut Fields<'_, '_>) -> Option<Condition> {
    if fields.take("http")?.as_map().is_none() {
        return Some(Condition::Http {
            url: fields.text("http")?,
            status: None,
            body: None,
        });
    }
    let mut inner = fields.inner("http")?;
    let url = inner.text("url");
    let status = inner.number("status");
    let body = inner.pattern("body");
    inner.finish("`http`");
    Some(Condition::Http {
        url: url?,
        status,
        body,
    })
}

fn log(fields: &mut Fields<'_, '_>) -> Option<Condition> {
    let mut inner = fields.inner("log")?;
    let file = inner.text("file");
    let matches = inner.pattern("matches");
    inner.finish("`log`");
    Some(Condition::Log {
        file: file?,
        matches: matches?,
    })
}
