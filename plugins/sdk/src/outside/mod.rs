//! What comes from outside and may be hostile: [`names`] in labels, tags and arguments, [`file`]s
//! that another may have put there, [`archive`]s of a machine, [`template`]s. Each has one parser
//! here, and everything else of the workspace uses it.

pub mod archive;
pub mod file;
pub mod names;
pub mod template;

pub use names::{Claim, ClusterName, InstanceName, NotAName, ProjectId, RunId};
