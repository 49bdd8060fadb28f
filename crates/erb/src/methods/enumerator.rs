//! What `map` and the like give without a block: `list.map.with_index(1) { |x, i| … }`.

use std::rc::Rc;

use super::super::machine::{Blk, Machine};
use super::super::stop::Eval;
use super::super::value::Value;
use super::arguments::{int, need};
use super::lists;

/// Calls a method of a list that waits, with the name of another, for its block.
pub fn call(
    machine: &mut Machine,
    this: &Rc<(Value, Rc<str>)>,
    name: &str,
    args: &[Value],
    block: Blk,
) -> Eval<Option<Value>> {
    let (list, method) = &**this;
    if !["with_index", "each_with_index"].contains(&name) {
        return match name {
            "to_a" | "force" if &**method == "each" => Ok(Some(list.clone())),
            "to_a" | "each" | "size" | "next" if block.is_none() => Ok(None),
            _ => machine.call(list, name, args, block).map(Some),
        };
    }
    let first = args.first().map_or(Ok(0), int)?;
    let mut pairs = Vec::new();
    for (index, value) in (first..).zip(lists::listed(machine, list)?) {
        pairs.push(machine.array(vec![value, Value::Int(index)]));
    }
    let pairs = machine.array(pairs);
    if block.is_none() && &**method == "each" {
        return Ok(Some(pairs));
    }
    let result = machine.call(&pairs, method, &[], Some(need(block, name)?))?;
    // What selects gives the values, not the pairs that the block saw.
    let selects = !["collect", "filter_map", "flat_map", "map"].contains(&&**method);
    match result {
        Value::Array(kept) if selects => {
            let first = |pair: &Value| lists::spread(pair).swap_remove(0);
            let values = kept.borrow().iter().map(first).collect();
            Ok(Some(machine.array(values)))
        }
        result => Ok(Some(result)),
    }
}
