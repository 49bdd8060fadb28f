//! What runs now, found by its place without a search: thousands may run at once.

use std::collections::{BTreeMap, HashMap};

use jiff::Timestamp;

use crate::run::{Failure, Place};

/// An action or a step that runs now.
#[derive(Clone, Debug)]
pub struct Running {
    /// Where.
    pub place: Place,
    /// The action's word, or the step's title.
    pub what: String,
    /// Whether it is a step.
    pub step: bool,
    /// Since when.
    pub since: Timestamp,
    /// Counts what the subject has begun, from 0.
    pub number: usize,
    /// Why earlier attempts failed.
    pub retried: Vec<Failure>,
}

/// All that runs now of a subject.
#[derive(Clone, Debug, Default)]
pub struct AllRunning {
    all: BTreeMap<usize, Running>,
    /// Numbers of the steps at each path, and of the actions at each place, in order.
    steps: HashMap<Vec<usize>, Vec<usize>>,
    actions: HashMap<Place, Vec<usize>>,
}

impl AllRunning {
    /// In the order in which it began.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &Running> {
        self.all.values()
    }

    /// Adds what begins, whose number is larger than all before.
    pub fn add(&mut self, running: Running) {
        let numbers = match running.step {
            true => self.steps.entry(running.place.step.clone()).or_default(),
            false => self.actions.entry(running.place.clone()).or_default(),
        };
        numbers.push(running.number);
        self.all.insert(running.number, running);
    }

    /// The step at this path that began last.
    pub fn step(&self, path: &[usize]) -> Option<&Running> {
        self.all.get(self.steps.get(path)?.last()?)
    }

    /// The action at this place that began last.
    pub fn action(&self, place: &Place) -> Option<&Running> {
        self.all.get(self.actions.get(place)?.last()?)
    }

    /// What runs under this number.
    pub fn numbered(&mut self, number: usize) -> Option<&mut Running> {
        self.all.get_mut(&number)
    }

    /// Whether the step at `place` runs, or the action `what` there.
    pub fn has(&self, place: &Place, what: &str, step: bool) -> bool {
        let same = |it: &Running| it.place == *place && (step || it.what == what);
        let numbers = match step {
            true => self.steps.get(&place.step),
            false => self.actions.get(place),
        };
        let mut running = numbers.into_iter().flatten();
        running.any(|number| self.all.get(number).is_some_and(same))
    }

    /// Takes out the step at this path that began first.
    pub fn take_step(&mut self, path: &[usize]) -> Option<Running> {
        let numbers = self.steps.get_mut(path)?;
        let number = numbers.remove(0);
        if numbers.is_empty() {
            self.steps.remove(path);
        }
        self.all.remove(&number)
    }

    /// Takes out the action `what` at `place`.
    pub fn take_action(&mut self, place: &Place, what: &str) -> Option<Running> {
        let numbers = self.actions.get_mut(place)?;
        let is = |number: &usize| self.all.get(number).is_some_and(|it| it.what == what);
        let number = numbers.remove(numbers.iter().position(is)?);
        if numbers.is_empty() {
            self.actions.remove(place);
        }
        self.all.remove(&number)
    }

    /// Forgets all of it.
    pub fn clear(&mut self) {
        *self = Self::default();
    }
}
