//! Driver and transport for the workstation itself
