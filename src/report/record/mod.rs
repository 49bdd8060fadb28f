//! The record of a run: `.kitchen/runs/<run>/events.ndjson`, every event a line of JSON behind a
//! header. Written while the run goes on, read again for every kind of report. What a line may
//! hold is described in docs/record.md.

mod joined;
mod printed;
mod reader;
mod store;
mod writer;

#[cfg(test)]
mod tests;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use reader::{Ending, read};
pub use store::{Entry, Keep, NoRun, Runs};
pub use writer::{Writer, line};

/// Version of the form of a record. It changes when an old reader would misunderstand a new
/// record; new kinds of events and new fields do not change it.
pub const VERSION: u32 = 1;

/// Name of the record in its run's directory.
pub const EVENTS: &str = "events.ndjson";

/// Name of the verdict beside it: made from the record, so that it need not be read to list runs.
pub const VERDICT: &str = "verdict.json";

/// The first line of a record.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Header {
    /// [`VERSION`] of the program that wrote it.
    pub record: u32,
    /// Id of the run.
    pub run: String,
    /// When the run began.
    pub at: Timestamp,
    /// Version of the program that wrote it.
    pub version: String,
}

/// One line of a record, for its JSON Schema.
#[derive(JsonSchema)]
#[serde(untagged)]
#[allow(dead_code, reason = "only its schema is used")]
pub enum Line {
    /// The first line.
    Header(Header),
    /// Any other line. Kinds of events that are not listed here are to be passed over.
    Event(crate::run::Event),
}
