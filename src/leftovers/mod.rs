//! What earlier runs of a project left behind: [`survey`] asks every driver what bears the project's
//! labels, `judge` says of each thing whether anybody still wants it, [`sweep`] removes what nobody
//! does, under the locks. Called by `kitchen gc`; calls the state and the plugins.

mod judge;
mod survey;
mod sweep;

pub use judge::Standing;
pub use survey::{LAST_WORD, Silent, Survey, Thing, survey};
pub use sweep::{Fate, How, Row, sweep};
