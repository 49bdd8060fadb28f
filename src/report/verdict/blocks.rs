//! Blocks that passed, or failed as they may: what failed in them fails no build.

use std::collections::{HashMap, HashSet};

use super::{Ended, Part, Test};

/// Marks what failed in such blocks as failed as it may, so that all reports agree with the exit
/// code.
pub(super) fn forgive(parts: &mut [Part], tests: &mut [Test]) {
    let blocks = Blocks::of(parts, |block| {
        matches!(block.result, Ended::Passed | Ended::Allowed)
    });
    let inside = parts.iter().filter(|part| blocks.have(part));
    let forgiven: HashSet<usize> = inside.map(|part| part.number).collect();
    let parts = parts.iter_mut().filter(|it| forgiven.contains(&it.number));
    let inside = |test: &&mut Test| test.part.is_some_and(|part| forgiven.contains(&part));
    let tests = tests.iter_mut().filter(inside);
    let results = parts.map(|it| &mut it.result);
    for result in results.chain(tests.map(|it| &mut it.result)) {
        if *result == Ended::Failed {
            *result = Ended::Allowed;
        }
    }
}

/// What a part that was done again by a block around it is replaced by, each by its number: of
/// attempts the last one counts, of rounds the last that failed, else the last.
pub(super) fn done_again(parts: &[Part]) -> HashMap<usize, usize> {
    let around = Blocks::of(parts, |_| true);
    let attempts = Blocks::of(parts, |block| block.attempts > 1);
    let failed = |it: &Part| it.result == Ended::Failed;
    let mut counts: HashMap<_, &Part> = HashMap::new();
    let mut replaced = HashMap::new();
    for part in parts.iter().filter(|part| around.have(part)) {
        let step = (&part.step, &part.instance, &part.title);
        match counts.get(&step) {
            Some(earlier) if failed(earlier) && !failed(part) && !attempts.have(part) => {
                replaced.insert(part.number, earlier.number);
            }
            Some(earlier) => {
                replaced.insert(earlier.number, part.number);
                counts.insert(step, part);
            }
            None => {
                counts.insert(step, part);
            }
        }
    }
    let last = |part: &usize| {
        let mut last = *part;
        while let Some(next) = replaced.get(&last) {
            last = *next;
        }
        last
    };
    replaced.keys().map(|part| (*part, last(part))).collect()
}

/// Marks as flaky what passed in a later attempt of the block around it; `replaced` is what
/// [`done_again`] found, and parts are in the order of their numbers.
pub(super) fn mark_flaky(replaced: &HashMap<usize, usize>, parts: &mut [Part], tests: &mut [Test]) {
    let bad = |result: Ended| matches!(result, Ended::Failed | Ended::Allowed);
    let earlier: Vec<(usize, Part)> = parts
        .iter()
        .filter(|part| bad(part.result))
        .filter_map(|part| Some((*replaced.get(&part.number)?, part.clone())))
        .collect();
    for (later, part) in earlier {
        let found = parts.binary_search_by_key(&later, |it| it.number);
        let found = found.ok().map(|index| &mut parts[index]);
        if let Some(later) = found.filter(|it| it.result == Ended::Passed) {
            later.flaky = true;
            later.retried.extend(part.failure);
        }
    }
    let mut failed: HashMap<(usize, String), Vec<String>> = HashMap::new();
    for test in tests.iter().filter(|test| bad(test.result)) {
        if let Some(later) = test.part.and_then(|part| replaced.get(&part)) {
            let message = test.message.clone().unwrap_or_else(|| "failed".into());
            failed
                .entry((*later, test.name.clone()))
                .or_default()
                .push(message);
        }
    }
    for test in tests.iter_mut().filter(|test| test.result == Ended::Passed) {
        let key = test.part.map(|part| (part, test.name.clone()));
        if let Some(messages) = key.and_then(|key| failed.remove(&key)) {
            test.flaky = true;
            test.retried.extend(messages);
        }
    }
}

/// Steps of blocks, by which what is in them is found without a search.
struct Blocks<'a>(HashSet<&'a [usize]>);

impl<'a> Blocks<'a> {
    fn of(parts: &'a [Part], chosen: impl Fn(&Part) -> bool) -> Self {
        let blocks = parts.iter().filter(|part| part.block && chosen(part));
        Self(blocks.map(|block| block.step.as_slice()).collect())
    }

    /// Whether one of them is around the part.
    fn have(&self, part: &Part) -> bool {
        (1..part.step.len()).any(|depth| self.0.contains(&part.step[..depth]))
    }
}
