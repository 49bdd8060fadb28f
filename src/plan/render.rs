//! The plan for people (`kitchen plan`).

use std::fmt::Write;

use banquet_sdk::wording::time;
use banquet_sdk::{Gather, Secrets, Section};
use serde_json::Value;

use super::{DestroyPolicy, Item, Plan, Task, title, word};
use crate::matrix::{Action, Condition, Instance, Kind, Shape, Step, StepNode, StepOptions};

/// Members, phases and steps; what each resolves to; where each configured value was written.
/// Values of secrets are masked.
pub fn render(plan: &Plan) -> String {
    let mut out = String::new();
    for (index, task) in plan.tasks.iter().enumerate() {
        if index > 0 {
            out.push('\n');
        }
        Printer(&mut out).task(plan, task);
    }
    out
}

struct Printer<'a>(&'a mut String);

impl Printer<'_> {
    fn line(&mut self, depth: usize, text: impl std::fmt::Display) {
        // Writing to a string cannot fail.
        let _ = writeln!(self.0, "{:width$}{text}", "", width = depth * 2);
    }

    fn task(&mut self, plan: &Plan, task: &Task) {
        self.line(
            0,
            format_args!("{} {}", plan.command.word(), task.subject.name()),
        );
        for obstacle in &task.obstacles {
            self.line(1, format_args!("cannot run: {}", obstacle.message));
            for hint in &obstacle.hints {
                self.line(2, hint);
            }
        }
        for warning in &task.warnings {
            self.line(1, format_args!("warning: {warning}"));
        }
        self.line(1, "members");
        for member in task.subject.members() {
            self.member(member);
        }
        self.line(1, "work");
        for left in &task.left {
            let (step, members) = (&left.step, left.members());
            self.line(
                2,
                format_args!("heal: `{step}` on {members}, left by an earlier run"),
            );
        }
        for item in &task.items {
            self.item(task, item);
        }
        match task.cleanup {
            Some(DestroyPolicy::Passing) => self.line(2, "if all passed: destroy all"),
            Some(DestroyPolicy::Always) => self.line(2, "in any case: destroy all"),
            Some(DestroyPolicy::Never) | None => {}
        }
    }

    fn member(&mut self, member: &Instance) {
        self.line(2, &member.name);
        for kind in [
            Kind::Driver,
            Kind::Transport,
            Kind::Provisioner,
            Kind::Verifier,
        ] {
            let used = member.plugin(kind);
            let default = if used.named { "" } else { " (default)" };
            self.line(3, format_args!("{} {}{default}", kind.key(), used.name));
            self.section(4, &used.section);
        }
        if !member.lifecycle.values.is_empty() {
            self.line(3, "lifecycle");
            self.section(4, &member.lifecycle);
        }
    }

    /// Each value with its place.
    fn section(&mut self, depth: usize, section: &Section) {
        let mut found = Gather::default();
        found.tree(&Value::Object(section.values.clone()));
        let secrets = Secrets::of(found);
        let mut leaves = Vec::new();
        for (key, value) in &section.values {
            collect(key, &format!("/{}", escape(key)), value, &mut leaves);
        }
        for (name, pointer, value) in leaves {
            let value = value.to_string();
            let value = secrets.mask(&value);
            match section.origin(&pointer) {
                Some(origin) => {
                    let file = origin.file.file_name().unwrap_or(origin.file.as_os_str());
                    let file = file.to_string_lossy();
                    self.line(
                        depth,
                        format_args!("{name}: {value}  [{file}:{}]", origin.line),
                    );
                }
                None => self.line(depth, format_args!("{name}: {value}")),
            }
        }
    }

    fn item(&mut self, task: &Task, item: &Item) {
        let names = |members: &[std::sync::Arc<Instance>]| {
            let names: Vec<_> = members.iter().map(|it| it.name.as_str()).collect();
            names.join(", ")
        };
        match item {
            Item::Gossip(members) => self.line(2, format_args!("gossip: {}", names(members))),
            Item::All { action, members } => {
                self.line(2, format_args!("{}: {}", word(action), names(members)));
                if *action == Action::Verify {
                    let members = members.iter();
                    members.for_each(|member| self.verify(4, task, member, None));
                }
            }
            Item::LateGossip => self.line(2, "late_gossip: all living members"),
            Item::Heal if task.left.is_empty() => self.line(2, "heal: nothing is broken"),
            Item::Heal => {}
            Item::Step { number, node } => self.node(2, &number.to_string(), task, node),
        }
    }

    fn node(&mut self, depth: usize, number: &str, task: &Task, node: &StepNode) {
        match node {
            StepNode::Step(step) => {
                let text = title(node);
                self.line(
                    depth,
                    format_args!("{number} {text}{}", options(&step.options)),
                );
                self.step(depth + 2, task, step);
            }
            StepNode::Block(block) => {
                let kind = match &block.shape {
                    Shape::Concurrent(_) => "concurrent".into(),
                    Shape::Sequence(_) => "one after another".into(),
                    Shape::During { beside, .. } => match beside.len() {
                        1 => "the first beside the others".into(),
                        many => format!("the first {many} beside the others"),
                    },
                    Shape::Rolling {
                        max_unavailable, ..
                    } => format!("rolling, {max_unavailable} at once"),
                };
                let name = block.options.name.as_ref();
                let name = name.map_or_else(|| kind.clone(), |name| format!("{name}: {kind}"));
                self.line(
                    depth,
                    format_args!("{number} {name}{}", options(&block.options)),
                );
                if !block.left_out().is_empty() {
                    let left = block.left_out().join(", ");
                    self.line(depth + 2, format_args!("run in part, left out: {left}"));
                }
                for (index, node) in block.shape.children().enumerate() {
                    let number = format!("{number}.{}", block.number(index));
                    self.node(depth + 1, &number, task, node);
                }
            }
        }
    }

    /// By which verifier, and where it looks for tests.
    fn verify(&mut self, depth: usize, task: &Task, member: &Instance, step: Option<&Step>) {
        let verifier = &member.verifier.name;
        let Some(found) = task.found_tests(&member.name, step) else {
            return self.line(depth, format_args!("{}: verifier {verifier}", member.name));
        };
        let tests = &found.name;
        self.line(
            depth,
            format_args!("{}: verifier {verifier}, tests of {tests}", member.name),
        );
        for line in &found.lines {
            self.line(depth + 1, line);
        }
    }

    /// What a step resolves to.
    fn step(&mut self, depth: usize, task: &Task, step: &Step) {
        let suite = step.suite.as_deref().unwrap_or_default();
        let cluster = task.cluster.as_ref();
        let member = cluster.and_then(|cluster| cluster.member(suite));
        let member = member.map(|member| member.for_step(step));
        if step.is_fault() || matches!(step.action, Action::Heartbeat(_)) {
            let lines = super::fault::described(step, cluster.map(AsRef::as_ref));
            lines.iter().for_each(|line| self.line(depth, line));
            return;
        }
        match (&step.action, member) {
            (Action::Converge, Some(member)) => {
                self.line(
                    depth,
                    format_args!("{}: provisioner {}", member.name, member.provisioner.name),
                );
            }
            (Action::Verify, Some(member)) => {
                self.verify(depth, task, &member, Some(step));
            }
            (Action::Exec { command, .. }, Some(member)) => {
                self.line(depth, format_args!("{}: {command}", member.name));
            }
            (Action::Run { command, .. }, _) => {
                self.line(depth, format_args!("workstation: {command}"))
            }
            (
                Action::Wait {
                    condition,
                    interval,
                },
                Some(member),
            ) => {
                let what = self::condition(condition);
                self.line(
                    depth,
                    format_args!("{}: {what}, asked every {}", member.name, time(*interval)),
                );
            }
            (_, Some(member)) => {
                self.line(
                    depth,
                    format_args!("{}: driver {}", member.name, member.driver.name),
                );
            }
            (_, None) => {}
        }
        self.section(depth, &step.overrides);
    }
}

