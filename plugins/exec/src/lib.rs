//! Driver and transport for the workstation itself: commands run where the kitchen runs.
//! [`driver::Exec`] makes nothing and resets by a command of the user's; [`transport::Exec`] runs
//! local processes and copies local files.

mod copy;
pub mod driver;
pub mod transport;
