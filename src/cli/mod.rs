//! Arguments to calls: one file a command.

#[allow(dead_code, reason = "used by the commands, which land next")]
mod args;
mod exit;
#[allow(dead_code, reason = "used by the commands, which land next")]
mod thor;

pub use exit::Exit;
