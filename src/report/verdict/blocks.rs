//! Blocks that passed, or failed as they may: what failed in them fails no build.

use std::collections::HashSet;

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

/// Numbers of the parts that belong to an attempt of a block that passed in a later one.
pub(super) fn tried_again(parts: &[Part]) -> HashSet<usize> {
    let blocks = Blocks::of(parts, |block| {
        block.flaky && matches!(block.result, Ended::Passed | Ended::Allowed)
    });
    let mut later = HashSet::new();
    let inside = parts.iter().rev().filter(|part| blocks.have(part));
    inside
        .filter(|part| !later.insert((&part.step, &part.instance)))
        .map(|part| part.number)
        .collect()
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
