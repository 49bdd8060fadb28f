//! Files to a configuration.
