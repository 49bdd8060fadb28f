//! Loops, choices and errors.

use std::rc::Rc;

use super::super::ast::{Kind, Node, Rescue};
use super::super::machine::Machine;
use super::super::methods;
use super::super::stop::{Eval, Stop, is_kind_of, raise};
use super::super::value::Value;

impl Machine<'_> {
    /// What decides which code runs.
    pub(super) fn flow(&mut self, kind: &Kind) -> Eval {
        match kind {
            Kind::If(condition, yes, no) => match self.eval(condition)?.truthy() {
                true => self.eval(yes),
                false => self.eval(no),
            },
            Kind::While {
                condition,
                ends_on,
                body,
                body_first,
            } => self.run_loop(condition, *ends_on, body, *body_first),
            Kind::For(names, list, body) => self.run_for(names, list, body),
            Kind::Case(subject, arms, otherwise) => self.case(subject.as_deref(), arms, otherwise),
            Kind::Begin {
                body,
                rescues,
                otherwise,
                ensure,
            } => {
                let result = self.rescue(body, rescues, otherwise.as_deref());
                if let Some(ensure) = ensure {
                    self.eval(ensure)?;
                }
                result
            }
            Kind::Sequence(nodes) => {
                let mut last = Value::Nil;
                for node in nodes {
                    last = self.eval(node)?;
                }
                Ok(last)
            }
            Kind::Break(value) => Err(Stop::Break(self.eval(value)?)),
            Kind::Next(value) => Err(Stop::Next(self.eval(value)?)),
            _ => Ok(Value::Nil),
        }
    }

    fn run_loop(&mut self, condition: &Node, ends_on: bool, body: &Node, body_first: bool) -> Eval {
        let mut first = body_first;
        loop {
            if !std::mem::take(&mut first) && self.eval(condition)?.truthy() == ends_on {
                return Ok(Value::Nil);
            }
            match self.eval(body) {
                Err(Stop::Break(value)) => return Ok(value),
                Ok(_) | Err(Stop::Next(_)) => {}
                Err(stop) => return Err(stop),
            }
        }
    }

    fn run_for(&mut self, names: &[Rc<str>], list: &Node, body: &Node) -> Eval {
        let list = self.eval(list)?;
        for value in methods::lists::listed(self, &list)? {
            let values = match names.len() {
                1 => vec![value],
                _ => methods::lists::spread(&value),
            };
            for (index, name) in names.iter().enumerate() {
                self.set_local(name, values.get(index).cloned().unwrap_or(Value::Nil));
            }
            match self.eval(body) {
                Err(Stop::Break(value)) => return Ok(value),
                Ok(_) | Err(Stop::Next(_)) => {}
                Err(stop) => return Err(stop),
            }
        }
        Ok(list)
    }

    fn case(
        &mut self,
        subject: Option<&Node>,
        arms: &[(Vec<Node>, Node)],
        otherwise: &Node,
    ) -> Eval {
        let subject = subject.map(|node| self.eval(node)).transpose()?;
        for (tests, body) in arms {
            for test in self.values(tests)? {
                let fits = match &subject {
                    Some(subject) => {
                        methods::call(self, &test, "===", std::slice::from_ref(subject), None)?
                            .truthy()
                    }
                    None => test.truthy(),
                };
                if fits {
                    return self.eval(body);
                }
            }
        }
        self.eval(otherwise)
    }

    fn rescue(&mut self, body: &Node, rescues: &[Rescue], otherwise: Option<&Node>) -> Eval {
        let scope = self.scope.clone();
        let calls = self.calls;
        let exception = match (self.eval(body), otherwise) {
            (Err(Stop::Raise(exception)), _) => exception,
            (Ok(_), Some(otherwise)) => return self.eval(otherwise),
            (result, _) => return result,
        };
        self.scope = scope;
        self.calls = calls;
        for rescue in rescues {
            let mut fits =
                rescue.classes.is_empty() && is_kind_of(&exception.class, "StandardError");
            for class in self.values(&rescue.classes)? {
                match &class {
                    Value::ErrorClass(name) => fits |= is_kind_of(&exception.class, name),
                    _ => return raise("TypeError", "class or module required for rescue clause"),
                }
            }
            if fits {
                if let Some(name) = &rescue.name {
                    self.set_local(name, Value::Exception(Rc::new(exception)));
                }
                return self.eval(&rescue.body);
            }
        }
        Err(Stop::Raise(exception))
    }

    pub(super) fn defined(&mut self, node: &Node) -> Value {
        let text = match &node.kind {
            Kind::Local(_) => "local-variable",
            Kind::Instance(name) if self.instances.iter().any(|(n, _)| n == name) => {
                "instance-variable"
            }
            Kind::Instance(_) => return Value::Nil,
            Kind::Const(..) => match self.eval(node) {
                Ok(_) => "constant",
                Err(_) => return Value::Nil,
            },
            Kind::Call(call) if call.receiver.is_none() => {
                match methods::kernel::is_known(&call.name) {
                    true => "method",
                    false => return Value::Nil,
                }
            }
            Kind::Sequence(nodes) if nodes.len() == 1 => return self.defined(&nodes[0]),
            Kind::Assign(..) | Kind::OpAssign(..) => "assignment",
            _ => match self.eval(node) {
                Ok(_) if matches!(node.kind, Kind::Call(_)) => "method",
                Ok(_) => "expression",
                Err(_) => return Value::Nil,
            },
        };
        Value::str(text)
    }
}
