//! `.kitchen/`: atomic, locked, noted before made.
