//! The last lines that were printed at each place.

use std::collections::{HashMap, VecDeque};

use crate::run::Place;

/// Last lines that are kept of each place.
const TAIL: usize = 12;
/// Longest kept part of such a line, in characters.
const WIDTH: usize = 300;

/// The last lines of each step, and of each instance outside of steps.
#[derive(Clone, Debug, Default)]
pub struct Tails {
    all: Vec<(Place, VecDeque<String>)>,
    known: HashMap<Place, usize>,
    /// Where was printed last: mostly the next line is printed there as well, and found at once.
    recent: usize,
    /// Where a round of a step has failed: what was printed in it by then.
    held: Vec<(Place, HashMap<Place, VecDeque<String>>)>,
}

impl Tails {
    /// Keeps a line that was printed at `place`.
    pub fn keep(&mut self, place: &Place, text: &str) {
        if self.all.get(self.recent).is_none_or(|(it, _)| it != place) {
            self.recent = match self.known.get(place) {
                Some(index) => *index,
                None => {
                    self.known.insert(place.clone(), self.all.len());
                    self.all.push((place.clone(), VecDeque::new()));
                    self.all.len() - 1
                }
            };
        }
        let tail = &mut self.all[self.recent].1;
        if tail.len() == TAIL {
            tail.pop_front();
        }
        tail.push_back(text.chars().take(WIDTH).collect());
    }

    /// What was printed at `place` is of what ended: an earlier attempt, another action.
    pub fn forget(&mut self, place: &Place) {
        if let Some(index) = self.known.get(place) {
            self.all[*index].1.clear();
        }
    }

    /// Keeps what was printed in the step at `place`, a round of which has failed, for good; what is
    /// kept of an earlier round stays.
    pub fn hold(&mut self, place: &Place) {
        if !self.held.iter().any(|(held, _)| has(held, place)) {
            let inside = self
                .all
                .iter()
                .map(|(it, _)| it)
                .filter(|it| has(place, it));
            let lines = inside.map(|it| (it.clone(), self.lines(it).cloned().unwrap_or_default()));
            let lines = lines.collect();
            self.held.push((place.clone(), lines));
        }
        self.release(place);
    }

    /// What is in the step at `place` begins anew.
    pub fn release(&mut self, place: &Place) {
        self.held
            .retain(|(held, _)| held.step == place.step || !has(place, held));
    }

    /// The last lines that were printed at `place`; of a step that is repeated, in the first round
    /// that failed.
    pub fn of(&self, place: &Place) -> impl Iterator<Item = &str> {
        let lines = self.lines(place).into_iter().flatten();
        lines.map(String::as_str)
    }

    fn lines(&self, place: &Place) -> Option<&VecDeque<String>> {
        let mut held = self.held.iter();
        match held.find(|(held, _)| has(held, place)) {
            Some((_, lines)) => lines.get(place),
            None => self.known.get(place).map(|index| &self.all[*index].1),
        }
    }
}

/// Whether `inner` is the step at `outer`, or within it.
fn has(outer: &Place, inner: &Place) -> bool {
    outer.subject == inner.subject && inner.step.starts_with(&outer.step)
}
