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

    /// The last lines that were printed at `place`.
    pub fn of(&self, place: &Place) -> impl Iterator<Item = &str> {
        let index = self.known.get(place).into_iter();
        let lines = index.flat_map(|index| &self.all[*index].1);
        lines.map(String::as_str)
    }
}
