//! What the kitchen remembers of an instance between calls.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use serde_json::{Map, Value};

use crate::Result;

/// Puts a state where it survives a crash. The kitchen's writes `.kitchen/<instance>.yml`.
pub trait StateStore: Send + Sync {
    /// Returns once the whole of `values` is on disk.
    fn save(&self, values: &Map<String, Value>) -> Result<()>;
}

/// Keeps states in memory: for tests of plugins.
#[derive(Debug, Default)]
pub struct MemoryStore(pub Mutex<Map<String, Value>>);

impl StateStore for MemoryStore {
    fn save(&self, values: &Map<String, Value>) -> Result<()> {
        *self
            .0
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner) = values.clone();
        Ok(())
    }
}

/// The state of one instance: string keys, as in Test Kitchen's state file (`hostname`, `port`,
/// `container_id`, …). A plugin notes what it is about to make, calls [`State::checkpoint`], then
/// makes it.
#[derive(Clone)]
pub struct State {
    values: Map<String, Value>,
    store: Arc<dyn StateStore>,
}

impl State {
    /// A state whose checkpoints go to `store`.
    pub fn new(values: Map<String, Value>, store: Arc<dyn StateStore>) -> Self {
        Self { values, store }
    }

    /// An empty state that is kept in memory.
    pub fn in_memory() -> Self {
        Self::new(Map::new(), Arc::new(MemoryStore::default()))
    }

    /// All values.
    pub fn values(&self) -> &Map<String, Value> {
        &self.values
    }

    /// The value of `key`.
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.values.get(key)
    }

    /// The value of `key` where it is a string.
    pub fn str(&self, key: &str) -> Option<&str> {
        self.values.get(key).and_then(Value::as_str)
    }

    /// The value of `key` where it is a whole number.
    pub fn u64(&self, key: &str) -> Option<u64> {
        self.values.get(key).and_then(Value::as_u64)
    }

    /// Sets `key`; on disk only after the next [`State::checkpoint`].
    pub fn set(&mut self, key: impl Into<String>, value: impl Into<Value>) {
        self.values.insert(key.into(), value.into());
    }

    /// Takes `key` out; on disk only after the next [`State::checkpoint`].
    pub fn remove(&mut self, key: &str) -> Option<Value> {
        self.values.shift_remove(key)
    }

    /// Puts `values` in place of all values.
    pub(crate) fn replace(&mut self, values: Map<String, Value>) {
        self.values = values;
    }

    /// Puts the state on disk; returns when it is there.
    pub fn checkpoint(&self) -> Result<()> {
        self.store.save(&self.values)
    }

    /// Every key in capitals behind `KITCHEN_`, for processes of the workstation
    /// (verifier/shell.rb). What no process can have as a variable is left out.
    pub fn environment(&self) -> BTreeMap<String, String> {
        let variables = self.values.iter().map(|(key, value)| {
            let text = match value {
                Value::Null => String::new(),
                Value::String(text) => text.clone(),
                other => other.to_string(),
            };
            (format!("KITCHEN_{}", key.to_uppercase()), text)
        });
        variables
            .filter(|(name, text)| !name.contains(['=', '\0']) && !text.contains('\0'))
            .collect()
    }

    /// Address of the instance as its peers reach it: `address`, else Test Kitchen's `hostname`.
    pub fn address(&self) -> Option<&str> {
        self.str("address").or_else(|| self.str("hostname"))
    }
}

impl std::fmt::Debug for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_map()
            .entries(self.values.keys().map(|key| (key, "…")))
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_state_is_in_capitals() {
        let mut state = State::in_memory();
        state.set("hostname", "h");
        state.set("port", 22);
        state.set("gone", Value::Null);
        state.set("a=b", 1);
        state.set("nul", "\0");
        state.set("list", serde_json::json!([1, "b"]));
        let expected = [
            ("KITCHEN_GONE", ""),
            ("KITCHEN_HOSTNAME", "h"),
            ("KITCHEN_LIST", "[1,\"b\"]"),
            ("KITCHEN_PORT", "22"),
        ];
        let expected = expected.map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(state.environment(), BTreeMap::from(expected));
    }
}
