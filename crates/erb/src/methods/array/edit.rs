//! Lists: what changes them in place.

use std::cell::RefCell;
use std::rc::Rc;

use super::super::super::machine::{Blk, Machine};
use super::super::super::stop::{Eval, beyond, raise};
use super::super::super::value::Value;
use super::super::arguments::{index, int, one};
use super::super::lists::list_of;

/// Methods that change the list.
pub fn call(
    machine: &mut Machine,
    this: &Rc<RefCell<Vec<Value>>>,
    name: &str,
    args: &[Value],
    block: Blk,
) -> Eval<Option<Value>> {
    let same = || Ok(Some(Value::Array(this.clone())));
    match name {
        "<<" | "push" | "append" => {
            this.borrow_mut().extend(args.iter().cloned());
            same()
        }
        "unshift" | "prepend" => {
            this.borrow_mut().splice(0..0, args.iter().cloned());
            same()
        }
        "concat" => {
            for arg in args {
                let more = list_of(arg)?;
                machine.charge(more.len() * 16)?;
                this.borrow_mut().extend(more);
            }
            same()
        }
        "insert" => {
            let place = index(
                int(args.first().unwrap_or(&Value::Nil))?,
                this.borrow().len(),
            );
            match place.filter(|place| {
                *place <= this.borrow().len() && !matches!(args[0], Value::Int(..0))
            }) {
                Some(place) => drop(
                    this.borrow_mut()
                        .splice(place..place, args[1..].iter().cloned()),
                ),
                None => return beyond("`insert` outside of the list"),
            }
            same()
        }
        "[]=" => match args {
            [Value::Int(number), value] => {
                let len = this.borrow().len();
                let Some(place) = index(*number, len) else {
                    return raise(
                        "IndexError",
                        format!("index {number} too small for array; minimum: -{len}"),
                    );
                };
                machine.charge(place.saturating_mul(16))?;
                if place >= len {
                    this.borrow_mut().resize(place + 1, Value::Nil);
                }
                this.borrow_mut()[place] = value.clone();
                Ok(Some(value.clone()))
            }
            _ => beyond("such an assignment to a list"),
        },
        _ if name.ends_with('!') => replaced(machine, this, name, args, block),
        _ => removed(this, name, args),
    }
}

/// Methods that take values out.
fn removed(this: &Rc<RefCell<Vec<Value>>>, name: &str, args: &[Value]) -> Eval<Option<Value>> {
    match name {
        "pop" if args.is_empty() => Ok(Some(this.borrow_mut().pop().unwrap_or(Value::Nil))),
        "shift" if args.is_empty() => {
            let empty = this.borrow().is_empty();
            Ok(Some(if empty {
                Value::Nil
            } else {
                this.borrow_mut().remove(0)
            }))
        }
        "clear" => {
            this.borrow_mut().clear();
            Ok(Some(Value::Array(this.clone())))
        }
        "delete" => {
            let before = this.borrow().len();
            let unwanted = one(args)?;
            this.borrow_mut().retain(|value| !value.equals(unwanted));
            let removed = this.borrow().len() < before;
            Ok(Some(if removed {
                unwanted.clone()
            } else {
                Value::Nil
            }))
        }
        "delete_at" => {
            let place =
                index(int(one(args)?)?, this.borrow().len()).filter(|p| *p < this.borrow().len());
            Ok(Some(place.map_or(Value::Nil, |place| {
                this.borrow_mut().remove(place)
            })))
        }
        _ => Ok(None),
    }
}

/// Methods that put what the method without `!` gives in place of the list.
const REPLACING: [&str; 12] = [
    "collect!", "compact!", "flatten!", "map!", "reject!", "reverse!", "rotate!", "select!",
    "shuffle!", "sort!", "sort_by!", "uniq!",
];

/// Those that answer nil where nothing changed.
const TELLING: [&str; 5] = ["compact!", "flatten!", "reject!", "select!", "uniq!"];

fn replaced(
    machine: &mut Machine,
    this: &Rc<RefCell<Vec<Value>>>,
    name: &str,
    args: &[Value],
    block: Blk,
) -> Eval<Option<Value>> {
    if !REPLACING.contains(&name) {
        return Ok(None);
    }
    let now = Value::Array(this.clone());
    let plain = name.trim_end_matches('!');
    let Value::Array(new) = machine.call(&now, plain, args, block)? else {
        return Ok(None);
    };
    let new = new.borrow().clone();
    let unchanged = new.len() == this.borrow().len() && TELLING.contains(&name);
    *this.borrow_mut() = new;
    Ok(Some(if unchanged { Value::Nil } else { now }))
}
