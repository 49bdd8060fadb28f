//! What methods of several classes do with maps.

use super::super::machine::Machine;
use super::super::stop::{Eval, raise};
use super::super::value::Value;

/// Keys with their values, in the order in which they were set.
pub type Pairs = Vec<(Value, Value)>;

/// Sets a key; one that is there keeps its place.
pub fn insert(map: &mut Pairs, key: Value, value: Value) {
    match map.iter_mut().find(|(known, _)| known.same_key(&key)) {
        Some((_, old)) => *old = value,
        None => {
            // A text as a key is a copy: changing the text later does not change the map.
            let key = match &key {
                Value::Str(text) => Value::str(text.borrow().clone()),
                _ => key,
            };
            map.push((key, value));
        }
    }
}

pub fn get(map: &[(Value, Value)], key: &Value) -> Option<Value> {
    map.iter()
        .find(|(known, _)| known.same_key(key))
        .map(|(_, value)| value.clone())
}

/// A map of pairs.
pub fn from_pairs(machine: &mut Machine, list: &[Value]) -> Eval {
    let mut map = Vec::new();
    for value in list {
        let Value::Array(pair) = value else {
            return raise(
                "TypeError",
                format!("wrong element type {} (expected array)", value.described()),
            );
        };
        let [key, value] = &pair.borrow()[..] else {
            return raise(
                "ArgumentError",
                "element has wrong array length (expected 2)",
            );
        };
        machine.charge(map.len())?;
        insert(&mut map, key.clone(), value.clone());
    }
    Ok(machine.hash(map))
}

/// Goes down the rest of `dig`'s keys.
pub fn dig(machine: &mut Machine, keys: &[Value], value: Value) -> Eval {
    match keys {
        [] => Ok(value),
        _ if matches!(value, Value::Nil) => Ok(Value::Nil),
        keys => machine.call(&value, "dig", keys, None),
    }
}
