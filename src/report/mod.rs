//! Events to everything that a person reads. Reads events only.
