//! The suite that every plugin runs.
