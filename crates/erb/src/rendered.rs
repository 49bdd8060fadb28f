//! What a template became, or why it did not.

use std::ops::Range;

/// A rendered template.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rendered {
    /// The text.
    pub text: String,
    /// For each line of the text, the line of the template that it comes from, both counted from 1;
    /// empty where they are not known to differ.
    pub lines: Vec<usize>,
    /// What the template printed beside it (`puts`).
    pub printed: String,
}

/// Why a template could not be rendered.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ErbError {
    /// What happened, a fragment.
    pub message: String,
    /// What to do about it, a sentence.
    pub help: Option<String>,
    /// Bytes of the template that it is about: a tag, or a line.
    pub place: Range<usize>,
}
