//! Variables for processes.

use std::collections::BTreeMap;
use std::collections::btree_map::Iter;
use std::sync::Arc;

/// Variables for processes. Those that tell of all members of a cluster are as many as the members:
/// every call shares them, and has its own above them, so that a call costs what is its own.
#[derive(Clone, Debug, Default)]
pub struct Environment {
    shared: Arc<BTreeMap<String, String>>,
    own: BTreeMap<String, String>,
}

impl Environment {
    /// The variables of `own` above those of `shared`.
    pub fn new(shared: Arc<BTreeMap<String, String>>, own: BTreeMap<String, String>) -> Self {
        Self { shared, own }
    }

    /// Puts `shared` below the own variables, in place of what was there.
    pub fn share(&mut self, shared: Arc<BTreeMap<String, String>>) {
        self.shared = shared;
    }

    /// Sets a variable.
    pub fn insert(&mut self, name: impl Into<String>, value: impl Into<String>) {
        self.own.insert(name.into(), value.into());
    }

    /// The value of a variable.
    pub fn get(&self, name: &str) -> Option<&str> {
        let value = self.own.get(name).or_else(|| self.shared.get(name));
        value.map(String::as_str)
    }

    /// Each variable once.
    pub fn iter(&self) -> Variables<'_> {
        Variables {
            shared: self.shared.iter(),
            own: self.own.iter(),
            above: &self.own,
        }
    }

    /// All of it as a map of its own.
    pub fn to_map(&self) -> BTreeMap<String, String> {
        let mut all = BTreeMap::clone(&self.shared);
        all.extend(self.own.clone());
        all
    }
}

impl PartialEq for Environment {
    fn eq(&self, other: &Self) -> bool {
        self.to_map() == other.to_map()
    }
}

impl From<BTreeMap<String, String>> for Environment {
    fn from(own: BTreeMap<String, String>) -> Self {
        Self::new(Arc::default(), own)
    }
}

impl<'a> IntoIterator for &'a Environment {
    type Item = (&'a String, &'a String);
    type IntoIter = Variables<'a>;

    fn into_iter(self) -> Variables<'a> {
        self.iter()
    }
}

/// See [`Environment::iter`].
#[derive(Clone, Debug)]
pub struct Variables<'a> {
    shared: Iter<'a, String, String>,
    own: Iter<'a, String, String>,
    above: &'a BTreeMap<String, String>,
}

impl<'a> Iterator for Variables<'a> {
    type Item = (&'a String, &'a String);

    fn next(&mut self) -> Option<Self::Item> {
        let above = self.above;
        let shared = self.shared.find(|(name, _)| !above.contains_key(*name));
        shared.or_else(|| self.own.next())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(list: &[(&str, &str)]) -> BTreeMap<String, String> {
        let own = |(name, value): &(&str, &str)| ((*name).into(), (*value).into());
        list.iter().map(own).collect()
    }

    #[test]
    fn own_variables_are_above_the_shared_ones() {
        let shared = Arc::new(map(&[("A", "shared"), ("B", "shared")]));
        let mut both = Environment::new(shared.clone(), map(&[("B", "own")]));
        both.insert("C", "own");
        let expected = map(&[("A", "shared"), ("B", "own"), ("C", "own")]);
        let seen: Vec<_> = both.iter().collect();
        assert_eq!(seen.len(), expected.len());
        assert_eq!(both.to_map(), expected);
        let seen: BTreeMap<_, _> = seen
            .into_iter()
            .map(|(a, b)| (a.clone(), b.clone()))
            .collect();
        assert_eq!(seen, expected);
        assert_eq!(both.get("A"), Some("shared"));
        assert_eq!(both.get("B"), Some("own"));
        assert_eq!(shared["B"], "shared");
        assert_eq!(both, Environment::from(expected));
    }
}