/// What a condition asks for.
pub(crate) fn condition(condition: &Condition) -> String {
    match condition {
        Condition::Port(port) => format!("port {port}"),
        Condition::Http { url, .. } => format!("http {url}"),
        Condition::Command(command) => format!("command `{command}`"),
        Condition::File(file) => format!("file {file}"),
        Condition::Log { file, matches } => format!("a line of {file} that matches /{matches}/"),
    }
}

fn options(options: &StepOptions) -> String {
    let mut told = Vec::new();
    if let Some(timeout) = options.timeout {
        told.push(format!("timeout {}", time(timeout)));
    }
    if options.retries > 0 {
        let wait = match options.retry_wait.is_zero() {
            true => String::new(),
            false => format!(" after {}", time(options.retry_wait)),
        };
        told.push(format!("retries {}{wait}", options.retries));
    }
    if let Some(repeat) = options.repeat {
        told.push(match (repeat.times, repeat.until_failure) {
            (Some(times), false) => format!("{times} rounds"),
            (Some(times), true) => format!("{times} rounds, until one fails"),
            (None, _) => "until a round fails".into(),
        });
    }
    for (set, word) in [
        (options.allow_failure, "may fail"),
        (options.expect_failure, "must fail"),
        (options.idempotent, "must change nothing"),
        (options.allow_empty, "may find no test"),
    ] {
        if set {
            told.push(word.into());
        }
    }
    match told.is_empty() {
        true => String::new(),
        false => format!("  ({})", told.join(", ")),
    }
}

fn collect(name: &str, pointer: &str, value: &Value, into: &mut Vec<(String, String, Value)>) {
    match value {
        Value::Object(map) if !map.is_empty() => {
            for (key, value) in map {
                let pointer = format!("{pointer}/{}", escape(key));
                collect(&format!("{name}.{key}"), &pointer, value, into);
            }
        }
        other => into.push((name.into(), pointer.into(), other.clone())),
    }
}

fn escape(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}
