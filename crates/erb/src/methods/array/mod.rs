//! Lists: what is shared, and which file knows a method.

pub mod blocks;
mod derive;
mod edit;
mod query;

use std::cell::RefCell;
use std::rc::Rc;

use super::super::machine::{Blk, Machine};
use super::super::stop::Eval;
use super::super::value::Value;

/// Calls a method of a list.
pub fn call(
    machine: &mut Machine,
    this: &Rc<RefCell<Vec<Value>>>,
    name: &str,
    args: &[Value],
    block: Blk,
) -> Eval<Option<Value>> {
    let list = this.borrow().clone();
    machine.charge(list.len())?;
    if let Some(new) = derive::call(machine, &list, name, args, block)? {
        machine.charge(new.len() * 8)?;
        return Ok(Some(machine.array(new)));
    }
    if let Some(value) = edit::call(machine, this, name, args, block)? {
        return Ok(Some(value));
    }
    if let Some(value) = query::call(machine, &list, name, args, block)? {
        return Ok(Some(value));
    }
    blocks::call(machine, this, name, args, block)
}
