//! The one way in which maps of the configuration are merged.

use super::node::{Entry, Map, Value};
use super::problem::Problem;
use super::source::Sources;

/// `over` put over `base`, as Test Kitchen's recursive merge: maps merge deeply, all else is
/// replaced. A map that something else is put over is an error, as it is there.
pub fn merged(base: &Map, over: &Map, sources: &Sources) -> Result<Map, Problem> {
    let mut result = base.clone();
    merge_into(&mut result, over, sources)?;
    Ok(result)
}

fn merge_into(base: &mut Map, over: &Map, sources: &Sources) -> Result<(), Problem> {
    let mut entries = over.iter();
    entries.try_for_each(|(key, entry)| merge_entry(base, key, entry, sources))
}

/// One key of a map put over `base`, as [`merged`] does with all.
pub fn merge_entry(
    base: &mut Map,
    key: &str,
    entry: &Entry,
    sources: &Sources,
) -> Result<(), Problem> {
    let Some(below) = base.get_mut(key) else {
        base.insert(key.to_owned(), entry.clone());
        return Ok(());
    };
    match (&mut below.node.value, &entry.node.value) {
        (Value::Map(below), Value::Map(above)) => merge_into(below, above, sources)?,
        (Value::Map(_), _) => return Err(unlike(key, below, entry, sources)),
        _ => *below = entry.clone(),
    }
    Ok(())
}

fn unlike(key: &str, below: &Entry, above: &Entry, sources: &Sources) -> Problem {
    let described = above.node.described();
    Problem::error(format!("`{key}` is a map elsewhere and {described} here"))
        .at(sources, above.key, format!("{described} here"))
        .help("Give it the same form in both places, or remove one.")
        .at(sources, below.key, "a map here")
}
