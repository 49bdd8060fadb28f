//! The kitchen.
