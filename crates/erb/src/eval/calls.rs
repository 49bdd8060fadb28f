//! Calls, and blocks with their parameters.

use std::cell::RefCell;
use std::rc::Rc;

use super::super::ast::{Block, Call, Param};
use super::super::machine::{Held, Machine};
use super::super::methods;
use super::super::stop::{Eval, Stop, beyond, wrong_count};
use super::super::value::{Proc, Scope, Value};
use super::CALLS;

impl Machine<'_> {
    pub(super) fn eval_call(&mut self, call: &Call, at: usize) -> Eval {
        let receiver = match &call.receiver {
            Some(receiver) => Some(self.eval(receiver)?),
            None => None,
        };
        if call.safe && matches!(receiver, Some(Value::Nil)) {
            return Ok(Value::Nil);
        }
        let args = self.values(&call.args)?;
        let block = match (&call.block, &call.block_arg) {
            (Some(block), _) => Some(self.proc(block)),
            (None, Some(node)) => {
                let value = self.eval(node)?;
                methods::convert::to_proc(self, &value)?
            }
            (None, None) => None,
        };
        self.at = at;
        let result = match &receiver {
            Some(receiver) => methods::call(self, receiver, &call.name, &args, block.as_ref()),
            None => methods::kernel::call(self, &call.name, &args, block.as_ref(), call.bare),
        };
        match result {
            Err(Stop::Break(value)) if call.block.is_some() => Ok(value),
            result => result,
        }
    }

    /// A block with the variables that it sees here.
    pub fn proc(&mut self, block: &Rc<Block>) -> Rc<Proc> {
        self.held.push(Held::Scope(self.scope.clone()));
        Rc::new(Proc {
            block: block.clone(),
            scope: self.scope.clone(),
        })
    }

    /// Runs a block on `args`.
    pub(super) fn run_proc(&mut self, proc: &Rc<Proc>, args: &[Value]) -> Eval {
        self.charge(0)?;
        if self.calls >= CALLS {
            return beyond("blocks that call each other this deeply");
        }
        let block = &proc.block;
        let inner = Rc::new(Scope {
            variables: RefCell::default(),
            outer: Some(proc.scope.clone()),
        });
        let outer = std::mem::replace(&mut self.scope, inner);
        self.calls += 1;
        let result = self.run_block(block, args);
        self.calls -= 1;
        self.scope = outer;
        match result {
            Err(Stop::Next(value)) => Ok(value),
            Err(Stop::Break(value)) if block.lambda => Ok(value),
            result => result,
        }
    }

    fn run_block(&mut self, block: &Block, args: &[Value]) -> Eval {
        let spread = match args {
            [Value::Array(list)]
                if !block.lambda && (block.params.len() > 1 || block.first_only) =>
            {
                Some(list.borrow().clone())
            }
            _ => None,
        };
        let args = spread.as_deref().unwrap_or(args);
        if block.lambda {
            let required = block
                .params
                .iter()
                .filter(|p| matches!(p, Param::Name(_, None)))
                .count();
            let rest = block
                .params
                .iter()
                .any(|param| matches!(param, Param::Rest(_)));
            if args.len() < required || (args.len() > block.params.len() && !rest) {
                return wrong_count(args.len(), &required.to_string());
            }
        }
        self.bind(&block.params, args)?;
        self.eval(&block.body)
    }

    fn bind(&mut self, params: &[Param], args: &[Value]) -> Eval<()> {
        let mut next = 0;
        for (index, param) in params.iter().enumerate() {
            let arg = args.get(next).cloned();
            next += 1;
            match param {
                Param::Name(name, default) => {
                    let value = match (arg, default) {
                        (Some(value), _) => value,
                        (None, Some(default)) => self.eval(default)?,
                        (None, None) => Value::Nil,
                    };
                    self.bind_name(name, value);
                }
                Param::Rest(name) => {
                    let behind = params.len() - index - 1;
                    let end = args.len().saturating_sub(behind).max(next - 1);
                    let rest = args.get(next - 1..end).unwrap_or_default().to_vec();
                    next = end;
                    let rest = self.array(rest);
                    self.bind_name(name, rest);
                }
                Param::Group(params) => {
                    let values = methods::lists::spread(&arg.unwrap_or(Value::Nil));
                    self.bind(params, &values)?;
                }
            }
        }
        Ok(())
    }

    /// Parameters are the block's own, whatever the scopes around it hold.
    fn bind_name(&mut self, name: &Rc<str>, value: Value) {
        self.scope
            .variables
            .borrow_mut()
            .push((name.clone(), value));
    }
}
