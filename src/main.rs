//! The `kitchen` command.
fn main() {}
