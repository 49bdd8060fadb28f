//! Arguments to calls: one file a command.
