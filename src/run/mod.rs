//! Plan to events. One dispatcher owns the state of the run; executors work on one step each and
//! report. Called by the command line; nothing here knows who reads the events.

mod event;

pub use event::{Cause, Event, EventKind, Failure, Outcome, Place};
