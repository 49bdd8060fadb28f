//! Variables, constants and what is assigned to them.

use std::rc::Rc;

use super::super::ast::{Kind, Node, Target};
use super::super::machine::Machine;
use super::super::methods;
use super::super::stop::{Eval, beyond};
use super::super::value::Value;

impl Machine<'_> {
    pub(super) fn local(&self, name: &str) -> Value {
        let mut scope = Some(&self.scope);
        while let Some(current) = scope {
            if let Some((_, value)) = current
                .variables
                .borrow()
                .iter()
                .find(|(n, _)| &**n == name)
            {
                return value.clone();
            }
            scope = current.outer.as_ref();
        }
        Value::Nil
    }

    pub(super) fn set_local(&mut self, name: &Rc<str>, value: Value) {
        let mut scope = Some(&self.scope);
        while let Some(current) = scope {
            let mut variables = current.variables.borrow_mut();
            if let Some((_, old)) = variables.iter_mut().find(|(n, _)| n == name) {
                *old = value;
                return;
            }
            drop(variables);
            scope = current.outer.as_ref();
        }
        self.scope
            .variables
            .borrow_mut()
            .push((name.clone(), value));
    }

    pub(super) fn global(&mut self, name: &str) -> Eval {
        if name == "__FILE__" {
            return Ok(Value::str(self.file.clone()));
        }
        if let Some((_, value)) = self.globals.iter().find(|(n, _)| &**n == name) {
            return Ok(value.clone());
        }
        match name {
            "~" => Ok(self.found.clone()),
            "LOAD_PATH" | ":" => {
                let list = self.array(Vec::new());
                self.globals.push(("LOAD_PATH".into(), list.clone()));
                self.globals.push((":".into(), list.clone()));
                Ok(list)
            }
            "&" | "1" | "2" | "3" | "4" | "5" | "6" | "7" | "8" | "9" => {
                let number = name.parse().unwrap_or(0);
                Ok(match &self.found {
                    Value::Found(found) => Value::opt_str(found.group(number)),
                    _ => Value::Nil,
                })
            }
            _ => beyond(format!("`${name}`")),
        }
    }

    pub(super) fn constant(&mut self, outer: Option<&Node>, name: &Rc<str>) -> Eval {
        let Some(outer) = outer else {
            if let Some((_, value)) = self.constants.iter().find(|(n, _)| n == name) {
                return Ok(value.clone());
            }
            return methods::constant(name);
        };
        let outer = match &outer.kind {
            Kind::Const(None, module) if methods::is_namespace(module) => module.to_string(),
            _ => self.eval(outer)?.to_text(),
        };
        methods::constant(&format!("{outer}::{name}"))
    }

    /// Spreads a value over several targets.
    pub(super) fn assign_all(&mut self, targets: &[Target], value: &Value) -> Eval<()> {
        let values = methods::lists::spread(value);
        let mut next = 0;
        for (index, target) in targets.iter().enumerate() {
            let value = values.get(next).cloned().unwrap_or(Value::Nil);
            next += 1;
            match target {
                Target::One(node) => self.assign(node, value)?,
                Target::Group(targets) => self.assign_all(targets, &value)?,
                Target::Rest(node) => {
                    let behind = targets.len() - index - 1;
                    let end = values.len().saturating_sub(behind).max(next - 1);
                    let rest = values.get(next - 1..end).unwrap_or_default().to_vec();
                    next = end;
                    let rest = self.array(rest);
                    self.assign(node, rest)?;
                }
            }
        }
        Ok(())
    }

    pub(super) fn assign(&mut self, target: &Node, value: Value) -> Eval<()> {
        match &target.kind {
            Kind::Local(name) => self.set_local(name, value),
            Kind::Instance(name) => store(&mut self.instances, name, value),
            Kind::Const(None, name) => store(&mut self.constants, name, value),
            Kind::Global(name) => match methods::is_special_global(name) {
                true => return beyond(format!("an assignment to `${name}`")),
                false => store(&mut self.globals, name, value),
            },
            Kind::Call(call) => {
                let Some(receiver) = &call.receiver else {
                    return beyond("such an assignment");
                };
                let receiver = self.eval(receiver)?;
                let mut args = self.values(&call.args)?;
                args.push(value);
                methods::call(self, &receiver, &format!("{}=", call.name), &args, None)?;
            }
            _ => return beyond("such an assignment"),
        }
        Ok(())
    }

    pub(super) fn op_assign(&mut self, target: &Node, operator: &str, value: &Node) -> Eval {
        let old = match &target.kind {
            // A constant that is not there yet is no error here.
            Kind::Const(None, name) if operator == "||" => lookup(&self.constants, name),
            Kind::Global(name) if operator == "||" => lookup(&self.globals, name),
            _ => self.eval(target)?,
        };
        let new = match operator {
            "||" if old.truthy() => return Ok(old),
            "&&" if !old.truthy() => return Ok(old),
            "||" | "&&" => self.eval(value)?,
            _ => {
                let value = self.eval(value)?;
                self.at = target.at;
                methods::call(self, &old, operator, &[value], None)?
            }
        };
        self.assign(target, new.clone())?;
        Ok(new)
    }
}

/// The value of a name, or nil.
pub(super) fn lookup(list: &[(Rc<str>, Value)], name: &str) -> Value {
    let found = list.iter().find(|(known, _)| &**known == name);
    found.map_or(Value::Nil, |(_, value)| value.clone())
}

fn store(list: &mut Vec<(Rc<str>, Value)>, name: &Rc<str>, value: Value) {
    match list.iter_mut().find(|(known, _)| known == name) {
        Some((_, old)) => *old = value,
        None => list.push((name.clone(), value)),
    }
}
